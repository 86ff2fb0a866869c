"""What every endpoint of the API shares: who calls, what a body must be, how results and refusals are told."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from web.problems import PageProblem
from web.security import Integration, engine_of, integration

BATCH_MAX = 1_000
CHANGED = frozenset({"created", "updated"})


class UnknownCaller(PageProblem):
    """No key, or one that opens nothing."""

    status = 401
    title = "Unknown caller"


class NotReadable(PageProblem):
    """The body is not what the endpoint takes; the sentence says where."""

    status = 400
    title = "Not readable"


def known_caller(found: Annotated[Integration | None, Depends(integration)]) -> Integration:
    """Who calls. Raises UnknownCaller."""
    if found is None:
        raise UnknownCaller("Send an API key as “Authorization: Bearer <key>”. Keys can be revoked; check yours.")
    return found


Caller = Annotated[Integration, Depends(known_caller)]
Result = TypeVar("Result")


def as_they_are(_engine: Engine, _caller: Integration, results: Sequence[Any]) -> list[dict[str, Any]]:
    """Results told with all their fields."""
    return [asdict(result) for result in results]


async def take(
    request: Request,
    caller: Integration,
    many: str,
    receive: Callable[[Engine, UUID, str, list[dict[str, Any]]], Sequence[Result]],
    tell: Callable[[Engine, Integration, Sequence[Result]], list[dict[str, Any]]] = as_they_are,
    new: frozenset[str] = CHANGED,
) -> JSONResponse:
    """Hand what was sent, one object or a batch under the name ``many``, to ``receive``, and tell what became of it.

    new: the statuses that mean something was kept now. Raises NotReadable.
    """
    payloads = payloads_of(await request.body(), many)
    engine = engine_of(request)

    def work() -> list[dict[str, Any]]:
        return tell(engine, caller, receive(engine, caller.practice_id, caller.name, payloads))

    return results_of(await run_in_threadpool(work), new)


def body_of(schema: dict[str, Any], many: str) -> dict[str, Any]:
    """For the OpenAPI description: one object of that schema, or a batch under the name ``many``."""
    batch = {
        "type": "object",
        "required": [many],
        "properties": {many: {"type": "array", "maxItems": BATCH_MAX, "items": schema}},
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": [schema, batch]}}}}}


def results_of(results: list[dict[str, Any]], new: frozenset[str]) -> JSONResponse:
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
        raise NotReadable(f"The body is not UTF-8 (byte {problem.start}). Nothing was taken.") from None
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise NotReadable(f"The body is not JSON: {problem.msg} at {where}. Nothing was taken.") from None
    except RecursionError:
        raise NotReadable("The JSON is nested too deeply. Nothing was taken.") from None
    entries = sent[many] if isinstance(sent, dict) and set(sent) == {many} else [sent]
    if not isinstance(entries, list) or not entries:
        raise NotReadable(f"“{many}” must be a list with at least one object. Nothing was taken.")
    if len(entries) > BATCH_MAX:
        raise NotReadable(f"{len(entries):,} objects are more than {BATCH_MAX:,} at once. Send them in parts.")
    if not all(isinstance(entry, dict) for entry in entries):
        raise NotReadable(f"Each of “{many}” must be a JSON object. Nothing was taken.")
    return entries


def _no_constant(name: str) -> Any:
    raise NotReadable(f"{name} is not a number of JSON. Nothing was taken.")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise NotReadable(f"The field “{double}” stands twice in one object, and one would be lost. Nothing was taken.")
    return told
