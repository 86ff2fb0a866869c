"""Reads the 835 (005010X221A1, and 004010X091A1 as it comes) payment by payment, and each as a stream of claims.

Raw segments stay with their claim, unknown ones included, and those of no claim with the payment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edi.interchanges import EnvelopeTracker
from edi.tokens import Block, Delimiters, UnreadableFile, blocks, decode
from edi.values import ZERO, day
from edi.x835_claim import BLANKS, Notes, cutter_of, read_claim
from edi.x835_records import ProviderAdjustment, Remittance, RemittanceClaim

MAX_CLAIM_SEGMENTS, MAX_CLAIM_BLOCKS = 50_000, 64
"""Held at once of a claim, of the header, and of what is in neither: so many segments, from so many blocks of 64 kB.
A claim has at most 999 lines (005010X221A1)."""
MAX_TRANSACTIONS = 20_000
"""A file with more remittances, or other transactions beside them, is refused: no payer sends as many."""


def _header(raws: list[str], marks: Delimiters, number: int, tracker: EnvelopeTracker, notes: Notes) -> Remittance:
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
        e = raw.split(marks.element) + BLANKS * 2
        if e[0] == "N1":
            party = e[1]
        remittance = _header_segment(remittance, e, party, number + index, raw, notes)
    if not any(raw.startswith("BPR") for raw in raws):
        notes.add("NO_BPR", "This 835 has no BPR segment: the payment amount is unknown.", number, raws[0])
    return remittance


def _header_segment(r: Remittance, e: list[str], party: str, number: int, raw: str, notes: Notes) -> Remittance:
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


def _provider_adjustments(raw: str, marks: Delimiters, number: int, notes: Notes) -> list[ProviderAdjustment]:
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
        self.marks: Delimiters | None = None
        self._reset()

    def _reset(self) -> None:
        """Nothing is known of the transaction that comes."""
        self.notes = Notes()
        self.remittance: Remittance | None = None
        self.in_835 = False
        self.in_claim = False
        self.pending: list[str] = []
        self.left_out = 0  # of the pile
        self.spans = 0  # blocks the pile reaches over
        self.loose: list[str] = []
        self.provider_adjustments: list[ProviderAdjustment] = []

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
            claim = read_claim(pile, cutter_of(self.marks.element, self.marks.component), start, self.notes)
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
        self._reset()

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
