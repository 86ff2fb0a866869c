"""What a decision works on, and how it refuses."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError

from activities.clock import practice_day
from models.messages import REFUSED, Decision
from models.store import ledger
from models.store.life import record
from models.tables.access import UserRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow


def refusal(sentence: str) -> ApplicationError:
    """A decision that is not allowed: what is in the way and what to do instead. Shown to the person as it is."""
    return ApplicationError(sentence, type=REFUSED, non_retryable=True)


@dataclass(frozen=True, slots=True)
class Case:
    """A decision with everything it may look at. ``encounter`` is locked; None for items about no visit."""

    session: Session
    practice: PracticeRow
    item: WorkItemRow
    user: UserRow
    decision: Decision
    now: datetime
    encounter: EncounterRow | None
    kept: dict[str, Any] = field(default_factory=dict)  # what is stored with the decision besides its fields

    @property
    def today(self) -> date:
        """The practice's calendar day."""
        return practice_day(self.now, self.practice.time_zone)

    @property
    def row(self) -> EncounterRow:
        """The encounter, where there must be one."""
        if self.encounter is None:
            raise refusal("This item is not about a visit, so this decision does not fit it.")
        return self.encounter

    def text(self, name: str, what: str) -> str:
        """A field that must be filled in."""
        value = self.decision.fields.get(name, "").strip()
        if not value:
            raise refusal(f"Please fill in {what}.")
        return value

    def day(self, name: str, what: str) -> date:
        """A date field, as YYYY-MM-DD."""
        value = self.text(name, what)
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise refusal(f"{what.capitalize()} must be a date like 2026-03-31.") from None

    def count(self, name: str, what: str) -> int:
        """A whole number above zero."""
        value = self.text(name, what)
        if not value.isdecimal() or int(value) == 0:
            raise refusal(f"{what.capitalize()} must be a whole number above zero.")
        return int(value)

    def dollars(self, name: str, what: str) -> Decimal:
        """An amount above zero, to the cent."""
        value = self.text(name, what).lstrip("$").replace(",", "")
        try:
            amount = Decimal(value)
        except InvalidOperation:
            raise refusal(f"{what.capitalize()} must be an amount like 25.00.") from None
        if not amount.is_finite() or amount <= 0 or amount != amount.quantize(Decimal("0.01")):
            raise refusal(f"{what.capitalize()} must be above zero, with cents at most.")
        return amount.quantize(Decimal("0.01"))

    def record(self, kind: str, summary: str, detail: dict[str, Any] | None = None) -> None:
        """Add a line to the visit's life, in the name of whoever decides."""
        record(
            self.session,
            self.practice.id,
            kind,
            summary,
            encounter_id=self.row.id,
            actor=self.user.name,
            at=self.now,
            detail=detail,
        )

    def post(self, kind: str, legs: ledger.Legs, memo: str, payer_rank: int = 1) -> None:
        """Post the decision's one transaction on the visit's account; its key is the decision's."""
        ledger.post(
            self.session,
            self.practice.id,
            self.key,
            kind,
            self.today,
            legs,
            encounter_id=self.row.id,
            memo=memo,
            payer_rank=payer_rank,
        )

    @property
    def key(self) -> str:
        """The business key of what the decision posts: posted once, however often it is applied."""
        return f"decision/{self.decision.command_id}"
