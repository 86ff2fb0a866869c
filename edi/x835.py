"""Reads the 835 (005010X221A1, and 004010X091A1 as it comes): what a payer paid, line by line, and whether it adds up.

A transaction is read claim by claim; raw segments stay with their claim, unknown ones included. Bad values become
problems, never exceptions. Written for speed: a claim's segments are collected raw and taken apart once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from edi.findings import ERROR, WARN, Problem
from edi.tokens import (
    MAX_PROBLEMS,
    MAX_TRANSACTIONS,
    Block,
    Delimiters,
    EnvelopeTracker,
    UnreadableFile,
    blocks,
    decode,
)
from edi.values import DECIMALS, ZERO, Adjustment, Memo, day, decimal, last_day

__all__ = [
    "Adjustment",
    "ProviderAdjustment",
    "Remittance",
    "RemittanceClaim",
    "RemittanceLine",
    "balance",
    "balance_claim",
    "balance_transaction",
    "claim_of_segments",
    "read_835",
    "stream_835_claims",
]

REVERSAL = "22"
MAX_CLAIM_SEGMENTS, MAX_CLAIM_BLOCKS = 50_000, 64
"""Held at once of a claim, of the header, and of what is in neither: so many segments, from so many blocks of 64 kB.
A claim has at most 999 lines (005010X221A1)."""
FORWARDED = frozenset({"19", "20", "21", "23"})
"""CLP02 values that say the payer sent the claim on to another payer (005010X221A1)."""
FORWARDING_REMARKS = frozenset({"MA18", "MA07", "N89"})
"""MOA remarks that say it (CMS remittance advice remark codes, June 2024)."""
_BLANKS = [""] * 14
_made = tuple.__new__
"""Makes a named tuple of a tuple of all its values: the class itself would go through a function of Python's."""
ONE = Decimal(1)


class RemittanceLine(NamedTuple):
    """One SVC: what was charged and paid for a service, in dollars; units as the payer counted them.

    A named tuple, like the claim: one is made six times faster than a frozen dataclass, and an 835 holds thousands.
    """

    procedure_code: str
    modifiers: tuple[str, ...]
    charge: Decimal
    paid: Decimal
    units: Decimal
    original_code: str = ""
    original_modifiers: tuple[str, ...] = ()
    original_units: Decimal | None = None
    service_date: date | None = None
    service_date_end: date | None = None
    line_control_number: str = ""
    allowed_amount: Decimal | None = None
    adjustments: tuple[Adjustment, ...] = ()
    remark_codes: tuple[str, ...] = ()
    qualifier: str = "HC"
    revenue_code: str = ""
    segment_number: int = 0


class RemittanceClaim(NamedTuple):
    """One CLP and all that belongs to it. Amounts in dollars; `raw_segments` are the segments as received."""

    patient_control_number: str
    status_code: str
    charge: Decimal
    paid: Decimal
    patient_responsibility: Decimal
    payer_claim_control_number: str = ""
    filing_indicator: str = ""
    place_of_service: str = ""
    frequency_code: str = ""
    patient_last_name: str = ""
    patient_first_name: str = ""
    member_id: str = ""
    corrected_member_id: str = ""
    rendering_npi: str = ""
    service_date_from: date | None = None
    service_date_to: date | None = None
    received_date: date | None = None
    adjustments: tuple[Adjustment, ...] = ()
    remark_codes: tuple[str, ...] = ()
    interest_amount: Decimal | None = None
    coverage_amount: Decimal | None = None
    lines: tuple[RemittanceLine, ...] = ()
    crossover: bool = False
    crossover_payer_name: str = ""
    crossover_payer_id: str = ""
    raw_segments: tuple[str, ...] = ()
    segment_number: int = 0

    @property
    def is_reversal(self) -> bool:
        """CLP02 22: takes an earlier posting back."""
        return self.status_code == REVERSAL

    @property
    def all_adjustments(self) -> tuple[Adjustment, ...]:
        """Claim-level and line-level adjustments together."""
        return self.adjustments + tuple(a for line in self.lines for a in line.adjustments)


@dataclass(frozen=True, slots=True)
class ProviderAdjustment:
    """One pair out of a PLB. A positive amount lowers the payment, a negative one raises it (dollars)."""

    provider_id: str
    fiscal_date: date | None
    reason_code: str
    reference: str
    amount: Decimal
    segment_number: int = 0


@dataclass(frozen=True, slots=True)
class Remittance:
    """One ST..SE of an 835: one payment. Amounts in dollars, dates as the payer wrote them."""

    payer_name: str = ""
    payer_id: str = ""
    payee_name: str = ""
    payee_npi: str = ""
    payee_tax_id: str = ""
    trace_number: str = ""
    payer_trace_id: str = ""
    payment_method: str = ""
    handling_code: str = ""
    credit_debit: str = ""
    payment_amount: Decimal = ZERO
    payment_date: date | None = None
    production_date: date | None = None
    claims: tuple[RemittanceClaim, ...] = ()
    provider_adjustments: tuple[ProviderAdjustment, ...] = ()
    sender_id: str = ""
    receiver_id: str = ""
    usage_indicator: str = ""
    interchange_control_number: str = ""
    group_control_number: str = ""
    transaction_control_number: str = ""
    version: str = ""
    claim_count: int = 0
    line_count: int = 0
    claims_paid: Decimal = ZERO
    raw_segments: tuple[str, ...] = ()
    segment_number: int = 0
    problems: tuple[Problem, ...] = ()


class _Notes:
    """Problems of one transaction, as many as anyone would read."""

    def __init__(self) -> None:
        self.items: list[Problem] = []

    def add(self, code: str, message: str, number: int, segment: str, claim: str = "", severity: str = ERROR) -> None:
        if len(self.items) < MAX_PROBLEMS:
            self.items.append(Problem(code, message, number, segment[:200], claim, None, severity))

    @property
    def full(self) -> bool:
        """Whether no more would be kept."""
        return len(self.items) >= MAX_PROBLEMS

    def extend(self, problems: Iterable[Problem]) -> None:
        self.items += list(problems)[: MAX_PROBLEMS - len(self.items)]

    def amount(self, text: str, what: str, number: int, raw: str, claim: str = "") -> Decimal:
        """A required amount; blank or no number counts as 0 and is reported."""
        value = decimal(text)
        if value is not None:
            return value
        said = f'reads "{text[:30]}", which is no plain number' if text.strip() else "is blank"
        self.add("AMOUNT", f"{what} {said}; counted as 0.", number, raw, claim)
        return ZERO


# --- lines and claims ---------------------------------------------------------------------------------------------


def _adjustments(raw: str, separator: str) -> tuple[tuple[Adjustment, ...], tuple[str, ...]]:
    """The adjustments of one CAS, and the amounts in it that could not be read."""
    parts = raw.split(separator)
    end = len(parts)
    parts += ("", "")  # the last triplet may be cut short
    group = parts[1]
    found, faults = [], []
    for index in range(2, end, 3):
        reason, amount, quantity = parts[index : index + 3]
        value, reason = decimal(amount), reason.strip()
        if value is None and (reason or amount.strip()):
            faults.append(amount)
        if reason or value:
            found.append(Adjustment(group, reason, value or ZERO, decimal(quantity) if quantity else None))
    return tuple(found), tuple(faults)


def _procedure(composite: str, component: str) -> tuple[str, str, tuple[str, ...]]:
    """Qualifier, code and modifiers of SVC01 or SVC06, also when the payer glued them ("97110GP") or left HC out."""
    parts = composite.split(component)
    if len(parts) == 1:
        return "", parts[0], ()
    qualifier, code, modifiers = parts[0], parts[1], tuple(m for m in parts[2:6] if m)
    if qualifier == "HC" and len(code) in (7, 9, 11, 13) and not modifiers:
        modifiers = tuple(code[i : i + 2] for i in range(5, len(code), 2))
        code = code[:5]
    return qualifier, code, modifiers


def _dtm(raw: str, separator: str) -> tuple[str, str, date | None]:
    """Qualifier, text and day of a DTM."""
    parts = [*raw.split(separator), "", "", ""]
    return parts[1], parts[2], day(parts[2])


class _Cutter:
    """Takes segments apart by the delimiters of an interchange, and remembers those that come again and again."""

    def __init__(self, separator: str, component: str) -> None:
        self.separator = separator
        self.adjustments = Memo(lambda raw: _adjustments(raw, separator), 1 << 14)
        self.dates = Memo(lambda raw: _dtm(raw, separator), 1 << 12)
        self.procedures = Memo(lambda text: _procedure(text, component), 1 << 12)


@lru_cache(maxsize=4)
def _cutter(separator: str, component: str) -> _Cutter:
    return _Cutter(separator, component)


def _line(raws: list[str], cutter: _Cutter, number: int, claim: str, notes: _Notes) -> RemittanceLine:  # noqa: C901, PLR0912 - hot: one pass, no helper objects
    """One service line from its raw segments, SVC first; `number` is that of the SVC."""
    separator, decimals = cutter.separator, DECIMALS
    svc = raws[0].split(separator) + _BLANKS
    adjustments: list[Adjustment] = []
    remarks: list[str] = []
    service_date = service_date_end = allowed = None
    control = ""
    following = iter(raws)
    next(following)
    for raw in following:
        tag = raw[:3]
        if tag == "CAS":
            found, faults = cutter.adjustments[raw]
            adjustments += found
            if faults and not notes.full:
                _cas_faults(faults, raw, number + raws.index(raw), claim, notes)
        elif tag == "DTM":
            kind, text, when = cutter.dates[raw]
            if kind in ("472", "150"):
                service_date = when
                service_date_end = last_day(text) if len(text) > 8 else service_date_end
            elif kind == "151":
                service_date_end = when
        elif tag == "REF":
            if raw[4:6] == "6R" and not control:
                control = raw[7:].partition(separator)[0]
        elif tag == "AMT":
            if raw[4:6] == "B6":
                text = raw[7:].partition(separator)[0]
                allowed = decimals[text]
                if allowed is None and not notes.full:
                    allowed = notes.amount(text, "The allowed amount (AMT*B6)", number + raws.index(raw), raw, claim)
        elif tag[:2] == "LQ":
            remarks += raw.split(separator)[2:3]
    qualifier, code, modifiers = cutter.procedures[svc[1]]
    original, original_modifiers = cutter.procedures[svc[6]][1:] if svc[6] else ("", ())
    charge, paid, units = decimals[svc[2]], decimals[svc[3]], decimals[svc[5]]
    original_units = decimals[svc[7]] if svc[7] else None
    if charge is None or paid is None or (units is None and svc[5]) or (original_units is None and svc[7]):
        _svc_faults(svc, number, raws[0], claim, notes)
    values = (
        code,
        modifiers,
        ZERO if charge is None else charge,
        ZERO if paid is None else paid,
        units if units is not None else ZERO if svc[5] else ONE,
        original,
        original_modifiers,
        original_units,
        service_date,
        service_date_end,
        control,
        allowed,
        tuple(adjustments),
        tuple(remarks),
        qualifier,
        svc[4],
        number,
    )
    return _made(RemittanceLine, values)


def _cas_faults(faults: tuple[str, ...], raw: str, number: int, claim: str, notes: _Notes) -> None:
    for fault in faults:
        notes.amount(fault, "A CAS amount", number, raw, claim)


def _svc_faults(svc: list[str], number: int, raw: str, claim: str, notes: _Notes) -> None:
    notes.amount(svc[2], "The charge of a service line (SVC02)", number, raw, claim)
    notes.amount(svc[3], "The payment of a service line (SVC03)", number, raw, claim)
    for position, what in ((5, "The units of a service line (SVC05)"), (7, "The original units (SVC07)")):
        if svc[position]:
            notes.amount(svc[position], what, number, raw, claim)


@dataclass(slots=True)
class _Head:
    """What stands between a CLP and its first SVC."""

    last: str = ""
    first: str = ""
    member: str = ""
    corrected: str = ""
    rendering: str = ""
    crossover_name: str = ""
    crossover_id: str = ""
    adjustments: list[Adjustment] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    start: date | None = None
    end: date | None = None
    received: date | None = None
    interest: Decimal | None = None
    coverage: Decimal | None = None


def _head(raws: list[str], cutter: _Cutter, number: int, claim: str, notes: _Notes) -> _Head:
    """Reads names, dates, remarks, amounts and claim-level adjustments; `number` is that of the CLP."""
    head = _Head()
    separator = cutter.separator
    for offset, raw in enumerate(raws):
        tag = raw[:3]
        if tag == "NM1":
            _name(raw.split(separator) + _BLANKS, head)
        elif tag == "DTM":
            _head_date(cutter.dates[raw], head)
        elif tag == "CAS":
            found, faults = cutter.adjustments[raw]
            head.adjustments += found
            if faults and not notes.full:
                _cas_faults(faults, raw, number + offset, claim, notes)
        elif tag == "AMT":
            _head_amount(raw, raw.split(separator) + _BLANKS, head, number + offset, claim, notes)
        elif tag in ("MOA", "MIA"):
            _head_remarks(tag, raw.split(separator) + _BLANKS * 2, head)
        elif tag[:2] == "LQ":
            head.remarks += raw.split(separator)[2:3]
    return head


def _head_date(dtm: tuple[str, str, date | None], head: _Head) -> None:
    kind, _, when = dtm
    if kind == "232":
        head.start = when
    elif kind == "233":
        head.end = when
    elif kind == "050":
        head.received = when


def _head_amount(raw: str, e: list[str], head: _Head, number: int, claim: str, notes: _Notes) -> None:
    if e[1] == "I":
        head.interest = notes.amount(e[2], "The interest (AMT*I)", number, raw, claim)
    elif e[1] == "AU":
        head.coverage = notes.amount(e[2], "The covered amount (AMT*AU)", number, raw, claim)


def _head_remarks(tag: str, e: list[str], head: _Head) -> None:
    codes = e[3:8] if tag == "MOA" else [e[5], *e[20:24]]
    head.remarks += [code for code in codes if code]


def _name(e: list[str], head: _Head) -> None:
    if e[1] == "QC":
        head.last, head.first = e[3], e[4]
        head.member = e[9] or head.member
    elif e[1] == "82":
        head.rendering = e[9]
    elif e[1] == "IL":
        head.member = head.member or e[9]
    elif e[1] == "74":
        head.corrected = e[9]
    elif e[1] == "TT":
        head.crossover_name, head.crossover_id = e[3], e[9]


def _claim(raws: list[str], cutter: _Cutter, number: int, notes: _Notes) -> RemittanceClaim:
    """One claim from its raw segments, CLP first; `number` is that of the CLP."""
    starts = [index for index, raw in enumerate(raws) if raw[:3] == "SVC"]
    clp = raws[0].split(cutter.separator) + _BLANKS
    pcn = clp[1]
    head = _head(raws[1 : starts[0]] if starts else raws[1:], cutter, number + 1, pcn, notes)
    starts.append(len(raws))
    lines = tuple([_line(raws[a:b], cutter, number + a, pcn, notes) for a, b in pairwise(starts)])
    charge, paid, share = DECIMALS[clp[3]], DECIMALS[clp[4]], DECIMALS[clp[5]] if clp[5] else ZERO
    if charge is None or paid is None or share is None:
        charge, paid, share = _clp_faults(clp, number, raws[0], notes)
    status, remarks = clp[2], tuple(head.remarks)
    forwarded = status in FORWARDED or bool(head.crossover_name or head.crossover_id)
    values = (
        pcn,
        status,
        charge,
        paid,
        share,
        clp[7],
        clp[6],
        clp[8],
        clp[9],
        head.last,
        head.first,
        head.member,
        head.corrected,
        head.rendering,
        head.start,
        head.end,
        head.received,
        tuple(head.adjustments),
        remarks,
        head.interest,
        head.coverage,
        lines,
        forwarded or (bool(remarks) and _forwarded_by_remark(remarks)),
        head.crossover_name,
        head.crossover_id,
        tuple(raws),
        number,
    )
    return _made(RemittanceClaim, values)


def _clp_faults(clp: list[str], number: int, raw: str, notes: _Notes) -> tuple[Decimal, Decimal, Decimal]:
    pcn = clp[1]
    return (
        notes.amount(clp[3], "The charge of the claim (CLP03)", number, raw, pcn),
        notes.amount(clp[4], "The payment of the claim (CLP04)", number, raw, pcn),
        notes.amount(clp[5], "The patient's share (CLP05)", number, raw, pcn) if clp[5] else ZERO,
    )


def _forwarded_by_remark(remarks: tuple[str, ...]) -> bool:
    """MA18, MA07, N89: the claim was sent on to the supplemental insurer, to Medicaid, to more than one payer."""
    return not FORWARDING_REMARKS.isdisjoint(remarks)


def claim_of_segments(segments: Sequence[str]) -> RemittanceClaim:
    """A claim read again from its raw segments, CLP first, as a reading kept them (``RemittanceClaim.raw_segments``).

    The delimiters are found in the segments: behind CLP, and behind the qualifier of the first SVC ("SVC*HC:97110").
    """
    element = segments[0][len("CLP")]
    first = next((raw for raw in segments if raw.startswith(f"SVC{element}")), "")
    code = first[len("SVC*") :].partition(element)[0]
    component = next((mark for mark in code if not mark.isalnum()), ":")
    return _claim(list(segments), _cutter(element, component), 0, _Notes())


# --- transactions -------------------------------------------------------------------------------------------------


def _header(raws: list[str], marks: Delimiters, number: int, tracker: EnvelopeTracker, notes: _Notes) -> Remittance:
    """Everything before the first claim: BPR, TRN, dates, payer and payee."""
    envelope = tracker.envelope
    remittance = Remittance(
        sender_id=envelope.sender_id,
        receiver_id=envelope.receiver_id,
        usage_indicator=envelope.usage_indicator,
        interchange_control_number=envelope.interchange_control_number,
        group_control_number=envelope.group_control_number,
        transaction_control_number=tracker.transaction_control,
        version=envelope.version,
        segment_number=number,
        raw_segments=tuple(raws),
    )
    party = ""
    for index, raw in enumerate(raws):
        e = raw.split(marks.element) + _BLANKS * 2
        if e[0] == "N1":
            party = e[1]
        remittance = _header_segment(remittance, e, party, number + index, raw, notes)
    if not any(raw.startswith("BPR") for raw in raws):
        notes.add("NO_BPR", "This 835 has no BPR segment: the payment amount is unknown.", number, raws[0])
    return remittance


def _header_segment(r: Remittance, e: list[str], party: str, number: int, raw: str, notes: _Notes) -> Remittance:
    if e[0] == "BPR":
        amount = notes.amount(e[2], "The payment amount (BPR02)", number, raw)
        return replace(
            r,
            handling_code=e[1],
            payment_amount=amount,
            credit_debit=e[3],
            payment_method=e[4],
            payment_date=day(e[16]),
        )
    if e[0] == "TRN":
        return replace(r, trace_number=e[2], payer_trace_id=e[3])
    if e[0] == "DTM" and e[1] == "405":
        return replace(r, production_date=day(e[2]))
    if e[0] == "N1" and e[1] == "PR":
        return replace(r, payer_name=e[2], payer_id=e[4])
    if e[0] == "N1" and e[1] == "PE":
        return replace(
            r,
            payee_name=e[2],
            payee_npi=e[4] if e[3] == "XX" else "",
            payee_tax_id=e[4] if e[3] == "FI" else "",
        )
    if e[0] == "REF":
        return _header_reference(r, e, party)
    return r


def _header_reference(r: Remittance, e: list[str], party: str) -> Remittance:
    if party == "PR" and e[1] in ("2U", "NF", "HI", "EO") and not r.payer_id:
        return replace(r, payer_id=e[2])
    if party == "PE" and e[1] == "TJ":
        return replace(r, payee_tax_id=e[2])
    return r


def _provider_adjustments(raw: str, marks: Delimiters, number: int, notes: _Notes) -> list[ProviderAdjustment]:
    e = raw.split(marks.element)
    found = []
    for index in range(3, len(e), 2):
        amount = e[index + 1] if index + 1 < len(e) else ""
        if not e[index].strip() and not amount.strip():
            continue
        reason, _, reference = e[index].partition(marks.component)
        value = notes.amount(amount, "A provider adjustment (PLB)", number, raw)
        found.append(ProviderAdjustment(e[1], day(e[2]) if len(e) > 2 else None, reason, reference, value, number))
    return found


def _boundaries(separator: str) -> frozenset[str]:
    """The first three characters of every segment that ends a claim."""
    short = ("LX", "ST", "SE", "GS", "GE")
    return frozenset({"CLP", "PLB", "ISA", "IEA", "TS2", "TS3", "TA1", *short, *(f"{s}{separator}" for s in short)})


class _Reader:
    """Walks the segments of a file; yields (transaction so far, claim), and at its end (transaction, None)."""

    def __init__(self) -> None:
        self.tracker = EnvelopeTracker()
        self.transactions = 0
        self.notes = _Notes()
        self.remittance: Remittance | None = None
        self.in_835 = False
        self.in_claim = False
        self.pending: list[str] = []
        self.left_out = 0  # of the pile
        self.spans = 0  # blocks the pile reaches over
        self.loose: list[str] = []
        self.provider_adjustments: list[ProviderAdjustment] = []
        self.marks: Delimiters | None = None

    def block(self, block: Block) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
        """Whatever is no boundary goes, by slices, to the pile of the open claim."""
        self.marks = block.delimiters
        boundaries = _boundaries(block.delimiters.element)
        segments = block.segments
        done = 0
        for index in [i for i, raw in enumerate(segments) if raw[:3] in boundaries]:
            self._pile(segments[done:index], block.number + done)
            done = index + 1
            yield from self._boundary(segments[index], block.number + index)
        self._pile(segments[done:], block.number + done)
        self.spans += 1

    def _pile(self, segments: list[str], number: int) -> None:
        """Lays segments upon the pile, unless it is higher than any claim is."""
        if len(self.pending) + len(segments) <= MAX_CLAIM_SEGMENTS and self.spans < MAX_CLAIM_BLOCKS:
            self.pending += segments
            return
        room = max(0, MAX_CLAIM_SEGMENTS - len(self.pending)) if self.spans < MAX_CLAIM_BLOCKS else 0
        if not self.left_out and self.in_835:
            self._say_too_long(number + room)
        self.pending += segments[:room]
        self.left_out += len(segments) - room

    def _say_too_long(self, number: int) -> None:
        message = f"More than {MAX_CLAIM_SEGMENTS:,} segments belong together here; the rest was not read."
        self.notes.add("TOO_LONG", message, number, "")

    def _lay_aside(self, segments: list[str], number: int) -> None:
        if len(self.loose) <= MAX_CLAIM_SEGMENTS < len(self.loose) + len(segments):
            self._say_too_long(number)
        self.loose += segments[: max(0, MAX_CLAIM_SEGMENTS + 1 - len(self.loose))]

    def _boundary(self, raw: str, number: int) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
        assert self.marks is not None
        tag = raw.split(self.marks.element, 1)[0]
        if self.in_835:
            if tag in ("ISA", "GS", "ST", "GE", "IEA"):
                self.notes.add("MISSING_SE", "This 835 has no SE at its end.", number, raw)
                yield from self._close(number)
            else:
                yield from self._settle(number)
        if tag in EnvelopeTracker.IDS:
            yield from self._envelope(tag, raw, number)
        elif self.in_835:
            self._inside(tag, raw, number)

    def _settle(self, number: int) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
        """Turns the pile into the header, a claim, or loose segments, and starts a new pile."""
        assert self.marks is not None
        pile, start = self.pending, number - len(self.pending) - self.left_out
        self.pending, self.left_out, self.spans = [], 0, 0
        if self.remittance is None:
            self.remittance = _header(pile, self.marks, start, self.tracker, self.notes)
        elif self.in_claim:
            claim = _claim(pile, _cutter(self.marks.element, self.marks.component), start, self.notes)
            self.in_claim = False
            yield self.remittance, claim
        else:
            self._lay_aside(pile, start)

    def _inside(self, tag: str, raw: str, number: int) -> None:
        assert self.marks is not None
        if tag == "CLP":
            self.in_claim = True
            self.pending = [raw]
        elif tag == "PLB" and len(self.loose) <= MAX_CLAIM_SEGMENTS:
            self.provider_adjustments += _provider_adjustments(raw, self.marks, number, self.notes)
            self._lay_aside([raw], number)
        else:
            self._lay_aside([raw], number)

    def _envelope(self, tag: str, raw: str, number: int) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
        assert self.marks is not None
        parts = raw.split(self.marks.element)
        problems = self.tracker.see(parts, number)
        if tag == "ST":
            self._count_transaction()
        if tag == "SE" and self.in_835:
            self.notes.extend(problems)
            yield from self._close(number)
            return
        self.notes.extend(problems)
        self.pending, self.left_out, self.spans = [], 0, 0
        if tag == "ST" and len(parts) > 1 and parts[1].strip() == "835":
            self.in_835 = True
            self.pending = [raw]

    def _close(self, number: int) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
        yield from self._settle(number)
        assert self.remittance is not None
        yield (
            replace(
                self.remittance,
                provider_adjustments=tuple(self.provider_adjustments),
                raw_segments=self.remittance.raw_segments + tuple(self.loose),
                problems=tuple(self.notes.items),
            ),
            None,
        )
        tracker, marks, transactions = self.tracker, self.marks, self.transactions
        self.__init__()  # type: ignore[misc]
        self.tracker, self.marks, self.transactions = tracker, marks, transactions

    def _count_transaction(self) -> None:
        self.transactions += 1
        if self.transactions > MAX_TRANSACTIONS:
            raise UnreadableFile(f"This file has more than {MAX_TRANSACTIONS:,} transactions; no payer sends as many.")

    def finish(self, number: int) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
        """The file is over: what is still open is closed, and said to be cut off."""
        if self.in_835:
            self.notes.extend(self.tracker.missing_trailers(number))
            yield from self._close(number + 1)


def stream_835_claims(data: bytes | str) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
    """Claims of all 835 transactions, one at a time, in flat memory.

    Yields `(header, claim)` per claim, and `(closing, None)` once per transaction: the same remittance with PLB, totals
    and problems. `claims` is empty in both. Transactions that are not 835 are passed over.
    """
    reader = _Reader()
    number = 0
    count = lines = 0
    paid = ZERO
    for remittance, claim in _events(reader, decode(data), number):
        if claim is not None:
            count, lines, paid = count + 1, lines + len(claim.lines), paid + claim.paid
            yield remittance, claim
        else:
            yield replace(remittance, claim_count=count, line_count=lines, claims_paid=paid), None
            count, lines, paid = 0, 0, ZERO


def _events(reader: _Reader, text: str, number: int) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
    for block in blocks(text):
        yield from reader.block(block)
        number = block.number + len(block.segments) - 1
    yield from reader.finish(number)


def read_835(data: bytes | str) -> Iterator[Remittance]:
    """The 835 transactions of a file, one whole ST at a time. Raises `UnreadableFile` for what is not X12."""
    claims: list[RemittanceClaim] = []
    for remittance, claim in stream_835_claims(data):
        if claim is not None:
            claims.append(claim)
        else:
            yield replace(remittance, claims=tuple(claims))
            claims = []


# --- balancing ----------------------------------------------------------------------------------------------------


def balance(remittance: Remittance) -> list[Problem]:
    """Every level of the 835's arithmetic that does not hold (005010X221A1 section 1.10.2); empty when it all adds up.

    Errors: service, claim, sum of lines, transaction. Warning only: the patient's share.
    """
    problems: list[Problem] = []
    for claim in remittance.claims:
        problems += balance_claim(claim)
    return problems + balance_transaction(remittance)


def balance_claim(claim: RemittanceClaim) -> list[Problem]:
    """The service and claim levels of one claim: charge less adjustments is the payment."""
    problems: list[Problem] = []
    line_charges = line_adjusted = share = ZERO
    for line in claim.lines:
        adjusted = ZERO
        for adjustment in line.adjustments:
            adjusted += adjustment.amount
            if adjustment.group_code == "PR":
                share += adjustment.amount
        if line.charge - adjusted != line.paid:
            problems.append(_line_problem(claim, line, adjusted))
        line_charges += line.charge
        line_adjusted += adjusted
    claim_adjusted = ZERO
    for adjustment in claim.adjustments:
        claim_adjusted += adjustment.amount
        if adjustment.group_code == "PR":
            share += adjustment.amount
    if claim.lines and line_charges != claim.charge:
        problems.append(_lines_problem(claim, line_charges))
    if claim.charge - claim_adjusted - line_adjusted != claim.paid:
        problems.append(_claim_problem(claim, claim_adjusted + line_adjusted))
    if share != claim.patient_responsibility and not (claim.is_reversal and not claim.patient_responsibility):
        problems.append(_share_problem(claim, share))
    return problems


def _line_problem(claim: RemittanceClaim, line: RemittanceLine, adjusted: Decimal) -> Problem:
    off = line.charge - adjusted - line.paid
    service = " ".join((line.procedure_code, *line.modifiers))
    message = (
        f"Claim {claim.patient_control_number}, line {service}: charge {line.charge} less adjustments {adjusted} is "
        f"{line.charge - adjusted}, but the line says {line.paid} was paid: off by {off}."
    )
    return Problem("SERVICE_BALANCE", message, line.segment_number, "SVC", claim.patient_control_number, off)


def _lines_problem(claim: RemittanceClaim, line_charges: Decimal) -> Problem:
    off = claim.charge - line_charges
    message = (
        f"Claim {claim.patient_control_number}: the lines charge {line_charges} together, but the claim says "
        f"{claim.charge}: off by {off}."
    )
    return Problem("LINES_TOTAL", message, claim.segment_number, "CLP", claim.patient_control_number, off)


def _claim_problem(claim: RemittanceClaim, adjusted: Decimal) -> Problem:
    off = claim.charge - adjusted - claim.paid
    message = (
        f"Claim {claim.patient_control_number}: charge {claim.charge} less all adjustments {adjusted} is "
        f"{claim.charge - adjusted}, but the claim says {claim.paid} was paid: off by {off}."
    )
    return Problem("CLAIM_BALANCE", message, claim.segment_number, "CLP", claim.patient_control_number, off)


def _share_problem(claim: RemittanceClaim, share: Decimal) -> Problem:
    off = claim.patient_responsibility - share
    message = (
        f"Claim {claim.patient_control_number}: the patient's share is {claim.patient_responsibility}, but the PR "
        f"adjustments add up to {share}: off by {off}."
    )
    number, pcn = claim.segment_number, claim.patient_control_number
    return Problem("PATIENT_RESPONSIBILITY", message, number, "CLP", pcn, off, WARN)


def balance_transaction(remittance: Remittance) -> list[Problem]:
    """The transaction level: the payment is the sum of the claims less the provider adjustments."""
    paid = sum((claim.paid for claim in remittance.claims), ZERO) if remittance.claims else remittance.claims_paid
    withheld = sum((adjustment.amount for adjustment in remittance.provider_adjustments), ZERO)
    payment = remittance.payment_amount
    off = payment - (paid - withheld)
    if not off or (remittance.credit_debit == "D" and payment == withheld - paid):
        return []
    message = (
        f"Payment {remittance.trace_number or '(no trace number)'}: claims pay {paid}, provider adjustments take "
        f"{withheld}, which is {paid - withheld}, but the payment is {payment}: off by {off}."
    )
    return [Problem("TRANSACTION_BALANCE", message, remittance.segment_number, "BPR", "", off)]
