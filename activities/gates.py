"""The gates before a claim: documentation, authorization, scrub, on the same facts; the first that stops it holds."""

from dataclasses import replace
from uuid import UUID

from activities import authorization_cases, claims, tickets
from activities.clock import morning_of
from activities.evaluations import evaluate_visit, keep_evaluation
from activities.look import Look
from activities.nudges import tell_authorizations
from activities.reservations import reassess_for_visit
from billing.deadlines import submit_by
from billing.findings import Finding, in_sentences, stopping
from billing.trace import Evaluation
from billing.vocabulary import Stage
from models.messages import GateVerdict
from models.store import authorizations
from models.store.desk import Ticket, put_item
from models.tables.claims import ClaimVersionRow


def judge(look: Look, before: ClaimVersionRow | None) -> GateVerdict:
    """Hold the visit at the first gate that stops it, or make its claim ready. ``before``: the claim as it was."""
    session, row = look.session, look.row
    encounter, evaluation, overridden = evaluate_visit(session, row, look.practice, look.now)
    keep_evaluation(session, row, evaluation)
    if evaluation.gate is not None:
        if before is not None:  # what its last claim used it keeps only where it still would
            _use_authorization(look, evaluation, before)
            reassess_for_visit(session, row, look.now)
        _hold(look, evaluation, evaluation.gate, overridden)
        look_again = evaluation.look_again_on
        morning = morning_of(look_again, look.practice.time_zone) if look_again else None
        return GateVerdict(outcome="held", look_again_at=morning)
    _release(look)
    authorization_id = _use_authorization(look, evaluation, before)
    claims.file_claim(
        session,
        row,
        encounter,
        evaluation.claim,
        authorization_id,
        look.practice,
        before,
        window_seconds=look.window_seconds,
        now=look.now,
    )
    reassess_for_visit(session, row, look.now)  # what it had reserved is now its use
    return GateVerdict(outcome="clear", look_again_at=submit_by(look.now))


def _findings_of(evaluation: Evaluation, gate: Stage) -> tuple[Finding, ...]:
    if gate is Stage.DOCUMENTATION:
        return evaluation.documentation
    if gate is Stage.AUTHORIZATION:
        return evaluation.authorization.findings
    return evaluation.scrub


def _hold(look: Look, evaluation: Evaluation, gate: Stage, overridden: frozenset[str]) -> None:
    session, row = look.session, look.row
    found = stopping(_findings_of(evaluation, gate), overridden)
    first = tickets.gravest(found)
    if gate is not Stage.AUTHORIZATION:
        authorization_cases.no_longer_wanted_by(session, row)
    row.held_by = first.code
    look.stand_at(gate)
    hold = tickets.gate_hold(row, gate, found, evaluation.claim.total_charge, look.desk, look.now)
    if gate is Stage.AUTHORIZATION:
        hold = _with_case(look, hold, [finding.code for finding in found])
    if put_item(session, row.practice_id, hold, look.now):
        codes = {"codes": [finding.code for finding in found]}
        look.record("hold.opened", f"{gate.value.capitalize()} hold: {first.message}", codes)


def _with_case(look: Look, hold: Ticket, codes: list[str]) -> Ticket:
    """The hold names the case that works on it, and where that stands."""
    case = authorization_cases.open_for_visit(look.session, look.practice, look.row, codes, look.now)
    if case is None:
        return hold
    stands = authorization_cases.stands(case, look.practice)
    return replace(hold, reason=in_sentences((hold.reason, stands)))


def _release(look: Look) -> None:
    row = look.row
    if row.held_by is None and not row.touched:
        return  # nobody was ever asked anything
    authorization_cases.no_longer_wanted_by(look.session, row)
    row.held_by = None
    item = look.close_work("re-check passed")
    if item is not None:
        row.touched = True
        look.record("hold.cleared", f"{item.queue.capitalize()} hold cleared: the re-check passed")


def _use_authorization(look: Look, evaluation: Evaluation, before: ClaimVersionRow | None) -> UUID | None:
    """Count the visit against the authorization the gate chose; None where none is needed."""
    choice = evaluation.authorization
    if choice.authorization_id is None and before is None:
        return None
    chosen = UUID(choice.authorization_id) if choice.authorization_id else None
    changed = authorizations.set_use(look.session, look.row, chosen, choice.by_code, "visit billed")
    tell_authorizations(look.session, look.row.practice_id, changed)
    return chosen
