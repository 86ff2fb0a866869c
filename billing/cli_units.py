"""``firstpass units``: minutes in, units out, on the command line. Text in, text and exit code out; no I/O."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from billing import codes, modifiers
from billing.assistants import MODIFIERS as ASSISTANT
from billing.assistants import AssistedLine, split_lines
from billing.encounter import MINUTES_PER_DAY, SERVICES_MAX
from billing.units import ServiceMinutes, UnitResult, count_units
from billing.vocabulary import Discipline, UnitMethod

USAGE_ERROR = 2
LINE_CHARACTERS_MAX = 100_000  # of one batch line; 50 services need a few thousand
SERVICE_FIELDS = ("code", "therapist_minutes", "assistant_minutes")  # a misspelt one would be minutes silently lost
_SERVICE = re.compile(r"([0-9A-Za-z]{5})=(.+)")
_MINUTES = re.compile(r"(\d{1,4})(a?)", re.ASCII)
Word = TypeVar("Word", bound=StrEnum)


class Answer(NamedTuple):
    """What a command prints, and the exit code of the process."""

    text: str
    exit_code: int = 0


class Request(NamedTuple):
    """One question to the unit engine."""

    method: UnitMethod
    discipline: Discipline
    on: date
    services: tuple[ServiceMinutes, ...]


def parse_service(token: str) -> ServiceMinutes:
    """``97112=13+23a``: a code, therapist's minutes, assistant's with an ``a``. ValueError tells what is wrong."""
    match = _SERVICE.fullmatch(token.strip())
    if match is None:
        raise ValueError(f"{token!r} is not CODE=MINUTES, for example 97110=33 or 97112=13+23a")
    therapist = assistant = 0
    for part in match[2].split("+"):
        minutes = _MINUTES.fullmatch(part.strip())
        if minutes is None:
            raise ValueError(f"{token!r}: {part!r} is not a number of minutes (an assistant's end in a)")
        if minutes[2]:
            assistant += int(minutes[1])
        else:
            therapist += int(minutes[1])
    return ServiceMinutes(match[1].upper(), therapist, assistant)


def _word(words: type[Word], text: Any, name: str) -> Word:
    """A word of a closed set, by its value in any case."""
    for word in words:
        if isinstance(text, str) and word.value.lower() == text.strip().lower():
            return word
    raise ValueError(f"{name} {text!r} is none of {', '.join(word.value for word in words)}")


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"on {text!r} is not a date like 2026-03-02") from None


def _checked(request: Request) -> Request:
    """The request, or ValueError naming the first thing that cannot be counted."""
    if not 1 <= len(request.services) <= SERVICES_MAX:
        raise ValueError(f"a visit has 1 to {SERVICES_MAX} services, not {len(request.services)}")
    for service in request.services:
        if codes.find(service.code, request.on) is None:
            why = "is not valid" if codes.known(service.code) else "is not in our code table"
            raise ValueError(f"{service.code} {why} on {request.on.isoformat()}")
        if not 0 <= service.therapist_minutes + service.assistant_minutes <= MINUTES_PER_DAY:
            raise ValueError(f"{service.code}: a day has {MINUTES_PER_DAY} minutes")
    return request


def _marks(line: AssistedLine, discipline: Discipline) -> list[str]:
    marks = [modifiers.DISCIPLINE[discipline]]
    if line.assisted and discipline in ASSISTANT:
        marks.append(ASSISTANT[discipline])
    return marks


def count(request: Request) -> tuple[UnitResult, tuple[AssistedLine, ...], dict[str, Any]]:
    """The result, its lines cut by who gave them, and both as plain data (lines without units are left out)."""
    result = count_units(request.method, request.services, request.on, request.discipline)
    lines, split_steps = split_lines(request.services, result.lines, request.on, request.discipline)
    data = {
        "timed_minutes": result.timed_minutes,
        "total_units": result.total_units,
        "lines": [
            {"code": line.code, "units": line.units, "modifiers": _marks(line, request.discipline)}
            for line in lines
            if line.units
        ],
        "ties": [list(tied) for tied in result.ties],
        "steps": [f"{step.subject}: {step.text}" for step in (*result.steps, *split_steps)],
    }
    return result, lines, data


def _table(request: Request, data: dict[str, Any]) -> str:
    rows = [f"{'code':<8}{'units':>5}  modifiers"]
    rows += [f"{line['code']:<8}{line['units']:>5}  {' '.join(line['modifiers'])}" for line in data["lines"]]
    total = f"{data['total_units']} units, {data['timed_minutes']} timed minutes"
    head = f"{request.discipline.value} on {request.on.isoformat()} by {request.method.value}: {total}"
    ties = [f"tie: any of {', '.join(tied)} may have the last unit" for tied in data["ties"]]
    return "\n".join([head, "", *rows, *(["", *ties] if ties else []), "", *(f"  {step}" for step in data["steps"])])


def units_command(services: Sequence[str], *, method: str, discipline: str, on: str, as_json: bool = False) -> Answer:
    """``firstpass units``: a readable table with the arithmetic, or the same as data. Exit 2 on bad input."""
    try:
        parsed = tuple(parse_service(token) for token in services)
        request = Request(
            _word(UnitMethod, method, "method"), _word(Discipline, discipline, "discipline"), _day(on), parsed
        )
        data = count(_checked(request))[2]
    except ValueError as error:
        return Answer(json.dumps({"error": str(error)}) if as_json else f"firstpass units: {error}", USAGE_ERROR)
    return Answer(json.dumps(data, indent=2) if as_json else _table(request, data))


def _minutes(service: dict[str, Any], name: str) -> int:
    minutes = service.get(name, 0)
    if not isinstance(minutes, int) or isinstance(minutes, bool) or minutes < 0:
        raise ValueError(f"{service.get('code')}: {name} {minutes!r} is not a number of minutes")
    return minutes


def _service(given: Any) -> ServiceMinutes:
    if not isinstance(given, dict) or not isinstance(given.get("code"), str):
        raise ValueError("a service is an object with a code and minutes")
    unknown = sorted(given.keys() - SERVICE_FIELDS)
    if unknown:
        raise ValueError(f"{given['code']}: {unknown[0]} is none of {', '.join(SERVICE_FIELDS)}")
    therapist, assistant = _minutes(given, "therapist_minutes"), _minutes(given, "assistant_minutes")
    return ServiceMinutes(given["code"].strip().upper(), therapist, assistant)


def _request(given: dict[str, Any]) -> Request:
    services = given.get("services")
    if not isinstance(services, list):
        raise ValueError("services is not a list")
    return Request(
        _word(UnitMethod, given.get("method"), "method"),
        _word(Discipline, given.get("discipline"), "discipline"),
        _day(given.get("on")),
        tuple(_service(service) for service in services),
    )


def _no_number(text: str) -> None:
    """NaN and Infinity, which Python reads and writes but JSON does not have."""
    raise ValueError(f"{text} is not JSON")


def _answer(line: str | bytes) -> dict[str, Any]:
    """The answer to one line; whatever is wrong with it becomes its error."""
    identity = None
    try:
        if len(line) > LINE_CHARACTERS_MAX:
            raise ValueError(f"the line is longer than {LINE_CHARACTERS_MAX} characters")
        given = json.loads(line, parse_constant=_no_number)
        if not isinstance(given, dict):
            raise ValueError("the line is not a JSON object")
        identity = given.get("id")
        return {"id": identity, **count(_checked(_request(given)))[2]}
    except (ValueError, RecursionError) as error:
        return {"id": identity, "error": str(error)}


def batch(lines: Iterable[str | bytes]) -> Iterator[str]:
    """One JSON request a line, one JSON answer a line, in order; blank lines are skipped, bad ones answer an error."""
    for line in lines:
        if line.strip():
            yield json.dumps(_answer(line))
