"""Authorizations as an integration tells them: created, changed by a higher version, read back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from activities import receiving
from activities.cut_authorizations import Lost, tell_what_is_lost
from activities.grants import record_grant
from activities.receiving import Arrival, FieldError, Kind, RefusedError, refuse_unknown_names
from billing.cut_authorization import TO_DO
from billing.practice import AuthorizationRecord
from models.store import authorizations
from models.store.book import book_of
from models.store.visits import lock_patient_named
from models.tables.authorizations import AuthorizationRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow


@dataclass(frozen=True, slots=True)
class NoLongerCarried:
    """A visit billed under it that a change leaves without authorization. fate: pulled_back (not sent; held again),
    with_the_payer or answered (a person decides; todo says what)."""

    encounter_id: str
    date_of_service: str
    fate: str
    reason: str
    todo: str


@dataclass(frozen=True, slots=True)
class AuthorizationResult:
    """What became of one authorization. status: created | updated | unchanged | refused."""

    authorization_id: str
    version: int | None
    status: str
    errors: tuple[FieldError, ...] = ()
    no_longer_carried: tuple[NoLongerCarried, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthorizationFacts:
    """An authorization as it stands: what was granted, and used, reserved and left of it in its unit of measure."""

    authorization_id: str
    version: int
    number: str
    kind: str
    patient: str
    plan_id: str
    disciplines: tuple[str, ...]
    unit_of_measure: str
    quantity: Decimal
    used: Decimal
    reserved: Decimal
    left: Decimal
    codes: tuple[str, ...]
    code_quantities: Mapping[str, int]
    clinician_npis: tuple[str, ...]
    diagnoses: tuple[str, ...]
    effective_from: date
    effective_to: date
    status: str


def receive_authorizations(
    engine: Engine, practice_id: UUID, source: str, payloads: Iterable[Any]
) -> list[AuthorizationResult]:
    """Take in authorizations, each on its own and whole. Idempotent by the sender's id and version.

    An older or equal version changes nothing; a higher one changes the grant (its number arrived, days were added, it
    was voided), and every visit and booking it may cover is looked at again. A bad one is refused with the fields
    named, the others are kept. source: the name of the integration, for the record.
    """
    results = AUTHORIZATIONS.receive(engine, practice_id, source, payloads)
    receiving.count(engine, practice_id, source, "authorizations", results)
    return results


def _refused(named: str, version: int | None, errors: tuple[FieldError, ...]) -> AuthorizationResult:
    return AuthorizationResult(named, version, receiving.REFUSED, errors)


def _keep(arrival: Arrival[AuthorizationRecord]) -> AuthorizationResult:
    session, practice, grant = arrival.session, arrival.practice, arrival.sent
    refuse_unknown_names([("plan_id", grant.plan_id, book_of(session, practice).plan_ids)])
    lock_patient_named(session, practice.id, grant.patient)
    authorizations.lock_for_patient(session, practice.id, grant.patient)
    known = session.execute(
        select(AuthorizationRow.version, AuthorizationRow.patient_external_id).where(
            AuthorizationRow.practice_id == practice.id, AuthorizationRow.external_id == grant.authorization_id
        )
    ).one_or_none()
    if known is not None and known.patient_external_id != grant.patient:
        message = "this authorization was sent for another patient; void it and send a new id"
        raise RefusedError(FieldError("patient", message))
    if known is not None and grant.version <= known.version:
        return AuthorizationResult(grant.authorization_id, known.version, "unchanged")
    row = record_grant(session, practice, grant, datetime.now(UTC), arrival.source)
    if known is None:
        return AuthorizationResult(grant.authorization_id, grant.version, "created")
    found = tell_what_is_lost(session, practice, row, datetime.now(UTC))
    lost = tuple(_told(session, one) for one in found)
    return AuthorizationResult(grant.authorization_id, grant.version, "updated", no_longer_carried=lost)


def _told(session: Session, one: Lost) -> NoLongerCarried:
    visit = session.get_one(EncounterRow, one.encounter_id)
    return NoLongerCarried(visit.external_id, one.day.isoformat(), one.fate.value, one.reason, TO_DO[one.fate])


AUTHORIZATIONS = Kind(AuthorizationRecord, "authorization_id", _keep, _refused)


def read_authorization(session: Session, practice: PracticeRow, authorization_id: str) -> AuthorizationFacts | None:
    """An authorization by the sender's id, with its numbers summed from the ledger; None if none has that id."""
    row = session.scalars(
        select(AuthorizationRow).where(
            AuthorizationRow.practice_id == practice.id, AuthorizationRow.external_id == authorization_id
        )
    ).one_or_none()
    if row is None:
        return None
    stands = authorizations.standing_of(session, row)
    return AuthorizationFacts(
        authorization_id=row.external_id,
        version=row.version,
        number=row.number,
        kind=row.kind,
        patient=row.patient_external_id,
        plan_id=book_of(session, practice).plans[row.plan_id].plan_id,
        disciplines=tuple(row.disciplines),
        unit_of_measure=row.unit_of_measure,
        quantity=row.quantity,
        used=stands.used,
        reserved=stands.reserved,
        left=stands.left,
        codes=tuple(row.codes),
        code_quantities=dict(row.code_quantities),
        clinician_npis=tuple(row.clinician_npis),
        diagnoses=tuple(row.diagnoses),
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        status=row.status,
    )
