"""A claim that is out: what became of it, whether it still says what the chart and the rules say, whom to ask when."""

from datetime import datetime, timedelta

from sqlalchemy import select

from activities import appeals, balance, claims, cut_authorizations, proofs, secondary, tickets, underpayment, voids
from activities.clock import morning_of, practice_day
from activities.evaluations import evaluate_visit, keep_evaluation
from activities.look import Look
from billing.appeals import sending
from billing.deadlines import add_business_days, submit_by
from billing.vocabulary import Stage
from models.messages import ClaimProgress
from models.store.visits import rules_for
from models.tables.claims import AcknowledgementRow, ClaimRow, ClaimVersionRow
from models.tables.encounters import EvaluationRow
from models.tables.remittances import AppealRow, DenialRow

NOT_WITH_THE_PAYER = ("ready", "rejected")
APPEAL_DECISION_DAYS = 60  # 42 CFR 405.950: a redetermination is decided within 60 days; practice default elsewhere
REMITTANCE_DAYS = 21  # practice default, where the plan has no terms for the day
UNSETTLED = "unsettled"
SILENCE = {
    "unsent": "The claim was ready but has not been sent within 24 hours",
    "no_acknowledgement": "The clearinghouse has not acknowledged the claim",
    "silent_payer": "The payer accepted the claim but has not answered",
    voids.UNANSWERED: "The payer accepted the void but has not taken its decision back",
    UNSETTLED: "The payer still owes an answer on part of the claim",
}


def follow(look: Look, first: ClaimVersionRow) -> ClaimProgress:
    """Where the claims of a visit stand. ``first``: the first plan's; the one at work may be a later plan's."""
    session, row = look.session, look.row
    voids.file(session, row, look.practice, look.book, window_seconds=look.window_seconds, now=look.now)
    claim = claims.current(session, row) or first
    if claims.chart_moved_on(session, row, claim) and (moved := _chart_moved_on(look, claim)):
        return moved
    if claims.inside(claim) and _rules_moved_on(look, claim):
        return ClaimProgress(outcome="to_gates")
    if claims.inside(claim) and _authorization_moved_on(look, claim):
        return ClaimProgress(outcome="to_gates")
    return _stand(look, claims.at_work(session, row) or claim)


def _stand(look: Look, claim: ClaimVersionRow) -> ClaimProgress:
    """Where the claim at work stands, whichever of the patient's plans it goes to."""
    secondary.hold_back(look.session, look.row, claim, look.today)
    if claims.rank_of(look.session, claim) > 1 and (asked := _later_plan(look, claim)):
        return asked
    if claim.status in claims.ANSWERED:
        return _adjudicated(look, claim)
    return _out(look, claim)


# --- does it still say what is true --------------------------------------------------------------------------------


def _chart_moved_on(look: Look, claim: ClaimVersionRow) -> ClaimProgress | None:
    """A newer version came: where no payer has the claim it replaces it, otherwise a person decides."""
    session, row = look.session, look.row
    if claim.frequency_code == claims.VOID and row.facts.get("cancelled"):
        claim.encounter_version = row.version
        return None
    if claim.status in NOT_WITH_THE_PAYER:
        claim.status = "refiling"
        return ClaimProgress(outcome="to_gates")
    encounter, evaluation, _ = evaluate_visit(session, row, look.practice, look.now)
    differences = claims.differences(claim, encounter, evaluation.claim)
    if not differences:
        claim.encounter_version = row.version
        look.record("claim.unaffected", f"Version {row.version} changes nothing on the claim")
        return None
    if encounter.cancelled:
        why = voids.obstacles(session, row, look.book)
        ask = tickets.cancelled_after_billing(row, claim, why, look.desk, look.now)
    else:
        ask = tickets.chart_changed(row, claim, differences, look.desk, look.now)
    look.ask(ask, Stage(row.stage))
    return ClaimProgress(outcome="waiting")


def _rules_moved_on(look: Look, claim: ClaimVersionRow) -> bool:
    """Whether a claim still in the house would be held, or look otherwise, under rules published or retired since."""
    session, row = look.session, look.row
    trace = select(EvaluationRow.trace["practice_rules"]).where(EvaluationRow.encounter_id == row.id)
    ran = session.scalar(trace.order_by(EvaluationRow.created_at.desc()).limit(1)) or []
    if {(one["rule"], one["version"]) for one in ran} == rules_for(session, look.practice, row):
        return False
    encounter, evaluation, _ = evaluate_visit(session, row, look.practice, look.now)
    if evaluation.gate is None and not claims.differences(claim, encounter, evaluation.claim):
        keep_evaluation(session, row, evaluation)
        return False
    claim.status = "refiling"
    look.record("claim.rejudged", "The practice's own rules changed before the claim was sent; it is checked again")
    return True


def _authorization_moved_on(look: Look, claim: ClaimVersionRow) -> bool:
    """Whether a claim still in the house is not carried by its authorization any more: it is pulled back, and why."""
    reason = cut_authorizations.gives_way(look, claim)
    if not reason:
        return False
    claim.status, look.row.touched = "refiling", True
    look.record("claim.pulled_back", f"{reason}. The claim was not sent; it is checked again")
    return True


# --- a later plan's ------------------------------------------------------------------------------------------------


def _later_plan(look: Look, claim: ClaimVersionRow) -> ClaimProgress | None:
    """What is special about a later plan's claim; None when it is looked at as any other."""
    session, row = look.session, look.row
    due = secondary.turn_again(session, row, claim) if claim.frequency_code != claims.VOID else None
    if due is None:
        return None
    outdated = secondary.outdated(session, row, claim)
    if claim.status in claims.TO_BE_FILED_AGAIN or (outdated and claim.status in secondary.NOT_OUT):
        return _file_again(look, claim, due)
    if outdated:
        look.ask(secondary.outdated_ticket(row, claim, due, look.follow_up_at), Stage.REMITTANCE)
        return ClaimProgress(outcome="waiting")
    book = look.book
    if claim.status == secondary.FORWARDED:
        limit = secondary.crossover_limit(row, claim, due, look.practice, book)
        return _until(look.await_plan(limit, secondary.silent_ticket(row, due, book, look.today, look.follow_up_at)))
    owed = claims.owed_by(session, row, claim)
    refused = claims.open_denial(session, claim) is not None or appeals.letter_of(session, claim) is not None
    if claim.status in claims.ANSWERED and owed > 0 and not refused:
        unexplained = secondary.unexplained_ticket(row, due, owed, book, look.follow_up_at)
        return _until(look.await_plan(look.now, unexplained))
    return None


def _file_again(look: Look, claim: ClaimVersionRow, due: secondary.Turn) -> ClaimProgress:
    """Make a later plan's claim anew from what the plan before says now."""
    session, row, practice, book = look.session, look.row, look.practice, look.book
    passed_on = claim.status == secondary.FORWARDED and secondary.passed_on(row, due, book)
    if due.amount > 0 and not passed_on:
        ask = secondary.hold(session, row, due, practice, due_at=look.follow_up_at, now=look.now)
        if ask is not None:
            return _until(look.await_plan(look.now, ask))
    if due.amount <= 0:
        secondary.withdraw(session, row, claim, look.today)
    elif passed_on:
        secondary.wait_for_crossover(session, row, due, practice, look.now)
    else:
        claim.status = claim.status if claim.status in claims.TO_BE_FILED_AGAIN else "refiling"
        secondary.file_next(session, row, due, practice, window_seconds=look.window_seconds, now=look.now)
    return _stand(look, claims.at_work(session, row) or claim)


def _until(look_again_at: datetime | None) -> ClaimProgress:
    return ClaimProgress(outcome="waiting", look_again_at=look_again_at)


# --- answered ------------------------------------------------------------------------------------------------------


def _adjudicated(look: Look, claim: ClaimVersionRow) -> ClaimProgress:
    """A payer has decided: denied, still owing a part, paid too little, or settled."""
    session, row = look.session, look.row
    refused = claims.open_denial(session, claim)
    if refused is not None:
        held_against_it = proofs.against(session, look.practice, row, refused)
        look.ask(tickets.denial(row, refused, look.desk, look.practice, look.now, held_against_it), Stage.DENIAL)
        return ClaimProgress(outcome="waiting")
    if not claims.settled(session, row, claim):
        return _unsettled(look, claim)
    short = underpayment.of_claim(session, row, claim)
    if short is not None:
        return _underpaid(look, claim, short)
    rest = balance.stand(look)
    if rest.outcome == "to_claim":  # the next plan is billed
        return _stand(look, claims.at_work(session, row) or claim)
    return ClaimProgress(
        outcome="closed" if rest.outcome == "settled" else "adjudicated", look_again_at=rest.look_again_at
    )


def _underpaid(look: Look, claim: ClaimVersionRow, short: underpayment.Shortfall) -> ClaimProgress:
    """A person compares with the contract; while the payer is asked, nobody need look."""
    until = look.patience(underpayment.KIND, look.now)
    if look.now < until:
        look.wait(Stage.REMITTANCE, "Waiting: payer asked for the rest")
        return _until(until)
    look.ask(underpayment.underpayment_ticket(look.row, claim, short, look.follow_up_at), Stage.REMITTANCE)
    return ClaimProgress(outcome="waiting")


def _unsettled(look: Look, claim: ClaimVersionRow) -> ClaimProgress:
    """The payer decides on an appeal, whose letter has to be sent first; or it left a remainder unexplained."""
    answered_at = claim.answered_at or look.now
    found = appeals.letter_of(look.session, claim)
    if found is None:
        return _await(look, claim, Stage.DENIAL, answered_at, UNSETTLED)
    letter, refused = found
    if letter.state == appeals.DRAFTED:
        return _letter_waits(look, letter, refused)
    if letter.sent_on is None:  # sent before its day was kept
        return _await(look, claim, Stage.DENIAL, answered_at + timedelta(days=APPEAL_DECISION_DAYS), UNSETTLED)
    limit = morning_of(letter.sent_on + timedelta(days=APPEAL_DECISION_DAYS), look.practice.time_zone)
    sent = sending(str(letter.sent_on), letter.sent_how, letter.sent_reference)
    silent = f"The payer has not answered the appeal, sent {sent}"
    return _await(look, claim, Stage.DENIAL, limit, UNSETTLED, silent)


def _letter_waits(look: Look, letter: AppealRow, refused: DenialRow) -> ClaimProgress:
    """A person is asked to send the letter; a look when that is late, and one when its deadline has passed, say so."""
    ask = tickets.appeal_to_send(look.row, letter, refused, look.desk, look.practice, look.now)
    look.ask(ask, Stage.DENIAL)
    moments = [ask.due_at]
    if letter.deadline is not None:
        moments.append(morning_of(letter.deadline + timedelta(days=1), look.practice.time_zone))
    return _until(min((moment for moment in moments if moment is not None and moment > look.now), default=None))


# --- not answered yet ----------------------------------------------------------------------------------------------


def _out(look: Look, claim: ClaimVersionRow) -> ClaimProgress:
    """A claim that no payer has decided on."""
    if claim.status in ("ready", "batched"):
        return _await(look, claim, Stage.SUBMISSION, submit_by(claim.created_at), "unsent")
    if claim.status == "sent":
        limit = _acknowledgement_limit(look, claim)
        return _await(look, claim, Stage.ACKNOWLEDGEMENT, limit, "no_acknowledgement")
    if claim.status == "accepted":
        kind = voids.UNANSWERED if claim.frequency_code == claims.VOID else "silent_payer"
        return _await(look, claim, Stage.REMITTANCE, _remittance_limit(look, claim), kind)
    return _rejected(look, claim)


def _await(
    look: Look, claim: ClaimVersionRow, stage: Stage, limit: datetime, kind: str, silent: str = ""
) -> ClaimProgress:
    """Wait for others until the limit, then have a person look; a person may have moved the limit (keep waiting).

    silent: who owes what, in words; else as usual for the kind.
    """
    limit = look.patience(kind, limit)
    if look.now < limit:
        look.wait(stage, f"Waiting: {stage.value}")
        return _until(limit)
    message = f"{silent or SILENCE[kind]} (limit {limit:%Y-%m-%d})"
    look.ask(tickets.silence(look.row, claim, kind, message, look.follow_up_at), stage)
    return ClaimProgress(outcome="waiting")


def _acknowledgement_limit(look: Look, claim: ClaimVersionRow) -> datetime:
    zone, sent_at = look.practice.time_zone, claim.sent_at or claim.created_at
    limit = add_business_days(practice_day(sent_at, zone), look.desk.acknowledgement_days)
    return max(morning_of(limit, zone), sent_at + timedelta(days=1))


def _remittance_limit(look: Look, claim: ClaimVersionRow) -> datetime:
    plan_id = look.session.get_one(ClaimRow, claim.claim_id).plan_id
    terms = look.book.plans[plan_id].terms_on(look.row.date_of_service)
    days = terms.follow_up_after_days if terms else REMITTANCE_DAYS
    return (claim.sent_at or claim.created_at) + timedelta(days=days)


def _rejected(look: Look, claim: ClaimVersionRow) -> ClaimProgress:
    refusals = look.session.scalars(
        select(AcknowledgementRow).where(
            AcknowledgementRow.claim_version_id == claim.id, AcknowledgementRow.accepted.is_(False)
        )
    ).all()
    look.ask(tickets.rejection(look.row, claim, refusals, look.desk, look.now), Stage.SCRUB)
    return ClaimProgress(outcome="waiting")
