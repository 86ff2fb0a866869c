"""Files received, the remittances in them, denials and appeals."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, OfPractice


class InboundFileRow(OfPractice, Base):
    """A file as fetched: bytes, hash, from where. The same bytes are one row, however often they come.

    status: received -> read | unreadable; too_large or not_given (no bytes) -> unreadable; superseded: it was fetched
    before the sender had written it to its end, and came whole later.
    """

    __tablename__ = "inbound_files"
    __table_args__ = (
        UniqueConstraint("practice_id", "sha256"),
        Index("ix_inbound_files_name", "connection", "file_name"),
    )
    connection: Mapped[str]
    file_name: Mapped[str]
    content: Mapped[bytes]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    problems: Mapped[list[Any]] = mapped_column(default=list)
    # what is in it, kind by kind, in the order of the file: {"kind", "count", "outcome"}; outcome "" until it was read
    contents: Mapped[list[Any]] = mapped_column(default=list)
    continues: Mapped[UUID | None]  # the file it is the whole of


class RemoteFileRow(OfPractice, Base):
    """A file as a mailbox listed it. Under another size or time the same name is another file, to be fetched anew."""

    __tablename__ = "remote_files"
    __table_args__ = (
        UniqueConstraint(
            "practice_id", "connection", "file_name", "size_bytes", "modified_at", postgresql_nulls_not_distinct=True
        ),
    )
    connection: Mapped[str]
    file_name: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    modified_at: Mapped[datetime | None]  # as listed; None: not listed, or fetched before times were kept
    fetched: Mapped[bool]
    tries: Mapped[int]  # how often it was listed and not given out


class InboundCopyRow(OfPractice, Base):
    """A file name under which bytes already known came again."""

    __tablename__ = "inbound_copies"
    __table_args__ = (UniqueConstraint("practice_id", "connection", "file_name"),)
    inbound_file_id: Mapped[UUID] = mapped_column(ForeignKey("inbound_files.id"))
    connection: Mapped[str]
    file_name: Mapped[str]


class RemittanceRow(OfPractice, Base):
    """One payment (one ST of an 835).

    status: posting -> posted; held (does not balance, nothing posted), duplicate (came before, nothing posted),
    dismissed (a person decided that nothing is to be posted).
    """

    __tablename__ = "remittances"
    __table_args__ = (
        UniqueConstraint("inbound_file_id", "ordinal"),
        Index("ix_remittances_business_key", "practice_id", "business_key"),
    )
    inbound_file_id: Mapped[UUID] = mapped_column(ForeignKey("inbound_files.id"))
    ordinal: Mapped[int]
    business_key: Mapped[str]  # payer, trace, date, amount
    payer_name: Mapped[str]
    payer_identifier: Mapped[str]
    trace_number: Mapped[str]
    payment_method: Mapped[str]
    payment_amount: Mapped[Decimal]
    payment_date: Mapped[date | None]
    claim_count: Mapped[int]
    balanced: Mapped[bool]
    problems: Mapped[list[Any]] = mapped_column(default=list)
    status: Mapped[str]
    duplicate_of: Mapped[UUID | None]
    provider_adjustments: Mapped[list[Any]] = mapped_column(default=list)


class RemittanceClaimRow(OfPractice, Base):
    """One claim of a remittance (CLP).

    status: posted | unmatched | held | dismissed.
    """

    __tablename__ = "remittance_claims"
    __table_args__ = (
        UniqueConstraint("remittance_id", "ordinal"),
        Index("ix_remittance_claims_claim_version", "claim_version_id"),
        Index("ix_remittance_claims_encounter", "encounter_id"),
        Index("ix_remittance_claims_payer_number", "payer_claim_control_number"),
    )
    remittance_id: Mapped[UUID] = mapped_column(ForeignKey("remittances.id"))
    ordinal: Mapped[int]
    claim_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("claim_versions.id"))
    encounter_id: Mapped[UUID | None] = mapped_column(ForeignKey("encounters.id"))
    patient_control_number: Mapped[str]
    payer_claim_control_number: Mapped[str]
    status_code: Mapped[str]
    charge: Mapped[Decimal]
    paid: Mapped[Decimal]
    patient_responsibility: Mapped[Decimal]
    content: Mapped[dict[str, Any]]
    status: Mapped[str]
    matched_by: Mapped[str | None]


class AdjustmentRow(OfPractice, Base):
    """One CAS triplet of a posted claim or line."""

    __tablename__ = "adjustments"
    __table_args__ = (Index("ix_adjustments_remittance_claim", "remittance_claim_id"),)
    remittance_claim_id: Mapped[UUID] = mapped_column(ForeignKey("remittance_claims.id"))
    line_control_number: Mapped[str | None]
    procedure_code: Mapped[str | None]
    claim_adjustment_group_code: Mapped[str]
    claim_adjustment_reason_code: Mapped[str]
    amount: Mapped[Decimal]
    quantity: Mapped[Decimal | None]
    remark_codes: Mapped[list[str]]


class DenialRow(OfPractice, Base):
    """A claim (or part of one) a payer refused to pay.

    state: open -> corrected | appealed | written_off | patient_billed | overturned.
    """

    __tablename__ = "denials"
    __table_args__ = (
        UniqueConstraint("remittance_claim_id"),
        Index("ix_denials_encounter", "encounter_id"),
        Index("ix_denials_claim_version", "claim_version_id"),
    )
    encounter_id: Mapped[UUID] = mapped_column(ForeignKey("encounters.id"))
    claim_version_id: Mapped[UUID] = mapped_column(ForeignKey("claim_versions.id"))
    remittance_claim_id: Mapped[UUID] = mapped_column(ForeignKey("remittance_claims.id"))
    category: Mapped[str]
    reason: Mapped[str]  # e.g. CO-197
    remark_codes: Mapped[list[str]]
    amount: Mapped[Decimal]
    explanation: Mapped[str]
    decisions: Mapped[list[str]]
    patient_may_be_billed: Mapped[bool]
    appeal_deadline: Mapped[date | None]
    state: Mapped[str]
    decided_at: Mapped[datetime | None]


class AppealRow(OfPractice, Base):
    """An appeal with its letter as drafted.

    state: drafted -> sent | dropped. A letter drafted for a denial that is no longer "appealed" is not sent any more.
    """

    __tablename__ = "appeals"
    denial_id: Mapped[UUID] = mapped_column(ForeignKey("denials.id"), index=True)
    level: Mapped[int] = mapped_column(default=1)
    deadline: Mapped[date | None]
    late_because: Mapped[str | None]  # the good cause, of a letter drafted or sent after its deadline
    letter: Mapped[str]
    state: Mapped[str]
    sent_on: Mapped[date | None]
    sent_how: Mapped[str | None]  # of billing.appeals.WAYS
    sent_reference: Mapped[str | None]  # the portal's confirmation, the fax report, the mail's tracking number
    sent_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))  # who noted it
    dropped_because: Mapped[str | None]
