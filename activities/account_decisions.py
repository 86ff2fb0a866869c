"""What people may decide about what is owed for a visit. Each changes facts and returns a sentence for the page."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from activities import claims, secondary
from activities.case import Case, refusal
from activities.claim_decisions import claim_at_work, decide_denial, note_about_answer, open_denial, open_denials
from activities.patient_payments import post_patient_payment
from activities.reservations import release_use
from billing.vocabulary import Queue, Role
from models.store import ledger
from models.store.desk import settings_of
from models.tables.claims import ClaimVersionRow

UNLIMITED_WRITE_OFF = (Role.SUPERVISOR.value, Role.ADMINISTRATOR.value)


def write_off(case: Case) -> str:
    """What the payer (or, in the patient's queue, the patient) still owes is given up."""
    account, claim = _owed_account(case), claims.at_work(case.session, case.row)
    if account == ledger.PAYER_RECEIVABLE and claim is not None and claim.frequency_code == claims.VOID:
        raise refusal("A void asks for no money that could be written off; wait, or say that the claim was taken back.")
    left = _left_by_a_plan(case, claim)
    if left is not None:
        return _give_up(case, left)
    rank = claims.rank_of(case.session, claim) if claim is not None else 1
    payer_rank = rank if account == ledger.PAYER_RECEIVABLE else None
    owed = ledger.balance(case.session, case.row.id, account, payer_rank=payer_rank)
    refuse_above_limit(case, max(abs(owed), case.item.amount))  # before a claim nothing is owed yet
    legs = [(ledger.WRITE_OFF, owed), (account, -owed)]
    case.post("write_off", legs, case.decision.reason, payer_rank=payer_rank or 1)
    if claim is None or (rank == 1 and claims.inside(claim)):
        claims.withdraw(case.session, case.row, claim, case.today)
        case.row.disposition = "written_off"
        release_use(case.session, case.row, "written off", case.now)
        return "The visit is written off; nothing is billed."
    if account == ledger.PAYER_RECEIVABLE:
        if rank == 1 and claim.status == "rejected":  # no payer ever decided on it
            release_use(case.session, case.row, "written off", case.now)
        claim.status = "denied"
        for refused in open_denials(case):
            decide_denial(case, refused, "written_off")
    return f"${owed} written off."


def _left_by_a_plan(case: Case, claim: ClaimVersionRow | None) -> secondary.Turn | None:
    """The turn of a plan that was never billed, where the item is about it: what was left stands with the patient."""
    if case.item.kind not in (secondary.KIND, secondary.LATE) or claim is None:
        return None
    settled = claims.settled(case.session, case.row, claim)
    return secondary.turn(case.session, case.row, claim) if settled else None


def _give_up(case: Case, due: secondary.Turn) -> str:
    """Neither the next plan nor the patient is asked for what a plan left; that plan's claim stands as it was paid."""
    owed = min(due.amount, ledger.balance(case.session, case.row.id, ledger.PATIENT_RECEIVABLE))
    refuse_above_limit(case, owed)
    legs = [(ledger.WRITE_OFF, owed), (ledger.PATIENT_RECEIVABLE, -owed)]
    case.post("write_off", legs, case.decision.reason)
    note_about_answer(case, secondary.GIVEN_UP, "Nothing is asked of the next plan", due.answer)
    return f"${owed} written off."


def bill_patient(case: Case) -> str:
    """The denied amount becomes the patient's, where the payer's group code allows it."""
    refused = open_denial(case)
    if not refused.patient_may_be_billed:
        raise refusal(
            f"{refused.reason} makes this the practice's loss, not the patient's: billing the patient would break the "
            "contract. Correct, appeal or write off."
        )
    claim = claim_at_work(case)
    amount = min(refused.amount, claims.owed_by(case.session, case.row, claim))
    legs = [(ledger.PATIENT_RECEIVABLE, amount), (ledger.PAYER_RECEIVABLE, -amount)]
    rank = claims.rank_of(case.session, claim)
    case.post("transfer_to_patient", legs, f"Denied {refused.reason}", payer_rank=rank)
    decide_denial(case, refused, "patient_billed")
    return f"${amount} moved to the patient."


def record_payment(case: Case) -> str:
    """The patient paid."""
    amount = case.dollars("amount", "the amount paid")
    owed = ledger.balance(case.session, case.row.id, ledger.PATIENT_RECEIVABLE)
    if amount > owed:
        raise refusal(f"The patient owes ${owed}; an amount above that belongs to another visit.")
    post_patient_payment(case.session, case.row, case.key, amount, case.today, case.user.name)
    return f"${amount} recorded; ${owed - amount} left."


def refund(case: Case) -> str:
    """What the patient paid too much was returned."""
    credit = -ledger.balance(case.session, case.row.id, ledger.PATIENT_RECEIVABLE)
    if credit <= 0:
        raise refusal("The patient has no credit on this visit.")
    case.post("refund", [(ledger.PATIENT_RECEIVABLE, credit), (ledger.CASH, -credit)], "Returned to the patient")
    return f"${credit} returned to the patient."


def statement_sent(case: Case) -> str:
    """A statement went out by hand; the patient has the usual time to pay it."""
    owed = ledger.balance(case.session, case.row.id, ledger.PATIENT_RECEIVABLE)
    detail = {"owed": str(owed), "by_person": True}
    case.record("patient.statement", f"Statement over ${owed} sent", detail)
    return "Statement noted; this comes back if it stays unpaid."


def _owed_account(case: Case) -> str:
    return ledger.PATIENT_RECEIVABLE if case.item.queue == Queue.PATIENT_BALANCE.value else ledger.PAYER_RECEIVABLE


def refuse_above_limit(case: Case, amount: Decimal) -> None:
    """Giving up more than the practice's limit is a supervisor's to decide."""
    limit = settings_of(case.practice).write_off_limit
    if amount > limit and case.user.role not in UNLIMITED_WRITE_OFF:
        raise refusal(f"${amount} is above your limit of ${limit}; ask a supervisor to write it off.")


DECISIONS: Mapping[str, Callable[[Case], str]] = {
    function.__name__: function
    for function in (
        write_off,
        bill_patient,
        record_payment,
        refund,
        statement_sent,
    )
}
