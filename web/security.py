"""Who is asking, may they, and was this form ours."""

import hmac
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote, urlsplit
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import Engine, text

from web.live import Live
from web.problems import Forbidden, Invalid, LoggedOut
from web.reads.counts import Counts
from web.sessions import Limits, find_viewer, hash_token
from web.viewer import Viewer

LOG_IN_ATTEMPTS_MAX = 10
LOG_IN_WINDOW_SECONDS = 15 * 60
REMEMBERED_CALLERS_MAX = 10_000
FIELDS_MAX = 2_000
SECURE_COOKIE = "__Host-firstpass"
PLAIN_COOKIE = "firstpass"


def now() -> datetime:
    """The one clock of the web room."""
    return datetime.now(UTC)


def engine_of(request: Request) -> Engine:
    """The app's engine."""
    engine: Engine = request.app.state.engine
    return engine


def live_of(request: Request) -> Live:
    """What this process hears of changes."""
    live: Live = request.app.state.live
    return live


def counts_of(request: Request) -> Counts:
    """What this process counts for all who look."""
    counts: Counts = request.app.state.counts
    return counts


def limits_of(request: Request) -> Limits:
    """How long log-ins last here."""
    limits: Limits = request.app.state.limits
    return limits


def cookie_name(request: Request) -> str:
    """A __Host- cookie wherever the site is reached by https."""
    return SECURE_COOKIE if request.app.state.https else PLAIN_COOKIE


def watching_viewer(request: Request) -> Viewer:
    """The person whose page polls or listens; an unattended screen still logs out."""
    token = request.cookies.get(cookie_name(request), "")
    clock: Callable[[], datetime] = request.app.state.clock
    viewer = find_viewer(engine_of(request), token, clock(), limits_of(request)) if token else None
    if viewer is None:
        raise LoggedOut(log_in_address(request, ended=bool(token)))
    request.state.viewer = viewer
    return viewer


def _of_a_page() -> Any:
    raise RuntimeError("only a page is told who asks: its router is web.routes.page_router()")


# What an endpoint of a page may ask for (``web.routes``).
Watcher = Annotated[Viewer, Depends(_of_a_page), "whose page polls or listens"]
Person = Annotated[Viewer, Depends(_of_a_page), "who clicked: the session is kept alive, once they have their answer"]


def log_in_address(request: Request, *, ended: bool) -> str:
    """The log-in page, with the way back to the page that was wanted.

    ended: a session was here and is over, so the page says what became of what was not saved.
    """
    path = request.url.path
    if request.method != "GET" or "HX-Request" in request.headers:
        path = urlsplit(request.headers.get("HX-Current-URL", "/")).path or "/"
    wanted = [f"next={quote(path)}"] if path not in {"", "/"} else []
    return "?".join(filter(None, ("/login", "&".join(wanted + ["ended=1"] * ended))))


def own_path(wanted: str) -> str:
    """A path on this site, whatever was asked for."""
    return wanted if wanted.startswith("/") and not wanted.startswith(("//", "/\\")) else "/"


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form that carried this session's token."""

    values: dict[str, list[str]]

    def text(self, name: str, default: str = "") -> str:
        """The last value of a field."""
        given = self.values.get(name)
        return given[-1].strip() if given else default

    def id(self, name: str) -> UUID:
        """An id that the page itself put into the form. Raises Invalid."""
        try:
            return UUID(self.text(name))
        except ValueError as error:
            raise Invalid("The form was not complete. Reload the page and try again.") from error

    def all(self, name: str) -> list[str]:
        """All values of a field."""
        return self.values.get(name, [])

    def prefixed(self, prefix: str) -> dict[str, str]:
        """``field.x`` -> ``x``, filled ones only."""
        named = {name.removeprefix(prefix): self.text(name) for name in self.values if name.startswith(prefix)}
        return {name: value for name, value in named.items() if value}


async def read_form(request: Request) -> Form:
    """The fields of a posted form. Raises Invalid for a text that cannot be kept."""
    data = await request.form(max_fields=FIELDS_MAX, max_files=0)
    values: dict[str, list[str]] = {}
    for name, value in data.multi_items():
        if isinstance(value, str):
            if "\0" in value:
                raise Invalid(
                    "A text you sent holds a NUL character, which cannot be kept. Remove it and send it again."
                )
            values.setdefault(name, []).append(value)
    return Form(values)


def ours(request: Request, viewer: Viewer, form: Form) -> Form:
    """The form, if it carries the session's token, as a field or a header."""
    given = request.headers.get("X-CSRF-Token") or form.text("csrf_token")
    if not hmac.compare_digest(given.encode(), viewer.csrf_token.encode()):
        raise Forbidden("This form was not made for your session. Reload the page and try again.")
    return form


Posted = Annotated[Form, Depends(_of_a_page), "by a person"]
PostedWatching = Annotated[Form, Depends(_of_a_page), "by a page that only watches"]


def require(viewer: Viewer, right: str) -> None:
    """Stops whoever lacks a right."""
    if not viewer.may(right):
        raise Forbidden("Your role does not include this. A supervisor or administrator can help.")


@dataclass(frozen=True, slots=True)
class Integration:
    """A caller of the API, known by its key."""

    practice_id: UUID
    name: str


def integration(request: Request) -> Integration | None:
    """Whose key the request carries, if it is one of ours and not revoked."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        return None
    with engine_of(request).connect() as connection:
        found = connection.execute(
            text("SELECT * FROM find_api_key(:hash)"), {"hash": hash_token(key.strip())}
        ).one_or_none()
    return Integration(found.practice_id, found.name) if found else None


class Attempts:
    """How often somebody tried to log in lately, per process."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = defaultdict(deque)

    def too_many(self, who: str) -> bool:
        """Counts one attempt and says whether it is one too many."""
        if len(self._times) > REMEMBERED_CALLERS_MAX:
            self._times.clear()
        times, instant = self._times[who], time.monotonic()
        while times and instant - times[0] > LOG_IN_WINDOW_SECONDS:
            times.popleft()
        times.append(instant)
        return len(times) > LOG_IN_ATTEMPTS_MAX

    def forget(self, who: str) -> None:
        """After a log-in that worked."""
        self._times.pop(who, None)


def watching_viewer_or_none(request: Request) -> Viewer | None:
    """Who listens to a stream, as they are by now; None where it must end, its session being over or left idle."""
    try:
        return watching_viewer(request)
    except LoggedOut:
        return None
