"""Sending one e-mail over SMTP, and saying exactly what is known of it afterwards.

SMTP promises delivery with the reply to the text (RFC 5321, 4.2.5). Before it nothing was sent; a connection lost while
waiting for it leaves the outcome unknown, and only the same Message-ID lets the receiver notice a second copy.
"""

import contextlib
import smtplib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Literal

TIMEOUT_SECONDS = 30
REFUSING = 400
PERMANENT = 500  # replies from here on will be the same next time (RFC 5321, 4.2.1)


@dataclass(frozen=True, slots=True)
class MailAddress:
    """Where mail leaves, and how often it is tried.

    unknown_retries: how often a message is sent again although the first may have arrived; 0: never.
    """

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""
    tls: Literal["none", "starttls", "tls"] = "starttls"
    attempts_max: int = 8
    unknown_retries: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One e-mail. message_id: the same for every attempt."""

    message_id: str
    recipient: str
    subject: str
    body: str


class NotSent(Exception):  # noqa: N818 - an outcome, not a fault
    """The message certainly did not leave. permanent: another attempt would end the same."""

    def __init__(self, why: str, *, permanent: bool) -> None:
        super().__init__(why)
        self.permanent = permanent


class OutcomeUnknown(Exception):  # noqa: N818
    """The text was handed over and the reply never came: it may have been sent."""


def new_message_id(sender: str) -> str:
    """A fresh Message-ID in the sender's domain."""
    return make_msgid(domain=sender.rpartition("@")[2].strip("> ") or "localhost")


class SmtpMail:
    """The real thing."""

    def __init__(self, address: MailAddress) -> None:
        self.address = address

    def send(self, message: Message) -> None:
        """Hand one message over. Raises NotSent or OutcomeUnknown; returning means the server took it."""
        connection = self._connected()
        try:
            _offer(connection, self.address.sender, message)
            _hand_over(connection, _as_text(self.address.sender, message))
        except (OSError, smtplib.SMTPException) as trouble:
            raise NotSent(f"the mail server went away ({type(trouble).__name__})", permanent=False) from None
        finally:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.quit()  # whatever it answers now changes nothing about the message
            connection.close()

    def _connected(self) -> smtplib.SMTP:
        """A session in which mail may be offered. A refused log-in is not permanent: somebody may put it right."""
        try:
            return _session(self.address)
        except (OSError, smtplib.SMTPException) as trouble:
            raise NotSent(f"the mail server cannot be used ({type(trouble).__name__})", permanent=False) from None


def _session(address: MailAddress) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if address.tls == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            address.host, address.port, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        connection = smtplib.SMTP(address.host, address.port, timeout=TIMEOUT_SECONDS)
    try:
        if address.tls == "starttls":
            connection.starttls(context=context)
        if address.user:
            connection.login(address.user, address.password)
        connection.ehlo_or_helo_if_needed()
    except BaseException:
        connection.close()
        raise
    return connection


def _offer(connection: smtplib.SMTP, sender: str, message: Message) -> None:
    code, _ = connection.mail(sender)
    if code < REFUSING:
        code, _ = connection.rcpt(message.recipient)  # the reply may repeat the address, so only its number is kept
    if code >= REFUSING:
        raise _refusal(code)


def _hand_over(connection: smtplib.SMTP, text: bytes) -> None:
    try:
        code, _ = connection.data(text)
    except smtplib.SMTPDataError as refused:
        raise _refusal(refused.smtp_code) from None
    except (OSError, smtplib.SMTPServerDisconnected) as lost:
        raise OutcomeUnknown(
            f"the connection was lost before the mail server answered ({type(lost).__name__})"
        ) from None
    if code >= REFUSING:
        raise _refusal(code)


def _refusal(code: int) -> NotSent:
    return NotSent(f"the mail server answered {code}", permanent=code >= PERMANENT)


def _as_text(sender: str, message: Message) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, message.recipient, message.subject
    made["Message-ID"], made["Date"] = message.message_id, format_datetime(datetime.now(UTC))
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    made.set_content(message.body)
    return made.as_bytes()
