"""The practice, its people and places, and the plans it bills."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, ListedByPractice, OfPractice


class PracticeRow(Base):
    """A practice. The only table without row-level security besides the outbox: it names no patient."""

    __tablename__ = "practices"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    time_zone: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)  # rises with every practice file loaded
    profile: Mapped[dict[str, Any]]  # npi, tax id, taxonomy, address, phone, submitter and receiver ids


class LocationRow(OfPractice, Base):
    """A place where the practice treats."""

    __tablename__ = "locations"
    __table_args__ = (UniqueConstraint("practice_id", "external_id"),)
    external_id: Mapped[str]
    name: Mapped[str]
    facts: Mapped[dict[str, Any]]


class ClinicianRow(OfPractice, Base):
    """A person who treats."""

    __tablename__ = "clinicians"
    __table_args__ = (UniqueConstraint("practice_id", "external_id"),)
    external_id: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    role: Mapped[str]
    discipline: Mapped[str]
    facts: Mapped[dict[str, Any]]


class PayerRow(OfPractice, Base):
    """Who receives claims and pays them."""

    __tablename__ = "payers"
    __table_args__ = (UniqueConstraint("practice_id", "external_id"),)
    external_id: Mapped[str]  # the clearinghouse's payer id (NM109)
    name: Mapped[str]
    claim_filing_indicator: Mapped[str]
    connection: Mapped[str]


class PlanRow(OfPractice, Base):
    """One product of a payer."""

    __tablename__ = "plans"
    __table_args__ = (UniqueConstraint("practice_id", "external_id"),)
    payer_id: Mapped[UUID] = mapped_column(ForeignKey("payers.id"))
    external_id: Mapped[str]
    name: Mapped[str]


class PlanTermsRow(ListedByPractice, Base):
    """What a plan wants, for the dates of service in [effective_from, effective_to]."""

    __tablename__ = "plan_terms"
    __table_args__ = (UniqueConstraint("plan_id", "effective_from"),)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    terms: Mapped[dict[str, Any]]
    source: Mapped[str]


class FeeRow(OfPractice, Base):
    """The practice's charge for one unit of a code."""

    __tablename__ = "fees"
    __table_args__ = (UniqueConstraint("practice_id", "code", "effective_from"),)
    code: Mapped[str]
    amount: Mapped[Decimal]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
