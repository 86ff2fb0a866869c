"""The JSON API of integrations: visits and payments in, status out, schemas to build against."""

import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from activities import intake
from billing.catalog import GATES
from billing.encounter import Encounter
from billing.practice import Practice
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from web.security import Integration, engine_of, integration

router = APIRouter(prefix="/api/v1", tags=["integration"])

BATCH_MAX = 1_000
EVENTS_TOLD = 50

Caller = Annotated[Integration | None, Depends(integration)]


class MalformedError(Exception):
    """The body is not what the endpoint takes; the message says where."""


def _refused(status: int, title: str, message: str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": {"title": title, "message": message}}, status_code=status, headers=headers)


def _unknown_caller() -> JSONResponse:
    return _refused(
        401, "Unknown caller", "Send an API key as “Authorization: Bearer <key>”. Keys can be revoked; check yours."
    )


def _body_of(schema: dict[str, Any], many: str) -> dict[str, Any]:
    batch = {
        "type": "object",
        "required": [many],
        "properties": {many: {"type": "array", "maxItems": BATCH_MAX, "items": schema}},
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": [schema, batch]}}}}}


@router.post("/encounters", openapi_extra=_body_of({"$ref": "/api/v1/schemas/encounter"}, "encounters"))
async def receive_encounters(request: Request, caller: Caller) -> Response:
    """One visit, or up to 1,000 as {"encounters": [...]}. Each is taken or refused on its own.

    202: at least one is new or changed. 200: all were known. 422: all were refused. Sending again harms nothing.
    """
    if caller is None:
        return _unknown_caller()
    try:
        payloads = _payloads(await request.body(), "encounters")
    except MalformedError as problem:
        return _refused(400, "Not readable", str(problem))
    results = await run_in_threadpool(intake.receive, engine_of(request), caller.practice_id, caller.name, payloads)
    return _results([asdict(result) for result in results], new={"created", "updated"})


@router.post("/payments", openapi_extra=_body_of(intake.PatientPayment.model_json_schema(), "payments"))
async def receive_payments(request: Request, caller: Caller) -> Response:
    """Patient payments, one or up to 1,000 as {"payments": [...]}; each is posted once by its payment_id."""
    if caller is None:
        return _unknown_caller()
    try:
        payloads = _payloads(await request.body(), "payments")
    except MalformedError as problem:
        return _refused(400, "Not readable", str(problem))
    engine = engine_of(request)
    results = await run_in_threadpool(intake.receive_payments, engine, caller.practice_id, caller.name, payloads)
    return _results([asdict(result) for result in results], new={"posted"})


def _results(results: list[dict[str, Any]], new: set[str]) -> JSONResponse:
    statuses = [result["status"] for result in results]
    counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
    if set(statuses) == {"refused"}:
        return JSONResponse({"results": results, "counts": counts}, status_code=422)
    return JSONResponse({"results": results, "counts": counts}, status_code=202 if new & set(statuses) else 200)


def _payloads(body: bytes, many: str) -> list[dict[str, Any]]:
    """The objects sent, or a sentence that says where the JSON breaks."""
    try:
        sent = json.loads(body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_doubles)
    except UnicodeDecodeError as problem:
        raise MalformedError(f"The body is not UTF-8 (byte {problem.start}). Nothing was taken.") from None
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise MalformedError(f"The body is not JSON: {problem.msg} at {where}. Nothing was taken.") from None
    except RecursionError:
        raise MalformedError("The JSON is nested too deeply. Nothing was taken.") from None
    entries = sent[many] if isinstance(sent, dict) and set(sent) == {many} else [sent]
    if not isinstance(entries, list) or not entries:
        raise MalformedError(f"“{many}” must be a list with at least one object. Nothing was taken.")
    if len(entries) > BATCH_MAX:
        raise MalformedError(f"{len(entries):,} objects are more than {BATCH_MAX:,} at once. Send them in parts.")
    if not all(isinstance(entry, dict) for entry in entries):
        raise MalformedError(f"Each of “{many}” must be a JSON object. Nothing was taken.")
    return entries


def _no_constant(name: str) -> Any:
    raise MalformedError(f"{name} is not a number of JSON. Nothing was taken.")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise MalformedError(
            f"The field “{double}” stands twice in one object, and one would be lost. Nothing was taken."
        )
    return told


@router.get("/encounters/{encounter_id:path}")
def encounter_status(request: Request, caller: Caller, encounter_id: str) -> Response:
    """Where a visit stands, what holds it and what happened to it lately. No patient is named."""
    if caller is None:
        return _unknown_caller()
    with practice_session(engine_of(request), caller.practice_id) as session:
        row = session.scalars(
            select(EncounterRow).where(
                EncounterRow.practice_id == caller.practice_id, EncounterRow.external_id == encounter_id
            )
        ).one_or_none()
        if row is None:
            return _refused(404, "Not found", "No visit of this id was received. Check the id, or send the visit.")
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
    if caller is None:
        return _unknown_caller()
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
