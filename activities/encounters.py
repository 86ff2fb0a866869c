"""What the encounter's workflow asks to have done: look through the gates, look at the claim, look at the balance.

Each look reads the facts, writes stage, work item, event and evaluation in one transaction, and says when to look
again. Looking twice, or late, harms nothing.
"""

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from temporalio import activity

from activities import authorization_cases, claims, proofs, secondary, tickets, underpayment, voids
from activities.benefits import recheck_held_by_a_limit
from activities.clock import morning_of, practice_day
from activities.nudges import tell_authorizations
from activities.reservations import reassess_for_visit, release_use
from billing.corrections import corrected
from billing.deadlines import add_business_days
from billing.encounter import Encounter
from billing.findings import Finding, stopping
from billing.trace import Evaluation, evaluate, to_dict
from billing.vocabulary import Stage
from models.messages import BalanceProgress, ClaimProgress, GateVerdict, LookAtEncounter
from models.store import authorizations, ledger
from models.store.book import book_of
from models.store.desk import Ticket, close_item, put_item
from models.store.life import record
from models.store.session import practice_session
from models.store.visits import context_of, lock_patient, rules_for
from models.tables.claims import AcknowledgementRow, ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.life import EventRow
from models.tables.practice import PracticeRow
from models.tables.remittances import DenialRow

UNSENT_HOURS = 24  # submit within 24 h (docs/architecture.md, clocks of the trade)
FOLLOW_UP_DUE_DAYS = 2
BALANCE_DUE_DAYS = 5
NOT_WITH_THE_PAYER = ("ready", "rejected")
PATIENT_PAYS, CANCELLED = "patient_pay", "cancelled"
STILL_OWED = (PATIENT_PAYS, CANCELLED)  # nothing is asked of a payer any more, but the patient's account is open
PAID = "paid"


def lock_encounter(session: Session, encounter_id: UUID) -> EncounterRow:
    """The encounter's row, locked until the commit."""
    return session.scalars(select(EncounterRow).where(EncounterRow.id == encounter_id).with_for_update()).one()


def enter(session: Session, row: EncounterRow, stage: Stage, summary: str, now: datetime) -> None:
    """Move an encounter to a stage, saying so once."""
    if row.stage != stage.value:
        row.stage = stage.value
        row.updated_at = now
        record(session, row.practice_id, f"stage.{stage.value}", summary, encounter_id=row.id, at=now)


class EncounterActivities:
    """Gates, claim and balance of one encounter."""

    def __init__(self, engine: Engine, batch_window_seconds: float) -> None:
        self._engine = engine
        self._batch_window_seconds = batch_window_seconds

    @activity.defn(no_thread_cancel_exception=True)
    def check_gates(self, look: LookAtEncounter) -> GateVerdict:
        """Documentation, authorization, scrub, all on the same facts; when all pass, the claim is made ready.

        Idempotent: an encounter whose claim is under way stays so, whatever the facts became since (that is
        check_claim's to judge).
        """
        with practice_session(self._engine, look.practice_id) as session:
            row = lock_encounter(session, look.encounter_id)
            claim = claims.current(session, row)
            if _ended(session, row, claim, look.now):
                return GateVerdict(outcome="closed")
            if row.disposition in STILL_OWED:
                return GateVerdict(outcome="patient_pays")
            if claims.under_way(claim):
                return GateVerdict(outcome="under_way")
            return self._judge(session, row, claim, look.now)

    def _judge(self, session: Session, row: EncounterRow, before: ClaimVersionRow | None, now: datetime) -> GateVerdict:
        practice = session.get_one(PracticeRow, row.practice_id)
        encounter, evaluation, overridden = evaluate_visit(session, row, practice, now)
        _keep_evaluation(session, row, evaluation)
        if evaluation.gate is not None:
            _hold(session, row, evaluation, practice, overridden, now)
            look_again = evaluation.look_again_on
            morning = morning_of(look_again, practice.time_zone) if look_again else None
            return GateVerdict(outcome="held", look_again_at=morning)
        _release(session, row, now)
        authorization_id = _use_authorization(session, row, evaluation, before)
        claims.file_claim(
            session,
            row,
            encounter,
            evaluation.claim,
            authorization_id,
            practice,
            before,
            window_seconds=self._batch_window_seconds,
            now=now,
        )
        reassess_for_visit(session, row, now)  # what it had reserved is now its use
        return GateVerdict(outcome="clear", look_again_at=now + timedelta(hours=UNSENT_HOURS))

    @activity.defn(no_thread_cancel_exception=True)
    def check_claim(self, look: LookAtEncounter) -> ClaimProgress:
        """Where the claim stands, and what a person has to do about it, if anything."""
        with practice_session(self._engine, look.practice_id) as session:
            row = lock_encounter(session, look.encounter_id)
            claim = claims.current(session, row)
            if _ended(session, row, claim, look.now):
                return ClaimProgress(outcome="closed")
            if row.disposition in STILL_OWED:
                return ClaimProgress(outcome="patient_pays")
            if claim is None or not claims.under_way(claim):
                return ClaimProgress(outcome="to_gates")
            self._void(session, row, look.now)
            claim = claims.current(session, row) or claim
            if claims.chart_moved_on(session, row, claim) and (moved := _chart_moved_on(session, row, claim, look.now)):
                return moved
            if claims.inside(claim) and _rules_moved_on(session, row, claim, look.now):
                return ClaimProgress(outcome="to_gates")
            claim = claims.at_work(session, row) or claim
            return self._stand(session, row, claim, look.now)

    @activity.defn(no_thread_cancel_exception=True)
    def check_balance(self, look: LookAtEncounter) -> BalanceProgress:
        """What the patient owes once the payer's part is settled: a statement, then a person, then closed."""
        with practice_session(self._engine, look.practice_id) as session:
            row = lock_encounter(session, look.encounter_id)
            claim = claims.current(session, row)
            if _ended(session, row, claim, look.now):
                return BalanceProgress(outcome="settled")
            if row.disposition is None and claim is not None and _payer_is_heard_again(session, row, claim):
                return BalanceProgress(outcome="to_claim")
            return self._balance(session, row, look.now)

    def _balance(self, session: Session, row: EncounterRow, now: datetime) -> BalanceProgress:
        """What is left once a plan's part is settled: the next plan's first, then the patient's."""
        due = secondary.turn(session, row, claims.at_work(session, row))
        if due is not None:
            return self._next_plan(session, row, due, now)
        owed = ledger.balance(session, row.id, ledger.PATIENT_RECEIVABLE)
        if owed != 0:
            return _collect(session, row, owed, now)
        _close(session, row, _ending(session, row), "Nothing is owed any more; closed", now)
        return BalanceProgress(outcome="settled")

    def _next_plan(self, session: Session, row: EncounterRow, due: secondary.Turn, now: datetime) -> BalanceProgress:
        """The patient is asked for nothing while another plan may pay it: that plan is billed, or waited for."""
        practice = session.get_one(PracticeRow, row.practice_id)
        book = book_of(session, practice)
        if secondary.passed_on(row, due, book):
            secondary.wait_for_crossover(session, row, due, practice, now)
            return BalanceProgress(outcome="to_claim")
        why = secondary.obstacles(session, row, due, book)
        if not why:
            secondary.file_next(session, row, due, practice, window_seconds=self._batch_window_seconds, now=now)
            return BalanceProgress(outcome="to_claim")
        due_at = now + timedelta(days=FOLLOW_UP_DUE_DAYS)
        asked = _await_or(session, row, now, secondary.stuck_ticket(row, due, why, book, due_at), now)
        return BalanceProgress(outcome="waiting", look_again_at=asked.look_again_at)

    def _stand(self, session: Session, row: EncounterRow, claim: ClaimVersionRow, now: datetime) -> ClaimProgress:
        """Where the claim at work stands, whichever of the patient's plans it goes to."""
        practice = session.get_one(PracticeRow, row.practice_id)
        secondary.hold_back(session, row, claim, practice_day(now, practice.time_zone))
        if claims.rank_of(session, claim) > 1 and (asked := self._later_plan(session, row, claim, practice, now)):
            return asked
        if claim.status in claims.ANSWERED:
            return self._adjudicated(session, row, claim, practice, now)
        return _out(session, row, claim, practice, now)

    def _void(self, session: Session, row: EncounterRow, now: datetime) -> None:
        """File what a person asked to be taken back."""
        practice = session.get_one(PracticeRow, row.practice_id)
        book = book_of(session, practice)
        voids.file(session, row, practice, book, window_seconds=self._batch_window_seconds, now=now)

    def _later_plan(
        self, session: Session, row: EncounterRow, claim: ClaimVersionRow, practice: PracticeRow, now: datetime
    ) -> ClaimProgress | None:
        """What is special about a later plan's claim; None when it is looked at as any other."""
        due = secondary.turn_again(session, row, claim) if claim.frequency_code != claims.VOID else None
        if due is None:
            return None
        outdated = secondary.outdated(session, row, claim)
        if claim.status in claims.TO_BE_FILED_AGAIN or (outdated and claim.status in secondary.NOT_OUT):
            return self._file_again(session, row, claim, due, practice, now)
        due_at = now + timedelta(days=FOLLOW_UP_DUE_DAYS)
        if outdated:
            _ask(session, row, secondary.outdated_ticket(row, claim, due, due_at), Stage.REMITTANCE, now)
            return ClaimProgress(outcome="waiting")
        book = book_of(session, practice)
        if claim.status == secondary.FORWARDED:
            limit = secondary.crossover_limit(row, claim, due.rank, book)
            return _await_or(session, row, limit, secondary.silent_ticket(row, due, book, due_at), now)
        owed = claims.owed_by(session, row, claim)
        refused = claims.open_denial(session, claim) is not None or _disputed(session, claim)
        if claim.status in claims.ANSWERED and owed > 0 and not refused:
            return _await_or(session, row, now, secondary.unexplained_ticket(row, due, owed, book, due_at), now)
        return None

    def _file_again(
        self,
        session: Session,
        row: EncounterRow,
        claim: ClaimVersionRow,
        due: secondary.Turn,
        practice: PracticeRow,
        now: datetime,
    ) -> ClaimProgress:
        """Make a later plan's claim anew from what the plan before says now."""
        book, today = book_of(session, practice), practice_day(now, practice.time_zone)
        passed_on = claim.status == secondary.FORWARDED and secondary.passed_on(row, due, book)
        why = [] if due.amount <= 0 or passed_on else secondary.obstacles(session, row, due, book)
        if why:
            due_at = now + timedelta(days=FOLLOW_UP_DUE_DAYS)
            return _await_or(session, row, now, secondary.stuck_ticket(row, due, why, book, due_at), now)
        if due.amount <= 0:
            secondary.withdraw(session, row, claim, today)
        elif passed_on:
            secondary.wait_for_crossover(session, row, due, practice, now)
        else:
            claim.status = claim.status if claim.status in claims.TO_BE_FILED_AGAIN else "refiling"
            secondary.file_next(session, row, due, practice, window_seconds=self._batch_window_seconds, now=now)
        return self._stand(session, row, claims.at_work(session, row) or claim, now)

    def _adjudicated(
        self, session: Session, row: EncounterRow, claim: ClaimVersionRow, practice: PracticeRow, now: datetime
    ) -> ClaimProgress:
        refused = claims.open_denial(session, claim)
        if refused is not None:
            held_against_it = proofs.against(session, practice, row, refused)
            ask = tickets.denial(row, refused, tickets.desk_settings(practice), practice, now, held_against_it)
            _ask(session, row, ask, Stage.DENIAL, now)
            return ClaimProgress(outcome="waiting")
        if not claims.settled(session, row, claim):
            # an appeal is out, or the payer left a remainder unexplained
            limit = (claim.answered_at or now) + timedelta(
                days=APPEAL_DECISION_DAYS if _disputed(session, claim) else 0
            )
            return _await(session, row, claim, Stage.DENIAL, limit, "unsettled", now)
        short = underpayment.of_claim(session, row, claim)
        if short is not None:
            return _underpaid(session, row, claim, short, now)
        balance = self._balance(session, row, now)
        if balance.outcome == "to_claim":  # the next plan is billed
            return self._stand(session, row, claims.at_work(session, row) or claim, now)
        return ClaimProgress(
            outcome="closed" if balance.outcome == "settled" else "adjudicated", look_again_at=balance.look_again_at
        )


def _underpaid(
    session: Session, row: EncounterRow, claim: ClaimVersionRow, short: underpayment.Shortfall, now: datetime
) -> ClaimProgress:
    """A person compares with the contract; while the payer is asked, nobody need look."""
    until = _waiting_until(session, row, underpayment.KIND)
    if until is not None and now < until:
        _quiet(session, row, now)
        enter(session, row, Stage.REMITTANCE, "Waiting: payer asked for the rest", now)
        return ClaimProgress(outcome="waiting", look_again_at=until)
    ask = underpayment.underpayment_ticket(row, claim, short, now + timedelta(days=FOLLOW_UP_DUE_DAYS))
    _ask(session, row, ask, Stage.REMITTANCE, now)
    return ClaimProgress(outcome="waiting")


def _payer_is_heard_again(session: Session, row: EncounterRow, first: ClaimVersionRow) -> bool:
    """The chart changed, or a payer took money back or added some, after its part seemed settled."""
    claim = claims.at_work(session, row) or first
    if claims.chart_moved_on(session, row, first) or not claims.settled(session, row, claim):
        return True
    return claims.rank_of(session, claim) > 1 and secondary.outdated(session, row, claim)


def _ending(session: Session, row: EncounterRow) -> str:
    if row.disposition is not None:
        return row.disposition
    return PAID if ledger.balance(session, row.id, ledger.WRITE_OFF) == 0 else "written_off"


def _close(session: Session, row: EncounterRow, closed_as: str, summary: str, now: datetime) -> None:
    close_item(session, row.practice_id, tickets.subject_of(row.id), closed_as, now)
    if row.closed_at is None:
        _no_longer_asks(session, row)
        row.closed_at, row.closed_as, row.held_by = now, closed_as, None
        if closed_as != PAID:
            recheck_held_by_a_limit(session, row)
        enter(session, row, Stage.CLOSED, summary, now)


def _ended(session: Session, row: EncounterRow, claim: ClaimVersionRow | None, now: datetime) -> bool:
    """Whether a person, or the chart, ended the encounter otherwise than by payment."""
    if row.facts.get("cancelled") and claim is not None and claim.status == "correcting":
        claim.status = "accepted"  # the payer has it; what is to be corrected is that it was billed at all
    if row.facts.get("cancelled") and row.closed_at is None and claims.inside(claim) and voids.done(session, row):
        _cancel(session, row, claim, now)
    elif row.disposition == CANCELLED and not row.facts.get("cancelled"):
        row.disposition = None  # the visit took place after all
    elif row.disposition not in (None, *STILL_OWED):
        assert row.disposition is not None
        _close(session, row, row.disposition, f"Closed: {row.disposition.replace('_', ' ')}", now)
    return row.closed_at is not None


def _cancel(session: Session, row: EncounterRow, claim: ClaimVersionRow | None, now: datetime) -> None:
    """Nothing is billed for the visit: charge and authorization are released, and what the patient paid is returned."""
    practice = session.get_one(PracticeRow, row.practice_id)
    today = practice_day(now, practice.time_zone)
    voids.give_back_shares(session, row, today)
    claims.withdraw(session, row, claim, today)
    release_use(session, row, "visit cancelled", now)
    if ledger.balance(session, row.id, ledger.PATIENT_RECEIVABLE) == 0:
        _close(session, row, CANCELLED, "The chart cancelled the visit; nothing is billed", now)
    else:
        row.disposition = CANCELLED


def evaluate_visit(
    session: Session, row: EncounterRow, practice: PracticeRow, now: datetime
) -> tuple[Encounter, Evaluation, frozenset[str]]:
    """The visit through the billers' corrections, its evaluation, and which finding codes are overridden."""
    lock_patient(session, row)
    encounter = corrected(row.facts, row.corrections)
    context = context_of(session, practice, row, encounter, practice_day(now, practice.time_zone))
    return encounter, evaluate(encounter, context), context.overridden


def _keep_evaluation(session: Session, row: EncounterRow, evaluation: Evaluation) -> None:
    trace = to_dict(evaluation)
    sha256 = hashlib.sha256(json.dumps(trace, sort_keys=True).encode()).hexdigest()
    newest = (
        select(EvaluationRow.sha256)
        .where(EvaluationRow.encounter_id == row.id)
        .order_by(EvaluationRow.created_at.desc())
        .limit(1)
    )
    if (row.held_by is not None or row.touched) and session.scalar(newest) == sha256:
        return
    session.add(
        EvaluationRow(
            practice_id=row.practice_id,
            encounter_id=row.id,
            encounter_version=row.version,
            rulebook_version=evaluation.rulebook_version,
            gate=evaluation.gate.value if evaluation.gate else None,
            trace=trace,
            sha256=sha256,
            expected_payment=evaluation.claim.expected_payment,
        )
    )


def _findings_of_gate(evaluation: Evaluation) -> tuple[Finding, ...]:
    if evaluation.gate is Stage.DOCUMENTATION:
        return evaluation.documentation
    if evaluation.gate is Stage.AUTHORIZATION:
        return evaluation.authorization.findings
    return evaluation.scrub


def _hold(
    session: Session,
    row: EncounterRow,
    evaluation: Evaluation,
    practice: PracticeRow,
    overridden: frozenset[str],
    now: datetime,
) -> None:
    gate = evaluation.gate or Stage.SCRUB
    found = stopping(_findings_of_gate(evaluation), overridden)
    first = tickets.gravest(found)
    charge = evaluation.claim.total_charge
    if gate is not Stage.AUTHORIZATION:
        _no_longer_asks(session, row)
    row.held_by = first.code
    row.stage, row.updated_at = gate.value, now
    hold = tickets.gate_hold(row, gate, found, charge, tickets.desk_settings(practice), now)
    if gate is Stage.AUTHORIZATION:
        hold = _with_case(session, practice, row, hold, [finding.code for finding in found], now)
    if put_item(session, row.practice_id, hold, now):
        codes = {"codes": [finding.code for finding in found]}
        summary = f"{gate.value.capitalize()} hold: {first.message}"
        record(session, row.practice_id, "hold.opened", summary, encounter_id=row.id, at=now, detail=codes)


def _with_case(
    session: Session, practice: PracticeRow, row: EncounterRow, hold: Ticket, codes: list[str], now: datetime
) -> Ticket:
    """The hold names the case that works on it, and where that stands."""
    case = authorization_cases.open_for_visit(session, practice, row, codes, now)
    if case is None:
        return hold
    return replace(hold, reason=tickets.in_one_line((hold.reason, authorization_cases.stands(case, practice))))


def _no_longer_asks(session: Session, row: EncounterRow) -> None:
    """A visit leaves the authorization gate: a case nobody has begun may be wanted by nothing any more."""
    if row.stage == Stage.AUTHORIZATION.value:
        authorization_cases.look_again(session, row.practice_id, row.facts["patient"]["patient_id"])


def _release(session: Session, row: EncounterRow, now: datetime) -> None:
    if row.held_by is None and not row.touched:
        return  # nobody was ever asked anything
    _no_longer_asks(session, row)
    row.held_by = None
    item = close_item(session, row.practice_id, tickets.subject_of(row.id), "re-check passed", now)
    if item is not None:
        row.touched = True
        summary = f"{item.queue.capitalize()} hold cleared: the re-check passed"
        record(session, row.practice_id, "hold.cleared", summary, encounter_id=row.id, at=now)


def _use_authorization(
    session: Session, row: EncounterRow, evaluation: Evaluation, before: ClaimVersionRow | None
) -> UUID | None:
    choice = evaluation.authorization
    if choice.authorization_id is None and before is None:
        return None
    chosen = UUID(choice.authorization_id) if choice.authorization_id else None
    changed = authorizations.set_use(session, row, chosen, choice.by_code, "visit billed")
    tell_authorizations(session, row.practice_id, changed)
    return chosen


def _chart_moved_on(session: Session, row: EncounterRow, claim: ClaimVersionRow, now: datetime) -> ClaimProgress | None:
    """A newer version came: where no payer has the claim it replaces it, otherwise a person decides."""
    if claim.frequency_code == claims.VOID and row.facts.get("cancelled"):
        claim.encounter_version = row.version
        return None
    if claim.status in NOT_WITH_THE_PAYER:
        claim.status = "refiling"
        return ClaimProgress(outcome="to_gates")
    practice = session.get_one(PracticeRow, row.practice_id)
    encounter, evaluation, _ = evaluate_visit(session, row, practice, now)
    differences = claims.differences(claim, encounter, evaluation.claim)
    if not differences:
        claim.encounter_version = row.version
        summary = f"Version {row.version} changes nothing on the claim"
        record(session, row.practice_id, "claim.unaffected", summary, encounter_id=row.id, at=now)
        return None
    desk = tickets.desk_settings(practice)
    if encounter.cancelled:
        why = voids.obstacles(session, row, book_of(session, practice))
        ask = tickets.cancelled_after_billing(row, claim, why, desk, now)
    else:
        ask = tickets.chart_changed(row, claim, differences, desk, now)
    _ask(session, row, ask, Stage(row.stage), now)
    return ClaimProgress(outcome="waiting")


def _rules_moved_on(session: Session, row: EncounterRow, claim: ClaimVersionRow, now: datetime) -> bool:
    """Whether a claim still in the house would be held, or look otherwise, under rules published or retired since."""
    practice = session.get_one(PracticeRow, row.practice_id)
    trace = select(EvaluationRow.trace["practice_rules"]).where(EvaluationRow.encounter_id == row.id)
    ran = session.scalar(trace.order_by(EvaluationRow.created_at.desc()).limit(1)) or []
    if {(one["rule"], one["version"]) for one in ran} == rules_for(session, practice, row):
        return False
    encounter, evaluation, _ = evaluate_visit(session, row, practice, now)
    if evaluation.gate is None and not claims.differences(claim, encounter, evaluation.claim):
        _keep_evaluation(session, row, evaluation)
        return False
    claim.status = "refiling"
    summary = "The practice's own rules changed before the claim was sent; it is checked again"
    record(session, row.practice_id, "claim.rejudged", summary, encounter_id=row.id, at=now)
    return True


def _ask(session: Session, row: EncounterRow, ask: Ticket, stage: Stage, now: datetime) -> None:
    """Put work before a person, and say so once in the encounter's life."""
    row.touched = True
    if put_item(session, row.practice_id, ask, now):
        record(session, row.practice_id, f"work.{ask.kind}", ask.reason, encounter_id=row.id, at=now)
    row.stage, row.updated_at = stage.value, now


def _quiet(session: Session, row: EncounterRow, now: datetime) -> None:
    """Nothing is asked of anybody at present."""
    close_item(session, row.practice_id, tickets.subject_of(row.id), "answered", now)


def _out(
    session: Session, row: EncounterRow, claim: ClaimVersionRow, practice: PracticeRow, now: datetime
) -> ClaimProgress:
    """A claim that no payer has decided on."""
    if claim.status in ("ready", "batched"):
        return _await(session, row, claim, Stage.SUBMISSION, _unsent_limit(claim), "unsent", now)
    if claim.status == "sent":
        limit = _acknowledgement_limit(claim, practice)
        return _await(session, row, claim, Stage.ACKNOWLEDGEMENT, limit, "no_acknowledgement", now)
    if claim.status == "accepted":
        limit = _remittance_limit(session, row, claim)
        if claim.frequency_code == claims.VOID:
            return _await(session, row, claim, Stage.REMITTANCE, limit, voids.UNANSWERED, now)
        return _await(session, row, claim, Stage.REMITTANCE, limit, "silent_payer", now)
    return _rejected(session, row, claim, practice, now)


SILENCE = {
    "unsent": "The claim was ready but has not been sent within 24 hours",
    "no_acknowledgement": "The clearinghouse has not acknowledged the claim",
    "silent_payer": "The payer accepted the claim but has not answered",
    voids.UNANSWERED: "The payer accepted the void but has not taken its decision back",
    "unsettled": "The payer still owes an answer on part of the claim",
}


def _await(
    session: Session,
    row: EncounterRow,
    claim: ClaimVersionRow,
    stage: Stage,
    limit: datetime,
    kind: str,
    now: datetime,
) -> ClaimProgress:
    """Wait for others until the limit, then have a person look; a person may have moved the limit (keep waiting)."""
    limit = max(limit, _waiting_until(session, row, kind) or limit)
    if now < limit:
        _quiet(session, row, now)
        enter(session, row, stage, f"Waiting: {stage.value}", now)
        return ClaimProgress(outcome="waiting", look_again_at=limit)
    message = f"{SILENCE[kind]} (limit {limit:%Y-%m-%d})"
    due_at = now + timedelta(days=FOLLOW_UP_DUE_DAYS)
    _ask(session, row, tickets.silence(row, claim, kind, message, due_at), stage, now)
    return ClaimProgress(outcome="waiting")


def _await_or(session: Session, row: EncounterRow, limit: datetime, ask: Ticket, now: datetime) -> ClaimProgress:
    """Wait for another plan until the limit, or as long as a person chose to; then ask what the ticket asks."""
    limit = max(limit, _waiting_until(session, row, ask.kind) or limit)
    if now < limit:
        _quiet(session, row, now)
        enter(session, row, Stage.REMITTANCE, "Waiting: the patient's next plan", now)
        return ClaimProgress(outcome="waiting", look_again_at=limit)
    _ask(session, row, ask, Stage.REMITTANCE, now)
    return ClaimProgress(outcome="waiting")


def _waiting_until(session: Session, row: EncounterRow, kind: str) -> datetime | None:
    """Until when a person decided to keep waiting for this answer."""
    last = session.scalar(
        select(EventRow.detail)
        .where(EventRow.encounter_id == row.id, EventRow.kind == f"waiting.{kind}")
        .order_by(EventRow.id.desc())
        .limit(1)
    )
    return datetime.fromisoformat(last["until"]) if last else None


def _unsent_limit(claim: ClaimVersionRow) -> datetime:
    return claim.created_at + timedelta(hours=UNSENT_HOURS)


def _acknowledgement_limit(claim: ClaimVersionRow, practice: PracticeRow) -> datetime:
    sent_at = claim.sent_at or claim.created_at
    days = tickets.desk_settings(practice).acknowledgement_days
    limit = add_business_days(practice_day(sent_at, practice.time_zone), days)
    return max(morning_of(limit, practice.time_zone), sent_at + timedelta(days=1))


def _remittance_limit(session: Session, row: EncounterRow, claim: ClaimVersionRow) -> datetime:
    book = book_of(session, session.get_one(PracticeRow, row.practice_id))
    plan_id = session.get_one(ClaimRow, claim.claim_id).plan_id
    terms = book.plans[plan_id].terms_on(row.date_of_service)
    days = terms.follow_up_after_days if terms else 21
    return (claim.sent_at or claim.created_at) + timedelta(days=days)


def _rejected(
    session: Session, row: EncounterRow, claim: ClaimVersionRow, practice: PracticeRow, now: datetime
) -> ClaimProgress:
    refusals = session.scalars(
        select(AcknowledgementRow).where(
            AcknowledgementRow.claim_version_id == claim.id, AcknowledgementRow.accepted.is_(False)
        )
    ).all()
    ask = tickets.rejection(row, claim, refusals, tickets.desk_settings(practice), now)
    _ask(session, row, ask, Stage.SCRUB, now)
    return ClaimProgress(outcome="waiting")


APPEAL_DECISION_DAYS = 60  # 42 CFR 405.950: a redetermination is decided within 60 days; practice default elsewhere


def _disputed(session: Session, claim: ClaimVersionRow) -> bool:
    """Whether an appeal of this filing is out."""
    appealed = select(DenialRow.id).where(DenialRow.claim_version_id == claim.id, DenialRow.state == "appealed")
    return session.scalar(appealed.limit(1)) is not None


def _collect(session: Session, row: EncounterRow, owed: Decimal, now: datetime) -> BalanceProgress:
    practice = session.get_one(PracticeRow, row.practice_id)
    desk = tickets.desk_settings(practice)
    due_at = now + timedelta(days=BALANCE_DUE_DAYS)
    if owed < 0:
        message = f"The patient paid ${-owed} too much"
        ask = tickets.balance(row, owed, message, "credit_balance", due_at)
        _ask(session, row, ask, Stage.PATIENT_BALANCE, now)
        return BalanceProgress(outcome="waiting")
    statement = _statement(session, row, owed, now)
    statement_at = statement.at
    look_again_at = statement_at + timedelta(days=desk.statement_days)
    if owed >= desk.patient_call_threshold and not statement.detail.get("by_person"):
        message = f"The patient owes ${owed}, above the practice's limit of ${desk.patient_call_threshold} for a call"
        _ask(session, row, tickets.balance(row, owed, message, "large_balance", due_at), Stage.PATIENT_BALANCE, now)
        return BalanceProgress(outcome="waiting")
    if now >= look_again_at:
        message = f"The patient owes ${owed}; the statement of {statement_at:%Y-%m-%d} is unpaid"
        _ask(session, row, tickets.balance(row, owed, message, "unpaid_statement", due_at), Stage.PATIENT_BALANCE, now)
        return BalanceProgress(outcome="waiting")
    _quiet(session, row, now)
    enter(session, row, Stage.PATIENT_BALANCE, f"The patient owes ${owed}", now)
    return BalanceProgress(outcome="waiting", look_again_at=look_again_at)


def _statement(session: Session, row: EncounterRow, owed: Decimal, now: datetime) -> EventRow:
    """The last statement over this balance; makes it if there is none."""
    newest = (
        select(EventRow)
        .where(EventRow.encounter_id == row.id, EventRow.kind == "patient.statement")
        .order_by(EventRow.id.desc())
        .limit(1)
    )
    last = session.scalars(newest).one_or_none()
    if last is not None and last.detail.get("owed") == str(owed):
        return last
    summary = f"Statement over ${owed} made for the patient"
    detail = {"owed": str(owed)}
    record(session, row.practice_id, "patient.statement", summary, encounter_id=row.id, at=now, detail=detail)
    session.flush()
    return session.scalars(newest).one()
