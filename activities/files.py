"""Reading what came in: acknowledgements for batches and claims, remittances to the ledger, the rest kept and said."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.exc import DataError, IntegrityError, InternalError
from sqlalchemy.orm import Session
from temporalio import activity

from activities import eligibility, posting
from activities.batches import lock_claims, move_stage
from activities.nudges import nudge
from activities.posting_tickets import file_ticket
from billing.vocabulary import Stage
from edi.acks import ClaimStatus277CA, read_277ca, read_999, read_ta1
from edi.identify import UNKNOWN, kinds
from edi.tokens import UnreadableFile
from models.messages import FileProgress, LookAtFile
from models.store.desk import put_item
from models.store.life import record
from models.store.session import practice_session
from models.tables.claims import AcknowledgementRow, BatchRow, ClaimRow, ClaimVersionRow
from models.tables.desk import WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.remittances import InboundFileRow, RemittanceRow

AWAITING_ACKNOWLEDGEMENT = ("batched", "sent")
READINGS_MAX = 3
REFUSABLE = (*AWAITING_ACKNOWLEDGEMENT, "accepted")
REMITTANCE = "835"
WITHOUT_BYTES = {
    "too_large": "the file is larger than we fetch; it was left where it is",
    "not_given": "the clearinghouse lists the file and does not give it out; it is asked for again and again",
}
"""Why a file was kept without its bytes, in words."""


class FileActivities:
    """Reading inbound files."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(no_thread_cancel_exception=True)
    def read_file(self, look: LookAtFile) -> FileProgress:
        """Read a file to its end. Each step commits on its own and is found done when the reading is repeated."""
        with practice_session(self._engine, look.practice_id) as session:
            file = session.get_one(InboundFileRow, look.inbound_file_id)
            status, content = file.status, file.content
            to_post = session.scalar(_waiting_to_be_posted(look))
        if status == "received":
            self._read_or_say_why_not(look, content)
        elif status in WITHOUT_BYTES:
            self._finish(look, "unreadable", WITHOUT_BYTES[status])
        elif to_post is not None:  # a person had a held remittance posted
            posting.post_file(self._engine, look, content)
        return FileProgress(open_items=self._open_items(look))

    def _read_or_say_why_not(self, look: LookAtFile, content: bytes) -> None:
        try:
            if b"\0" in content:
                raise UnreadableFile("it holds zero bytes, so it is no text or was damaged on the way")
            self._read(look, content)
        except UnreadableFile as unreadable:
            self._finish(look, "unreadable", str(unreadable))
        except (ValueError, LookupError, TypeError, ArithmeticError, DataError, InternalError, IntegrityError) as fault:
            if not activity.in_activity() or activity.info().attempt < READINGS_MAX:
                raise  # two readings may have met; the next one finds what is done
            activity.logger.exception("a file cannot be worked with")
            words = f"reading it failed {READINGS_MAX} times ({type(fault).__name__}); Firstpass has to learn it"
            self._finish(look, "unreadable", words)

    def _read(self, look: LookAtFile, content: bytes) -> None:
        """Every kind of transaction in the file to its reader, whatever it is in company of."""
        found = kinds(content)
        if not found:
            raise UnreadableFile("this is not an X12 file we know: no transaction (ST) is in it")
        with practice_session(self._engine, look.practice_id) as session:
            file = _locked(session, look)
            if not file.contents:
                file.contents = [{"kind": kind, "count": count, "outcome": ""} for kind, count in found.items()]
        for kind in found:
            if kind == REMITTANCE:
                posting.post_file(self._engine, look, content)
            with practice_session(self._engine, look.practice_id) as session:
                _read_kind(session, look, kind, content)
        self._finish(look, "read")

    def _finish(self, look: LookAtFile, status: str, *problems: str) -> None:
        with practice_session(self._engine, look.practice_id) as session:
            file = _locked(session, look)
            if file.status == "superseded":
                return
            file.status = status
            file.problems = [*file.problems, *({"message": problem} for problem in problems)]
            words = [problem["message"] for problem in file.problems]
            if words:
                put_item(session, look.practice_id, file_ticket(file, words, look.now), look.now)

    def _open_items(self, look: LookAtFile) -> int:
        with practice_session(self._engine, look.practice_id) as session:
            open_items = select(func.count()).where(
                WorkItemRow.inbound_file_id == look.inbound_file_id, WorkItemRow.closed_at.is_(None)
            )
            return session.scalar(open_items) or 0


def _locked(session: Session, look: LookAtFile) -> InboundFileRow:
    return session.scalars(
        select(InboundFileRow).where(InboundFileRow.id == look.inbound_file_id).with_for_update()
    ).one()


def _waiting_to_be_posted(look: LookAtFile) -> Select[UUID]:
    return (
        select(RemittanceRow.id)
        .where(RemittanceRow.inbound_file_id == look.inbound_file_id, RemittanceRow.status == "posting")
        .limit(1)
    )


def _read_kind(session: Session, look: LookAtFile, kind: str, content: bytes) -> None:
    """Read the transactions of one kind, unless an earlier reading of the file did, and write down what became of them.

    Remittances are posted before, in transactions of their own.
    """
    file = _locked(session, look)
    if any(part["kind"] == kind and part["outcome"] for part in file.contents):
        return
    outcome, problems = "read", list[str]()
    reader = READERS.get(kind)
    if reader is not None:
        problems = reader(session, look, content)
    elif kind != REMITTANCE:
        what = "a transaction Firstpass does not know" if kind == UNKNOWN else f"a {kind}"
        outcome, problems = "kept", [f"{what} is kept, but not worked with"]
    file.contents = [{**part, "outcome": outcome} if part["kind"] == kind else part for part in file.contents]
    file.problems = [*file.problems, *({"message": problem} for problem in problems)]


def _read_ta1(session: Session, look: LookAtFile, content: bytes) -> list[str]:
    """A batch's envelope taken or refused."""
    problems: list[str] = []
    for answer in read_ta1(content):
        batch = _batch(session, look, answer.interchange_control_number)
        if batch is None:
            problems.append(f"a TA1 answers interchange {answer.interchange_control_number}, which we did not send")
        else:
            _acknowledge_batch(session, look, batch, "TA1", answer.accepted, answer.code, answer.message)
    return problems


def _read_999(session: Session, look: LookAtFile, content: bytes) -> list[str]:
    """A batch, or single claims of it, taken or refused for their syntax."""
    problems: list[str] = []
    for group in read_999(content):
        batch = _batch(session, look, group.group_control_number)
        if batch is None:
            problems.append(f"a 999 answers group {group.group_control_number}, which we did not send")
            continue
        message = "; ".join(group.errors) or f"999 {group.code}"
        _acknowledge_batch(session, look, batch, "999", group.accepted, group.code, message)
        for transaction in group.transactions:
            if not transaction.accepted:
                position = int(transaction.control_number) if transaction.control_number.isdigit() else 0
                words = "; ".join(transaction.errors) or "the transaction was refused"
                _refuse(
                    session,
                    look,
                    (ClaimVersionRow.batch_id == batch.id) & (ClaimVersionRow.batch_position == position),
                    "999",
                    transaction.code,
                    words,
                )
    return problems


def _batch(session: Session, look: LookAtFile, control_number: str) -> BatchRow | None:
    number = control_number.strip()
    if not number.isdigit():
        return None
    file = session.get_one(InboundFileRow, look.inbound_file_id)
    return session.scalars(
        select(BatchRow)
        .where(BatchRow.connection == file.connection, BatchRow.interchange_control_number == int(number))
        .with_for_update()
    ).one_or_none()


def _acknowledge_batch(
    session: Session, look: LookAtFile, batch: BatchRow, kind: str, accepted: bool, code: str, message: str
) -> None:
    session.add(
        AcknowledgementRow(
            practice_id=look.practice_id,
            inbound_file_id=look.inbound_file_id,
            batch_id=batch.id,
            kind=kind,
            accepted=accepted,
            code=code,
            message=message,
        )
    )
    batch.acknowledged_at = datetime.now(UTC)
    batch.status = "acknowledged" if accepted else "rejected"
    if not accepted:
        _refuse(session, look, ClaimVersionRow.batch_id == batch.id, kind, code, message)


def _refuse(session: Session, look: LookAtFile, which: Any, kind: str, code: str, message: str) -> None:
    for version in lock_claims(session, which):
        _refuse_claim(session, look, version, kind, code, message)


def _refuse_claim(
    session: Session, look: LookAtFile, version: ClaimVersionRow, kind: str, code: str, message: str
) -> None:
    _keep_claim_answer(session, look, version, kind, False, code, message)
    if version.status in REFUSABLE:
        version.status = "rejected"
        row = session.get_one(EncounterRow, version.encounter_id)
        summary = f"Claim {version.patient_control_number} rejected ({kind} {code}): {message}"
        record(session, row.practice_id, "claim.rejected", summary, encounter_id=row.id)
        nudge(session, row)


def _keep_claim_answer(
    session: Session, look: LookAtFile, version: ClaimVersionRow, kind: str, accepted: bool, code: str, message: str
) -> None:
    session.add(
        AcknowledgementRow(
            practice_id=look.practice_id,
            inbound_file_id=look.inbound_file_id,
            batch_id=version.batch_id,
            claim_version_id=version.id,
            kind=kind,
            accepted=accepted,
            code=code,
            message=message,
        )
    )


def _read_277ca(session: Session, look: LookAtFile, content: bytes) -> list[str]:
    """Claim by claim: taken into adjudication, or refused."""
    answers = read_277ca(content)
    numbers = [answer.patient_control_number for answer in answers if answer.level == "claim"]
    versions = {
        version.patient_control_number: version
        for version in lock_claims(session, ClaimVersionRow.patient_control_number.in_(numbers))
    }
    problems = []
    for answer in answers:
        version = versions.get(answer.patient_control_number)
        if version is not None:
            _claim_answer(session, look, version, answer)
        elif answer.level == "claim" or not answer.accepted:
            problems.append(f"{_answer_about(answer)}: {answer.message}")
    return problems


def _answer_about(answer: ClaimStatus277CA) -> str:
    if answer.level == "claim":
        return "a 277CA answers a claim number we did not send"
    return f"a 277CA refuses at the level of the {answer.level}"


def _claim_answer(session: Session, look: LookAtFile, version: ClaimVersionRow, answer: ClaimStatus277CA) -> None:
    code = f"{answer.category_code}:{answer.status_code}"
    if not answer.accepted:
        _refuse_claim(session, look, version, "277CA", code, answer.message)
        return
    _keep_claim_answer(session, look, version, "277CA", True, code, answer.message)
    if answer.payer_claim_control_number:
        claim = session.get_one(ClaimRow, version.claim_id)
        claim.payer_claim_control_number = answer.payer_claim_control_number
    if version.status in AWAITING_ACKNOWLEDGEMENT:
        version.status = "accepted"
        summary = f"Claim {version.patient_control_number} accepted for adjudication ({code})"
        move_stage(session, version, Stage.REMITTANCE, "claim.accepted", summary)


Reader = Callable[[Session, LookAtFile, bytes], list[str]]


def _read_271(session: Session, look: LookAtFile, content: bytes) -> list[str]:
    """What payers say of their members' benefit limits."""
    received_at = session.get_one(InboundFileRow, look.inbound_file_id).created_at
    return eligibility.learn(session, look.practice_id, content, received_at)


READERS: Mapping[str, Reader] = {"TA1": _read_ta1, "999": _read_999, "277CA": _read_277ca, "271": _read_271}
"""Who reads what besides remittances; each returns what a person should know."""
