"""Log in, log out."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from web import templating
from web.routes import page_router
from web.security import Attempts, Form, Person, Posted, cookie_name, engine_of, limits_of, now, own_path, read_form
from web.sessions import EMAIL_LENGTH_MAX, PASSWORD_LENGTH_MAX, Opened, log_in, log_out

router = page_router()

WRONG = "E-mail and password do not fit together. Check both; an administrator can set a new password."
TOO_MANY = "Too many attempts. Wait 15 minutes, or ask an administrator."


@router.get("/login")
def show(request: Request, next: str = "/", ended: str = "") -> HTMLResponse:  # noqa: A002 - the name in the address
    """The log-in page; ended: one comes from a page whose session was over."""
    return _page(request, own_path(next), ended=bool(ended))


@router.post("/login")
async def enter(request: Request, form: Annotated[Form, Depends(read_form)]) -> Response:
    """Opens a session and goes where the person wanted to go."""
    email, password = form.text("email").lower()[:EMAIL_LENGTH_MAX], form.values.get("password", [""])[-1]
    wanted = own_path(form.text("next", "/"))
    attempts: Attempts = request.app.state.attempts
    callers = (email, request.client.host if request.client else "")
    if attempts.too_many(callers[0]) or attempts.too_many(f"{callers[1]}*"):
        return _page(request, wanted, email=email, problem=TOO_MANY, status=429)
    limits = limits_of(request)
    opened: Opened | None = None
    if email and 0 < len(password) <= PASSWORD_LENGTH_MAX:
        opened = await run_in_threadpool(log_in, engine_of(request), email, password, now(), limits)
    if opened is None:
        return _page(request, wanted, email=email, problem=WRONG, status=401)
    attempts.forget(email)
    attempts.forget(f"{callers[1]}*")
    answer = RedirectResponse(wanted, status_code=303)
    answer.set_cookie(
        cookie_name(request),
        opened.token,
        max_age=int(limits.absolute.total_seconds()),
        httponly=True,
        secure=request.app.state.https,
        samesite="lax",
        path="/",
    )
    return answer


@router.post("/awake")
def awake(_viewer: Person, _form: Posted) -> Response:
    """Somebody writes: a session does not end in the middle of a letter, though nothing was pressed yet."""
    return Response(status_code=204)


@router.post("/logout")
def leave(request: Request, viewer: Person, form: Posted) -> Response:
    """Ends the session here and on the server."""
    log_out(engine_of(request), viewer)
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(cookie_name(request), path="/", secure=request.app.state.https, httponly=True, samesite="lax")
    return answer


def _page(
    request: Request, wanted: str, *, email: str = "", problem: str = "", ended: bool = False, status: int = 200
) -> HTMLResponse:
    idle_minutes = int(limits_of(request).idle.total_seconds() // 60)
    context = {"next": wanted, "email": email, "problem": problem, "ended": ended, "idle_minutes": idle_minutes}
    return templating.page("login.html", context, status=status)
