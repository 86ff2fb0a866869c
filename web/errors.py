"""Errors in words: as a page, as a fragment for htmx, as JSON for the API. Never a traceback, never a patient."""

import logging
import secrets
import traceback
from http import HTTPStatus
from pathlib import Path

import anyio
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities.refusals import Refused
from web import templating
from web.middleware import API_PREFIX
from web.problems import Conflict, LoggedOut, NotFound, PageProblem

logger = logging.getLogger(__name__)

SENTENCES = {
    404: NotFound().sentence,
    405: "This address does not take that. Go back and use the page's own buttons.",
    413: "More was sent than is taken at once.",
}
BROKEN = "Something broke on our side, and nothing was half done. Try again; if it stays, tell whoever runs Firstpass."


def answer(request: Request, status: int, title: str, sentence: str, reference: str = "") -> Response:
    """The same error for whoever asked."""
    if request.url.path.startswith(API_PREFIX):
        told = {"error": {"title": title, "message": sentence}}
        headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
        return JSONResponse(told | ({"reference": reference} if reference else {}), status_code=status, headers=headers)
    context = {"title": title, "sentence": sentence, "reference": reference}
    block = "fragment" if templating.wanted_region(request) else ""
    return templating.page("error.html", context, status=status, block=block)


def install(app: FastAPI) -> None:
    """Every way a request can fail."""

    @app.exception_handler(LoggedOut)
    async def logged_out(request: Request, problem: LoggedOut) -> Response:
        if "HX-Request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": problem.address})
        if request.url.path == "/events":
            return Response(status_code=401)
        return RedirectResponse(problem.address, status_code=303)

    @app.exception_handler(PageProblem)
    async def page_problem(request: Request, problem: PageProblem) -> Response:
        return answer(request, problem.status, problem.title, problem.sentence)

    @app.exception_handler(Refused)
    async def refused(request: Request, problem: Refused) -> Response:
        return answer(request, Conflict.status, Conflict.title, str(problem))

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, problem: RequestValidationError) -> Response:
        if request.url.path.startswith(API_PREFIX):
            return answer(request, 422, "Not readable", "A parameter of the address is not of the expected form.")
        return answer(request, 404, NotFound.title, NotFound().sentence)

    @app.exception_handler(HTTPException)
    async def http_problem(request: Request, problem: HTTPException) -> Response:
        title = HTTPStatus(problem.status_code).phrase.capitalize()
        return answer(request, problem.status_code, title, SENTENCES.get(problem.status_code, f"{title}."))


class NothingHalfSaid:
    """Answers a fault in words. Inside the other middleware, so that the answer has the security headers too, and the
    exception goes no further: its text may quote a row, so a log keeps only its kind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as problem:
            if started and _left(problem):
                return
            reference = secrets.token_hex(4)
            logger.error("request failed: %s, reference %s", _kind(problem), reference)
            if not started:
                said = answer(Request(scope), 500, PageProblem.title, BROKEN, reference)
                await said(scope, receive, send)


def _left(problem: BaseException) -> bool:
    """Whether nothing failed but the telling: the browser closed the page while FastAPI was writing to its stream."""
    if isinstance(problem, BaseExceptionGroup):
        return all(_left(each) for each in problem.exceptions)
    return isinstance(problem, anyio.BrokenResourceError | anyio.ClosedResourceError)


def _kind(problem: BaseException) -> str:
    """The exception's class and the line of ours it came from: enough to find it, nothing about a patient."""
    frames = traceback.extract_tb(problem.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    where = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{type(problem).__name__}{where}"
