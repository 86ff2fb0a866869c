"""A log line names ids, types and places, never a person or the text of a failure."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

import log

PATIENT = "Adelaide Quimby"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    log.configure(production=True, level="DEBUG")
    yield capsys
    root.handlers = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def only_line(lines: pytest.CaptureFixture[str]) -> dict[str, object]:
    written = lines.readouterr().err.strip().splitlines()
    assert len(written) == 1
    entry: dict[str, object] = json.loads(written[0])
    assert PATIENT not in written[0]
    return entry


def test_ids_stay_and_people_go(lines: pytest.CaptureFixture[str]) -> None:
    log.get_logger("test").info("held", encounter_id="e-1", patient_name=PATIENT, facts={"dob": PATIENT, "units": 2})
    entry = only_line(lines)
    assert entry["event"] == "held"
    assert entry["encounter_id"] == "e-1"
    assert entry["patient_name"] == log.DROPPED
    assert entry["facts"] == {"dob": log.DROPPED, "units": 2}


def test_an_exception_keeps_its_types_and_places_only(lines: pytest.CaptureFixture[str]) -> None:
    try:
        try:
            raise KeyError(PATIENT)
        except KeyError as cause:
            raise ValueError(f"no coverage for {PATIENT}") from cause
    except ValueError:
        log.get_logger("test").exception("check_failed", encounter_id="e-1")
    entry = only_line(lines)
    assert entry["error"] == "ValueError < KeyError"
    assert "test_an_exception_keeps" in str(entry["at"])


def test_a_library_cannot_smuggle_an_exception_into_its_message(lines: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("temporalio.activity").warning("Completing activity as failed: %s", ValueError(PATIENT))
    assert only_line(lines)["event"] == "Completing activity as failed: ValueError"


def test_a_library_exception_is_cut_too(lines: pytest.CaptureFixture[str]) -> None:
    try:
        raise RuntimeError(PATIENT)
    except RuntimeError:
        logging.getLogger("sqlalchemy.pool").exception("Exception during reset")
    assert only_line(lines)["error"] == "RuntimeError"


def test_the_access_log_forgets_what_was_searched_for(lines: pytest.CaptureFixture[str]) -> None:
    message = '%s - "%s %s HTTP/%s" %d'
    logging.getLogger("uvicorn.access").info(message, "127.0.0.1", "GET", f"/patients?q={PATIENT}", "1.1", 200)
    assert '"GET /patients HTTP/1.1" 200' in str(only_line(lines)["event"])


def test_the_request_travels_along(lines: pytest.CaptureFixture[str]) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")
    logging.getLogger("anything").info("done")
    assert only_line(lines)["request_id"] == "r-1"


@pytest.mark.parametrize("key", ["patient_name", "dob", "member_id", "note_text", "raw", "diagnosis", "x12"])
def test_personal_keys(key: str) -> None:
    assert log.is_personal(key)


@pytest.mark.parametrize("key", ["encounter_id", "claim_id", "authorization_id", "attempt", "event", "timestamp"])
def test_harmless_keys(key: str) -> None:
    assert not log.is_personal(key)
