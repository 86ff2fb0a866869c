"""Reads one claim of an 835, CLP and all below it, from its raw segments.

Bad values become problems, never exceptions. Written for speed: the segments come raw and are taken apart once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from edi.findings import ERROR, MAX_PROBLEMS, Problem
from edi.values import DECIMALS, ZERO, Adjustment, Memo, day, decimal, last_day
from edi.x835_records import RemittanceClaim, RemittanceLine

FORWARDED = frozenset({"19", "20", "21", "23"})
"""CLP02 values that say the payer sent the claim on to another payer (005010X221A1)."""
FORWARDING_REMARKS = frozenset({"MA18", "MA07", "N89"})
"""MOA remarks that say it (CMS remittance advice remark codes, June 2024)."""
BLANKS = [""] * 14
"""Put behind a split segment, every element of it is there."""
_made = tuple.__new__
"""Makes a named tuple of a tuple of all its values: the class itself would go through a function of Python's."""
ONE = Decimal(1)


class Notes:
    """Problems of one transaction, as many as anyone would read."""

    def __init__(self) -> None:
        self.items: list[Problem] = []

    def add(self, code: str, message: str, number: int, segment: str, claim: str = "", severity: str = ERROR) -> None:
        """One more, unless there are enough; `segment` is the raw segment, `claim` its patient control number."""
        if len(self.items) < MAX_PROBLEMS:
            self.items.append(Problem(code, message, number, segment[:200], claim, None, severity))

    @property
    def full(self) -> bool:
        """Whether no more would be kept."""
        return len(self.items) >= MAX_PROBLEMS

    def extend(self, problems: Iterable[Problem]) -> None:
        """As many of these as there is room for."""
        self.items += list(problems)[: MAX_PROBLEMS - len(self.items)]

    def amount(self, text: str, what: str, number: int, raw: str, claim: str = "") -> Decimal:
        """A required amount; blank or no number counts as 0 and is reported."""
        value = decimal(text)
        if value is not None:
            return value
        if text.strip():
            said = f'{what} reads "{text[:30]}", which is no plain number; counted as 0.'
            self.add("AMOUNT", said, number, raw, claim)
        else:
            self.add("BLANK_AMOUNT", f"{what} is blank; counted as 0.", number, raw, claim)
        return ZERO


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


class Cutter:
    """Takes segments apart by the delimiters of an interchange, and remembers those that come again and again."""

    def __init__(self, separator: str, component: str) -> None:
        self.separator = separator
        self.adjustments = Memo(lambda raw: _adjustments(raw, separator), 1 << 14)
        self.dates = Memo(lambda raw: _dtm(raw, separator), 1 << 12)
        self.procedures = Memo(lambda text: _procedure(text, component), 1 << 12)


@lru_cache(maxsize=4)
def cutter_of(separator: str, component: str) -> Cutter:
    """The cutter for these delimiters; the same one again, with all it remembers."""
    return Cutter(separator, component)


def _line(raws: list[str], cutter: Cutter, number: int, claim: str, notes: Notes) -> RemittanceLine:  # noqa: C901, PLR0912 - hot: one pass, no helper objects
    """One service line from its raw segments, SVC first; `number` is that of the SVC."""
    separator, decimals = cutter.separator, DECIMALS
    svc = raws[0].split(separator) + BLANKS
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


def _cas_faults(faults: tuple[str, ...], raw: str, number: int, claim: str, notes: Notes) -> None:
    for fault in faults:
        notes.amount(fault, "A CAS amount", number, raw, claim)


def _svc_faults(svc: list[str], number: int, raw: str, claim: str, notes: Notes) -> None:
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


def _head(raws: list[str], cutter: Cutter, number: int, claim: str, notes: Notes) -> _Head:
    """Reads names, dates, remarks, amounts and claim-level adjustments; `number` is that of the CLP."""
    head = _Head()
    separator = cutter.separator
    for offset, raw in enumerate(raws):
        tag = raw[:3]
        if tag == "NM1":
            _name(raw.split(separator) + BLANKS, head)
        elif tag == "DTM":
            _head_date(cutter.dates[raw], head)
        elif tag == "CAS":
            found, faults = cutter.adjustments[raw]
            head.adjustments += found
            if faults and not notes.full:
                _cas_faults(faults, raw, number + offset, claim, notes)
        elif tag == "AMT":
            _head_amount(raw, raw.split(separator) + BLANKS, head, number + offset, claim, notes)
        elif tag in ("MOA", "MIA"):
            _head_remarks(tag, raw.split(separator) + BLANKS * 2, head)
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


def _head_amount(raw: str, e: list[str], head: _Head, number: int, claim: str, notes: Notes) -> None:
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


def read_claim(raws: list[str], cutter: Cutter, number: int, notes: Notes) -> RemittanceClaim:
    """One claim from its raw segments, CLP first; `number` is that of the CLP."""
    starts = [index for index, raw in enumerate(raws) if raw[:3] == "SVC"]
    clp = raws[0].split(cutter.separator) + BLANKS
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


def _clp_faults(clp: list[str], number: int, raw: str, notes: Notes) -> tuple[Decimal, Decimal, Decimal]:
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
    return read_claim(list(segments), cutter_of(element, component), 0, Notes())
