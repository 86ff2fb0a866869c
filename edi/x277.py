"""Reads the 277 (005010X212) that answers a 276: where the payer says a claim is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from edi.acks import Status, statuses_of
from edi.interchanges import Transaction, read_transactions
from edi.tokens import Segment
from edi.values import day, decimal

ACKNOWLEDGEMENT = ("X214", "X364")
"""Guides of the 277CA, which `edi.acks` reads."""


@dataclass(frozen=True, slots=True)
class LineStatus277:
    """What is said about one service line."""

    procedure: str
    charge: Decimal | None
    paid: Decimal | None
    line_control_number: str = ""
    statuses: tuple[Status, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimStatus277:
    """The answer about one claim. Amounts in dollars; `finished` means the payer has decided (category F...).

    `trace_number` is that of our question; `patient_control_number` is REF*EJ, `payer_claim_control_number` REF*1K.
    """

    trace_number: str
    category_code: str
    status_code: str
    entity: str
    message: str
    finished: bool
    patient_control_number: str = ""
    payer_claim_control_number: str = ""
    status_date: date | None = None
    charge: Decimal | None = None
    paid: Decimal | None = None
    decision_date: date | None = None
    payment_date: date | None = None
    payment_trace_number: str = ""
    service_date: date | None = None
    payer_name: str = ""
    provider_npi: str = ""
    last_name: str = ""
    first_name: str = ""
    member_id: str = ""
    statuses: tuple[Status, ...] = ()
    lines: tuple[LineStatus277, ...] = ()
    unread: tuple[str, ...] = ()
    segment_number: int = 0


def read_277(data: bytes | str) -> list[ClaimStatus277]:
    """Every claim answered by every 277 of a file; acknowledgements (277CA) are passed over."""
    found: list[ClaimStatus277] = []
    for transaction in read_transactions(data, "277"):
        if not any(guide in transaction.version for guide in ACKNOWLEDGEMENT):
            found += _Reader(transaction).read()
    return found


class _Reader:
    """Walks one ST..SE; names come from the levels above the claim."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.component = transaction.delimiters.component
        self.names: dict[str, Segment] = {}
        self.current: ClaimStatus277 | None = None
        self.line: LineStatus277 | None = None
        self.done: list[ClaimStatus277] = []

    def read(self) -> list[ClaimStatus277]:
        for segment in self.transaction.segments:
            if segment.id in ("HL", "SE"):
                self._end_claim()
                self._forget(segment.get(3))
            elif segment.id == "NM1":
                self.names[segment.get(1)] = segment
            elif segment.id == "TRN":
                self._trn(segment)
            elif self.current is not None:
                self.current = self._below(self.current, segment)
        self._end_claim()
        return self.done

    def _forget(self, level: str) -> None:
        """A new subscriber or dependent is somebody else."""
        for name in {"22": ("IL", "QC"), "23": ("QC",)}.get(level, ()):
            self.names.pop(name, None)

    def _trn(self, e: Segment) -> None:
        self._end_claim()
        nobody = Segment("NM1", (), 0, 0)
        patient = self.names.get("QC") or self.names.get("IL", nobody)
        self.current = ClaimStatus277(
            trace_number=e.get(2),
            category_code="",
            status_code="",
            entity="",
            message="no status given",
            finished=False,
            payer_name=self.names.get("PR", nobody).get(3),
            provider_npi=self.names.get("1P", nobody).get(9),
            last_name=patient.get(3),
            first_name=patient.get(4),
            member_id=self.names.get("IL", nobody).get(9),
            segment_number=e.number,
        )

    def _below(self, claim: ClaimStatus277, e: Segment) -> ClaimStatus277:
        if e.id == "SVC":
            claim = self._with_line(claim)
            self.line = LineStatus277(e.get(1), decimal(e.get(2)), decimal(e.get(3)))
        elif self.line is not None and e.id == "STC":
            self.line = replace(self.line, statuses=self.line.statuses + statuses_of([e], self.component))
        elif self.line is not None and e.id == "REF" and e.get(1) == "FJ":
            self.line = replace(self.line, line_control_number=e.get(2))
        elif e.id == "STC":
            return self._stc(claim, e)
        elif e.id == "REF" and e.get(1) == "1K":
            return replace(claim, payer_claim_control_number=e.get(2))
        elif e.id == "REF" and e.get(1) == "EJ":
            return replace(claim, patient_control_number=e.get(2))
        elif e.id == "DTP" and e.get(1) == "472" and self.line is None:
            return replace(claim, service_date=day(e.get(3)))
        else:
            return replace(claim, unread=(*claim.unread, e.text(self.transaction.delimiters.element)))
        return claim

    def _stc(self, claim: ClaimStatus277, e: Segment) -> ClaimStatus277:
        statuses = claim.statuses + statuses_of([e], self.component)
        first = statuses[0]
        return replace(
            claim,
            statuses=statuses,
            category_code=first.category_code,
            status_code=first.status_code,
            entity=first.entity,
            message="; ".join(dict.fromkeys(status.message for status in statuses)) + ".",
            finished=first.category_code.startswith("F"),
            status_date=day(e.get(2)) or claim.status_date,
            charge=decimal(e.get(4)) if claim.charge is None else claim.charge,
            paid=decimal(e.get(5)) if claim.paid is None else claim.paid,
            decision_date=day(e.get(6)) or claim.decision_date,
            payment_date=day(e.get(8)) or claim.payment_date,
            payment_trace_number=e.get(9) or claim.payment_trace_number,
        )

    def _with_line(self, claim: ClaimStatus277) -> ClaimStatus277:
        line, self.line = self.line, None
        return claim if line is None else replace(claim, lines=(*claim.lines, line))

    def _end_claim(self) -> None:
        claim, self.current = self.current, None
        if claim is not None:
            claim = self._with_line(claim)
            if claim.statuses or claim.lines:
                self.done.append(claim)
        self.line = None
