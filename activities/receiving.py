"""How anything others send is taken in: each object on its own, kept or refused with the fields named.

One transaction per object, so that a bad one loses nothing of the others. What a kind of object is and how it is kept
is the Kind's; how it is validated, refused and counted is the same for all.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from billing.complaints import complaints
from billing.encounter import UNSTORABLE
from models.store.life import audit
from models.store.session import practice_session
from models.tables.practice import PracticeRow

WHOLE = "(the whole object)"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of an object, and where it stands."""

    field: str
    message: str


class RefusedError(Exception):
    """The object in hand is not kept; nothing of it is."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(*errors)
        self.errors = errors


class Outcome(Protocol):
    """What became of one object; ``status`` is what is counted."""

    @property
    def status(self) -> str:
        """created | updated | unchanged | refused, or posted for a payment."""


Sent = TypeVar("Sent", bound=BaseModel)
Result = TypeVar("Result", bound=Outcome)


@dataclass(frozen=True, slots=True)
class Arrival(Generic[Sent]):
    """One valid object in its own transaction. source: the name of the integration or file; payload: as it was sent."""

    session: Session
    practice_id: UUID
    source: str
    payload: Any
    sent: Sent

    @property
    def practice(self) -> PracticeRow:
        """The practice it was sent to."""
        return self.session.get_one(PracticeRow, self.practice_id)


@dataclass(frozen=True, slots=True)
class Kind(Generic[Sent, Result]):
    """A kind of object: the model it must fit, the field with its sender's id, how it is kept and told of.

    keep may raise RefusedError. refuse makes the result of an object that is not kept from its id ("" where it has
    none), its version (None where it has none, or does not fit the model) and the errors.
    """

    model: type[Sent]
    id_field: str
    keep: Callable[[Arrival[Sent]], Result]
    refuse: Callable[[str, int | None, tuple[FieldError, ...]], Result]

    def receive(self, engine: Engine, practice_id: UUID, source: str, payloads: Iterable[Any]) -> list[Result]:
        """What became of each, in the order sent."""
        return [self._receive_one(engine, practice_id, source, payload) for payload in payloads]

    def _receive_one(self, engine: Engine, practice_id: UUID, source: str, payload: Any) -> Result:
        named = str(payload.get(self.id_field) or "") if isinstance(payload, Mapping) else ""
        try:
            sent = self.model.model_validate(payload)
        except ValidationError as error:
            return self.refuse(named, None, tuple(field_errors(error)))
        try:
            with practice_session(engine, practice_id) as session:
                return self.keep(Arrival(session, practice_id, source, payload, sent))
        except RefusedError as refused:
            errors = refused.errors
        except (
            DataError
        ):  # what the model lets pass, such as a key; without its words, which would repeat what was sent
            errors = (FieldError(WHOLE, UNSTORABLE),)
        return self.refuse(str(getattr(sent, self.id_field)), getattr(sent, "version", None), errors)


def count(engine: Engine, practice_id: UUID, source: str, many: str, results: Iterable[Outcome]) -> None:
    """One entry in the audit log for all that came at once: how many of these (``many``) had which status."""
    counts = dict(Counter(result.status for result in results))
    with practice_session(engine, practice_id) as session:
        audit(session, practice_id, source, f"{many}.received", many, counts)


def field_errors(error: ValidationError) -> list[FieldError]:
    """Pydantic's findings as a path a person can follow; never the value, which may name a patient."""
    return [FieldError(found.where or WHOLE, found.what) for found in complaints(error)]


def fingerprint(payload: Any) -> str:
    """SHA-256 of the JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True, default=str).encode()).hexdigest()


def refuse_unknown_names(named: Iterable[tuple[str, str | None, Container[str]]]) -> None:
    """Raise RefusedError for every field whose id (if any) is not among those the practice file knows."""
    errors = [
        FieldError(path, f"{name!r} is not in the practice file; add it there and import it, or correct the id")
        for path, name, known in named
        if name is not None and name not in known
    ]
    if errors:
        raise RefusedError(*errors)
