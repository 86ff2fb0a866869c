"""Claims, their versions and lines; the batches that carried them; what was answered on receipt."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class ClaimRow(OfPractice, Base):
    """What is asked of one payer for one encounter, over all its versions."""

    __tablename__ = "claims"
    __table_args__ = (
        UniqueConstraint("encounter_id", "rank"),
        Index("ix_claims_payer_number", "payer_claim_control_number"),
    )
    encounter_id: Mapped[UUID] = mapped_column(ForeignKey("encounters.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    rank: Mapped[int] = mapped_column(default=1)
    current_version: Mapped[int]
    payer_claim_control_number: Mapped[str | None]


class ClaimVersionRow(OfPractice, Base):
    """One filing of a claim: original (1), replacement (7), void (8) or a new claim. Its control number is its own.

    status: ready -> batched -> sent -> accepted | rejected -> paid | denied; superseded when a newer version took over;
    forwarded where the plan before passes the claim on itself, so that none of ours leaves.
    """

    __tablename__ = "claim_versions"
    __table_args__ = (
        UniqueConstraint("claim_id", "version"),
        Index("ix_claim_versions_status", "practice_id", "status"),
    )
    claim_id: Mapped[UUID] = mapped_column(ForeignKey("claims.id"))
    encounter_id: Mapped[UUID] = mapped_column(ForeignKey("encounters.id"), index=True)
    encounter_version: Mapped[int]
    version: Mapped[int]
    frequency_code: Mapped[str]
    patient_control_number: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str]
    total_charge: Mapped[Decimal]
    expected_payment: Mapped[Decimal | None]
    connection: Mapped[str]
    facts: Mapped[dict[str, Any]]  # the visit as billed: the frozen input of the 837P
    coded: Mapped[dict[str, Any]]  # lines, place of service, diagnoses as coded
    prior_decisions: Mapped[list[Any]] = mapped_column(default=list)  # what the plans before this one decided
    prior_authorization_number: Mapped[str | None]
    original_reference: Mapped[str | None]  # REF*F8
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id"), index=True)
    batch_position: Mapped[int | None]  # from 1: the ST02 a 999 answers to
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]


class ClaimLineRow(OfPractice, Base):
    """One service line of a claim version; its control number is what the remittance echoes (REF*6R)."""

    __tablename__ = "claim_lines"
    __table_args__ = (
        UniqueConstraint("claim_version_id", "line_number"),
        UniqueConstraint("practice_id", "line_control_number"),
    )
    claim_version_id: Mapped[UUID] = mapped_column(ForeignKey("claim_versions.id"))
    line_number: Mapped[int]
    line_control_number: Mapped[str]
    code: Mapped[str]
    modifiers: Mapped[list[str]]
    units: Mapped[int]
    charge: Mapped[Decimal]
    service_date: Mapped[date]
    expected_allowed: Mapped[Decimal | None]


class BatchRow(OfPractice, Base):
    """One 837P file: the intent to send is written, with the bytes and their hash, before anything leaves.

    status: intended -> uploaded (under a temporary name) -> sent (renamed) -> acknowledged | rejected. Each step is
    recorded before the next begins, so after any crash the remote folder tells which one was reached. attempts: how
    often its bytes were written under the temporary name; one, unless a write failed or its end was never heard of.
    """

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("practice_id", "connection", "interchange_control_number"),
        UniqueConstraint("practice_id", "file_name"),
    )
    connection: Mapped[str]
    interchange_control_number: Mapped[int]
    file_name: Mapped[str]
    content: Mapped[bytes]
    sha256: Mapped[str]
    claim_count: Mapped[int]
    total_charge: Mapped[Decimal]
    status: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]


class ControlNumberRow(OfPractice, Base):
    """The last interchange control number used with a partner; never reused."""

    __tablename__ = "control_numbers"
    __table_args__ = (UniqueConstraint("practice_id", "connection"),)
    connection: Mapped[str]
    last: Mapped[int]


class AcknowledgementRow(OfPractice, Base):
    """What a partner answered on receipt: TA1 and 999 for a batch, 277CA for a claim."""

    __tablename__ = "acknowledgements"
    __table_args__ = (
        Index("ix_acknowledgements_claim_version", "claim_version_id"),
        Index("ix_acknowledgements_batch", "batch_id"),
    )
    inbound_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("inbound_files.id"))  # None: our own check
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id"))
    claim_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("claim_versions.id"))
    kind: Mapped[str]
    accepted: Mapped[bool]
    code: Mapped[str]
    message: Mapped[str]
