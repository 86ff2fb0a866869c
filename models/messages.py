"""What crosses Temporal and the outbox: frozen, ids only, one object a call.

``extra="ignore"`` so that an older worker accepts a newer field; every later field gets a default.
"""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

REFUSED = "Refused"  # the type of error as which a refused decision travels; its message is for the person


class Message(BaseModel):
    """Base of all messages."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EncounterRef(Message):
    """Which encounter."""

    practice_id: UUID
    encounter_id: UUID


class LookAtEncounter(Message):
    """Look at an encounter's facts as of ``now`` (the workflow's clock, aware UTC)."""

    practice_id: UUID
    encounter_id: UUID
    now: datetime


class GateVerdict(Message):
    """What the gates said.

    outcome: held | clear (a claim was made ready) | under_way (it was before) | patient_pays | closed.
    look_again_at: when the answer may change by itself.
    """

    outcome: str
    look_again_at: datetime | None = None


class ClaimProgress(Message):
    """Where the claim stands.

    outcome: waiting | to_gates (correct and file again) | adjudicated (the payer's part is settled, the patient's is
    not) | patient_pays | closed.
    """

    outcome: str
    look_again_at: datetime | None = None


class BalanceProgress(Message):
    """What the patient still owes. outcome: waiting | to_claim (the payer is heard again) | settled."""

    outcome: str
    look_again_at: datetime | None = None


class Outcome(Message):
    """How an encounter's life ended: paid, written_off, not_billable, cancelled, patient_pay."""

    closed_as: str


class Decision(Message):
    """A person decided on a work item.

    command_id: made with the form; the same id is the same decision, however often it arrives.
    seen_version: the item's version the person was looking at.
    fields: what the decision asks for (billing.desk), as text.
    """

    practice_id: UUID
    work_item_id: UUID
    command_id: UUID
    user_id: UUID
    decision: str
    reason: str = ""
    fields: dict[str, str] = Field(default_factory=dict)
    seen_version: int | None = None
    now: datetime | None = None  # set by the workflow


class DecisionOutcome(Message):
    """What became of a decision, in a sentence for the page."""

    message: str


class AuthorizationRef(Message):
    """Which authorization."""

    practice_id: UUID
    authorization_id: UUID


class LookAtAuthorization(Message):
    """Look at an authorization as of ``now``."""

    practice_id: UUID
    authorization_id: UUID
    now: datetime


class AuthorizationProgress(Message):
    """ended: None, or why the authorization's life is over."""

    ended: str | None = None
    look_again_at: datetime | None = None


class AuthorizationCaseRef(Message):
    """Which case of asking a payer."""

    practice_id: UUID
    authorization_case_id: UUID


class LookAtAuthorizationCase(Message):
    """Look at an authorization case as of ``now``."""

    practice_id: UUID
    authorization_case_id: UUID
    now: datetime


class AuthorizationCaseProgress(Message):
    """ended: None, or the state in which the case is over. look_again_at: when a clock changes the answer."""

    ended: str | None = None
    look_again_at: datetime | None = None


class ConnectionRef(Message):
    """Which way to the payers, of which practice."""

    practice_id: UUID
    connection: str
    window_seconds: float = 2.0
    poll_seconds: float = 2.0


class BatchRef(Message):
    """Which batch."""

    practice_id: UUID
    batch_id: UUID


class BatchBuilt(Message):
    """The next batch to send, if any claim was ready."""

    batch_id: UUID | None = None
    more: bool = False


class FileRef(Message):
    """Which inbound file."""

    practice_id: UUID
    inbound_file_id: UUID


class LookAtFile(Message):
    """Look at a file as of ``now``."""

    practice_id: UUID
    inbound_file_id: UUID
    now: datetime


class FileProgress(Message):
    """open_items: how many things in the file still wait for a person."""

    open_items: int = 0


class NoticeRef(Message):
    """Which letter to a patient."""

    practice_id: UUID
    notice_id: UUID


class LookAtNotice(Message):
    """Look at a letter as of ``now``."""

    practice_id: UUID
    notice_id: UUID
    now: datetime


class NoticeProgress(Message):
    """What a letter needs. outcome: send | print (a person was asked to) | over."""

    outcome: str
