"""Reads the 835 (005010X221A1, and 004010X091A1 as it comes): what a payer paid, line by line, and whether it adds up.

A transaction is read claim by claim; raw segments stay with their claim, unknown ones included. Bad values become
problems, never exceptions. Written for speed: a claim's segments are collected raw and taken apart once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache

from edi.findings import ERROR, WARN, Problem
from edi.tokens import MAX_PROBLEMS, Block, Delimiters, EnvelopeTracker, blocks, decode
from edi.values import ZERO, Adjustment, day, decimal, last_day

__all__ = [
    "Adjustment",
    "ProviderAdjustment",
    "Remittance",
    "RemittanceClaim",
    "RemittanceLine",
    "balance",
    "balance_claim",
    "balance_transaction",
    "read_835",
    "stream_835_claims",
]

REVERSAL = "22"
FORWARDED = frozenset({"19", "20", "21", "23"})
"""CLP02 values that say the payer sent the claim on to another payer (005010X221A1)."""
_BLANKS = [""] * 14


@dataclass(frozen=True, slots=True)
class RemittanceLine:
    """One SVC: what was charged and paid for a service, in dollars; units as the payer counted them."""

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


@dataclass(frozen=True, slots=True)
class RemittanceClaim:
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


@lru_cache(maxsize=1 << 13)
def _adjustments(raw: str, separator: str) -> tuple[tuple[Adjustment, ...], tuple[str, ...]]:
    """The adjustments of one CAS and the amounts that could not be read. Cached: contracts repeat their CAS."""
    parts = raw.split(separator)
    group = parts[1] if len(parts) > 1 else ""
    found, faults = [], []
    for index in range(2, len(parts), 3):
        reason, amount, quantity = [*parts[index : index + 3], "", ""][:3]
        value = decimal(amount)
        if value is None and (amount.strip() or reason.strip()):
            faults.append(amount)
        if reason.strip() or value:
            found.append(Adjustment(group, reason.strip(), value or ZERO, decimal(quantity)))
    return tuple(found), tuple(faults)


def _cas(raw: str, separator: str, number: int, claim: str, notes: _Notes) -> tuple[Adjustment, ...]:
    found, faults = _adjustments(raw, separator)
    for fault in faults:
        notes.amount(fault, "A CAS amount", number, raw, claim)
    return found


@lru_cache(maxsize=1 << 12)
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


class _Detail:
    """What the segments below a CLP or an SVC say, the same way at both levels."""

    __slots__ = ("adjustments", "amounts", "dates", "references", "remarks")

    def __init__(self) -> None:
        self.adjustments: tuple[Adjustment, ...] = ()
        self.amounts: dict[str, Decimal] = {}
        self.dates: dict[str, str] = {}
        self.references: dict[str, str] = {}
        self.remarks: tuple[str, ...] = ()


def _detail(raws: list[str], marks: Delimiters, number: int, claim: str, notes: _Notes) -> _Detail:
    """Reads CAS, DTM, REF, AMT and LQ; `number` is that of the segment above the first one."""
    separator = marks.element
    detail = _Detail()
    for raw in raws:
        number += 1
        tag = raw[:3]
        if tag == "CAS":
            detail.adjustments += _cas(raw, separator, number, claim, notes)
            continue
        parts = raw.split(separator)
        if len(parts) < 3:
            continue
        if tag == "DTM":
            detail.dates[parts[1]] = parts[2]
        elif tag == "REF":
            detail.references.setdefault(parts[1], parts[2])
        elif tag == "AMT":
            detail.amounts[parts[1]] = notes.amount(parts[2], f"AMT*{parts[1]}", number, raw, claim)
        elif parts[0] == "LQ":
            detail.remarks += (parts[2],)
    return detail


def _line(raws: list[str], marks: Delimiters, number: int, claim: str, notes: _Notes) -> RemittanceLine:
    raw = raws[0]
    svc = raw.split(marks.element) + _BLANKS
    qualifier, code, modifiers = _procedure(svc[1], marks.component)
    original = _procedure(svc[6], marks.component) if svc[6] else ("", "", ())
    detail = _detail(raws[1:], marks, number, claim, notes)
    dates = detail.dates
    start = dates.get("472") or dates.get("150") or ""
    return RemittanceLine(
        code,
        modifiers,
        notes.amount(svc[2], "The charge of a service line (SVC02)", number, raw, claim),
        notes.amount(svc[3], "The payment of a service line (SVC03)", number, raw, claim),
        notes.amount(svc[5], "The units of a service line (SVC05)", number, raw, claim) if svc[5] else Decimal(1),
        original[1],
        original[2],
        notes.amount(svc[7], "The original units (SVC07)", number, raw, claim) if svc[7] else None,
        day(start) if start else None,
        (day(dates["151"]) if "151" in dates else last_day(start)) if len(dates) > 1 or len(start) > 8 else None,
        detail.references.get("6R", ""),
        detail.amounts.get("B6"),
        detail.adjustments,
        detail.remarks,
        qualifier,
        svc[4],
        number,
    )


@dataclass(slots=True)
class _Names:
    """Who is named below a CLP."""

    last: str = ""
    first: str = ""
    member: str = ""
    corrected: str = ""
    rendering: str = ""
    crossover_name: str = ""
    crossover_id: str = ""


def _names(raws: list[str], separator: str) -> tuple[_Names, tuple[str, ...]]:
    """Names (NM1) and remark codes (MIA, MOA) of a claim."""
    names = _Names()
    remarks: list[str] = []
    for raw in raws:
        tag = raw[:3]
        if tag == "NM1":
            _name(raw.split(separator) + _BLANKS, names)
        elif tag == "MOA":
            remarks += [code for code in raw.split(separator)[3:8] if code]
        elif tag == "MIA":
            e = raw.split(separator) + _BLANKS * 2
            remarks += [code for code in (e[5], e[20], e[21], e[22], e[23]) if code]
    return names, tuple(remarks)


def _name(e: list[str], names: _Names) -> None:
    if e[1] == "QC":
        names.last, names.first = e[3], e[4]
        names.member = e[9] or names.member
    elif e[1] == "IL":
        names.member = names.member or e[9]
    elif e[1] == "74":
        names.corrected = e[9]
    elif e[1] == "82":
        names.rendering = e[9]
    elif e[1] == "TT":
        names.crossover_name, names.crossover_id = e[3], e[9]


def _claim(raws: list[str], marks: Delimiters, number: int, notes: _Notes) -> RemittanceClaim:
    """One claim from its raw segments, CLP first; `number` is that of the CLP."""
    starts = [index for index, raw in enumerate(raws) if raw[:3] == "SVC"]
    head = raws[1 : starts[0]] if starts else raws[1:]
    raw = raws[0]
    clp = raw.split(marks.element) + _BLANKS
    pcn = clp[1]
    ends = [*starts[1:], len(raws)]
    lines = tuple(
        [_line(raws[a:b], marks, number + a, pcn, notes) for a, b in zip(starts, ends, strict=False)],
    )
    detail = _detail(head, marks, number, pcn, notes)
    names, remarks = _names(head, marks.element)
    dates = detail.dates
    return RemittanceClaim(
        pcn,
        clp[2],
        notes.amount(clp[3], "The charge of the claim (CLP03)", number, raw, pcn),
        notes.amount(clp[4], "The payment of the claim (CLP04)", number, raw, pcn),
        notes.amount(clp[5], "The patient's share (CLP05)", number, raw, pcn) if clp[5] else ZERO,
        clp[7],
        clp[6],
        clp[8],
        clp[9],
        names.last,
        names.first,
        names.member,
        names.corrected,
        names.rendering,
        day(dates["232"]) if "232" in dates else None,
        day(dates["233"]) if "233" in dates else None,
        day(dates["050"]) if "050" in dates else None,
        detail.adjustments,
        remarks + detail.remarks,
        detail.amounts.get("I"),
        detail.amounts.get("AU"),
        lines,
        clp[2] in FORWARDED or bool(names.crossover_name or names.crossover_id) or _forwarded_by_remark(remarks),
        names.crossover_name,
        names.crossover_id,
        tuple(raws),
        number,
    )


def _forwarded_by_remark(remarks: tuple[str, ...]) -> bool:
    """Medicare's MA18 and MA07: the claim was sent on to the supplemental insurer or to Medicaid."""
    return "MA18" in remarks or "MA07" in remarks


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


class _Reader:
    """Walks the segments of a file; yields (transaction so far, claim), and at its end (transaction, None)."""

    def __init__(self) -> None:
        self.tracker = EnvelopeTracker()
        self.notes = _Notes()
        self.remittance: Remittance | None = None
        self.in_835 = False
        self.in_claim = False
        self.pending: list[str] = []
        self.loose: list[str] = []
        self.provider_adjustments: list[ProviderAdjustment] = []
        self.marks: Delimiters | None = None

    def block(self, block: Block) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
        """The hot loop: everything that is not a boundary goes to the pile of the open claim."""
        self.marks = marks = block.delimiters
        separator = marks.element
        boundaries = {"CLP", "PLB", "ISA", "IEA", "TS2", "TS3", "TA1", "LX", "ST", "SE", "GS", "GE"}
        boundaries |= {f"{short}{separator}" for short in ("LX", "ST", "SE", "GS", "GE")}
        number = block.number - 1
        pending = self.pending
        for raw in block.segments:
            number += 1
            if raw[:3] in boundaries:
                yield from self._boundary(raw, number)
                pending = self.pending
            else:
                pending.append(raw)

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
        pile, self.pending = self.pending, []
        if self.remittance is None:
            self.remittance = _header(pile, self.marks, number - len(pile), self.tracker, self.notes)
        elif self.in_claim:
            claim = _claim(pile, self.marks, number - len(pile), self.notes)
            self.in_claim = False
            yield self.remittance, claim
        else:
            self.loose += pile

    def _inside(self, tag: str, raw: str, number: int) -> None:
        assert self.marks is not None
        if tag == "CLP":
            self.in_claim = True
            self.pending = [raw]
        elif tag == "PLB":
            self.provider_adjustments += _provider_adjustments(raw, self.marks, number, self.notes)
            self.loose.append(raw)
        else:
            self.loose.append(raw)

    def _envelope(self, tag: str, raw: str, number: int) -> Iterator[tuple[Remittance, RemittanceClaim | None]]:
        assert self.marks is not None
        parts = raw.split(self.marks.element)
        problems = self.tracker.see(parts, number)
        if tag == "SE" and self.in_835:
            self.notes.extend(problems)
            yield from self._close(number)
            return
        self.notes.extend(problems)
        self.pending = []
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
        tracker, marks = self.tracker, self.marks
        self.__init__()  # type: ignore[misc]
        self.tracker, self.marks = tracker, marks

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
