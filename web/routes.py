"""How a page is asked: who asks, whether the form is theirs, and the page itself, in one thread.

FastAPI takes a thread for each of the three, one after the other. Each costs a request about a millisecond, and on a
busy desk a place in the queue for the processor.
"""

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from web.security import (
    Person,
    Posted,
    PostedWatching,
    Watcher,
    counts_of,
    engine_of,
    ours,
    read_form,
    watching_viewer,
)
from web.sessions import is_due_to_be_kept, keep

VIEWERS, FORMS = (Person, Watcher), (Posted, PostedWatching)


class Page(APIRoute):
    """A route whose endpoint may ask for a Person or a Watcher, and with one of them for what was Posted.

    An endpoint that waits for something else than the database is ``async``, or gives back what is to be awaited.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        self.asked = endpoint
        super().__init__(path, _in_one_thread(endpoint), **more | {"response_model": None})


def page_router() -> APIRouter:
    """A router of pages."""
    return APIRouter(include_in_schema=False, route_class=Page)


def asks_for(endpoint: Callable[..., Any], *kinds: Any) -> str:
    """The name under which an endpoint wants one of these; empty if it wants none."""
    named = inspect.signature(endpoint).parameters.values()
    return next((parameter.name for parameter in named if parameter.annotation in kinds), "")


def _in_one_thread(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint as FastAPI is to call it: it fills in the rest."""
    viewer_name, form_name = asks_for(endpoint, *VIEWERS), asks_for(endpoint, *FORMS)
    if not viewer_name:
        return endpoint
    clicked, acts = bool(asks_for(endpoint, Person)), bool(asks_for(endpoint, Posted))
    signature = inspect.signature(endpoint)
    rest = [parameter for name, parameter in signature.parameters.items() if name not in {viewer_name, form_name}]

    async def page(request: Request, **given: Any) -> Any:
        form = await read_form(request) if form_name else None
        with ExitStack() as until_done:

            def ask() -> tuple[Any, BackgroundTask | None]:
                viewer = watching_viewer(request)
                asked = given | {viewer_name: viewer}
                if form is not None:
                    asked[form_name] = ours(request, viewer, form)
                if acts:
                    until_done.enter_context(counts_of(request).acting(viewer))
                due = clicked and is_due_to_be_kept(viewer)
                return endpoint(**asked), BackgroundTask(keep, engine_of(request), viewer) if due else None

            if "request" in signature.parameters:
                given["request"] = request
            answer, then = await run_in_threadpool(ask)
            if inspect.isawaitable(answer):
                answer = await answer
        if then is not None and isinstance(answer, Response) and answer.background is None:
            answer.background = then
        return answer

    request = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)
    asked_of_fastapi = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in rest]
    if "request" not in signature.parameters:
        asked_of_fastapi.append(request)
    page.__signature__ = signature.replace(parameters=asked_of_fastapi)  # type: ignore[attr-defined]
    page.__name__, page.__doc__, page.__module__ = endpoint.__name__, endpoint.__doc__, endpoint.__module__
    return page
