"""The API of authorizations and bookings: what payers granted, who is booked, and at once whether it is covered."""

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, Response

from activities.authorization_intake import AuthorizationFacts, read_authorization, receive_authorizations
from activities.bookings import BookingResult, receive_bookings
from activities.clock import practice_day
from activities.receiving import REFUSED
from billing.bookings import Booking
from billing.practice import AuthorizationRecord
from billing.vocabulary import UnitOfMeasure
from models.store.book import book_of
from models.store.courses import Course, courses
from models.store.covers import Cover, covers
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow, AuthorizationUseRow, BookingRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow
from web.api_bodies import Caller, body_of, take
from web.problems import NotFound
from web.security import Integration, engine_of, now

router = APIRouter(prefix="/api/v1", tags=["authorizations and bookings"])

VISITS_TOLD = 1_000


@router.post("/authorizations", openapi_extra=body_of({"$ref": "/api/v1/schemas/authorization"}, "authorizations"))
async def take_authorizations(request: Request, caller: Caller) -> Response:
    """What payers granted: one, or up to 1,000 as {"authorizations": [...]}. Each is taken or refused on its own.

    202: at least one is new or changed. 200: all were known. 422: all were refused. Sending again harms nothing.
    """
    return await take(request, caller, "authorizations", receive_authorizations)


@router.get("/authorizations/{authorization_id:path}")
def authorization_status(request: Request, caller: Caller, authorization_id: str) -> Response:
    """What is used, reserved and left of an authorization, when it runs out, and the visits it covers. No name."""
    with practice_session(engine_of(request), caller.practice_id) as session:
        practice = session.get_one(PracticeRow, caller.practice_id)
        facts = read_authorization(session, practice, authorization_id)
        if facts is None:
            raise NotFound("No authorization of this id is here. Check the id, or send it.")
        row = session.scalars(select(AuthorizationRow).where(AuthorizationRow.external_id == authorization_id)).one()
        today = practice_day(now(), practice.time_zone)
        course = courses(session, book_of(session, practice), [row], today)[row.id]
        return JSONResponse(
            {
                **_facts(facts),
                "balance": _balance(course),
                "forecast": _forecast(course),
                "covered_visits": _covered(session, row),
            }
        )


@router.post("/bookings", openapi_extra=body_of({"$ref": "/api/v1/schemas/booking"}, "bookings"))
async def take_bookings(request: Request, caller: Caller) -> Response:
    """Visits ahead, booked, moved, cancelled, attended or missed: one, or up to 1,000 as {"bookings": [...]}.

    Each answer says at once whether the visit lies beyond its limit, why, and what can be offered to the patient.
    """
    return await take(request, caller, "bookings", receive_bookings, tell=_with_covers)


def _with_covers(engine: Engine, caller: Integration, results: Sequence[BookingResult]) -> list[dict[str, Any]]:
    """The results, each with what covers the visit as it stands now that all were taken."""
    taken = [result.booking_id for result in results if result.status != REFUSED]
    with practice_session(engine, caller.practice_id) as session:
        rows = session.scalars(select(BookingRow).where(BookingRow.external_id.in_(taken))).all()
        told = _covers(session, caller, rows)
        standing = {row.external_id: _cover(told[row.id]) for row in rows}
    return [_result(result, standing.get(result.booking_id, {})) for result in results]


@router.get("/bookings/{booking_id:path}")
def booking_status(request: Request, caller: Caller, booking_id: str) -> Response:
    """How a booking stands, what covers it, and the visit it became."""
    with practice_session(engine_of(request), caller.practice_id) as session:
        row = session.scalars(select(BookingRow).where(BookingRow.external_id == booking_id)).one_or_none()
        if row is None:
            raise NotFound("No booking of this id is here. Check the id, or send it.")
        visit = session.get(EncounterRow, row.encounter_id) if row.encounter_id else None
        told = _covers(session, caller, [row])[row.id]
        return JSONResponse(
            {
                "booking_id": row.external_id,
                "version": row.version,
                "state": row.state,
                "starts_at": row.starts_at.isoformat(),
                "encounter_id": visit.external_id if visit else None,
                **_cover(told),
            }
        )


@router.get("/schemas/authorization")
def authorization_schema() -> Response:
    """JSON Schema of an authorization."""
    return JSONResponse(AuthorizationRecord.model_json_schema())


@router.get("/schemas/booking")
def booking_schema() -> Response:
    """JSON Schema of a booking."""
    return JSONResponse(Booking.model_json_schema())


def _covers(session: Session, caller: Integration, rows: Sequence[BookingRow]) -> dict[UUID, Cover]:
    practice = session.get_one(PracticeRow, caller.practice_id)
    today = practice_day(now(), practice.time_zone)
    return covers(session, book_of(session, practice), rows, today)


def _result(result: BookingResult, standing: dict[str, Any]) -> dict[str, Any]:
    told = {"booking_id": result.booking_id, "version": result.version, "status": result.status}
    return {**told, **standing, "errors": [asdict(error) for error in result.errors]}


def _cover(cover: Cover) -> dict[str, Any]:
    held = {"authorization_id": cover.external_id, "number": cover.number, "left": cover.left}
    return {
        "beyond_limit": cover.beyond,
        "why": cover.why,
        "offered": [
            {"key": offer.key, "text": offer.text, "on": offer.on.isoformat() if offer.on else None}
            for offer in cover.offers
        ],
        "covered_by": held if cover.external_id else None,
    }


def _facts(facts: AuthorizationFacts) -> dict[str, Any]:
    """What was granted; numbers that move stand under balance."""
    measure = UnitOfMeasure(facts.unit_of_measure)
    told = {name: value for name, value in asdict(facts).items() if name not in ("used", "reserved", "left")}
    return told | {
        "quantity": _amount(facts.quantity, measure),
        "effective_from": facts.effective_from.isoformat(),
        "effective_to": facts.effective_to.isoformat(),
    }


def _balance(course: Course) -> dict[str, Any]:
    measure = course.grant.unit_of_measure
    return {
        "used": _amount(course.used, measure),
        "reserved": _amount(course.down.reserved, measure),
        "left": _amount(course.down.left_after_booked, measure),
    }


def _forecast(course: Course) -> dict[str, Any]:
    down = course.down
    return {
        "runs_out_on": down.runs_out_on.isoformat() if down.runs_out_on else None,
        "runs_out_at_visit": down.runs_out_at_visit,
        "estimated": down.estimated,
        "comes_first": down.comes_first,
        "reauthorization_opens_on": down.reauthorization_opens_on.isoformat(),
        "due_on": down.due_on.isoformat(),
        "booked_beyond": len(down.beyond),
        "dollars_at_risk": f"{down.dollars_at_risk:.2f}",
        "steps": [step.text for step in down.steps],
    }


def _covered(session: Session, row: AuthorizationRow) -> list[dict[str, Any]]:
    amount = func.sum(AuthorizationUseRow.quantity)
    found = session.execute(
        select(EncounterRow.external_id, EncounterRow.date_of_service, EncounterRow.stage, amount)
        .join(EncounterRow, EncounterRow.id == AuthorizationUseRow.encounter_id)
        .where(AuthorizationUseRow.authorization_id == row.id)
        .group_by(EncounterRow.id)
        .having(amount > 0)
        .order_by(EncounterRow.date_of_service, EncounterRow.external_id)
        .limit(VISITS_TOLD)
    )
    measure = UnitOfMeasure(row.unit_of_measure)
    return [
        {"encounter_id": visit, "date_of_service": day.isoformat(), "stage": stage, "uses": _amount(quantity, measure)}
        for visit, day, stage, quantity in found
    ]


def _amount(quantity: Decimal, measure: UnitOfMeasure) -> int | str:
    """Visits and units are whole numbers, dollars a text with two places, as everywhere in this API."""
    return f"{quantity:.2f}" if measure is UnitOfMeasure.DOLLARS else int(quantity)
