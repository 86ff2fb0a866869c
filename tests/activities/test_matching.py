"""A payer's claim finds ours step by step, never by a guess: two candidates are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from uuid import uuid4

import pytest

from models.store import ledger
from models.store.session import practice_session
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.remittances import RemittanceClaimRow
from tests.activities.conftest import Books
from tests.posting.remittance import envelope
from tests.workflows.visits import visit

_traces = count(1)


@dataclass(frozen=True)
class Filed:
    """A claim of ours that the payer has accepted."""

    visit: str
    member: str
    number: str
    charge: Decimal
    day: str

    def clp(self, number: str, payer_number: str = "", member: str = "", day: str = "", sign: int = 1) -> list[str]:
        """The payer's answer: paid in full, or with sign -1 taken back."""
        amount, status = self.charge * sign, "22" if sign < 0 else "1"
        return [
            f"CLP*{number}*{status}*{amount}*{amount}**12*{payer_number}*11*1",
            f"NM1*QC*1*DOE*JANE****MI*{member}",
            f"DTM*232*{day or self.day}",
            f"SVC*HC:97110:GP*{amount}*{amount}**1",
        ]


def filed(books: Books, *visits: dict[str, object]) -> list[Filed]:
    """Visits sent, filed and accepted."""
    books.send(*visits)
    made = []
    for one in visits:
        number = str(one["encounter_id"])
        assert books.gates(number).outcome == "clear"
        books.set_claim(number, status="accepted")
        [claim] = books.claims(number)
        member = claim.facts["administrative"]["coverages"][0]["member_id"]
        day = claim.facts["date_of_service"].replace("-", "")
        made.append(Filed(number, member, claim.patient_control_number, claim.total_charge, day))
    return made


def one_filed(books: Books) -> Filed:
    return filed(books, visit(f"MATCH{uuid4().hex[:8].upper()}"))[0]


def remitted(books: Books, *claims: Sequence[str]) -> list[RemittanceClaimRow]:
    """Post a payment with these claims and return what became of them."""
    trace = next(_traces)
    total = sum(Decimal(claim[0].split("*")[4]) for claim in claims)
    handling, sign = ("I", "C") if total >= 0 else ("I", "D")
    body = [
        f"BPR*{handling}*{abs(total)}*{sign}*ACH*CCP*01*999999992*DA*1*1512345678**01*999988880*DA*2*20261120",
        f"TRN*1*MATCH{trace}*1512345678",
        "N1*PR*EXAMPLE HEALTH PLAN",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "LX*1",
        *(segment for claim in claims for segment in claim),
    ]
    name = f"match{trace}.835"
    books.receive_file(name, envelope("HP", "835", "005010X221A1", body, 50_000 + trace, "20261120").decode())
    rows = books.rows(RemittanceClaimRow)
    return sorted(rows[-len(claims) :], key=lambda row: row.ordinal)


def set_payer_number(books: Books, claim: Filed, number: str) -> None:
    with practice_session(books.engine, books.practice_id) as session:
        version = session.get_one(ClaimVersionRow, books.claims(claim.visit)[-1].id)
        session.get_one(ClaimRow, version.claim_id).payer_claim_control_number = number


@pytest.mark.parametrize(
    ("written", "step"),
    [
        ("{0}", "our_number"),
        (" {1} ", "our_number"),
        ("{0:.12}", "our_number_cut"),
        ("{0:.14}", "our_number_cut"),
        ("{2}", "our_number_cut"),
        ("{3}", "our_number_cut"),
        ("000{0}", "our_number_padded"),
        ("FF-{0}-01", "our_number_padded"),
    ],
)
def test_our_number_is_known_however_the_payer_writes_it(books: Books, written: str, step: str) -> None:
    claim = one_filed(books)
    number = written.format(claim.number, claim.number.lower(), claim.number[1:], claim.number[3:])
    [row] = remitted(books, claim.clp(number))
    assert (row.status, row.matched_by) == ("posted", step)
    assert row.encounter_id == books.visit(claim.visit).id
    assert books.balance(claim.visit, ledger.PAYER_RECEIVABLE) == 0


def test_too_little_of_our_number_is_nothing(books: Books) -> None:
    claim = one_filed(books)
    [row] = remitted(books, claim.clp(claim.number[:11]))
    assert (row.status, row.matched_by, row.encounter_id) == ("unmatched", None, None)


def test_the_payers_number_serves_where_ours_is_gone(books: Books) -> None:
    claim = one_filed(books)
    set_payer_number(books, claim, "ICN-ALONE")
    [row] = remitted(books, claim.clp("0", "ICN-ALONE"))
    assert (row.status, row.matched_by, row.encounter_id) == ("posted", "payer_number", books.visit(claim.visit).id)


def test_the_payers_number_on_another_day_is_another_payers(books: Books) -> None:
    claim = one_filed(books)
    set_payer_number(books, claim, "ICN-OTHER")
    [row] = remitted(books, claim.clp("0", "ICN-OTHER", day="20240102"))
    assert row.status == "unmatched"


def test_two_claims_with_the_payers_number_are_none(books: Books) -> None:
    first, second = one_filed(books), one_filed(books)
    for claim in (first, second):
        set_payer_number(books, claim, "ICN-TWICE")
    [row] = remitted(books, first.clp("0", "ICN-TWICE"))
    assert row.status == "unmatched"


def test_member_day_and_charge_together_are_enough(books: Books) -> None:
    claim = one_filed(books)
    member = f" {claim.member[:4]}-{claim.member[4:].lower()}"
    [row] = remitted(books, claim.clp("0", member=member))
    assert (row.status, row.matched_by) == ("posted", "member_day_and_charge")


def test_of_two_visits_alike_on_one_day_a_person_chooses(books: Books) -> None:
    first, second = one_filed(books), one_filed(books)
    assert (first.day, first.charge) == (second.day, second.charge)
    with practice_session(books.engine, books.practice_id) as session:
        twin = session.get_one(EncounterRow, books.visit(second.visit).id)
        twin.patient_id = books.visit(first.visit).patient_id
    [row] = remitted(books, first.clp("0", member=first.member))
    assert row.status == "unmatched"


@pytest.mark.parametrize(
    "change", [{"member": "NOBODY"}, {"day": "20240102"}, {"member": ""}], ids=["member", "day", "no member"]
)
def test_two_of_the_three_are_not_enough(books: Books, change: dict[str, str]) -> None:
    claim = one_filed(books)
    [row] = remitted(books, claim.clp("0", member=change.get("member", claim.member), day=change.get("day", "")))
    assert row.status == "unmatched"


def test_a_claim_that_never_left_is_no_candidate(books: Books) -> None:
    claim = one_filed(books)
    books.set_claim(claim.visit, status="ready")
    [row] = remitted(books, claim.clp("0", member=claim.member))
    assert row.status == "unmatched"


@pytest.mark.parametrize("number", ["{0}", "0"], ids=["our number", "payer's number"])
def test_a_reversal_takes_back_what_was_posted(books: Books, number: str) -> None:
    claim = one_filed(books)
    icn = f"ICN{uuid4().hex[:8]}"
    remitted(books, claim.clp(claim.number, icn))
    set_payer_number(books, claim, "A-NEWER-NUMBER")
    [row] = remitted(books, claim.clp(number.format(claim.number), icn, sign=-1))
    assert (row.status, row.matched_by) == ("posted", "payer_number" if number == "0" else "our_number")
    assert row.claim_version_id == books.claims(claim.visit)[0].id
    assert books.balance(claim.visit, ledger.CASH) == 0
    assert books.balance(claim.visit, ledger.PAYER_RECEIVABLE) == claim.charge


def test_a_reversal_of_what_was_never_posted_goes_to_a_person(books: Books) -> None:
    claim = one_filed(books)
    set_payer_number(books, claim, "ICN-UNPAID")
    [row] = remitted(books, claim.clp("0", "ICN-UNPAID", member=claim.member, sign=-1))
    assert row.status == "unmatched"
    assert books.balance(claim.visit, ledger.PAYER_RECEIVABLE) == claim.charge
