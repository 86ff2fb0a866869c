"""A mail server that may be told to misbehave, on a thread of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from activities.gateways.mail import MailAddress


@dataclass
class Post:
    """What it was given, and how it answers: replies to RCPT and DATA, one a call; ``hang up`` closes instead."""

    rcpt: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.rcpt.pop(0) if self.rcpt else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.data.pop(0) if self.data else "250 kept"
        if not answer.startswith(("4", "5")):
            self.kept.append(message_from_bytes(envelope.original_content or b""))
        if answer == "hang up":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answer

    def address(self, **overrides: Any) -> MailAddress:
        """How to reach it."""
        usual: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "sender": "desk@clinic.example", "tls": "none"}
        return MailAddress(**(usual | overrides))


@contextmanager
def post_office() -> Iterator[Post]:
    """It answers until the block ends."""
    loop, post = asyncio.new_event_loop(), Post()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(lambda: SMTP(post), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    post.port = server.sockets[0].getsockname()[1]
    yield post

    async def close() -> None:
        server.close()

    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
