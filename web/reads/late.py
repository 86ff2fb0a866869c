"""What a late authorization changes, ready to print: visit by visit, and what became of each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import late_authorizations
from activities.late_authorizations import Outcome
from billing.late_authorization import Action, Change
from models.tables.authorizations import AuthorizationRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import PracticeRow
from web import formats
from web.formats import Chip
from web.reads import authorizations
from web.reads.authorizations import Balance
from web.reads.visits import stage_chip
from web.viewer import Viewer

ACTIONS = {
    Action.GOES_ON: Chip("good", "✓", "Goes on", "Nothing is out yet: its next check finds the authorization"),
    Action.FILE_AGAIN: Chip("info", "↻", "Made anew", "Ready but not sent: made anew with the number"),
    Action.CORRECT: Chip("warn", "→", "Corrected claim", "Denied for want of it: a corrected claim goes out"),
    Action.CORRECT_AFTER_ANSWER: Chip("info", "◑", "Counted now", "Corrected only if the payer denies it"),
    Action.LINK: Chip("calm", "○", "Counted", "The claim stays as it is"),
    Action.BEYOND: Chip("bad", "!", "Nothing left for it"),
}
SUMMED = {
    Action.GOES_ON: ("visit goes on", "visits go on"),
    Action.FILE_AGAIN: ("claim is made anew before it is sent", "claims are made anew before they are sent"),
    Action.CORRECT: ("denied claim is corrected and sent", "denied claims are corrected and sent"),
    Action.CORRECT_AFTER_ANSWER: ("claim with the payer is counted", "claims with the payer are counted"),
    Action.LINK: ("settled visit is counted", "settled visits are counted"),
}


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One visit of the preview."""

    id: str
    href: str
    visit: str
    day: str
    discipline: str
    stage: Chip
    charge: str
    action: Chip
    reason: str
    possible: bool


@dataclass(frozen=True, slots=True)
class Late:
    """The preview."""

    balance: Balance
    lines: tuple[ChangeLine, ...]
    possible: int
    dollars: str
    sums: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one visit."""

    href: str
    visit: str
    day: str
    action: Chip
    message: str


def late(session: Session, viewer: Viewer, authorization_id: UUID) -> Late | None:
    """Which past visits and claims it changes, oldest first; nothing is written."""
    practice = session.get_one(PracticeRow, viewer.practice_id)
    found = late_authorizations.preview(session, practice, authorization_id, viewer.now)
    if found is None:
        return None
    visits = _visits(session, [UUID(change.encounter_id) for change in found.changes])
    possible = [change for change in found.changes if change.action is not Action.BEYOND]
    return Late(
        balance=authorizations.balances(session, viewer, [authorization_id])[authorization_id],
        lines=tuple(_line(change, visits[UUID(change.encounter_id)]) for change in found.changes),
        possible=len(possible),
        dollars=formats.money(sum((change.charge for change in possible), Decimal(0))),
        sums=_sums([change.action for change in found.changes]),
    )


def visits_of(session: Session, viewer: Viewer, authorization_id: UUID, visit_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the visits that are of the authorization's patient, in this practice."""
    return list(
        session.scalars(
            select(EncounterRow.id)
            .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
            .join(AuthorizationRow, AuthorizationRow.patient_external_id == PatientRow.external_id)
            .where(
                EncounterRow.practice_id == viewer.practice_id,
                AuthorizationRow.id == authorization_id,
                EncounterRow.id.in_(visit_ids),
            )
        )
    )


def told(session: Session, outcomes: Sequence[Outcome]) -> tuple[Done, ...]:
    """What became of each visit that was confirmed."""
    visits = _visits(session, [outcome.encounter_id for outcome in outcomes])
    left = Chip("calm", "○", "Left alone")
    return tuple(
        Done(
            href=f"/encounters/{outcome.encounter_id}",
            visit=visits[outcome.encounter_id].external_id,
            day=formats.day(visits[outcome.encounter_id].date_of_service),
            action=ACTIONS[outcome.action] if outcome.action else left,
            message=outcome.message,
        )
        for outcome in outcomes
    )


def summed(outcomes: Sequence[Outcome]) -> str:
    """``3 visits go on, 1 denied claim is corrected and sent.``"""
    said = ", ".join(_sums([outcome.action for outcome in outcomes if outcome.action is not None]))
    return f"Done: {said}."


def _sums(actions: Sequence[Action]) -> tuple[str, ...]:
    counts = Counter(actions)
    return tuple(formats.plural(counts[action], *words) for action, words in SUMMED.items() if counts[action])


def _visits(session: Session, ids: Sequence[UUID]) -> dict[UUID, EncounterRow]:
    found = session.scalars(select(EncounterRow).where(EncounterRow.id.in_(ids)))
    return {visit.id: visit for visit in found}


def _line(change: Change, visit: EncounterRow) -> ChangeLine:
    return ChangeLine(
        id=change.encounter_id,
        href=f"/encounters/{change.encounter_id}",
        visit=visit.external_id,
        day=formats.day(change.day),
        discipline=visit.discipline,
        stage=stage_chip(visit.stage, visit.held_by, visit.closed_as),
        charge=formats.money(change.charge),
        action=ACTIONS[change.action],
        reason=change.reason,
        possible=change.action is not Action.BEYOND,
    )
