"""The patients' mail provider: takes every letter over SMTP and keeps it in a Maildir. Nothing leaves the machine."""

import asyncio
import logging
import signal
from pathlib import Path

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP

LETTER_BYTES_MAX = 1_000_000
logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd would log addresses and letters


async def listen(host: str, port: int, store: Path) -> asyncio.Server:
    """A server that keeps what it is given; close it when done."""
    store.parent.mkdir(parents=True, exist_ok=True)
    handler = Mailbox(store)
    return await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, data_size_limit=LETTER_BYTES_MAX, enable_SMTPUTF8=True), host, port
    )


async def serve(host: str, port: int, store: Path) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with await listen(host, port, store):
        await stop.wait()


def run(host: str, port: int, store: Path) -> None:
    """What `firstpass mail` calls: blocks until stopped."""
    asyncio.run(serve(host, port, store))
