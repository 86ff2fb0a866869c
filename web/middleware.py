"""What guards every request before a route sees it: origin of unsafe requests, size of bodies, headers of answers."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
STATIC_PREFIX = "/static/"
API_PREFIX = "/api/"
FILES_SUFFIX = "/files"  # where forms carry a file


class SecureHeaders:
    """Adds the security headers to every answer; pages are never stored by a browser or proxy."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), str(scope["path"]))
            await send(message)

        await self._app(scope, receive, with_headers)

    def _add(self, headers: MutableHeaders, path: str) -> None:
        for name, value in SECURITY_HEADERS.items():
            headers[name] = value
        headers["Cache-Control"] = "no-cache" if path.startswith(STATIC_PREFIX) else "no-store"
        if self._https:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"


class SameOrigin:
    """Refuses a changing request that another site made a browser send.

    Browsers say so in Sec-Fetch-Site; where it is missing, Origin (then Referer) must name this host. A program that
    sends none of them carries no cookie either, and the API takes keys, not cookies.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and not came_from_us(Headers(scope=scope)):
            answer = PlainTextResponse(
                "This request came from another site, so nothing was done. Open Firstpass itself and try again.",
                status_code=403,
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def came_from_us(headers: Headers) -> bool:
    """Whether a browser's request started on our own pages (or is no browser's at all)."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    source = headers.get("origin") or headers.get("referer")
    return source is None or urlsplit(source).netloc == headers.get("host", "")


class BodyLimit:
    """Refuses a body larger than the limit of its path, whatever its Content-Length says."""

    def __init__(self, app: ASGIApp, *, page_bytes_max: int, api_bytes_max: int, file_bytes_max: int) -> None:
        self._app = app
        self._page_bytes_max = page_bytes_max
        self._file_bytes_max = file_bytes_max
        self._api_bytes_max = api_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        limit = self._limit(str(scope["path"]))
        body = await _read(receive, Headers(scope=scope), limit)
        if body is None:
            await _too_large(scope["path"], limit)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    def _limit(self, path: str) -> int:
        if path.startswith(API_PREFIX):
            return self._api_bytes_max
        return self._file_bytes_max if path.endswith(FILES_SUFFIX) else self._page_bytes_max


def _too_large(path: str, limit: int) -> Response:
    sentence = f"More than {limit // (1024 * 1024)} MB were sent, so nothing was read. Send it in smaller parts."
    if path.startswith(API_PREFIX):
        return JSONResponse({"error": {"title": "Too large", "message": sentence}}, status_code=413)
    return PlainTextResponse(sentence, status_code=413)


async def _read(receive: Receive, headers: Headers, limit: int) -> bytes | None:
    """The whole body, or nothing when it is larger than the limit."""
    declared = headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > limit:
        return None
    parts: list[bytes] = []
    total = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        total += len(parts[-1])
        if total > limit:
            return None
        if not message.get("more_body", False):
            break
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body again, for the route; then whatever the connection still says."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
