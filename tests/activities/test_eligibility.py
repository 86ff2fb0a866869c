"""What a payer's eligibility answer says of a limit is kept as what other clinics used, with its arithmetic."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from billing.vocabulary import LimitSource
from models.store.session import practice_session
from models.store.visits import limits_of
from models.tables.benefits import BenefitReportRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow
from models.tables.remittances import InboundFileRow
from tests.activities.conftest import Books
from tests.activities.test_benefits import LIMIT, days_of, limit_plan, outcomes, tell
from tests.line import TODAY
from tests.posting.remittance import envelope
from tests.workflows.visits import Visit, visit

TWENTY = LIMIT | {"quantity": "20"}
TOLD_ON = TODAY - timedelta(days=1)
_controls = iter(range(95_000, 96_000))


@pytest.fixture(autouse=True)
def twenty_visits_a_year(books: Books) -> Iterator[None]:
    """The preferred plan pays for twenty."""
    limit_plan(books, TWENTY)
    yield
    limit_plan(books)


def answer(books: Books, member_id: str, *benefits: str, birth_date: str = "") -> list[str]:
    """The file is received and read; what a person is told about it."""
    control = next(_controls)
    body = [
        f"BHT*0022*11*{control}*{TOLD_ON:%Y%m%d}*1201",
        "HL*1**20*1",
        "NM1*PR*2*PRAIRIE LANTERN*****PI*PLANT",
        "HL*2*1*21*1",
        "NM1*1P*2*CEDAR PHYSICAL THERAPY LLC*****XX*1234567893",
        "HL*3*2*22*0",
        "TRN*2*T4471*9CEDARPT",
        f"NM1*IL*1*DOE*JANE****MI*{member_id}",
        *([f"DMG*D8*{birth_date}"] if birth_date else []),
        *benefits,
    ]
    name = f"told-{control}.271"
    books.receive_file(name, envelope("HB", "271", "005010X279A1", body, control, f"{TODAY:%Y%m%d}").decode())
    [file] = books.rows(InboundFileRow, InboundFileRow.file_name == name)
    assert file.status == "read"
    return [problem["message"] for problem in file.problems]


def reports(books: Books, made: Visit) -> list[BenefitReportRow]:
    patient_id = books.visit(made["encounter_id"]).patient_id
    return books.rows(BenefitReportRow, BenefitReportRow.patient_id == patient_id)


def paid(books: Books, member_id: str, count: int) -> list[Visit]:
    """Visits of a member up to the day of the answer, all but the last one paid."""
    made = days_of(visit(member_id), count + 1)
    books.send(*made)
    outcomes(books, made)
    for one in made[:-1]:
        books.set_claim(one["encounter_id"], status="paid")
    return made


def steps(books: Books, made: Visit) -> str:
    with practice_session(books.engine, books.practice_id) as session:
        row = session.get_one(EncounterRow, books.visit(made["encounter_id"]).id)
        [stands] = limits_of(session, session.get_one(PracticeRow, books.practice_id), row)
        return " ".join(step.text for step in stands.steps)


def test_what_is_left_less_what_we_were_paid_was_used_elsewhere(books: Books) -> None:
    made = paid(books, "ELIG00001", 5)
    assert answer(books, "ELIG 00001", "EB*F**PT***23***VS*20", "EB*F**PT***29***VS*12") == []
    [report] = reports(books, made[0])
    assert (report.used_elsewhere, report.source, report.as_of) == (Decimal(3), LimitSource.ELIGIBILITY.value, TOLD_ON)
    said = f"payer says 12 of 20 left on {TOLD_ON:%m/%d/%Y}; ours known to it: 5; so elsewhere: 3"
    assert report.told_by == f"PRAIRIE LANTERN, trace T4471: {said}"
    assert said in steps(books, made[-1])


@pytest.mark.parametrize(
    ("member_id", "benefit"),
    [
        ("ELIGTODATE", "EB*F**PT***24***VS*8"),
        ("ELIGUSED01", "EB*F**PT******99*8"),
        ("ELIGHSD001", "EB*F**PT***29~HSD*VS*12"),
        ("ELIGHSD002", "EB*F**PT~HSD*VS*12***29"),
    ],
)
def test_the_payers_other_ways_of_saying_it_come_to_the_same(books: Books, member_id: str, benefit: str) -> None:
    made = paid(books, member_id, 5)
    assert answer(books, member_id, *benefit.split("~")) == []
    assert [report.used_elsewhere for report in reports(books, made[0])] == [3]


def test_a_person_is_told_where_their_entry_is_lowered_or_the_limit_differs(books: Books) -> None:
    made = paid(books, "ELIG00003", 2)
    tell(books, made[0]["encounter_id"], "7", as_of=TOLD_ON)
    lowered, differs = answer(books, "ELIG00003", "EB*F**PT***23***VS*30", "EB*F**PT***29***VS*25")
    assert "lowers what a person entered for visits from 7 to 3" in lowered
    assert "says the limit visits is 30, the plan terms say 20" in differs
    assert [report.used_elsewhere for report in reports(books, made[0])] == [Decimal(7), Decimal(3)]
    assert any("lowers what a person entered" in item.reason for item in books.items("posting"))


def test_what_cannot_be_used_is_said_and_changes_nothing(books: Books) -> None:
    made = paid(books, "ELIG00004", 1)
    left = "EB*F**PT***29***VS*12"
    [unknown] = answer(books, "NOBODY-77", left)
    assert "names a member we do not know" in unknown
    [stranger] = answer(books, "ELIG00004", left, birth_date="19010101")
    assert "names a member we do not know" in stranger
    [twice] = answer(books, "ELIG00004", left, "EB*F**PT***29***VS*11")
    assert "contradicts itself" in twice
    [other] = answer(books, "ELIG00004", "EB*F**AF***29***VS*12")
    assert "says nothing that fits a limit" in other
    assert answer(books, "ELIG00004", "EB*1**30", "EB*B**98****20") == [], "an answer without limits is simply read"
    assert reports(books, made[0]) == []


def test_a_limit_learned_holds_the_next_visit(books: Books) -> None:
    made = days_of(visit("ELIG00005"), 2)
    books.send(made[0])
    assert outcomes(books, made[:1]) == ["clear"]
    assert answer(books, "ELIG00005", "EB*F**PT***29***VS*1") == []
    books.send(made[1])
    assert outcomes(books, made[1:]) == ["held"]
    item = books.item(made[1]["encounter_id"])
    assert item is not None
    assert item.findings[0]["code"] == "B1"
