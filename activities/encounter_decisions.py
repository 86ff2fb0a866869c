"""What people may decide about a visit and its claim. Each changes facts and returns a sentence for the page."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from activities import claims, secondary, tickets, underpayment, voids
from activities.appeals import draft_appeal
from activities.case import Case, refusal
from activities.clock import morning_of
from activities.evaluations import evaluate_visit
from activities.grant_form import typed_grant
from activities.grants import record_grant
from activities.patient_payments import post_patient_payment
from activities.reservations import release_use
from billing import benefits, fork
from billing.authorization_case import disciplines_of
from billing.corrections import FIELDS, corrected
from billing.findings import finding_of
from billing.practice import PlanTerms
from billing.vocabulary import Discipline, Queue, Role
from models.store import ledger, notices
from models.store.book import book_of
from models.store.life import record
from models.tables.authorizations import AuthorizationRow
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.remittances import DenialRow, RemittanceClaimRow

WAIT_MAX = timedelta(days=366)
UNLIMITED_WRITE_OFF = (Role.SUPERVISOR.value, Role.ADMINISTRATOR.value)


def not_billable(case: Case) -> str:
    """The visit is not billed to anybody. Only while no claim is out."""
    claim = claims.current(case.session, case.row)
    if not claims.inside(claim):
        raise refusal("A claim for this visit is already out; correct it or write it off instead.")
    _refuse_above_limit(case, case.item.amount)  # not billing it is giving it up
    claims.withdraw(case.session, case.row, claim, case.today)
    case.row.disposition = "not_billable"
    release_use(case.session, case.row, "visit not billable", case.now)
    return "The visit is closed as not billable."


def override(case: Case) -> str:
    """Findings that allow it are passed over, for this version of the visit; the others stay."""
    codes = [finding["code"] for finding in case.item.findings if finding.get("overridable")]
    if not codes:
        raise refusal(f"None of these findings may be overridden. This clears when: {case.item.clears_when}.")
    keys = [finding_of(finding).key for finding in case.item.findings if finding.get("overridable")]
    case.kept.update(codes=keys, encounter_version=case.row.version)
    stays = [finding["code"] for finding in case.item.findings if not finding.get("overridable")]
    return f"Overridden: {', '.join(codes)}." + (f" Still held by {', '.join(stays)}." if stays else "")


def none_needed(case: Case) -> str:
    """The payer said that no authorization is needed; who said it is the proof for a later denial."""
    reference = case.text("reference", "the payer's reference (who, when, call number)")
    override(case)
    return f"Noted: no authorization needed (reference {reference})."


def record_authorization(case: Case) -> str:
    """The payer granted: the authorization is recorded, and every visit it may cover is checked again."""
    row = case.row
    plan = book_of(case.session, case.practice).plans[row.plan_id].plan_id
    grant = typed_grant(case, row.facts["patient"]["patient_id"], plan, _disciplines(case))
    record_grant(case.session, case.practice, grant, case.now, case.user.name)
    return f"Authorization {grant.number} recorded; the visits it covers are being checked again."


def _disciplines(case: Case) -> tuple[Discipline, ...]:
    """What the plan grants together with the visit's discipline."""
    terms = book_of(case.session, case.practice).plans[case.row.plan_id].terms_on(case.row.date_of_service)
    return disciplines_of(Discipline(case.row.discipline), terms)


def exceed_limit(case: Case) -> str:
    """A visit beyond a soft limit goes out because it is necessary; the reason is what a review will read."""
    codes = [finding["code"] for finding in case.item.findings if finding["code"] == benefits.BEYOND_SOFT.id]
    if not codes:
        raise refusal("No soft limit holds this visit. A hard limit yields to nobody: decide the fork.")
    case.kept.update(codes=codes, encounter_version=case.row.version)
    return "Beyond the limit with a reason; the visit is being checked again."


def link_authorization(case: Case) -> str:
    """The visit goes out under an authorization already on file."""
    wanted = case.text("authorization_id", "the authorization's number")
    patient = case.row.facts["patient"]["patient_id"]
    row = case.session.scalars(
        select(AuthorizationRow).where(
            AuthorizationRow.practice_id == case.practice.id,
            AuthorizationRow.patient_external_id == patient,
            (AuthorizationRow.number == wanted) | (AuthorizationRow.external_id == wanted),
        )
    ).first()
    if row is None:
        raise refusal("This patient has no authorization with that number; record it first.")
    _correct(case, {"authorization_number": row.number})
    return f"Linked to authorization {row.number}; the check decides whether it covers this visit."


def patient_pay(case: Case) -> str:
    """The patient pays for this visit: the charge moves to the patient, nothing goes to a payer."""
    claim = claims.current(case.session, case.row)
    coded = evaluate_visit(case.session, case.row, case.practice, case.now)[1].claim
    if coded.total_charge == 0:
        raise refusal("The visit cannot be coded yet, so there is no charge to move to the patient.")
    way = fork.patient_pay(_fork_facts(case, claim, coded.total_charge))
    if not way.allowed:
        raise refusal(way.why)
    claims.withdraw(case.session, case.row, claim, case.today)
    charge = coded.total_charge
    legs = [(ledger.PATIENT_RECEIVABLE, charge), (ledger.REVENUE, -charge)]
    _post(case, "patient_charge", legs, "Patient pays the visit")
    case.row.disposition = "patient_pay"
    release_use(case.session, case.row, "patient pays", case.now)
    return f"The charge of ${charge} is now the patient's."


def correct_claim(case: Case) -> str:
    """The claim out there is replaced by one that says what the chart, or the plan before, says now."""
    claim = _asked_about(case)
    if case.item.kind == secondary.OUTDATED and secondary.nothing_left(case.session, case.row, claim):
        raise refusal(
            "The earlier plan leaves nothing now, so there is nothing to bill; keep the claim, with a reason."
        )
    _refuse_a_second_claim(case, claim)
    for refused in _open_denials(case):
        _decide_denial(case, refused, "corrected")
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
    for refused in _open_denials(case):
        _decide_denial(case, refused, "corrected")
    sent = voids.ask_for(case.session, case.row)
    return "The void will be sent." if sent else "Nothing was paid, so nothing needs to be voided; the visit closes."


def taken_back(case: Case) -> str:
    """A payer took its decision back outside of X12: reopened by telephone, or its money was returned."""
    for refused in _open_denials(case):
        _decide_denial(case, refused, "corrected")
    key = f"decision/{case.decision.command_id}"
    returned = voids.take_back_by_hand(case.session, case.row, key, case.today, case.decision.reason)
    return f"Noted: the claim was taken back, ${returned} returned to the payer."


def keep_claim(case: Case) -> str:
    """The claim stays as it was sent, although the chart, or the plan before, says something else now."""
    claim = _asked_about(case)
    if case.item.kind == secondary.OUTDATED:
        before = secondary.turn_again(case.session, case.row, claim)
        if before is not None:
            _note(case, secondary.KEPT, "The later plan's claim stays as it was sent", before.answer)
        return "The claim stays as sent; the earlier plan's new decision is noted."
    claim.encounter_version = case.row.version
    return f"The claim stays as sent; version {case.row.version} of the chart is noted."


def correct(case: Case) -> str:
    """A denied claim is corrected and filed again: as a replacement where the plan takes one, else as a new claim."""
    claim, refused = _claim(case), _denial(case)
    changes = _typed_corrections(case, claim)
    if not changes and case.row.version == claim.encounter_version and not _authorization_is_new(case, claim):
        raise refusal(
            "Say what is to be corrected (or have the chart corrected): the same claim would be denied again."
        )
    _correct(case, changes)
    _decide_denial(case, refused, "corrected")
    claim.status = "correcting" if claim.frequency_code != claims.VOID else claims.VOIDING
    return "The claim is corrected and will be filed again."


def resubmit(case: Case) -> str:
    """A claim refused on receipt, or lost, is filed again."""
    claim = _claim(case)
    if claim.status == "batched":
        raise refusal("The claim is on its way out at this moment; look again in a few minutes.")
    if claim.status not in ("rejected", "sent", "accepted"):
        raise refusal("The payer has answered this claim; decide on the answer instead.")
    _correct(case, _typed_corrections(case, claim))
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
    record(
        case.session,
        case.practice.id,
        f"waiting.{case.item.kind}",
        summary,
        encounter_id=case.row.id,
        actor=case.user.name,
        at=case.now,
        detail=detail,
    )
    return f"This comes back on {until} if no answer is there."


def patient_owes(case: Case) -> str:
    """The next plan will not pay what the one before left: the patient is billed."""
    claim = _claim(case)
    billed = claims.rank_of(case.session, claim) > 1
    turn = secondary.turn_again if billed else secondary.turn
    due = turn(case.session, case.row, claim)
    if due is None or (billed and claims.settled(case.session, case.row, claim)):
        raise refusal("The plan has answered meanwhile; reload the page.")
    _note(case, secondary.PATIENT_OWES, "The patient owes what the plans left", due.answer)
    if claim.status in claims.ANSWERED:
        owed = claims.owed_by(case.session, case.row, claim)
        legs = [(ledger.PATIENT_RECEIVABLE, owed), (ledger.PAYER_RECEIVABLE, -owed)]
        _post(case, "transfer_to_patient", legs, "Left by the patient's plans", payer_rank=due.rank)
    elif billed:
        secondary.withdraw(case.session, case.row, claim, case.today)
    return "What the plans left is now collected from the patient."


def file_next_plan(case: Case) -> str:
    """The next plan is billed by us after all, although the plan before passed the claim on or facts were missing."""
    claim = _claim(case)
    billed = claims.rank_of(case.session, claim) > 1
    due = (secondary.turn_again if billed else secondary.turn)(case.session, case.row, claim)
    if due is None or (billed and claim.status not in (secondary.FORWARDED, *claims.TO_BE_FILED_AGAIN)):
        raise refusal("The plan has the claim, or has answered; decide on what it left.")
    why = secondary.obstacles(case.session, case.row, due, book_of(case.session, case.practice))
    if why:
        raise refusal(f"It still cannot be filed: {tickets.in_one_line(why)}.")
    if billed:
        claim.status = "refiling"
    return "The claim will be filed with the next plan, with the earlier decision."


def accept_payment(case: Case) -> str:
    """The payer allowed less than the contract, and it is left at that."""
    short = underpayment.of_claim(case.session, case.row, _claim(case))
    if short is None:
        raise refusal("The payer has answered meanwhile; reload the page.")
    record(
        case.session,
        case.practice.id,
        underpayment.ACCEPTED,
        f"The payment is accepted, ${short.short} below the contract",
        encounter_id=case.row.id,
        actor=case.user.name,
        at=case.now,
        detail={"short": str(short.short)},
    )
    return "The payment stands as posted."


def appeal(case: Case) -> str:
    """The payer is asked to decide again; the letter is drafted from the facts of the denial."""
    refused = _denial(case)
    if "appeal" not in refused.decisions:
        raise refusal("These codes give no right of appeal; correct the claim or write it off.")
    if refused.appeal_deadline is not None and refused.appeal_deadline < case.today:
        raise refusal(f"The deadline for an appeal was {refused.appeal_deadline}.")
    draft_appeal(case, refused)
    _decide_denial(case, refused, "appealed")
    deadline = f"; it must reach the payer by {refused.appeal_deadline}" if refused.appeal_deadline else ""
    return f"The appeal letter is drafted{deadline}."


def write_off(case: Case) -> str:
    """What the payer (or, in the patient's queue, the patient) still owes is given up."""
    account, claim = _owed_account(case), claims.at_work(case.session, case.row)
    if account == ledger.PAYER_RECEIVABLE and claim is not None and claim.frequency_code == claims.VOID:
        raise refusal("A void asks for no money that could be written off; wait, or say that the claim was taken back.")
    rank = claims.rank_of(case.session, claim) if claim is not None else 1
    payer_rank = rank if account == ledger.PAYER_RECEIVABLE else None
    owed = ledger.balance(case.session, case.row.id, account, payer_rank=payer_rank)
    _refuse_above_limit(case, max(abs(owed), case.item.amount))  # before a claim nothing is owed yet
    legs = [(ledger.WRITE_OFF, owed), (account, -owed)]
    _post(case, "write_off", legs, case.decision.reason, payer_rank=payer_rank or 1)
    if claim is None or (rank == 1 and claims.inside(claim)):
        claims.withdraw(case.session, case.row, claim, case.today)
        case.row.disposition = "written_off"
        release_use(case.session, case.row, "written off", case.now)
        return "The visit is written off; nothing is billed."
    if account == ledger.PAYER_RECEIVABLE:
        if rank == 1 and claim.status == "rejected":  # no payer ever decided on it
            release_use(case.session, case.row, "written off", case.now)
        claim.status = "denied"
        for refused in _open_denials(case):
            _decide_denial(case, refused, "written_off")
    return f"${owed} written off."


def bill_patient(case: Case) -> str:
    """The denied amount becomes the patient's, where the payer's group code allows it."""
    refused = _denial(case)
    if not refused.patient_may_be_billed:
        raise refusal(
            f"{refused.reason} makes this the practice's loss, not the patient's: billing the patient would break the "
            "contract. Correct, appeal or write off."
        )
    claim = _claim(case)
    amount = min(refused.amount, claims.owed_by(case.session, case.row, claim))
    legs = [(ledger.PATIENT_RECEIVABLE, amount), (ledger.PAYER_RECEIVABLE, -amount)]
    rank = claims.rank_of(case.session, claim)
    _post(case, "transfer_to_patient", legs, f"Denied {refused.reason}", payer_rank=rank)
    _decide_denial(case, refused, "patient_billed")
    return f"${amount} moved to the patient."


def record_payment(case: Case) -> str:
    """The patient paid."""
    amount = case.dollars("amount", "the amount paid")
    owed = ledger.balance(case.session, case.row.id, ledger.PATIENT_RECEIVABLE)
    if amount > owed:
        raise refusal(f"The patient owes ${owed}; an amount above that belongs to another visit.")
    key = f"decision/{case.decision.command_id}"
    post_patient_payment(case.session, case.row, key, amount, case.today, case.user.name)
    return f"${amount} recorded; ${owed - amount} left."


def refund(case: Case) -> str:
    """What the patient paid too much was returned."""
    credit = -ledger.balance(case.session, case.row.id, ledger.PATIENT_RECEIVABLE)
    if credit <= 0:
        raise refusal("The patient has no credit on this visit.")
    _post(case, "refund", [(ledger.PATIENT_RECEIVABLE, credit), (ledger.CASH, -credit)], "Returned to the patient")
    return f"${credit} returned to the patient."


def statement_sent(case: Case) -> str:
    """A statement went out by hand; the patient has the usual time to pay it."""
    owed = ledger.balance(case.session, case.row.id, ledger.PATIENT_RECEIVABLE)
    detail = {"owed": str(owed), "by_person": True}
    record(
        case.session,
        case.practice.id,
        "patient.statement",
        f"Statement over ${owed} sent",
        encounter_id=case.row.id,
        actor=case.user.name,
        at=case.now,
        detail=detail,
    )
    return "Statement noted; this comes back if it stays unpaid."


DECISIONS: Mapping[str, Callable[[Case], str]] = {
    function.__name__: function
    for function in (
        not_billable,
        override,
        none_needed,
        exceed_limit,
        record_authorization,
        link_authorization,
        patient_pay,
        correct_claim,
        void_claim,
        taken_back,
        keep_claim,
        correct,
        resubmit,
        keep_waiting,
        patient_owes,
        file_next_plan,
        accept_payment,
        appeal,
        write_off,
        bill_patient,
        record_payment,
        refund,
        statement_sent,
    )
}


def _fork_facts(case: Case, claim: ClaimVersionRow | None, charge: Decimal) -> fork.ForkFacts:
    row = case.row
    terms = book_of(case.session, case.practice).plans[row.plan_id].terms_on(row.date_of_service)
    return fork.ForkFacts(
        terms=terms or PlanTerms(effective_from=row.date_of_service),
        excess=fork.excess_of(finding["code"] for finding in case.item.findings) or fork.Excess.AUTHORIZATION,
        date_of_service=row.date_of_service,
        charge=charge,
        notice=notices.as_fact(notices.financial_notice_of(case.session, row)),
        claim_is_out=not claims.inside(claim),
    )


def _claim(case: Case) -> ClaimVersionRow:
    """The claim whose turn it is, whichever of the patient's plans it goes to."""
    claim = claims.at_work(case.session, case.row)
    if claim is None:
        raise refusal("There is no claim for this visit yet.")
    return claim


def _asked_about(case: Case) -> ClaimVersionRow:
    """The claim an item about a change is about: a changed chart concerns the first plan's."""
    if case.item.kind == secondary.OUTDATED:
        return _claim(case)
    claim = claims.current(case.session, case.row)
    if claim is None:
        raise refusal("There is no claim for this visit yet.")
    return claim


def _note(case: Case, kind: str, summary: str, answer: RemittanceClaimRow) -> None:
    """Keep that a person answered what a plan's word left open."""
    record(
        case.session,
        case.practice.id,
        kind,
        summary,
        encounter_id=case.row.id,
        actor=case.user.name,
        at=case.now,
        detail={"remittance_claim": str(answer.id)},
    )


def _denial(case: Case) -> DenialRow:
    refused = claims.open_denial(case.session, _claim(case))
    if refused is None:
        raise refusal("There is no undecided denial on this visit any more; reload the page.")
    return refused


def _open_denials(case: Case) -> list[DenialRow]:
    return list(
        case.session.scalars(select(DenialRow).where(DenialRow.encounter_id == case.row.id, DenialRow.state == "open"))
    )


def _decide_denial(case: Case, refused: DenialRow, state: str) -> None:
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


def _correct(case: Case, changes: dict[str, str]) -> None:
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


def _owed_account(case: Case) -> str:
    return ledger.PATIENT_RECEIVABLE if case.item.queue == Queue.PATIENT_BALANCE.value else ledger.PAYER_RECEIVABLE


def _refuse_above_limit(case: Case, amount: Decimal) -> None:
    limit = tickets.desk_settings(case.practice).write_off_limit
    if amount > limit and case.user.role not in UNLIMITED_WRITE_OFF:
        raise refusal(f"${amount} is above your limit of ${limit}; ask a supervisor to write it off.")


def _post(case: Case, kind: str, legs: ledger.Legs, memo: str, payer_rank: int = 1) -> None:
    ledger.post(
        case.session,
        case.practice.id,
        f"decision/{case.decision.command_id}",
        kind,
        case.today,
        legs,
        encounter_id=case.row.id,
        memo=memo,
        payer_rank=payer_rank,
    )
