"""What is left once a plan's part is settled: the patient's next plan is asked first, then the patient."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from activities import claims, secondary, tickets
from activities.endings import close_settled
from activities.look import Look
from billing.vocabulary import Stage
from models.messages import BalanceProgress
from models.store import ledger
from models.tables.claims import ClaimVersionRow
from models.tables.life import EventRow

BALANCE_DUE_DAYS = 5


def stand(look: Look) -> BalanceProgress:
    """Where the rest of the account stands."""
    due = secondary.turn(look.session, look.row, claims.at_work(look.session, look.row))
    if due is not None:
        return _next_plan(look, due)
    owed = ledger.balance(look.session, look.row.id, ledger.PATIENT_RECEIVABLE)
    if owed != 0:
        return _collect(look, owed)
    close_settled(look)
    return BalanceProgress(outcome="settled")


def payer_is_heard_again(look: Look, first: ClaimVersionRow) -> bool:
    """The chart changed, or a payer took money back or added some, after its part seemed settled."""
    session, row = look.session, look.row
    claim = claims.at_work(session, row) or first
    if claims.chart_moved_on(session, row, first) or not claims.settled(session, row, claim):
        return True
    return claims.rank_of(session, claim) > 1 and secondary.outdated(session, row, claim)


def _next_plan(look: Look, due: secondary.Turn) -> BalanceProgress:
    """The patient is asked for nothing while another plan may pay it: that plan is billed, or waited for."""
    session, row, practice, book = look.session, look.row, look.practice, look.book
    if secondary.passed_on(row, due, book):
        secondary.wait_for_crossover(session, row, due, practice, look.now)
        return BalanceProgress(outcome="to_claim")
    ask = secondary.hold(session, row, due, practice, due_at=look.follow_up_at, now=look.now)
    if ask is None:
        secondary.file_next(session, row, due, practice, window_seconds=look.window_seconds, now=look.now)
        return BalanceProgress(outcome="to_claim")
    until = look.await_plan(look.now, ask)
    return BalanceProgress(outcome="waiting", look_again_at=until)


def _collect(look: Look, owed: Decimal) -> BalanceProgress:
    """A statement; a call above the practice's limit or when the statement stays unpaid; a refund when overpaid."""
    desk, now = look.desk, look.now
    if owed < 0:
        return _ask(look, owed, f"The patient paid ${-owed} too much", "credit_balance")
    statement = _statement(look, owed)
    look_again_at = statement.at + timedelta(days=desk.statement_days)
    if owed >= desk.patient_call_threshold and not statement.detail.get("by_person"):
        message = f"The patient owes ${owed}, above the practice's limit of ${desk.patient_call_threshold} for a call"
        return _ask(look, owed, message, "large_balance")
    if now >= look_again_at:
        message = f"The patient owes ${owed}; the statement of {statement.at:%Y-%m-%d} is unpaid"
        return _ask(look, owed, message, "unpaid_statement")
    look.wait(Stage.PATIENT_BALANCE, f"The patient owes ${owed}")
    return BalanceProgress(outcome="waiting", look_again_at=look_again_at)


def _ask(look: Look, owed: Decimal, message: str, kind: str) -> BalanceProgress:
    due_at = look.now + timedelta(days=BALANCE_DUE_DAYS)
    look.ask(tickets.balance(look.row, owed, message, kind, due_at), Stage.PATIENT_BALANCE)
    return BalanceProgress(outcome="waiting")


def _statement(look: Look, owed: Decimal) -> EventRow:
    """The last statement over this balance; makes it if there is none."""
    newest = (
        select(EventRow)
        .where(EventRow.encounter_id == look.row.id, EventRow.kind == "patient.statement")
        .order_by(EventRow.id.desc())
        .limit(1)
    )
    last = look.session.scalars(newest).one_or_none()
    if last is not None and last.detail.get("owed") == str(owed):
        return last
    look.record("patient.statement", f"Statement over ${owed} made for the patient", {"owed": str(owed)})
    look.session.flush()
    return look.session.scalars(newest).one()
