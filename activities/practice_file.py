"""Loading a practice file: everything in it is put as it says, by its own ids; what it does not name stays."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pwdlib import PasswordHash
from sqlalchemy import Engine, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Session

from activities.rechecks import recheck_held
from billing.practice import AuthorizationRecord, Payer, Plan, Practice
from models.ids import authorization_workflow_id, batch_workflow_id, inbox_workflow_id, new_id
from models.messages import AuthorizationRef, ConnectionRef
from models.store.life import audit, record, tell
from models.store.session import practice_session
from models.tables.access import UserRow
from models.tables.authorizations import AuthorizationRow
from models.tables.practice import ClinicianRow, FeeRow, LocationRow, PayerRow, PlanRow, PlanTermsRow, PracticeRow


def load_practice(
    engine: Engine, practice: Practice, *, batch_window_seconds: float, inbox_poll_seconds: float
) -> UUID:
    """Put a practice file into the tables, in one commit; loading it twice changes nothing. Returns the practice's id.

    Starts the practice's batch and inbox workflows, and one workflow per new authorization.
    """
    with engine.connect() as connection:
        known = connection.scalar(text("SELECT practice_id FROM find_practice(:x)"), {"x": practice.practice_id})
    practice_id: UUID = known or new_id()
    with practice_session(engine, practice_id) as session:
        _put_practice(session, practice_id, practice)
        _put_people(session, practice_id, practice)
        plans = _put_payers(session, practice_id, practice.payers)
        _put_fees(session, practice_id, practice)
        _put_users(session, practice_id, practice)
        for authorization in practice.authorizations:
            put_authorization(session, practice_id, authorization, plans[authorization.plan_id])
        for connection_name in sorted({payer.connection for payer in practice.payers}):
            reference = ConnectionRef(
                practice_id=practice_id,
                connection=connection_name,
                window_seconds=batch_window_seconds,
                poll_seconds=inbox_poll_seconds,
            )
            start_connection(session, reference)
        recheck_held(session, practice_id)
        audit(session, practice_id, "import", "practice.loaded", f"practice/{practice_id}")
    return practice_id


def start_connection(session: Session, reference: ConnectionRef) -> None:
    """Have claims sent to, and files fetched from, a clearinghouse; harmless where that is done already."""
    practice_id, name = reference.practice_id, reference.connection
    tell(session, practice_id, batch_workflow_id(practice_id, name), "BatchWorkflow", reference)
    tell(session, practice_id, inbox_workflow_id(practice_id, name), "InboxWorkflow", reference)


def put(session: Session, table: type[DeclarativeBase], keys: Iterable[str], **values: Any) -> UUID:
    """Insert a row, or bring the row of the same keys up to date. Returns its id."""
    keys = list(keys)
    statement = insert(table).values(id=new_id(), **values)
    fresh = {name: statement.excluded[name] for name in values if name not in keys}
    statement = statement.on_conflict_do_update(index_elements=keys, set_=fresh or {keys[0]: values[keys[0]]})
    row_id: UUID = session.scalars(statement.returning(table.__table__.c.id)).one()
    return row_id


def put_authorization(session: Session, practice_id: UUID, grant: AuthorizationRecord, plan_id: UUID) -> UUID:
    """Record an authorization unless its id is known; a new one gets its workflow. Returns its id."""
    known = session.scalar(
        select(AuthorizationRow.id).where(
            AuthorizationRow.practice_id == practice_id, AuthorizationRow.external_id == grant.authorization_id
        )
    )
    if known is not None:
        return known
    row = AuthorizationRow(
        id=new_id(),
        practice_id=practice_id,
        external_id=grant.authorization_id,
        version=grant.version,
        number=grant.number,
        kind=grant.kind.value,
        patient_external_id=grant.patient,
        plan_id=plan_id,
        disciplines=[discipline.value for discipline in grant.disciplines],
        unit_of_measure=grant.unit_of_measure.value,
        quantity=grant.total,
        used_before_firstpass=grant.used_before_firstpass,
        codes=list(grant.all_codes),
        code_quantities=dict(grant.code_quantities),
        clinician_npis=list(grant.clinician_npis),
        diagnoses=list(grant.diagnoses),
        effective_from=grant.effective_from,
        effective_to=grant.effective_to,
        status="active",
        flags=[],
    )
    session.add(row)
    session.flush()
    granted = f"{grant.quantity} {grant.unit_of_measure.value} from {grant.effective_from} to {grant.effective_to}"
    recorded = f"Authorization recorded: {granted}"
    record(session, practice_id, "authorization.recorded", recorded, authorization_id=row.id)
    reference = AuthorizationRef(practice_id=practice_id, authorization_id=row.id)
    tell(session, practice_id, authorization_workflow_id(row.id), "AuthorizationWorkflow", reference)
    return row.id


def _put_practice(session: Session, practice_id: UUID, practice: Practice) -> None:
    kept = {"npi", "tax_id", "taxonomy", "address", "phone", "submitter_id", "receiver_id", "receiver_name", "desk"}
    profile = practice.model_dump(mode="json", include=kept)
    values = {
        "external_id": practice.practice_id,
        "name": practice.name,
        "time_zone": practice.time_zone,
        "profile": profile,
    }
    session.execute(
        insert(PracticeRow)
        .values(id=practice_id, revision=1, **values)
        .on_conflict_do_update(index_elements=["id"], set_=values | {"revision": PracticeRow.revision + 1})
    )


def _put_people(session: Session, practice_id: UUID, practice: Practice) -> None:
    by_id = ("practice_id", "external_id")
    for place in practice.locations:
        facts = place.model_dump(mode="json")
        put(
            session,
            LocationRow,
            by_id,
            practice_id=practice_id,
            external_id=place.location_id,
            name=place.name,
            facts=facts,
        )
    for person in practice.clinicians:
        put(
            session,
            ClinicianRow,
            by_id,
            practice_id=practice_id,
            external_id=person.clinician_id,
            first_name=person.first_name,
            last_name=person.last_name,
            role=person.role.value,
            discipline=person.discipline.value,
            facts=person.model_dump(mode="json"),
        )


def _put_payers(session: Session, practice_id: UUID, payers: tuple[Payer, ...]) -> dict[str, UUID]:
    plans: dict[str, UUID] = {}
    for payer in payers:
        payer_id = put(
            session,
            PayerRow,
            ("practice_id", "external_id"),
            practice_id=practice_id,
            external_id=payer.payer_id,
            name=payer.name,
            claim_filing_indicator=payer.claim_filing_indicator,
            connection=payer.connection,
        )
        for plan in payer.plans:
            plans[plan.plan_id] = _put_plan(session, practice_id, payer_id, plan)
    return plans


def _put_plan(session: Session, practice_id: UUID, payer_id: UUID, plan: Plan) -> UUID:
    plan_id = put(
        session,
        PlanRow,
        ("practice_id", "external_id"),
        practice_id=practice_id,
        payer_id=payer_id,
        external_id=plan.plan_id,
        name=plan.name,
    )
    for terms in plan.terms:
        put(
            session,
            PlanTermsRow,
            ("plan_id", "effective_from"),
            practice_id=practice_id,
            plan_id=plan_id,
            effective_from=terms.effective_from,
            effective_to=terms.effective_to,
            terms=terms.model_dump(mode="json"),
            source=terms.source,
        )
    return plan_id


def _put_fees(session: Session, practice_id: UUID, practice: Practice) -> None:
    for fee in practice.fees:
        put(
            session,
            FeeRow,
            ("practice_id", "code", "effective_from"),
            practice_id=practice_id,
            code=fee.code,
            amount=fee.amount,
            effective_from=fee.effective_from,
            effective_to=fee.effective_to,
        )


def _put_users(session: Session, practice_id: UUID, practice: Practice) -> None:
    """A user's password is set by the file once; afterwards it is the user's own."""
    hasher = PasswordHash.recommended()
    hashes: dict[str, str] = {}  # a demo file gives many users one password; Argon2 is slow on purpose
    clinicians = dict(
        session.execute(
            select(ClinicianRow.external_id, ClinicianRow.id).where(ClinicianRow.practice_id == practice_id)
        ).all()
    )
    known = set(session.scalars(select(UserRow.email).where(UserRow.practice_id == practice_id)))
    for user in practice.users:
        if user.email.lower() in known:
            continue
        if user.password is not None and user.password not in hashes:
            hashes[user.password] = hasher.hash(user.password)
        session.add(
            UserRow(
                practice_id=practice_id,
                email=user.email.lower(),
                name=user.name,
                role=user.role.value,
                password_hash=hashes[user.password] if user.password else None,
                clinician_id=clinicians.get(user.clinician_id or ""),
            )
        )
