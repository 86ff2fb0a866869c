"""What a form offers to choose from, and the ids it sends back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables.access import UserRow
from models.tables.practice import PayerRow

CHOICES_MAX = 500
PAYERS = select(PayerRow.external_id, PayerRow.name).order_by(PayerRow.name).limit(CHOICES_MAX)
OWNERS = select(UserRow.id, UserRow.name).where(UserRow.disabled_at.is_(None)).order_by(UserRow.name).limit(CHOICES_MAX)


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a filter."""

    value: str
    label: str
    chosen: bool


def payer_choices(session: Session, chosen: str) -> tuple[Choice, ...]:
    """Payers of the practice."""
    return payers(session.execute(PAYERS), chosen)


def payers(found: Iterable[Any], chosen: str) -> tuple[Choice, ...]:
    """The same payers, as ``PAYERS`` finds them."""
    return tuple(Choice(external_id, name, external_id == chosen) for external_id, name in found)


def owner_choices(session: Session, chosen: str) -> tuple[Choice, ...]:
    """People of the practice who can have work."""
    return owners(session.execute(OWNERS), chosen)


def owners(found: Iterable[Any], chosen: str) -> tuple[Choice, ...]:
    """The same people, as ``OWNERS`` finds them."""
    return tuple(Choice(str(user_id), name, str(user_id) == chosen) for user_id, name in found)


def is_uuid(value: str) -> bool:
    """Whether it is an id."""
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def ids(values: Sequence[str]) -> list[UUID]:
    """The ids among what a form sent."""
    return [UUID(value) for value in values if is_uuid(value)]
