"""Authorizations, bookings and entries of the ledger as tests of screens want them, put straight into the tables."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.clock import practice_day
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow, AuthorizationUseRow, BookingRow
from models.tables.practice import PlanRow
from tests.web.conftest import House

TODAY = practice_day(datetime.now(UTC), "America/Chicago")  # in UTC it may be tomorrow already
PATIENT = "P-COURSE"


def ahead(days: int) -> date:
    """So many days from today."""
    return TODAY + timedelta(days=days)


def grant(session: Session, house: House, **changes: Any) -> AuthorizationRow:
    """Three PT visits of which one was used elsewhere, a month back and a month ahead."""
    row = AuthorizationRow(
        **{
            "id": uuid4(),
            "practice_id": house.practice_id,
            "external_id": str(uuid4()),
            "number": "AU-1",
            "patient_external_id": PATIENT,
            "plan_id": session.scalars(select(PlanRow.id).limit(1)).one(),
            "disciplines": ["PT"],
            "unit_of_measure": "visits",
            "quantity": Decimal(3),
            "used_before_firstpass": Decimal(1),
            "codes": [],
            "effective_from": ahead(-30),
            "effective_to": ahead(30),
            "status": "active",
            "flags": [],
            **changes,
        }
    )
    session.add(row)
    session.flush()
    return row


def book(session: Session, row: AuthorizationRow, days: int, beyond: str = "", **changes: Any) -> BookingRow:
    """A PT visit of the authorization's patient and plan; it reserves nothing by itself."""
    booking = BookingRow(
        **{
            "id": uuid4(),
            "practice_id": row.practice_id,
            "external_id": str(uuid4()),
            "version": 1,
            "patient_external_id": row.patient_external_id,
            "plan_id": row.plan_id,
            "discipline": "PT",
            "starts_at": datetime.combine(ahead(days), time(15), UTC),
            "service_date": ahead(days),
            "expected": {},
            "state": "booked",
            "beyond_limit": beyond,
            "source": "test",
            "sha256": "",
            **changes,
        }
    )
    session.add(booking)
    session.flush()
    return booking


def draw(
    session: Session, row: AuthorizationRow, subject: dict[str, UUID], day: date, quantity: int, bucket: str
) -> None:
    session.add(
        AuthorizationUseRow(
            practice_id=row.practice_id,
            authorization_id=row.id,
            bucket=bucket,
            quantity=Decimal(quantity),
            service_date=day,
            discipline="PT",
            reason="test",
            **subject,
        )
    )


def case(session: Session, row: AuthorizationRow, **changes: Any) -> AuthorizationCaseRow:
    """An open case that asks for the next one."""
    made = AuthorizationCaseRow(
        **{
            "id": uuid4(),
            "practice_id": row.practice_id,
            "patient_external_id": row.patient_external_id,
            "plan_id": row.plan_id,
            "disciplines": row.disciplines,
            "predecessor_id": row.id,
            "opened_because": "reauthorization",
            "opened_at": datetime.now(UTC),
            "state": "needed",
            "requested_codes": [],
            "documents": [],
            **changes,
        }
    )
    session.add(made)
    session.flush()
    return made
