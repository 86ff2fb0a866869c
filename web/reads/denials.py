"""The refusals to pay for a visit, and the letters that answered them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.appeals import days_late, lateness, sending
from models.tables.remittances import AppealRow, DenialRow
from web import formats


@dataclass(frozen=True, slots=True)
class Letter:
    """An appeal as it was drafted; state: whether and how it was sent, in words; href: the same on paper."""

    level: str
    state: str
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal to pay."""

    reason: str
    category: str
    amount: str
    explanation: str
    remarks: str
    state: str
    patient_may_be_billed: bool
    deadline: str
    letters: tuple[Letter, ...]


def of_visit(session: Session, encounter_id: UUID) -> tuple[Denial, ...]:
    """Refusals and what was answered."""
    found = session.scalars(
        select(DenialRow).where(DenialRow.encounter_id == encounter_id).order_by(DenialRow.created_at.desc())
    ).all()
    letters = session.scalars(
        select(AppealRow).where(AppealRow.denial_id.in_([row.id for row in found])).order_by(AppealRow.level)
    ).all()
    return tuple(_denial(row, [letter for letter in letters if letter.denial_id == row.id]) for row in found)


def _denial(row: DenialRow, letters: list[AppealRow]) -> Denial:
    return Denial(
        reason=row.reason,
        category=formats.words(row.category),
        amount=formats.money(row.amount),
        explanation=row.explanation,
        remarks=", ".join(row.remark_codes) or formats.NOTHING,
        state=formats.words(row.state),
        patient_may_be_billed=row.patient_may_be_billed,
        deadline=formats.day(row.appeal_deadline),
        letters=tuple(_letter(appeal, row) for appeal in letters),
    )


def _letter(appeal: AppealRow, denial: DenialRow) -> Letter:
    return Letter(f"level {appeal.level}", _state(appeal, denial), appeal.letter, f"/appeals/{appeal.id}")


def _state(appeal: AppealRow, denial: DenialRow) -> str:
    """What became of a letter, in a phrase."""
    if appeal.state == "dropped":
        return f"Dropped: {appeal.dropped_because}"
    if appeal.state == "sent" and appeal.sent_on is not None:
        sent = f"Sent {sending(formats.day(appeal.sent_on), appeal.sent_how, appeal.sent_reference)}"
        if not appeal.late_because or appeal.deadline is None:
            return sent
        late = lateness(days_late(appeal.sent_on, appeal.deadline), formats.day(appeal.deadline))
        return f"{sent}, {late}. Good cause: {appeal.late_because}"
    if appeal.state != "drafted":
        return formats.words(appeal.state)
    if denial.state != "appealed":
        return "Drafted, not sent: the denial was settled another way"
    if appeal.late_because:
        deadline = formats.day(appeal.deadline)
        return f"Drafted after its deadline of {deadline}, to be sent. Good cause: {appeal.late_because}"
    return f"Drafted, to be sent by {formats.day(appeal.deadline)}" if appeal.deadline else "Drafted, to be sent"


def letter(session: Session, appeal_id: UUID) -> tuple[UUID, Letter] | None:
    """An appeal to print, with the visit it is about."""
    found = session.execute(
        select(AppealRow, DenialRow)
        .join(DenialRow, DenialRow.id == AppealRow.denial_id)
        .where(AppealRow.id == appeal_id)
    ).one_or_none()
    return None if found is None else (found.DenialRow.encounter_id, _letter(found.AppealRow, found.DenialRow))
