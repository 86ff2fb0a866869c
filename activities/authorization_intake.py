"""Authorizations as an integration tells them: created, changed by a higher version, read back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Engine, select
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from activities.grants import record_grant
from activities.intake import FieldError, field_errors
from billing.practice import AuthorizationRecord
from models.store import authorizations
from models.store.book import book_of
from models.store.life import audit
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.practice import PracticeRow


@dataclass(frozen=True, slots=True)
class AuthorizationResult:
    """What became of one authorization. status: created | updated | unchanged | refused."""

    authorization_id: str
    version: int | None
    status: str
    errors: tuple[FieldError, ...] = ()


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
    results = [_receive_one(engine, practice_id, source, payload) for payload in payloads]
    with practice_session(engine, practice_id) as session:
        counts: dict[str, int] = {}
        for result in results:
            counts[result.status] = counts.get(result.status, 0) + 1
        audit(session, practice_id, source, "authorizations.received", "authorizations", counts)
    return results


def _receive_one(engine: Engine, practice_id: UUID, source: str, payload: Any) -> AuthorizationResult:
    named = str(payload.get("authorization_id") or "") if isinstance(payload, Mapping) else ""
    try:
        grant = AuthorizationRecord.model_validate(payload)
    except ValidationError as error:
        return AuthorizationResult(named, None, "refused", tuple(field_errors(error)))
    try:
        with practice_session(engine, practice_id) as session:
            return _keep(session, session.get_one(PracticeRow, practice_id), grant, source)
    except DataError:
        unkept = FieldError("(the whole object)", "a text holds a character that cannot be stored; remove it")
        return AuthorizationResult(grant.authorization_id, grant.version, "refused", (unkept,))


def _keep(session: Session, practice: PracticeRow, grant: AuthorizationRecord, source: str) -> AuthorizationResult:
    if grant.plan_id not in book_of(session, practice).plan_ids:
        message = f"{grant.plan_id!r} is not in the practice file; add it there and import it, or correct the id"
        return AuthorizationResult(grant.authorization_id, grant.version, "refused", (FieldError("plan_id", message),))
    authorizations.lock_for_patient(session, practice.id, grant.patient)
    known = session.execute(
        select(AuthorizationRow.version, AuthorizationRow.patient_external_id).where(
            AuthorizationRow.practice_id == practice.id, AuthorizationRow.external_id == grant.authorization_id
        )
    ).one_or_none()
    if known is not None and known.patient_external_id != grant.patient:
        other = FieldError("patient", "this authorization was sent for another patient; void it and send a new id")
        return AuthorizationResult(grant.authorization_id, grant.version, "refused", (other,))
    if known is not None and grant.version <= known.version:
        return AuthorizationResult(grant.authorization_id, known.version, "unchanged")
    record_grant(session, practice, grant, datetime.now(UTC), source)
    return AuthorizationResult(grant.authorization_id, grant.version, "created" if known is None else "updated")


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
