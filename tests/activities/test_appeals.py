"""An appeal's letter is asked for until it has left, the payer has answered, or a person has dropped it."""

from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest

from models.tables.claims import ClaimVersionRow
from models.tables.desk import DecisionRow
from models.tables.remittances import AppealRow, DenialRow
from tests.activities.conftest import Books
from tests.line import TODAY
from tests.posting.remittance import envelope
from tests.workflows.visits import PREFERRED, Visit, newer, visit

_traces = count(1)


def answer(books: Books, claim: ClaimVersionRow, status: str, *, paid: bool) -> None:
    """The payer's word on the whole claim: denied for want of authorization (1), or paid; 22 takes a denial back."""
    trace, charge = next(_traces), claim.total_charge
    sign = "-" if status == "22" else ""
    money = charge if paid else 0
    body = [
        f"BPR*{'I' if paid else 'H'}*{money}*C*{'ACH' if paid else 'NON'}************20261120",
        f"TRN*1*APPEAL{trace}*1512345678",
        "N1*PR*EXAMPLE HEALTH PLAN",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "LX*1",
        f"CLP*{claim.patient_control_number}*{status}*{sign}{charge}*{money}**12*ICN9*11*1",
        "NM1*QC*1*DOE*JANE",
        f"SVC*HC:97110:GP*{sign}{charge}*{money}**1",
        *([] if paid else [f"CAS*CO*197*{sign}{charge}"]),
    ]
    content = envelope("HP", "835", "005010X221A1", body, 70_000 + trace, "20261120").decode()
    assert books.receive_file(f"appeal{trace}.835", content).open_items == 0


def appealed(books: Books, made: Visit | None = None) -> tuple[str, ClaimVersionRow]:
    """A visit whose denial is appealed, the letter still in the house; its item is open."""
    made = made or visit(f"APPEAL{uuid4().hex[:6].upper()}", PREFERRED)
    books.send(made)
    number = str(made["encounter_id"])
    assert books.gates(number).outcome == "clear"
    books.set_claim(number, status="accepted")
    claim = books.claims(number)[0]
    answer(books, claim, "1", paid=False)
    assert books.claim_look(number) == "waiting"
    item = books.item(number)
    assert item is not None
    books.decide(item, "appeal", now=books.now)
    assert books.claim_look(number) == "waiting"
    asked = books.item(number)
    assert asked is not None
    assert (asked.queue, asked.kind) == ("denials", "appeal_to_send")
    return number, claim


@pytest.mark.parametrize("taken_back_first", [True, False])
def test_when_the_payer_pays_meanwhile_nobody_is_asked_to_send_the_letter(
    books: Books, *, taken_back_first: bool
) -> None:
    number, claim = appealed(books)
    if taken_back_first:
        answer(books, claim, "22", paid=False)
        assert books.claim_look(number) == "waiting"
        assert books.item(number) is None, "the payer decides anew"
    answer(books, claim, "1", paid=True)
    assert books.claim_look(number) in ("adjudicated", "closed")
    assert books.item(number) is None


def test_a_sending_counts_once_and_only_while_a_letter_waits(books: Books) -> None:
    number, _ = appealed(books)
    item = books.item(number)
    assert item is not None
    today = {"sent_on": str(TODAY), "sent_how": "mail"}
    command = books.command(item, "appeal_sent", now=books.now, fields=today)
    assert books.apply(command) == books.apply(command)
    decided = books.rows(DecisionRow, DecisionRow.work_item_id == item.id)
    assert [one.decision for one in decided] == ["appeal_sent"]
    again = books.item(number)
    assert again is not None
    assert "No letter waits" in books.refusal(again, "appeal_sent", now=books.now, fields=today)
    assert books.claim_look(number) == "waiting"
    assert books.item(number) is None


def test_the_payers_sixty_days_end_where_the_sending_began_them(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    number, claim = appealed(books)
    item = books.item(number)
    assert item is not None
    began = books.now
    monkeypatch.setattr(books, "now", began + timedelta(days=10))
    sent_on = TODAY + timedelta(days=9)
    books.decide(item, "appeal_sent", now=books.now, fields={"sent_on": str(sent_on), "sent_how": "portal"})
    for after, asked in ((68, False), (70, True)):
        monkeypatch.setattr(books, "now", began + timedelta(days=after))
        assert books.claim_look(number) == "waiting"
        assert (books.item(number) is not None) is asked
    silent = books.item(number)
    assert silent is not None
    assert f"appeal, sent through the payer's portal on {sent_on} (limit" in silent.reason
    [denial] = books.rows(DenialRow, DenialRow.claim_version_id == claim.id)
    [letter] = books.rows(AppealRow, AppealRow.denial_id == denial.id)
    assert letter.sent_reference is None


@pytest.mark.parametrize(
    ("decision", "state", "kind"), [("correct_claim", "corrected", None), ("keep_claim", "appealed", "appeal_to_send")]
)
def test_a_chart_that_changes_overtakes_the_letter_only_where_the_claim_is_corrected(
    books: Books, decision: str, state: str, kind: str | None
) -> None:
    made = visit(f"APPEAL{uuid4().hex[:6].upper()}", PREFERRED)
    number, claim = appealed(books, made)
    books.send(newer(made, lambda later: later["clinical"]["diagnoses"].append({"code": "M25.561", "rank": 9})))
    assert books.claim_look(number) == "waiting"
    changed = books.item(number)
    assert changed is not None
    assert changed.kind == "chart_changed_after_billing"
    books.decide(changed, decision)
    [denial] = books.rows(DenialRow, DenialRow.claim_version_id == claim.id)
    assert denial.state == state
    if kind is not None:
        assert books.claim_look(number) == "waiting"
        asked = books.item(number)
        assert asked is not None
        assert asked.kind == kind
