"""Loading a practice file: everything in it is put as it says, by its own ids; what it does not name stays."""

from uuid import UUID

from pwdlib import PasswordHash
from sqlalchemy import Engine, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from activities.grants import put_authorization
from activities.rechecks import recheck_held
from billing.practice import AuthorizationRecord, Payer, Plan, Practice
from billing.vocabulary import SameDayCounting
from models.ids import batch_workflow_id, inbox_workflow_id, new_id
from models.messages import ConnectionRef
from models.store.life import audit, tell
from models.store.rows import put
from models.store.session import practice_session
from models.tables.access import UserRow
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
            same_day = _same_day(practice, authorization)
            put_authorization(session, practice_id, authorization, plans[authorization.plan_id], same_day)
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


def _same_day(practice: Practice, grant: AuthorizationRecord) -> SameDayCounting:
    """How the plan counts several visits of a day, as of the grant's first day."""
    terms = (
        terms
        for payer in practice.payers
        for plan in payer.plans
        if plan.plan_id == grant.plan_id
        for terms in plan.terms
        if terms.effective_from <= grant.effective_from
    )
    latest = max(terms, key=lambda one: one.effective_from, default=None)
    return latest.same_day_counting if latest else SameDayCounting.PER_DISCIPLINE


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
