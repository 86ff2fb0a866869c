"""One look at an encounter: the locked visit, its practice, the moment; how it is moved, asked about, waited on."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import tickets
from activities.clock import practice_day
from billing.practice import DeskSettings
from billing.vocabulary import Stage
from models.store.book import Book, book_of
from models.store.desk import Ticket, close_item, put_item, settings_of
from models.store.life import record
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from models.tables.practice import PracticeRow

FOLLOW_UP_DUE_DAYS = 2


def lock_encounter(session: Session, encounter_id: UUID) -> EncounterRow:
    """The encounter's row, locked until the commit.

    key_share, here and for patients and authorizations: whoever only refers to the row (an event, a claim) does not
    wait, and so cannot close a circle with one who waits for a lock that it holds (seen: a late authorization).
    """
    locked = select(EncounterRow).where(EncounterRow.id == encounter_id).with_for_update(key_share=True)
    return session.scalars(locked).one()


@dataclass(frozen=True)
class Look:
    """What one look works on. ``row`` is locked; a claim made now leaves within ``window_seconds``."""

    session: Session
    row: EncounterRow
    now: datetime
    window_seconds: float

    @cached_property
    def practice(self) -> PracticeRow:
        """The practice whose visit it is."""
        return self.session.get_one(PracticeRow, self.row.practice_id)

    @property
    def desk(self) -> DeskSettings:
        """The practice's own limits and waits."""
        return settings_of(self.practice)

    @property
    def book(self) -> Book:
        """The practice's plans, people and fees."""
        return book_of(self.session, self.practice)

    @property
    def today(self) -> date:
        """The practice's calendar day."""
        return practice_day(self.now, self.practice.time_zone)

    @property
    def follow_up_at(self) -> datetime:
        """When a person who is asked to follow up should have done so."""
        return self.now + timedelta(days=FOLLOW_UP_DUE_DAYS)

    def record(self, kind: str, summary: str, detail: dict[str, Any] | None = None) -> None:
        """Add a line to the encounter's life."""
        record(self.session, self.row.practice_id, kind, summary, encounter_id=self.row.id, at=self.now, detail=detail)

    def enter(self, stage: Stage, summary: str) -> None:
        """Move the encounter to a stage, saying so once."""
        if self.row.stage != stage.value:
            self.stand_at(stage)
            self.record(f"stage.{stage.value}", summary)

    def stand_at(self, stage: Stage) -> None:
        """Move the encounter to a stage without a word: what is said is said by the work put there."""
        self.row.stage, self.row.updated_at = stage.value, self.now

    def ask(self, ask: Ticket, stage: Stage) -> None:
        """Put work before a person, and say so once in the encounter's life."""
        self.row.touched = True
        if put_item(self.session, self.row.practice_id, ask, self.now):
            self.record(f"work.{ask.kind}", ask.reason)
        self.stand_at(stage)

    def wait(self, stage: Stage, summary: str) -> None:
        """Nothing is asked of anybody at present; others have to move."""
        self.close_work("answered")
        self.enter(stage, summary)

    def close_work(self, because: str) -> WorkItemRow | None:
        """Take what a person was asked off the desk; the item, if there was one."""
        return close_item(self.session, self.row.practice_id, tickets.subject_of(self.row.id), because, self.now)

    def patience(self, kind: str, limit: datetime) -> datetime:
        """How long to wait for an answer of this kind: until the limit, or longer where a person chose to."""
        last = self.session.scalar(
            select(EventRow.detail)
            .where(EventRow.encounter_id == self.row.id, EventRow.kind == f"waiting.{kind}")
            .order_by(EventRow.id.desc())
            .limit(1)
        )
        return max(limit, datetime.fromisoformat(last["until"])) if last else limit

    def await_plan(self, limit: datetime, ask: Ticket) -> datetime | None:
        """Wait for the patient's next plan until the limit, or as long as a person chose to; then ask. Until when."""
        limit = self.patience(ask.kind, limit)
        if self.now < limit:
            self.wait(Stage.REMITTANCE, "Waiting: the patient's next plan")
            return limit
        self.ask(ask, Stage.REMITTANCE)
        return None
