"""Authorizations: what was granted, what is used, what is left, until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from billing import measures
from billing.vocabulary import UnitOfMeasure
from models.tables.authorizations import AuthorizationRow, AuthorizationUseRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import PayerRow, PlanRow
from web import formats
from web.formats import Chip
from web.reads.paging import Page, cut, decode, encode
from web.viewer import Viewer

PAGE_SIZE = 50
NONE = Decimal(0)
LOW_VISITS = 3  # domain.md: flags at 3 and 2 visits left
SOON_DAYS = 7
VIEWS = {"active": "Active", "low": "Running low", "expiring": "Expiring soon", "ended": "Ended", "all": "All"}


@dataclass(frozen=True, slots=True)
class Balance:
    """An authorization with its bar: ``used`` of ``quantity`` as numbers for the bar, the rest as text."""

    id: str
    href: str
    number: str
    patient: str
    patient_id: str
    payer: str
    plan: str
    disciplines: str
    codes: str
    unit: str
    quantity: str
    used: str
    left: str
    left_text: str
    from_day: str
    to_day: str
    state: Chip
    flags: str
    used_here: str


@dataclass(frozen=True, slots=True)
class Use:
    """One entry of the use ledger with what it leaves."""

    at: str
    visit: str
    visit_href: str
    service_day: str
    change: str
    reason: str
    left: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One authorization with its uses."""

    balance: Balance
    uses: tuple[Use, ...]
    before: str
    before_left: str
    replaced_by: str


def of_patient(
    session: Session, viewer: Viewer, patient_external_id: str, used_here: Mapping[UUID, Decimal]
) -> tuple[Balance, ...]:
    """The patient's authorizations, those of the visit at hand first."""
    found = session.execute(
        _query()
        .where(AuthorizationRow.patient_external_id == patient_external_id)
        .order_by(AuthorizationRow.effective_to.desc())
    ).all()
    balances = [_balance(row, viewer, used_here.get(row.AuthorizationRow.id, NONE)) for row in found]
    return tuple(sorted(balances, key=lambda balance: balance.used_here == ""))


def page(session: Session, viewer: Viewer, view: str, cursor: str) -> Page[Balance]:
    """A page of the list, soonest expiry first."""
    query = _in_view(_query(), view, viewer.today)
    after = decode(cursor, date.fromisoformat, UUID)
    if after is not None:
        query = query.where(tuple_(AuthorizationRow.effective_to, AuthorizationRow.id) > after)
    found = session.execute(
        query.order_by(AuthorizationRow.effective_to, AuthorizationRow.id).limit(PAGE_SIZE + 1)
    ).all()
    shown, more = cut(found, PAGE_SIZE)
    last = encode(shown[-1].AuthorizationRow.effective_to, shown[-1].AuthorizationRow.id) if more else ""
    return Page(tuple(_balance(row, viewer, NONE) for row in shown), last)


def detail(session: Session, viewer: Viewer, authorization_id: UUID) -> Detail | None:
    """One authorization, entry by entry."""
    found = session.execute(_query().where(AuthorizationRow.id == authorization_id)).one_or_none()
    if found is None:
        return None
    row: AuthorizationRow = found.AuthorizationRow
    uses = session.execute(
        select(AuthorizationUseRow, EncounterRow.external_id, EncounterRow.date_of_service)
        .join(EncounterRow, EncounterRow.id == AuthorizationUseRow.encounter_id)
        .where(AuthorizationUseRow.authorization_id == authorization_id)
        .order_by(AuthorizationUseRow.created_at, AuthorizationUseRow.id)
        .limit(1_000)
    )
    measure = UnitOfMeasure(row.unit_of_measure)
    left = row.quantity - row.used_before_firstpass
    told: list[Use] = []
    for use, visit, service_day in uses:
        left -= use.quantity
        told.append(
            Use(
                at=formats.instant(use.created_at, viewer.zone),
                visit=visit,
                visit_href=f"/encounters/{use.encounter_id}",
                service_day=formats.day(service_day),
                change=f"{'−' if use.quantity > 0 else '+'}{measures.number(abs(use.quantity), measure)}",
                reason=use.reason,
                left=measures.number(left, measure),
            )
        )
    replaced = f"/authorizations/{row.replaced_by}" if row.replaced_by else ""
    before = measures.number(row.used_before_firstpass, measure) if row.used_before_firstpass else ""
    at_first = measures.number(row.quantity - row.used_before_firstpass, measure)
    return Detail(_balance(found, viewer, NONE), tuple(told), before, at_first, replaced)


def _query() -> Select[*tuple[Any, ...]]:
    used = (
        select(AuthorizationUseRow.authorization_id, func.sum(AuthorizationUseRow.quantity).label("used"))
        .group_by(AuthorizationUseRow.authorization_id)
        .subquery()
    )
    return (
        select(
            AuthorizationRow,
            PlanRow.name.label("plan"),
            PayerRow.name.label("payer"),
            PatientRow.first_name,
            PatientRow.last_name,
            (AuthorizationRow.used_before_firstpass + func.coalesce(used.c.used, 0)).label("used"),
        )
        .join(PlanRow, PlanRow.id == AuthorizationRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .outerjoin(PatientRow, PatientRow.external_id == AuthorizationRow.patient_external_id)
        .outerjoin(used, used.c.authorization_id == AuthorizationRow.id)
    )


def _in_view(query: Select[*tuple[Any, ...]], view: str, today: date) -> Select[*tuple[Any, ...]]:
    if view == "all":
        return query
    if view == "ended":
        return query.where(AuthorizationRow.status != "active")
    active = query.where(AuthorizationRow.status == "active")
    if view == "low":
        used = query.selected_columns["used"]
        return active.where(AuthorizationRow.quantity - used <= LOW_VISITS)
    if view == "expiring":
        return active.where(AuthorizationRow.effective_to <= today + timedelta(days=SOON_DAYS))
    return active


def _balance(found: Any, viewer: Viewer, used_here: Decimal) -> Balance:
    row: AuthorizationRow = found.AuthorizationRow
    measure = UnitOfMeasure(row.unit_of_measure)
    left = row.quantity - found.used
    return Balance(
        id=str(row.id),
        href=f"/authorizations/{row.id}",
        number=row.number,
        patient=formats.person(found.first_name, found.last_name) if found.last_name else "",
        patient_id=row.patient_external_id,
        payer=found.payer,
        plan=found.plan,
        disciplines=", ".join(row.disciplines),
        codes=", ".join(row.codes) or "every code",
        unit=row.unit_of_measure,
        quantity=f"{row.quantity:f}",
        used=f"{found.used:f}",
        left=measures.number(left, measure),
        left_text=f"{measures.number(left, measure)} of {measures.words(row.quantity, measure)} left",
        from_day=formats.day(row.effective_from),
        to_day=formats.day(row.effective_to),
        state=_state(row, left, viewer.today),
        flags=", ".join(str(flag) for flag in row.flags),
        used_here=measures.words(used_here, measure) if used_here else "",
    )


def _state(row: AuthorizationRow, left: Decimal, today: date) -> Chip:
    if row.status != "active":
        return Chip("calm", "○", formats.words(row.status))
    days = (row.effective_to - today).days
    if days < 0:
        return Chip("bad", "!", f"Expired {-days} d ago")
    if left <= 0:
        return Chip("bad", "!", "Nothing left")
    if left <= LOW_VISITS:
        return Chip("warn", "◔", f"{measures.number(left, UnitOfMeasure(row.unit_of_measure))} left")
    if days <= SOON_DAYS:
        return Chip("warn", "◔", f"Expires in {days} d")
    return Chip("good", "✓", "Active")
