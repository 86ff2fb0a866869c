"""The desk and a clinician about one held visit: a message, an answer, and the item that comes back with it.

Each function runs in the caller's transaction. Whether something is right in the chart is never answered here: the
re-check sees it, and only a passing check clears a hold.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from activities import desk
from activities.clock import morning_of, practice_day
from activities.desk import Actor, Seen, Sleep
from activities.nudges import nudge
from activities.refusals import Refused
from billing.deadlines import add_business_days
from models.store.desk import end_pause, settings_of
from models.store.rows import insert_once
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.practice import ClinicianRow, PracticeRow
from models.tables.supervision import ClinicianMessageRow

MESSAGE_LENGTH_MAX = 2_000
ASK, DONE, QUESTION = "ask", "done", "question"
ANSWERS = {DONE: "says it is done in the chart", QUESTION: "asks back"}


@dataclass(frozen=True, slots=True)
class Said:
    """A message as somebody wrote it. message_id: made with the form, so that a doubled click writes it once."""

    message_id: UUID
    body: str


def ask(session: Session, actor: Actor, seen: Seen, said: Said, now: datetime) -> WorkItemRow:
    """Ask the visit's clinician to put something right, and let the item sleep until the chart changes.

    It wakes earlier when the clinician answers, and without either after the practice's days.
    """
    item = session.get(WorkItemRow, seen.item_id)
    if item is None or item.clinician_id is None:
        raise Refused("This item is about no clinician's visit, so there is nobody to ask.")
    text = _text(said, must="Write what the clinician is to do, then send it.")
    practice = session.get_one(PracticeRow, actor.practice_id)
    days = settings_of(practice).clinician_answer_days
    back = add_business_days(practice_day(now, practice.time_zone), days)
    desk.snooze(session, actor, seen, Sleep(morning_of(back, practice.time_zone), wakes_on="chart"), now)
    if _keep(session, actor, item, said.message_id, ASK, text):
        name = session.get_one(ClinicianRow, item.clinician_id).last_name
        desk.tell(session, actor, item, "item.asked", f"{actor.name} asked the clinician ({name})", now)
    return item


def answer(session: Session, actor: Actor, item: WorkItemRow, kind: str, said: Said, now: datetime) -> str:
    """The clinician's answer: the item wakes, and the visit is checked again. Returns a sentence for the clinician."""
    if kind not in ANSWERS:
        raise Refused("Say either that it is done, or what you want to know.")
    text = _text(said, must="Write what you want to know, then send it." if kind == QUESTION else "")
    if item.closed_at is not None:
        raise Refused("This is cleared already; nothing is left to do. Thank you.")
    assert item.clinician_id is not None
    if not _keep(session, actor, item, said.message_id, kind, text):
        return "Sent."
    item.snoozed_until = item.snoozed_at = item.wakes_on = None
    item.version += 1
    end_pause(session, item.id, now)
    if item.encounter_id is not None:
        nudge(session, session.get_one(EncounterRow, item.encounter_id))
    desk.tell(session, actor, item, "item.answered", f"{actor.name} {ANSWERS[kind]}", now)
    if kind == DONE:
        return "Thank you. It clears as soon as the chart has sent the visit anew and the check passes."
    return "Your question is with the billing desk."


def _text(said: Said, *, must: str) -> str:
    text = said.body.strip()
    if not text and must:
        raise Refused(must)
    if len(text) > MESSAGE_LENGTH_MAX:
        raise Refused(f"The message is longer than {MESSAGE_LENGTH_MAX:,} characters. Shorten it.")
    return text


def _keep(session: Session, actor: Actor, item: WorkItemRow, message_id: UUID, kind: str, text: str) -> bool:
    """Write the message down once. Returns whether it is new."""
    written = insert_once(
        session,
        ClinicianMessageRow,
        id=message_id,
        practice_id=actor.practice_id,
        work_item_id=item.id,
        encounter_id=item.encounter_id,
        clinician_id=item.clinician_id,
        user_id=actor.user_id,
        kind=kind,
        body=text,
    )
    return written is not None
