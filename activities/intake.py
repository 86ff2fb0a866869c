"""Taking in visits from the chart. Each visit is one transaction.

Idempotent by the sender's id and version: the same version again changes nothing, a newer one updates the visit and has
it checked again, the same version with other facts is refused, because one of the two must be a mistake.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from activities import receiving
from activities.nudges import begin, reopen
from activities.receiving import Arrival, FieldError, Kind, RefusedError, fingerprint, refuse_unknown_names
from activities.reservations import reassess_for_visit
from billing.encounter import Encounter
from billing.vocabulary import Stage
from models.store.book import book_of
from models.store.life import record
from models.store.rows import insert_once, put
from models.tables.encounters import EncounterRow, EncounterVersionRow
from models.tables.patients import (
    CoverageRow,
    EpisodeRow,
    OrderRow,
    PatientRow,
    PlanOfCareRow,
    ProgressReportRow,
)
from models.tables.practice import PracticeRow


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What became of one visit. status: created | updated | unchanged | refused."""

    encounter_id: str
    version: int | None
    status: str
    errors: tuple[FieldError, ...] = ()


def receive(engine: Engine, practice_id: UUID, source: str, payloads: Iterable[Any]) -> list[IntakeResult]:
    """Take in visits, each on its own: a bad one is refused with the fields named, the others are kept.

    source: the name of the integration or file, for the record.
    """
    results = ENCOUNTERS.receive(engine, practice_id, source, payloads)
    receiving.count(engine, practice_id, source, "encounters", results)
    return results


def _refused(named: str, version: int | None, errors: tuple[FieldError, ...]) -> IntakeResult:
    return IntakeResult(named, version, receiving.REFUSED, errors)


def _keep(arrival: Arrival[Encounter]) -> IntakeResult:
    session, practice_id, source, encounter = arrival.session, arrival.practice_id, arrival.source, arrival.sent
    known = find(session, practice_id, encounter.encounter_id)
    sha256 = fingerprint(arrival.payload)
    if known is not None and encounter.version <= known.version:
        _refuse_a_rewritten_version(session, known, encounter, sha256)
        return IntakeResult(encounter.encounter_id, encounter.version, "unchanged")
    facts = _facts_of(session, practice_id, encounter)
    if known is None:
        row = _create(session, practice_id, encounter, facts)
        if row is None:  # the same visit came in twice at once; the other one was first
            return _keep(arrival)
    else:
        row = _update(known, facts)
    _keep_version(session, row, source, arrival.payload, sha256)
    _announce(session, row, source, created=known is None)
    reassess_for_visit(session, row, datetime.now(UTC))
    return IntakeResult(encounter.encounter_id, encounter.version, "created" if known is None else "updated")


def find(session: Session, practice_id: UUID, external_id: str) -> EncounterRow | None:
    """The visit of that id of its sender's, locked; None where none was received."""
    return session.scalars(
        select(EncounterRow)
        .where(EncounterRow.practice_id == practice_id, EncounterRow.external_id == external_id)
        .with_for_update()
    ).one_or_none()


def _refuse_a_rewritten_version(session: Session, known: EncounterRow, encounter: Encounter, sha256: str) -> None:
    before = session.scalar(
        select(EncounterVersionRow.sha256).where(
            EncounterVersionRow.encounter_id == known.id, EncounterVersionRow.version == encounter.version
        )
    )
    if before is not None and before != sha256:
        message = f"version {encounter.version} was sent before with other facts; send the change as a higher version"
        raise RefusedError(FieldError("version", message))


def _facts_of(session: Session, practice_id: UUID, encounter: Encounter) -> dict[str, Any]:
    """Columns of the encounter's row, after putting patient, coverage, episode and papers where they belong.

    Raises RefusedError when the visit names a plan or a clinician the practice file does not.
    """
    book = book_of(session, session.get_one(PracticeRow, practice_id))
    plans, clinicians = book.plan_ids, book.clinician_ids
    _refuse_unknown_names(encounter, plans, clinicians)
    patient_id = _put_patient(session, practice_id, encounter)
    for coverage in encounter.administrative.coverages:
        put(
            session,
            CoverageRow,
            ("patient_id", "plan_id", "member_id"),
            practice_id=practice_id,
            patient_id=patient_id,
            plan_id=plans[coverage.plan_id],
            rank=coverage.rank,
            member_id=coverage.member_id,
            facts=coverage.model_dump(mode="json"),
        )
    return {
        "date_of_service": encounter.date_of_service,
        "discipline": encounter.discipline.value,
        "patient_id": patient_id,
        "episode_id": _put_episode(session, practice_id, patient_id, encounter),
        "plan_id": plans[encounter.administrative.primary.plan_id],
        "clinician_id": clinicians[encounter.compliance.rendering_clinician_id],
        "facts": encounter.model_dump(mode="json"),
        "version": encounter.version,
        "updated_at": datetime.now(UTC),
    }


def _refuse_unknown_names(encounter: Encounter, plans: Mapping[str, UUID], clinicians: Mapping[str, UUID]) -> None:
    named_plans = [
        (f"administrative.coverages.{index}.plan_id", coverage.plan_id, plans)
        for index, coverage in enumerate(encounter.administrative.coverages)
    ]
    named_people = [
        (f"timing.services.{line}.minutes.{index}.clinician_id", person.clinician_id, clinicians)
        for line, service in enumerate(encounter.timing.services)
        for index, person in enumerate(service.minutes)
    ]
    named_people.append(("compliance.rendering_clinician_id", encounter.compliance.rendering_clinician_id, clinicians))
    refuse_unknown_names((*named_plans, *named_people))


def _put_patient(session: Session, practice_id: UUID, encounter: Encounter) -> UUID:
    patient = encounter.patient
    return put(
        session,
        PatientRow,
        ("practice_id", "external_id"),
        practice_id=practice_id,
        external_id=patient.patient_id,
        first_name=patient.first_name,
        last_name=patient.last_name,
        birth_date=patient.birth_date,
        facts=patient.model_dump(mode="json"),
    )


def _put_episode(session: Session, practice_id: UUID, patient_id: UUID, encounter: Encounter) -> UUID:
    compliance = encounter.compliance
    episode_id = put(
        session,
        EpisodeRow,
        ("practice_id", "external_id", "discipline"),
        practice_id=practice_id,
        patient_id=patient_id,
        external_id=compliance.episode.episode_id,
        discipline=encounter.discipline.value,
        started_on=compliance.episode.started_on,
    )
    if compliance.plan_of_care is not None:
        paper = compliance.plan_of_care
        put(
            session,
            PlanOfCareRow,
            ("episode_id", "external_id"),
            practice_id=practice_id,
            episode_id=episode_id,
            external_id=paper.plan_of_care_id,
            **paper.model_dump(exclude={"plan_of_care_id"}),
        )
    for report_date in compliance.progress_reports:
        keys = ("episode_id", "report_date")
        put(session, ProgressReportRow, keys, practice_id=practice_id, episode_id=episode_id, report_date=report_date)
    _put_order(session, practice_id, episode_id, encounter)
    return episode_id


def _put_order(session: Session, practice_id: UUID, episode_id: UUID, encounter: Encounter) -> None:
    referral = encounter.administrative.referral
    if referral is None or referral.ordered_on is None:
        return
    put(
        session,
        OrderRow,
        ("episode_id", "referrer_npi", "ordered_on"),
        practice_id=practice_id,
        episode_id=episode_id,
        referrer_npi=referral.npi,
        ordered_on=referral.ordered_on,
        expires_on=referral.expires_on,
    )


def _create(session: Session, practice_id: UUID, encounter: Encounter, facts: Mapping[str, Any]) -> EncounterRow | None:
    made = insert_once(
        session,
        EncounterRow,
        practice_id=practice_id,
        external_id=encounter.encounter_id,
        stage=Stage.INTAKE.value,
        life=1,
        touched=False,
        corrections=[],
        **facts,
    )
    return session.get_one(EncounterRow, made) if made is not None else None


def _update(row: EncounterRow, facts: Mapping[str, Any]) -> EncounterRow:
    for name, value in facts.items():
        setattr(row, name, value)
    return row


def _keep_version(session: Session, row: EncounterRow, source: str, payload: Any, sha256: str) -> None:
    session.add(
        EncounterVersionRow(
            practice_id=row.practice_id,
            encounter_id=row.id,
            version=row.version,
            raw=payload,
            sha256=sha256,
            source=source,
        )
    )


def _announce(session: Session, row: EncounterRow, source: str, *, created: bool) -> None:
    summary = f"Visit received from {source}" if created else f"Version {row.version} received from {source}"
    kind = "encounter.received" if created else "encounter.updated"
    record(session, row.practice_id, kind, summary, encounter_id=row.id, actor=source)
    if created:
        begin(session, row)
    else:
        reopen(session, row)


ENCOUNTERS = Kind(Encounter, "encounter_id", _keep, _refused)
