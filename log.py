"""Logs that say what happened and to which ids, and never to whom.

JSON in production, key=value at a desk. Everything goes through here: ours (structlog), and what uvicorn, SQLAlchemy or
Temporal's SDK log through the standard library. Keys that name a person or carry a document are dropped, and of an
exception only its type and the places it passed stay: its message may quote a name, a note or a statement.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

DROPPED: Final = "[dropped]"

# A key is dropped when one of its words is here: patient_name, dob, member_id, note_text, payload ...
_PERSONAL_WORDS: Final = frozenset(
    [
        "name",
        "first",
        "last",
        "middle",
        "given",
        "family",
        "birth",
        "birthdate",
        "born",
        "dob",
        "ssn",
        "address",
        "street",
        "city",
        "zip",
        "phone",
        "fax",
        "email",
        "member",
        "subscriber",
        "insured",
        "guarantor",
        "diagnosis",
        "diagnoses",
        "dx",
        "icd",
        "complaint",
        "note",
        "notes",
        "narrative",
        "text",
        "body",
        "content",
        "document",
        "payload",
        "segment",
        "segments",
        "raw",
        "x12",
        "form",
        "query",
        "params",
        "parameters",
        "password",
        "secret",
        "token",
        "cookie",
        "authorization",
        "headers",
    ]
)
# Harmless although they share a word with the above.
_ALLOWED_KEYS: Final = frozenset(
    {"logger_name", "file_name", "queue_name", "authorization_id", "note_id", "document_id"}
)
_WORDS: Final = re.compile(r"[a-z0-9]+")
_FRAMES_KEPT: Final = 12
# From a library's own fields only Temporal's are kept: ids, types and attempts.
_LIBRARY_FIELDS: Final = ("temporal_activity", "temporal_workflow")


def configure(*, production: bool, level: str = "INFO") -> None:
    """Send every log of this process through the same processors to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(allow=_LIBRARY_FIELDS),
        without_exception_text,
        without_personal_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _ToStandardError()
    handler.addFilter(_without_text_arguments)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(production)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        # uvicorn brings its own handlers, which know nothing of all this
        logging.getLogger(library).handlers.clear()
        logging.getLogger(library).propagate = True
    for chatty in ("sqlalchemy.engine", "asyncssh", "httpx", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _ToStandardError(logging.Handler):
    """Writes to whatever standard error is at the moment: a command or a test may have replaced it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def _renderer(production: bool) -> Processor:
    if production:
        return structlog.processors.JSONRenderer(sort_keys=True)
    return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False)


def without_personal_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop what a key announces to be about a person, at any depth."""
    return _clean_mapping(event)


def _clean_mapping(values: MutableMapping[str, Any]) -> dict[str, Any]:
    return {key: DROPPED if is_personal(key) else _clean_value(value) for key, value in values.items()}


def _clean_value(value: object) -> object:
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, dict):
        return _clean_mapping(value)
    if isinstance(value, (list, tuple)):
        return [_clean_value(item) for item in value]
    return value


def is_personal(key: str) -> bool:
    lowered = str(key).lower()
    return lowered not in _ALLOWED_KEYS and not _PERSONAL_WORDS.isdisjoint(_WORDS.findall(lowered))


def without_exception_text(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace an exception by its chain of types and the last places it passed."""
    given = event.pop("exc_info", None)
    event.pop("exception", None)
    event.pop("stack_info", None)
    if not given:
        return event
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else sys.exc_info()[1]
    if error is not None:
        event["error"] = " < ".join(type(link).__name__ for link in _chain(error))
        event["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in _places(error)]
    return event


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in links:
        links.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return links


def _places(error: BaseException) -> list[traceback.FrameSummary]:
    # lookup_lines=False: a source line could quote a literal, and reading files while failing helps nobody
    frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), lookup_lines=False)
    return list(frames)[-_FRAMES_KEPT:]


def _without_text_arguments(record: logging.LogRecord) -> bool:
    """Before a library's message is put together: no exception's text in it, no query string of a page."""
    if isinstance(record.args, tuple):
        record.args = tuple(_clean_argument(argument) for argument in record.args)
        if record.name == "uvicorn.access":
            record.args = tuple(
                argument.partition("?")[0] if isinstance(argument, str) else argument for argument in record.args
            )
    if isinstance(record.msg, BaseException):
        record.msg = type(record.msg).__name__
    return True


def _clean_argument(argument: object) -> object:
    return type(argument).__name__ if isinstance(argument, BaseException) else argument
