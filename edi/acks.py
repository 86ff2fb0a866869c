"""Reads what comes back before the money: TA1 (was the envelope taken), 999 (was the syntax), 277CA (was the claim).

Nothing here raises on odd content: unknown codes are named by number, missing parts stay blank. `UnreadableFile` is the
only refusal, for a file that is not X12.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from edi.interchanges import Envelope, Transaction, read_interchanges, read_transactions
from edi.tokens import Delimiters, Segment
from edi.values import day, decimal
from edi.words import (
    ACKNOWLEDGEMENTS,
    ELEMENT_ERRORS,
    GROUP_ERRORS,
    INTERCHANGE_NOTES,
    REJECTED_CATEGORIES,
    SEGMENT_ERRORS,
    TRANSACTION_ERRORS,
    status_message,
    word,
)

ACCEPTED = frozenset({"A", "E"})
"""IK501 values with which a transaction goes on (005010X231A1)."""


# --- TA1 ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AckTA1:
    """The answer to one of our interchanges, found by its ISA13."""

    interchange_control_number: str
    accepted: bool
    code: str
    note_code: str
    message: str


def read_ta1(data: bytes | str) -> list[AckTA1]:
    """Every TA1 of a file, also one that stands before a 999 in the same interchange."""
    return [_ta1(segment) for interchange in read_interchanges(data) for segment in interchange.acknowledgements]


def _ta1(segment: Segment) -> AckTA1:
    code, note = segment.get(4).strip(), segment.get(5).strip()
    message = f"Interchange {segment.get(1)}: {word(ACKNOWLEDGEMENTS, code)}"
    if note and note != "000":
        message += f"; {word(INTERCHANGE_NOTES, note)}"
    return AckTA1(segment.get(1).strip(), code in ACCEPTED, code, note, f"{message}.")


# --- 999 ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TransactionAck:
    """The answer to one ST of ours (AK202 = ST02). `errors` are sentences with segment, position and value."""

    control_number: str
    accepted: bool
    code: str
    errors: tuple[str, ...] = ()
    transaction_id: str = ""


@dataclass(frozen=True, slots=True)
class Ack999:
    """The answer to one group of ours (AK102 = GS06). `accepted` is false when the group was rejected as a whole."""

    group_control_number: str
    accepted: bool
    transactions: tuple[TransactionAck, ...]
    code: str = ""
    errors: tuple[str, ...] = ()
    functional_id: str = ""
    transactions_included: int = 0
    transactions_received: int = 0
    transactions_accepted: int = 0
    interchange_control_number: str = ""


@dataclass(slots=True)
class _OpenAck:
    """A transaction answer under construction."""

    transaction_id: str = ""
    control_number: str = ""
    code: str = ""
    errors: list[str] = field(default_factory=list)
    segment: str = ""

    def closed(self) -> TransactionAck:
        return TransactionAck(
            self.control_number, self.code in ACCEPTED, self.code, tuple(self.errors), self.transaction_id
        )


def read_999(data: bytes | str) -> list[Ack999]:
    """Every 999 (or older 997) of a file, one entry per acknowledged group."""
    return [_999(transaction) for transaction in read_transactions(data, "999", "997")]


def _999(transaction: Transaction) -> Ack999:
    ak1 = ak9 = Segment("", (), 0, 0)
    done: list[TransactionAck] = []
    current: _OpenAck | None = None
    for segment in transaction.segments:
        if segment.id == "AK1":
            ak1 = segment
        elif segment.id == "AK9":
            ak9 = segment
        elif segment.id == "AK2":
            current = _OpenAck(segment.get(1), segment.get(2).strip())
        elif current is not None:
            _transaction_segment(current, segment, transaction.delimiters)
            if segment.id in ("IK5", "AK5"):
                done.append(current.closed())
                current = None
    if current is not None:
        current.errors.append("The answer to this transaction breaks off; it counts as not accepted.")
        done.append(current.closed())
    return _group(ak1, ak9, tuple(done), transaction.envelope)


def _group(ak1: Segment, ak9: Segment, transactions: tuple[TransactionAck, ...], envelope: Envelope) -> Ack999:
    code = ak9.get(1).strip()
    errors = [word(GROUP_ERRORS, ak9.get(n).strip()) for n in range(5, 10) if ak9.get(n).strip()]
    if not ak9.id:
        errors.append("the acknowledgement has no AK9: it was cut off")
    return Ack999(
        group_control_number=ak1.get(2).strip(),
        accepted=code in ("A", "E", "P"),
        transactions=transactions,
        code=code,
        errors=tuple(errors),
        functional_id=ak1.get(1),
        transactions_included=_count(ak9.get(2)),
        transactions_received=_count(ak9.get(3)),
        transactions_accepted=_count(ak9.get(4)),
        interchange_control_number=envelope.interchange_control_number,
    )


def _count(text: str) -> int:
    value = text.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _transaction_segment(current: _OpenAck, e: Segment, marks: Delimiters) -> None:
    if e.id in ("IK3", "AK3"):
        loop = f" in loop {e.get(3)}" if e.get(3) else ""
        current.segment = e.get(1)
        current.errors.append(f"{e.get(1)} (segment {e.get(2)}{loop}): {word(SEGMENT_ERRORS, e.get(4).strip())}.")
    elif e.id in ("IK4", "AK4"):
        position, _, component = e.get(1).partition(marks.component)
        place = f"{current.segment}{position:0>2}" + (f"-{component.split(marks.component)[0]}" if component else "")
        value = f' Value: "{e.get(4)}".' if e.get(4) else ""
        current.errors.append(f"{place}: {word(ELEMENT_ERRORS, e.get(3).strip())}.{value}")
    elif e.id == "CTX" and e.get(1):
        current.errors.append(f"Found near {' '.join(e.get(1).split(marks.component))}.")
    elif e.id in ("IK5", "AK5"):
        current.code = e.get(1).strip()
        for n in range(2, 7):
            if e.get(n).strip():
                current.errors.append(f"The transaction: {word(TRANSACTION_ERRORS, e.get(n).strip())}.")


# --- 277CA ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Status:
    """One composite of an STC: category, status, entity, and the words for them."""

    category_code: str
    status_code: str
    entity: str
    message: str


@dataclass(frozen=True, slots=True)
class ClaimStatus277CA:
    """One answer of a 277CA. `level` is "receiver" (2200B: the whole batch), "provider" (2200C) or "claim" (2200D).

    `category_code`, `status_code` and `entity` are of the first status; `statuses` holds all, line level ones too.
    `batch_reference` is BHT03 of our 837P as the clearinghouse returned it. Charge in dollars.
    """

    patient_control_number: str
    accepted: bool
    category_code: str
    status_code: str
    entity: str
    payer_claim_control_number: str
    charge: Decimal | None
    message: str
    level: str
    action: str = ""
    status_date: date | None = None
    statuses: tuple[Status, ...] = ()
    free_text: str = ""
    clearinghouse_trace_number: str = ""
    batch_reference: str = ""
    provider_npi: str = ""
    responder_name: str = ""
    responder_id: str = ""
    patient_last_name: str = ""
    patient_first_name: str = ""
    member_id: str = ""
    service_date: date | None = None
    line_control_numbers: tuple[str, ...] = ()
    segment_number: int = 0


@dataclass(slots=True)
class _OpenStatus:
    """One TRN with the segments below it."""

    level: str
    trace: str
    number: int
    name: Segment
    stc: list[Segment] = field(default_factory=list)
    references: dict[str, str] = field(default_factory=dict)
    service_date: date | None = None
    lines: list[str] = field(default_factory=list)


_LEVELS = {"20": "source", "21": "receiver", "19": "provider", "PT": "claim", "22": "claim", "23": "claim"}
_NOBODY = Segment("NM1", (), 0, 0)
_STATUS_RESPONSES = ("X212", "X093", "X070")
"""Guides of the 277 that answer a 276 (see x277) or ask for documents: not acknowledgements."""


def read_277ca(data: bytes | str) -> list[ClaimStatus277CA]:
    """Every answer of every 277CA in a file, in file order, receiver and provider level answers included."""
    found: list[ClaimStatus277CA] = []
    for transaction in read_transactions(data, "277"):
        if not any(guide in transaction.version for guide in _STATUS_RESPONSES):
            found += _Reader277CA(transaction).read()
    return found


class _Reader277CA:
    """Walks one ST..SE; remembers who answers, for which batch and which provider."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.level = ""
        self.names: dict[str, Segment] = {}
        self.batch = ""
        self.open: _OpenStatus | None = None
        self.done: list[ClaimStatus277CA] = []

    def read(self) -> list[ClaimStatus277CA]:
        for segment in self.transaction.segments:
            if segment.id == "HL":
                self._close()
                self.level = _LEVELS.get(segment.get(3), "claim")
                self.names.pop(self.level, None)
            elif segment.id == "NM1":
                self.names[self.level] = segment
            elif segment.id == "TRN":
                self._trace(segment)
            elif segment.id == "STC":
                self._status(segment)
            elif self.open is not None:
                self._below(self.open, segment)
        self._close()
        return self.done

    def _name(self) -> Segment:
        return self.names.get(self.level, _NOBODY)

    def _trace(self, e: Segment) -> None:
        self._close()
        if self.level == "receiver":
            self.batch = e.get(2)
        if self.level != "source":
            self.open = _OpenStatus(self.level, e.get(2), e.number, self._name())

    def _status(self, e: Segment) -> None:
        """An STC belongs to the TRN above it; at receiver or provider level some payers send it without one."""
        if self.open is None:
            self.open = _OpenStatus(self.level or "receiver", "", e.number, self._name())
        self.open.stc.append(e)

    def _below(self, current: _OpenStatus, e: Segment) -> None:
        if e.id == "REF":
            if e.get(1) == "FJ" or e.get(1) == "6R":
                current.lines.append(e.get(2))
            current.references.setdefault(e.get(1), e.get(2))
        elif e.id == "DTP" and e.get(1) == "472" and current.service_date is None:
            current.service_date = day(e.get(3))

    def _close(self) -> None:
        current, self.open = self.open, None
        if current is None or not current.stc:
            return
        self.done.append(self._answer(current))

    def _answer(self, current: _OpenStatus) -> ClaimStatus277CA:
        statuses = statuses_of(current.stc, self.transaction.delimiters.component)
        first = next((s for s in statuses if s.category_code in REJECTED_CATEGORIES), statuses[0])
        stc = current.stc[0]
        action = stc.get(3).strip()
        rejected = action == "U" or any(s.category_code in REJECTED_CATEGORIES for s in statuses)
        claim = current.level == "claim"
        free_text = " ".join(filter(None, (e.get(12) for e in current.stc)))
        words = "; ".join(dict.fromkeys(s.message for s in statuses))
        return ClaimStatus277CA(
            patient_control_number=_number_or_blank(current.trace) if claim else "",
            accepted=not rejected,
            category_code=first.category_code,
            status_code=first.status_code,
            entity=first.entity,
            payer_claim_control_number=current.references.get("1K", ""),
            charge=decimal(stc.get(4)),
            message=f"{words}. {free_text}".strip() if free_text else f"{words}.",
            level=current.level,
            action=action,
            status_date=day(stc.get(2)),
            statuses=statuses,
            free_text=free_text,
            clearinghouse_trace_number=current.references.get("D9", ""),
            batch_reference=self.batch,
            provider_npi=self.names.get("provider", _NOBODY).get(9),
            responder_name=self.names.get("source", _NOBODY).get(3),
            responder_id=self.names.get("source", _NOBODY).get(9),
            patient_last_name=current.name.get(3) if claim else "",
            patient_first_name=current.name.get(4) if claim else "",
            member_id=current.name.get(9) if claim else "",
            service_date=current.service_date,
            line_control_numbers=tuple(current.lines),
            segment_number=current.number,
        )


def _number_or_blank(trace: str) -> str:
    """Payers that lost our number answer with zeros only; that is no number."""
    return "" if trace.strip("0 ") == "" else trace


def statuses_of(segments: list[Segment], component: str) -> tuple[Status, ...]:
    """The statuses of some STC segments, each of which may hold three."""
    found = []
    for e in segments:
        for position in (1, 10, 11):
            if e.get(position).strip(f"{component} "):
                category, status, entity = [*e.get(position).split(component), "", "", ""][:3]
                found.append(Status(category, status, entity, status_message(category, status, entity)))
    return tuple(found) or (Status("", "", "", "no status given"),)
