"""The JSON API of integrations: visits and payments in, status out, schemas to build against."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from activities import intake, patient_payments
from billing.catalog import GATES
from billing.encounter import Encounter
from billing.practice import Practice
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from web.api_bodies import Caller, body_of, take
from web.problems import NotFound
from web.security import engine_of

router = APIRouter(prefix="/api/v1", tags=["integration"])

EVENTS_TOLD = 50


@router.post("/encounters", openapi_extra=body_of({"$ref": "/api/v1/schemas/encounter"}, "encounters"))
async def receive_encounters(request: Request, caller: Caller) -> Response:
    """One visit, or up to 1,000 as {"encounters": [...]}. Each is taken or refused on its own.

    202: at least one is new or changed. 200: all were known. 422: all were refused. Sending again harms nothing.
    """
    return await take(request, caller, "encounters", intake.receive)


@router.post("/payments", openapi_extra=body_of(patient_payments.PatientPayment.model_json_schema(), "payments"))
async def receive_payments(request: Request, caller: Caller) -> Response:
    """Patient payments, one or up to 1,000 as {"payments": [...]}; each is posted once by its payment_id."""
    return await take(request, caller, "payments", patient_payments.receive_payments, new=frozenset({"posted"}))


@router.get("/encounters/{encounter_id:path}")
def encounter_status(request: Request, caller: Caller, encounter_id: str) -> Response:
    """Where a visit stands, what holds it and what happened to it lately. No patient is named."""
    with practice_session(engine_of(request), caller.practice_id) as session:
        row = session.scalars(
            select(EncounterRow).where(
                EncounterRow.practice_id == caller.practice_id, EncounterRow.external_id == encounter_id
            )
        ).one_or_none()
        if row is None:
            raise NotFound("No visit of this id was received. Check the id, or send the visit.")
        items = session.scalars(
            select(WorkItemRow).where(WorkItemRow.encounter_id == row.id, WorkItemRow.closed_at.is_(None))
        )
        told = session.scalars(
            select(EventRow).where(EventRow.encounter_id == row.id).order_by(EventRow.id.desc()).limit(EVENTS_TOLD)
        ).all()
        return JSONResponse(
            {
                "encounter_id": row.external_id,
                "version": row.version,
                "date_of_service": row.date_of_service.isoformat(),
                "stage": row.stage,
                "held_by": row.held_by,
                "disposition": row.disposition,
                "closed_as": row.closed_as,
                "open_items": [_item(item) for item in items],
                "events": [_event(event) for event in reversed(told)],
            }
        )


def _item(item: WorkItemRow) -> dict[str, Any]:
    return {
        "queue": item.queue,
        "reason": item.reason,
        "clears_when": item.clears_when,
        "whose_move": item.whose_move,
        "due_at": item.due_at.isoformat() if item.due_at else None,
        "findings": item.findings,
    }


def _event(event: EventRow) -> dict[str, Any]:
    return {"at": event.at.isoformat(), "kind": event.kind, "summary": event.summary}


@router.get("/schemas/encounter")
def encounter_schema() -> Response:
    """JSON Schema of a visit."""
    return JSONResponse(Encounter.model_json_schema())


@router.get("/schemas/practice")
def practice_schema() -> Response:
    """JSON Schema of the practice file."""
    return JSONResponse(Practice.model_json_schema(by_alias=True))


@router.get("/rules")
def rules(caller: Caller) -> Response:
    """Every built-in check: code, what it looks at, what it cites."""
    return JSONResponse({"rules": _catalog()})


def _catalog() -> list[dict[str, Any]]:
    return [
        {
            "code": rule.id,
            "gate": gate.lower(),
            "title": rule.title,
            "what": rule.what,
            "why": rule.why,
            "severity": rule.severity.value,
            "owner": rule.owner.value,
            "overridable": rule.overridable,
            "source": rule.source,
        }
        for gate, rules in GATES
        for rule in rules
    ]
