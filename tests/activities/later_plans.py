"""Visits with more than one plan: what was filed, what each plan answered, and who owes what."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from activities.clock import practice_day
from edi.judge import judge
from edi.x837p import Batch837, Claim837, read_837p
from models.store import ledger
from models.store.session import practice_session
from models.tables.claims import BatchRow, ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PlanRow, PlanTermsRow, PracticeRow
from tests.activities.conftest import Books
from tests.posting.remittance import envelope
from tests.workflows.visits import MILITARY, PREFERRED, visit

_traces = count(1)


def filed(books: Books, *, second: str | None = MILITARY, third: str | None = None) -> ClaimVersionRow:
    """A visit's claim at the first plan; the patient may have more plans."""
    made = visit(f"FIRST{uuid4().hex[:8].upper()}")
    assert made["administrative"]["coverages"][0]["plan_id"] == PREFERRED
    for rank, plan in ((2, second), (3, third)):
        if plan:
            member = f"MEMBER{rank}{uuid4().hex[:6].upper()}"
            made["administrative"]["coverages"].append({"plan_id": plan, "rank": rank, "member_id": member})
    books.send(made)
    number = str(made["encounter_id"])
    assert books.gates(number).outcome == "clear"
    books.set_claim(number, status="accepted")
    return books.claims(number)[0]


def visit_of(books: Books, claim: ClaimVersionRow) -> str:
    [row] = books.rows(EncounterRow, EncounterRow.id == claim.encounter_id)
    return row.external_id


def lines_of(claim: ClaimVersionRow) -> list[tuple[str, Any]]:
    return [(line["code"], Decimal(line["charge"])) for line in claim.coded["lines"]]


def today(books: Books) -> date:
    """The day where the practice is; in UTC it may be tomorrow already."""
    return practice_day(books.now, "America/Chicago")


def answer(
    books: Books,
    claim: ClaimVersionRow,
    *,
    cas: str,
    status: str = "1",
    payer_number: str = "",
    extra: str = "",
    lost_lines: bool = False,
) -> None:
    """A remittance of today for one claim: all adjustments on the first line, the others paid in full.

    cas: "CO*45*10~PR*2*20"; a reversal (22) has every sign turned.
    """
    trace, sign = next(_traces), -1 if status == "22" else 1
    groups = [(part.split("*")[0], part.split("*")[1], Decimal(part.split("*")[2])) for part in cas.split("~") if part]
    adjusted = sum((amount for _, _, amount in groups), Decimal(0))
    share = sum((amount for group, _, amount in groups if group == "PR"), Decimal(0))
    paid = (claim.total_charge - adjusted) * sign
    number, charge = claim.patient_control_number, claim.total_charge * sign
    bank = f"ACH*CCP*01*999999992*DA*1*1512345678**01*999988880*DA*2*{today(books):%Y%m%d}"
    body = [
        f"BPR*I*{abs(paid)}*{'C' if paid >= 0 else 'D'}*{bank}",
        f"TRN*1*SECOND{trace}*1512345678",
        "N1*PR*EXAMPLE HEALTH PLAN",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "LX*1",
        f"CLP*{number}*{status}*{charge}*{paid}*{share * sign}*12*{payer_number}*11*1",
        "NM1*QC*1*DOE*JANE",
        *([extra] if extra else []),
    ]
    for place, (code, of_line) in enumerate(lines_of(claim), start=1):
        told = groups if place == 1 else []
        line_paid = (of_line - sum((amount for _, _, amount in told), Decimal(0))) * sign
        body.append(f"SVC*HC:{'99999' if lost_lines else code}*{of_line * sign}*{line_paid}**1")
        body += [f"CAS*{group}*{reason}*{amount * sign}" for group, reason, amount in told]
        body += [] if lost_lines else [f"REF*6R*{number}L{place}"]
    content = envelope("HP", "835", "005010X221A1", body, 70_000 + trace, f"{today(books):%Y%m%d}").decode()
    assert books.receive_file(f"second{trace}.835", content).open_items == 0


def first_pays(books: Books, claim: ClaimVersionRow, **how: Any) -> str:
    """The first plan pays all but the contract's 10 and the patient's 20 dollars."""
    answer(books, claim, cas="CO*45*10~PR*2*20", payer_number="FIRST", **how)
    return visit_of(books, claim)


def later(books: Books, number: str, rank: int = 2) -> ClaimVersionRow:
    """The newest claim to a later plan."""
    [owner] = books.rows(ClaimRow, ClaimRow.encounter_id == books.visit(number).id, ClaimRow.rank == rank)
    return books.rows(ClaimVersionRow, ClaimVersionRow.claim_id == owner.id)[-1]


def sent(books: Books, claim: ClaimVersionRow) -> Claim837:
    """The claim as it leaves, judged by pyx12; and afterwards the payer has it."""
    while True:
        built = books.build_batch()
        [row] = books.rows(ClaimVersionRow, ClaimVersionRow.id == claim.id)
        if row.batch_id is not None:
            break
        assert built.batch_id is not None, "the claim did not leave"
        finish(books, built.batch_id)
    finish(books, row.batch_id)
    [batch] = books.rows(BatchRow, BatchRow.id == row.batch_id)
    assert judge(batch.content) == []
    read: list[Batch837] = read_837p(batch.content)
    [found] = [one for one in read[0].claims if one.patient_control_number == row.patient_control_number]
    set_status(books, claim, "accepted")
    return found


def finish(books: Books, batch_id: object) -> None:
    with practice_session(books.engine, books.practice_id) as session:
        session.get_one(BatchRow, batch_id).status = "sent"


@contextmanager
def later_by(books: Books, days: int) -> Iterator[None]:
    """Some days on."""
    now, books.now = books.now, books.now + timedelta(days=days)
    try:
        yield
    finally:
        books.now = now


@contextmanager
def terms_of(books: Books, plan: str, change: dict[str, Any]) -> Iterator[None]:
    """The plan's terms are other ones for a while."""
    kept: dict[Any, Any] = {}

    def each() -> Iterator[PlanTermsRow]:
        with practice_session(books.engine, books.practice_id) as session:
            plan_id = session.scalars(select(PlanRow.id).where(PlanRow.external_id == plan)).one()
            yield from session.scalars(select(PlanTermsRow).where(PlanTermsRow.plan_id == plan_id))
            session.get_one(PracticeRow, books.practice_id).revision += 1

    for row in each():
        kept[row.id], row.terms = row.terms, row.terms | change
    try:
        yield
    finally:
        for row in each():
            row.terms = kept[row.id]


def set_status(books: Books, claim: ClaimVersionRow, status: str) -> None:
    with practice_session(books.engine, books.practice_id) as session:
        session.get_one(ClaimVersionRow, claim.id).status = status


def receivables(books: Books, number: str) -> tuple[Any, Any, Any]:
    """What the first plan, the second plan and the patient owe."""
    row = books.visit(number)
    with practice_session(books.engine, books.practice_id) as session:
        plans = [ledger.balance(session, row.id, ledger.PAYER_RECEIVABLE, payer_rank=rank) for rank in (1, 2)]
        return plans[0], plans[1], ledger.balance(session, row.id, ledger.PATIENT_RECEIVABLE)
