"""What people may decide about a claim and its answers. Each changes facts and returns a sentence for the page."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from sqlalchemy import and_, or_, select

from activities import appeals, claims, secondary, tickets, underpayment, voids
from activities.case import Case, refusal
from activities.clock import morning_of
from billing.appeals import WAYS, days_late, lateness, sending
from billing.corrections import FIELDS, corrected
from models.store import ledger
from models.store.book import book_of
from models.tables.authorizations import AuthorizationRow
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.remittances import AppealRow, DenialRow, RemittanceClaimRow

WAIT_MAX = timedelta(days=366)


def correct_claim(case: Case) -> str:
    """The claim out there is replaced by one that says what the chart, or the plan before, says now."""
    claim = _asked_about(case)
    if case.item.kind == secondary.OUTDATED and secondary.nothing_left(case.session, case.row, claim):
        raise refusal(
            "The earlier plan leaves nothing now, so there is nothing to bill; keep the claim, with a reason."
        )
    _refuse_a_second_claim(case, claim)
    for refused in open_denials(case):
        decide_denial(case, refused, "corrected")
    claim.status = "correcting"
    return "The claim will be filed again as things now stand."


def void_claim(case: Case) -> str:
    """The payers are asked to take their decisions back: a void of each claim goes out, once."""
    why = voids.obstacles(case.session, case.row, book_of(case.session, case.practice))
    if why:
        raise refusal(
            f"No void can be sent: {tickets.in_one_line(why)}. Wait for the answer, or have the payer take the claim "
            "back by hand and say so."
        )
    for refused in open_denials(case):
        decide_denial(case, refused, "corrected")
    sent = voids.ask_for(case.session, case.row)
    return "The void will be sent." if sent else "Nothing was paid, so nothing needs to be voided; the visit closes."


def taken_back(case: Case) -> str:
    """A payer took its decision back outside of X12: reopened by telephone, or its money was returned."""
    for refused in open_denials(case):
        decide_denial(case, refused, "corrected")
    returned = voids.take_back_by_hand(case.session, case.row, case.key, case.today, case.decision.reason)
    return f"Noted: the claim was taken back, ${returned} returned to the payer."


def keep_claim(case: Case) -> str:
    """The claim stays as it was sent, although the chart, or the plan before, says something else now."""
    claim = _asked_about(case)
    if case.item.kind == secondary.OUTDATED:
        before = secondary.turn_again(case.session, case.row, claim)
        if before is not None:
            note_about_answer(case, secondary.KEPT, "The later plan's claim stays as it was sent", before.answer)
        return "The claim stays as sent; the earlier plan's new decision is noted."
    claim.encounter_version = case.row.version
    return f"The claim stays as sent; version {case.row.version} of the chart is noted."


def correct(case: Case) -> str:
    """A denied claim is corrected and filed again: as a replacement where the plan takes one, else as a new claim."""
    claim, refused = claim_at_work(case), open_denial(case)
    changes = _typed_corrections(case, claim)
    if not changes and case.row.version == claim.encounter_version and not _authorization_is_new(case, claim):
        raise refusal(
            "Say what is to be corrected (or have the chart corrected): the same claim would be denied again."
        )
    keep_corrections(case, changes)
    decide_denial(case, refused, "corrected")
    claim.status = "correcting" if claim.frequency_code != claims.VOID else claims.VOIDING
    return "The claim is corrected and will be filed again."


def resubmit(case: Case) -> str:
    """A claim refused on receipt, or lost, is filed again."""
    claim = claim_at_work(case)
    if claim.status == "batched":
        raise refusal("The claim is on its way out at this moment; look again in a few minutes.")
    if claim.status not in ("rejected", "sent", "accepted"):
        raise refusal("The payer has answered this claim; decide on the answer instead.")
    keep_corrections(case, _typed_corrections(case, claim))
    claim.status = "refiling" if claim.frequency_code != claims.VOID else claims.VOIDING
    return "The claim will be filed again."


def keep_waiting(case: Case) -> str:
    """Nobody needs to look before that day."""
    until = case.day("until", "the day to wait for")
    if until <= case.today:
        raise refusal("Choose a day in the future.")
    if until > case.today + WAIT_MAX:
        raise refusal("Choose a day within a year; by then every filing limit has passed.")
    instant = morning_of(until, case.practice.time_zone)
    detail = {"until": instant.isoformat()}
    summary = f"Waiting for an answer until {until}"
    case.record(f"waiting.{case.item.kind}", summary, detail)
    return f"This comes back on {until} if no answer is there."


def patient_owes(case: Case) -> str:
    """The next plan will not pay what the one before left: the patient is billed."""
    claim = claim_at_work(case)
    billed = claims.rank_of(case.session, claim) > 1
    turn = secondary.turn_again if billed else secondary.turn
    due = turn(case.session, case.row, claim)
    if due is None or (billed and claims.settled(case.session, case.row, claim)):
        raise refusal("The plan has answered meanwhile; reload the page.")
    note_about_answer(case, secondary.PATIENT_OWES, "The patient owes what the plans left", due.answer)
    if claim.status in claims.ANSWERED:
        owed = claims.owed_by(case.session, case.row, claim)
        legs = [(ledger.PATIENT_RECEIVABLE, owed), (ledger.PAYER_RECEIVABLE, -owed)]
        case.post("transfer_to_patient", legs, "Left by the patient's plans", payer_rank=due.rank)
    elif billed:
        secondary.withdraw(case.session, case.row, claim, case.today)
    return "What the plans left is now collected from the patient."


def file_next_plan(case: Case) -> str:
    """The next plan is billed by us after all, although the plan before passed the claim on or facts were missing."""
    claim, due = _not_asked_yet(case)
    why = secondary.obstacles(case.session, case.row, due, book_of(case.session, case.practice))
    if why:
        raise refusal(f"It still cannot be filed: {tickets.in_one_line(why)}.")
    if claims.rank_of(case.session, claim) > 1:
        claim.status = "refiling"
    return "The claim will be filed with the next plan, with the earlier decision."


def file_late(case: Case) -> str:
    """The next plan is billed although its filing limit has passed: it makes an exception, which the reason names."""
    _, due = _not_asked_yet(case)
    note_about_answer(case, secondary.FILED_LATE, f"Filed after the limit: {case.decision.reason}", due.answer)
    return "The claim will be filed with the next plan, late as it is."


def _not_asked_yet(case: Case) -> tuple[ClaimVersionRow, secondary.Turn]:
    """The claim at work, and the turn of a plan that does not have its claim from us."""
    claim = claim_at_work(case)
    billed = claims.rank_of(case.session, claim) > 1
    due = (secondary.turn_again if billed else secondary.turn)(case.session, case.row, claim)
    if due is None or (billed and claim.status not in (secondary.FORWARDED, *claims.TO_BE_FILED_AGAIN)):
        raise refusal("The plan has the claim, or has answered; decide on what it left.")
    return claim, due


def accept_payment(case: Case) -> str:
    """The payer allowed less than the contract, and it is left at that."""
    short = underpayment.of_claim(case.session, case.row, claim_at_work(case))
    if short is None:
        raise refusal("The payer has answered meanwhile; reload the page.")
    case.record(
        underpayment.ACCEPTED,
        f"The payment is accepted, ${short.short} below the contract",
        {"short": str(short.short)},
    )
    return "The payment stands as posted."


def appeal(case: Case) -> str:
    """The payer is asked to decide again; the letter is drafted from the facts of the denial."""
    refused = open_denial(case)
    if "appeal" not in refused.decisions:
        raise refusal("These codes give no right of appeal; correct the claim or write it off.")
    deadline = refused.appeal_deadline
    because = _good_cause(case, case.today, deadline, "Otherwise decide on the denial another way.")
    appeals.draft_appeal(case, refused, because)
    decide_denial(case, refused, "appealed")
    if because and deadline:
        return f"The appeal letter is drafted, {lateness(days_late(case.today, deadline), deadline)}: {because}"
    return f"The appeal letter is drafted{f'; it must reach the payer by {deadline}' if deadline else ''}."


def appeal_sent(case: Case) -> str:
    """The letter has left: from that day the payer has its time to decide."""
    letter, refused = appeals.letter_to_send(case)
    sent_on = case.day("sent_on", "the day the letter was sent")
    how = case.text("sent_how", "how the letter was sent")
    if how not in WAYS:
        raise refusal(f"Say how the letter was sent: {', '.join(WAYS)}.")
    _refuse_wrong_day(case, sent_on, appeals.drafted_on(case, letter, refused))
    if letter.late_because is None:  # else the letter was drafted late, and says why
        otherwise = "If it was sent in time, correct the day; otherwise drop the appeal and decide on the denial anew."
        letter.late_because = _good_cause(case, sent_on, letter.deadline, otherwise) or None
    letter.state, letter.sent_on, letter.sent_how = appeals.SENT, sent_on, how
    letter.sent_reference = case.decision.fields.get("sent_reference", "").strip() or None
    letter.sent_by = case.user.id
    told = f"The appeal was sent {sending(str(sent_on), how, letter.sent_reference)}"
    if letter.late_because and letter.deadline:
        late = lateness(days_late(sent_on, letter.deadline), letter.deadline)
        return f"{told}, {late}; the payer's answer is awaited. Good cause: {letter.late_because}"
    return f"{told}; the payer's answer is awaited."


def _good_cause(case: Case, on: date, deadline: date | None, otherwise: str) -> str:
    """Why an appeal of that day is late, as the person says it; empty in time.

    Refused where it is late without a reason, or has one and is not late. otherwise: what else may be done, a sentence.
    """
    because = case.decision.fields.get("late_because", "").strip()
    days = days_late(on, deadline)
    if days and not because:
        raise refusal(
            f"The deadline for an appeal was {deadline}; {on} is {days} {'day' if days == 1 else 'days'} after it. A "
            f"payer may still accept it for good cause: say under “Good cause” why it is late. {otherwise}"
        )
    if because and not days:
        known = f"the deadline is {deadline}" if deadline else "no deadline of this plan is known"
        raise refusal(f"On {on} it is not late: {known}. Leave “Good cause” empty.")
    return because


def _refuse_wrong_day(case: Case, sent_on: date, drafted_on: date) -> None:
    if sent_on > case.today:
        raise refusal(f"The letter cannot have been sent on {sent_on}, which is still to come; send it first.")
    if sent_on < drafted_on:
        raise refusal(f"The letter was drafted on {drafted_on}, so it cannot have been sent before that day.")


def appeal_dropped(case: Case) -> str:
    """The letter is not sent after all; the denial waits for another decision."""
    letter, refused = appeals.letter_to_send(case)
    letter.state, letter.dropped_because = appeals.DROPPED, case.decision.reason.strip()
    refused.state, refused.decided_at = "open", None
    return "The appeal is dropped; the denial is open again."


def claim_at_work(case: Case) -> ClaimVersionRow:
    """The claim whose turn it is, whichever of the patient's plans it goes to."""
    claim = claims.at_work(case.session, case.row)
    if claim is None:
        raise refusal("There is no claim for this visit yet.")
    return claim


def _asked_about(case: Case) -> ClaimVersionRow:
    """The claim an item about a change is about: a changed chart concerns the first plan's."""
    if case.item.kind == secondary.OUTDATED:
        return claim_at_work(case)
    claim = claims.current(case.session, case.row)
    if claim is None:
        raise refusal("There is no claim for this visit yet.")
    return claim


def note_about_answer(case: Case, kind: str, summary: str, answer: RemittanceClaimRow) -> None:
    """Keep that a person answered what a plan's word left open."""
    case.record(kind, summary, {"remittance_claim": str(answer.id)})


def open_denial(case: Case) -> DenialRow:
    """The denial of the claim at work that nobody has decided on; refused where there is none."""
    refused = claims.open_denial(case.session, claim_at_work(case))
    if refused is None:
        raise refusal("There is no undecided denial on this visit any more; reload the page.")
    return refused


def open_denials(case: Case) -> list[DenialRow]:
    """Every denial of the visit that nobody has decided on, or whose appeal has not left the house."""
    unsent = select(AppealRow.denial_id).where(AppealRow.state == appeals.DRAFTED)
    undecided = or_(DenialRow.state == "open", and_(DenialRow.state == "appealed", DenialRow.id.in_(unsent)))
    return list(case.session.scalars(select(DenialRow).where(DenialRow.encounter_id == case.row.id, undecided)))


def decide_denial(case: Case, refused: DenialRow, state: str) -> None:
    """Note what was done about a denial."""
    refused.state, refused.decided_at = state, case.now


def _typed_corrections(case: Case, claim: ClaimVersionRow) -> dict[str, str]:
    typed = {name: case.decision.fields.get(name, "").strip() for name in FIELDS}
    changes = {name: value for name, value in typed.items() if value}
    rank = claims.rank_of(case.session, claim)
    if rank == 1 or not changes:
        return changes
    if set(changes) != {"member_id"}:
        raise refusal(
            "A later plan is billed what the first one was; of its claim only the member id can be corrected. Correct "
            "the first plan's claim instead."
        )
    return {**changes, "rank": str(rank)}


def keep_corrections(case: Case, changes: dict[str, str]) -> None:
    """Keep the corrections with the visit, if they leave it well formed."""
    if not changes:
        return
    if "modifier" in changes and "line_code" not in changes:
        raise refusal("Say which procedure code the modifier is for.")
    try:
        corrected(case.row.facts, [*case.row.corrections, changes])
    except ValueError:
        raise refusal("With this correction the visit would not be well formed; check the codes you typed.") from None
    case.row.corrections = [*case.row.corrections, changes]


def _authorization_is_new(case: Case, claim: ClaimVersionRow) -> bool:
    """Whether the patient has an authorization now that the denied claim did not go out under."""
    numbers = case.session.scalars(
        select(AuthorizationRow.number).where(
            AuthorizationRow.practice_id == case.practice.id,
            AuthorizationRow.patient_external_id == case.row.facts["patient"]["patient_id"],
            AuthorizationRow.effective_from <= case.row.date_of_service,
            AuthorizationRow.effective_to >= case.row.date_of_service,
        )
    )
    return any(number != claim.prior_authorization_number for number in numbers)


def _refuse_a_second_claim(case: Case, claim: ClaimVersionRow) -> None:
    """Before the payer has numbered the first claim a second one would be a duplicate."""
    number = case.session.get_one(ClaimRow, claim.claim_id).payer_claim_control_number
    if claim.status in ("batched", "sent", "accepted") and number is None:
        raise refusal(
            "The payer has not answered the first claim, so a corrected one would be denied as a duplicate. "
            "Take this again after the answer."
        )


DECISIONS: Mapping[str, Callable[[Case], str]] = {
    function.__name__: function
    for function in (
        correct_claim,
        void_claim,
        taken_back,
        keep_claim,
        correct,
        resubmit,
        keep_waiting,
        patient_owes,
        file_next_plan,
        file_late,
        accept_payment,
        appeal,
        appeal_sent,
        appeal_dropped,
    )
}
