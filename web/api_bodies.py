"""What every endpoint of the API shares: who calls, what a body must be, how results and refusals are told."""

import json
from typing import Annotated, Any

from fastapi import Depends
from starlette.responses import JSONResponse

from web.security import Integration, integration

BATCH_MAX = 1_000

Caller = Annotated[Integration | None, Depends(integration)]


class MalformedError(Exception):
    """The body is not what the endpoint takes; the message says where."""


def refused(status: int, title: str, message: str) -> JSONResponse:
    """A request that was not taken, and what to do about it."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": {"title": title, "message": message}}, status_code=status, headers=headers)


def unknown_caller() -> JSONResponse:
    """No key, or one that opens nothing."""
    return refused(
        401, "Unknown caller", "Send an API key as “Authorization: Bearer <key>”. Keys can be revoked; check yours."
    )


def body_of(schema: dict[str, Any], many: str) -> dict[str, Any]:
    """For the OpenAPI description: one object of that schema, or a batch under the name ``many``."""
    batch = {
        "type": "object",
        "required": [many],
        "properties": {many: {"type": "array", "maxItems": BATCH_MAX, "items": schema}},
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": [schema, batch]}}}}}


def results_of(results: list[dict[str, Any]], new: set[str]) -> JSONResponse:
    """202: at least one status is ``new``; 200: all were known; 422: all were refused."""
    statuses = [result["status"] for result in results]
    counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
    if set(statuses) == {"refused"}:
        return JSONResponse({"results": results, "counts": counts}, status_code=422)
    return JSONResponse({"results": results, "counts": counts}, status_code=202 if new & set(statuses) else 200)


def payloads_of(body: bytes, many: str) -> list[dict[str, Any]]:
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
