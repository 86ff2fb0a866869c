"""Cuts X12 text into segments, whatever the sender did to it, and groups them into interchanges and transactions.

Tolerated, each seen in a real file: byte-order mark, CRLF, a line break as terminator or before it, lines wrapped
inside an element, indented segments, an ISA that is not 106 wide, any delimiters, delimiters that change between
interchanges, several ISA, GS or ST, a TA1 before the GS, a bare GS or ST without envelope, wrong trailer counts.
Unknown segments are passed on untouched. The one refusal is `UnreadableFile`, for what is not X12 at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from edi.findings import Problem

HEAD_CHARS = 4096
"""How far we look for the beginning of X12; noise longer than this is never read."""
MAX_FILE_BYTES = 1 << 30
"""Larger files are refused: no payer sends a gigabyte of remittance."""
WINDOW_CHARS = 1 << 16
"""Text is cut into segments this much at a time, so that memory stays flat."""
MAX_SEGMENT_CHARS = 1 << 15
"""A longer segment is cut off here: it is a lost terminator, not data."""
MAX_INTERCHANGE_SEGMENTS = 1_000_000
"""An interchange is held whole while it is read, except for an 835; reading ends here, and says so. Twenty thousand
acknowledged claims have a quarter of it."""
SEGMENTS_OF_A_TRANSACTION = 10
"""What a transaction counts for beside its segments, because it is an object of its own."""
MAX_TRANSACTIONS = 20_000
"""A file with more remittances, or other transactions beside them, is refused: no payer sends as many."""
MAX_PROBLEMS = 500
"""Findings kept per transaction; a file that is wrong everywhere needs no million sentences."""
MAX_ISA_CHARS = 400
"""An ISA is 106 wide by the book; real ones vary, none by this much."""

ISA_ELEMENTS = 16
_START = re.compile(r"ISA(?=([^A-Za-z0-9\s]|[\x1c-\x1f]))..")
_BARE_START = re.compile(r"\s*(GS|ST)([^A-Za-z0-9\s])")
_AFTER_ISA = re.compile(r"([^A-Za-z0-9 \t])\s*(?:GS|TA1|IEA|ISA)[^A-Za-z0-9]")
_AFTER_BARE = re.compile(r"([^A-Za-z0-9 \t])\s*(?:ST|BPR|BHT|BGN|AK1|TRN|N1|HL)[^A-Za-z0-9]")
_MAGIC = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP or Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<", "XML or HTML"),
    (b"{", "JSON"),
)


class UnreadableFile(ValueError):  # noqa: N818 - it names what the file is, in the words of the house
    """The bytes are not X12 at all; the message says what they look like, in one sentence."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The four marks of an interchange, as its ISA declares them."""

    segment: str
    element: str
    component: str
    repetition: str


STANDARD = Delimiters("~", "*", ":", "^")


class Segment(NamedTuple):
    """One segment: id, elements 01.., its number in the file (from 1) and its offset in characters.

    A named tuple, not a dataclass: it is made once per segment, and a tuple is made three times faster.
    """

    id: str
    elements: tuple[str, ...]
    number: int
    offset: int

    def get(self, position: int) -> str:
        """Element `position` (01 = 1), blank when the sender left it out."""
        return self.elements[position - 1] if position <= len(self.elements) else ""

    def text(self, separator: str = "*") -> str:
        """The segment as one line."""
        return separator.join((self.id, *self.elements))


class Block(NamedTuple):
    """A window's worth of clean raw segments; `number` is the number of the first one."""

    delimiters: Delimiters
    segments: list[str]
    number: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent what to whom: the facts of ISA and GS. Codes and numbers as received, blank when absent."""

    sender_id: str = ""
    receiver_id: str = ""
    interchange_control_number: str = ""
    interchange_date: str = ""
    interchange_time: str = ""
    usage_indicator: str = ""
    functional_id: str = ""
    group_sender: str = ""
    group_receiver: str = ""
    group_date: str = ""
    group_time: str = ""
    group_control_number: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One ST..SE with the envelope around it. `problems` are faults of the envelope only."""

    envelope: Envelope
    delimiters: Delimiters
    id: str
    control_number: str
    version: str
    segments: tuple[Segment, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Interchange:
    """One ISA..IEA: its transactions, its TA1 answers, and what was wrong with its envelope."""

    envelope: Envelope
    delimiters: Delimiters
    transactions: tuple[Transaction, ...]
    acknowledgements: tuple[Segment, ...]
    problems: tuple[Problem, ...]


# --- from bytes to text -------------------------------------------------------------------------------------------


def decode(data: bytes | str) -> str:
    """Text of an X12 file. Raises `UnreadableFile` after a look at the first kilobytes when it is none."""
    if len(data) > MAX_FILE_BYTES:
        raise UnreadableFile(f"This file has {len(data):,} bytes; the limit is {MAX_FILE_BYTES:,}.")
    _refuse_other_formats(data)
    if isinstance(data, str):
        return data
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _refuse_other_formats(data: bytes | str) -> None:
    head = data[:HEAD_CHARS]
    raw = head.encode("utf-8", "replace") if isinstance(head, str) else bytes(head)
    stripped = raw.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not stripped:
        raise UnreadableFile("This file is empty; nothing was sent, or the transfer broke off.")
    for magic, what in _MAGIC:
        if stripped.startswith(magic):
            raise UnreadableFile(f"This file is {what}, not X12.")
    text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1", "replace")
    if _find_start(text) is None:
        kind = "binary data" if "\x00" in text else "text"
        raise UnreadableFile(f"This file is {kind} without an ISA, GS or ST segment at its beginning: it is not X12.")


def _find_start(text: str) -> int | None:
    head = text[:HEAD_CHARS]
    bare = _BARE_START.match(head.lstrip("\ufeff\xef\xbb\xbf"))
    if bare:
        return head.index(bare.group(1))
    found = _START.search(head)
    return found.start() if found else None


# --- delimiters ---------------------------------------------------------------------------------------------------


def delimiters_at(text: str, start: int) -> Delimiters | None:
    """The delimiters declared by the ISA (or guessed from the bare GS or ST) at `start`; None when there are none."""
    if text.startswith("ISA", start):
        return _from_isa(text[start : start + MAX_ISA_CHARS])
    return _from_bare(text[start : start + HEAD_CHARS])


def _from_isa(head: str) -> Delimiters | None:
    if len(head) < 5 or head[3].isalnum() or (head[3].isspace() and head[3] not in "\x1c\x1d\x1e\x1f\t"):
        return None
    element = head[3]
    parts = head.split(element, ISA_ELEMENTS)
    if len(parts) <= ISA_ELEMENTS:
        return _from_short_isa(head, element)
    component, rest = parts[16][:1], parts[16][1:]
    terminator = _terminator(rest)
    if not component or component.isalnum():
        return _from_short_isa(head, element)
    if component == "~" or (not terminator and rest.strip()[:1].isalnum()):
        component, terminator = ":", component  # ISA16 left out: what stands there is the terminator itself
    return Delimiters(terminator or "~", element, component, _repetition(parts[11], element))


def _terminator(rest: str) -> str:
    """The mark after ISA16: a visible mark wins over line breaks before it; line breaks alone are the terminator."""
    mark = rest.lstrip("\r\n ")[:1]
    if mark and not mark.isalnum():
        return mark
    breaks = rest[: len(rest) - len(rest.lstrip("\r\n "))]
    return "\n" if "\n" in breaks else "\r" if "\r" in breaks else ""


def _from_short_isa(head: str, element: str) -> Delimiters | None:
    """An ISA with too few elements: trust what stands before the next segment."""
    found = _AFTER_ISA.search(head, 4)
    if not found or found.group(1) == element:
        return None
    before = head[found.start() - 1]
    component = before if not before.isalnum() and before not in f"{element} " else ":"
    return Delimiters(found.group(1), element, component, "^")


def _repetition(isa11: str, element: str) -> str:
    return isa11 if len(isa11) == 1 and not isa11.isalnum() and isa11 not in f"{element} " else "^"


def _from_bare(head: str) -> Delimiters | None:
    found = _BARE_START.match(head)
    if not found:
        return None
    element = found.group(2)
    after = _AFTER_BARE.search(head, found.end())
    terminator = "~" if "~" in head else after.group(1) if after else "\n"
    component = ":" if ":" in head or ">" not in head else ">"
    return Delimiters("\n" if terminator == "\r" and "\n" in head else terminator, element, component, "^")


# --- segments -----------------------------------------------------------------------------------------------------


def _spans(text: str) -> Iterator[tuple[Delimiters, int, int]]:
    """Windows of whole segments; a new one begins at every ISA, because it may change the delimiters."""
    start = _find_start(text)
    marks = None if start is None else delimiters_at(text, start)
    if start is None or marks is None:
        raise UnreadableFile("The ISA segment of this file is broken off or damaged: its delimiters cannot be told.")
    while start < len(text):
        end = _window_end(text, start, marks.segment)
        following = _next_isa(text, start + 3, end, marks.segment)
        if following is None:
            yield marks, start, end
            start = end
            continue
        yield marks, start, following[0]
        start, marks = following


def _window_end(text: str, start: int, terminator: str) -> int:
    limit = start + WINDOW_CHARS
    if limit >= len(text):
        return len(text)
    cut = text.rfind(terminator, start, limit)
    if cut < 0:
        cut = text.find(terminator, limit)
    return len(text) if cut < 0 else cut + 1


def _next_isa(text: str, start: int, end: int, terminator: str) -> tuple[int, Delimiters] | None:
    found = text.find("ISA", start, end)
    while found >= 0:
        before = text[max(0, found - 8) : found].rstrip(" \t")[-1:]
        if before in (terminator, "\n", "\r"):
            marks = delimiters_at(text, found)
            if marks is not None:
                return found, marks
        found = text.find("ISA", found + 3, end)
    return None


def blocks(text: str) -> Iterator[Block]:
    """Clean raw segments, a window at a time: the fast lane for large files (a whole window is cleaned at once)."""
    number = 1
    for marks, start, end in _spans(text):
        segments = _clean(text[start:end], marks.segment)
        yield Block(marks, segments, number)
        number += len(segments)


def _clean(piece: str, terminator: str) -> list[str]:
    if terminator != "\r":
        piece = piece.replace("\r", "")
    if terminator != "\n":
        piece = piece.replace("\n", "")
    raws = piece.split(terminator)
    if raws[-1] == "":
        raws.pop()
    indented = f"{terminator} " in piece or f"{terminator}\t" in piece or piece[:1] in (" ", "\t")
    if indented or "" in raws or f" {terminator}" in piece:
        raws = [stripped for raw in raws if (stripped := raw.strip(" \t"))]
    if len(piece) > MAX_SEGMENT_CHARS and len(max(raws, key=len)) > MAX_SEGMENT_CHARS:
        raws = [raw[:MAX_SEGMENT_CHARS] for raw in raws]
    return raws


def read_segments(data: bytes | str) -> Iterator[Segment]:
    """Every segment of the file with its number and offset; delimiters are told by `read_interchanges`."""
    for segment, _ in segments_with_delimiters(decode(data)):
        yield segment


def segments_with_delimiters(text: str) -> Iterator[tuple[Segment, Delimiters]]:
    """Every segment of a decoded file beside the delimiters it was cut with."""
    number = 0
    for marks, start, end in _spans(text):
        position = start
        for raw in text[start:end].split(marks.segment):
            for clean in _clean(raw, marks.segment):
                number += 1
                offset = position + len(raw) - len(raw.lstrip())
                segment_id, *elements = clean.split(marks.element)
                yield Segment(segment_id, tuple(elements), number, offset), marks
            position += len(raw) + 1


# --- envelopes ----------------------------------------------------------------------------------------------------


class EnvelopeTracker:
    """Follows ISA, GS, ST, SE, GE and IEA, keeps the current envelope and says which trailer does not add up."""

    IDS = frozenset({"ISA", "GS", "ST", "SE", "GE", "IEA"})

    def __init__(self) -> None:
        self.envelope = Envelope()
        self.transaction_number = 0
        self.transaction_control = ""
        self._groups = 0
        self._transactions = 0
        self._open: list[str] = []

    def see(self, parts: list[str], number: int) -> list[Problem]:
        """Takes one envelope segment (id first); returns what is wrong with it."""
        padded = parts + [""] * (17 - len(parts))
        handler = {"ISA": self._isa, "GS": self._gs, "ST": self._st, "SE": self._se, "GE": self._ge, "IEA": self._iea}
        return handler[parts[0]](padded, number)

    def missing_trailers(self, number: int) -> list[Problem]:
        """What is still open when the file ends."""
        trailer = {"ISA": "IEA", "GS": "GE", "ST": "SE"}
        return [
            Problem(
                "TRUNCATED",
                f"The file ends without the {trailer[opened]} that closes {opened}: it was cut off or badly made.",
                number,
                trailer[opened],
            )
            for opened in reversed(self._open)
        ]

    def _isa(self, e: list[str], number: int) -> list[Problem]:
        problems = self.missing_trailers(number)
        self._open = ["ISA"]
        self._groups = 0
        self.envelope = Envelope(
            sender_id=e[6].strip(),
            receiver_id=e[8].strip(),
            interchange_date=e[9],
            interchange_time=e[10],
            interchange_control_number=e[13].strip(),
            usage_indicator=e[15].strip(),
        )
        return problems

    def _gs(self, e: list[str], number: int) -> list[Problem]:
        self._groups += 1
        self._transactions = 0
        self._open = [*[opened for opened in self._open if opened == "ISA"], "GS"]
        self.envelope = replace(
            self.envelope,
            functional_id=e[1],
            group_sender=e[2],
            group_receiver=e[3],
            group_date=e[4],
            group_time=e[5],
            group_control_number=e[6],
            version=e[8],
        )
        return []

    def _st(self, e: list[str], number: int) -> list[Problem]:
        problems = []
        if "ST" in self._open:
            message = "A new ST begins before the last one was closed by SE."
            problems.append(Problem("MISSING_SE", message, number, "ST"))
        self._open = [*[opened for opened in self._open if opened != "ST"], "ST"]
        self._transactions += 1
        self.transaction_number, self.transaction_control = number, e[2].strip()
        return problems

    def _se(self, e: list[str], number: int) -> list[Problem]:
        problems = _control("SE02", e[2], "ST02", self.transaction_control, number)
        if "ST" in self._open:
            problems += _count("SE01", e[1], number - self.transaction_number + 1, "segments", number)
        self._open = [opened for opened in self._open if opened != "ST"]
        return problems

    def _ge(self, e: list[str], number: int) -> list[Problem]:
        problems = _control("GE02", e[2], "GS06", self.envelope.group_control_number, number)
        self._open = [opened for opened in self._open if opened != "GS"]
        return problems + _count("GE01", e[1], self._transactions, "transactions", number)

    def _iea(self, e: list[str], number: int) -> list[Problem]:
        problems = _control("IEA02", e[2], "ISA13", self.envelope.interchange_control_number, number)
        self._open = []
        return problems + _count("IEA01", e[1], self._groups, "groups", number)


def _control(name: str, value: str, against: str, expected: str, number: int) -> list[Problem]:
    if value.strip() == expected.strip():
        return []
    message = f"{name} is {value or 'blank'}, but {against} is {expected or 'missing'}."
    return [Problem("CONTROL_NUMBER", message, number, name[:-2])]


def _count(name: str, value: str, counted: int, what: str, number: int) -> list[Problem]:
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 12 and int(text) == counted:
        return []
    return [Problem("COUNT", f"{name} says {value or 'nothing'}, but there are {counted} {what}.", number, name[:-2])]


class _Assembler:
    """Collects segments into transactions and interchanges, one interchange at a time."""

    def __init__(self) -> None:
        self.tracker = EnvelopeTracker()
        self.marks = STANDARD
        self._reset()

    def _reset(self) -> None:
        self.transactions: list[Transaction] = []
        self.acknowledgements: list[Segment] = []
        self.problems: list[Problem] = []
        self.current: list[Segment] = []
        self.held = 0

    def take(self, segment: Segment, marks: Delimiters) -> Iterator[Interchange]:
        """One segment in; a finished interchange out when a new ISA begins."""
        if segment.id == "ISA":
            yield from self.finish(segment.number)
        self.marks = marks
        self.held += SEGMENTS_OF_A_TRANSACTION if segment.id == "ST" else 1
        if segment.id not in EnvelopeTracker.IDS:
            self._inside(segment)
            return
        if segment.id in ("ST", "GS", "GE", "IEA"):
            self._close_transaction([])
        problems = self.tracker.see([segment.id, *segment.elements], segment.number)
        if segment.id == "SE":
            self.current.append(segment)
            self._close_transaction(problems)
        else:
            self.problems += problems[: max(0, MAX_PROBLEMS - len(self.problems))]
        if segment.id == "ST":
            self.current = [segment]

    def break_off(self, number: int) -> None:
        """More than may be held has come: what follows in the file is not read."""
        message = f"This interchange has more than {MAX_INTERCHANGE_SEGMENTS:,} segments; the rest was not read."
        self.problems.append(Problem("TOO_LONG", message, number, ""))

    def _inside(self, segment: Segment) -> None:
        if segment.id == "TA1":
            self.acknowledgements.append(segment)
        elif self.current:
            self.current.append(segment)
        elif len(self.problems) < MAX_PROBLEMS:
            message = f"Segment {segment.id[:10]} stands outside every transaction; it is kept but not understood."
            self.problems.append(Problem("STRAY_SEGMENT", message, segment.number, segment.text()[:80]))

    def _close_transaction(self, problems: list[Problem]) -> None:
        if not self.current or self.current[0].id != "ST":
            self.current = []
            return
        start = self.current[0]
        if self.current[-1].id != "SE":
            problems = [*problems, Problem("MISSING_SE", "This transaction has no SE at its end.", start.number, "ST")]
        envelope = self.tracker.envelope
        version = start.get(3) or envelope.version
        self.transactions.append(
            Transaction(envelope, self.marks, start.get(1), start.get(2), version, tuple(self.current), tuple(problems))
        )
        self.current = []

    def finish(self, number: int) -> Iterator[Interchange]:
        """Closes what is open and yields it, if there is anything."""
        self._close_transaction([])
        envelope = self.tracker.envelope
        if self.transactions or self.acknowledgements or self.problems or envelope.interchange_control_number:
            self.problems += self.tracker.missing_trailers(number)
            self.tracker = EnvelopeTracker()
            yield Interchange(
                envelope,
                self.marks,
                tuple(self.transactions),
                tuple(self.acknowledgements),
                tuple(self.problems),
            )
        self._reset()


def read_interchanges(data: bytes | str) -> Iterator[Interchange]:
    """Every interchange of a file, one at a time. Raises `UnreadableFile` only for what is not X12."""
    assembler = _Assembler()
    number = 0
    for segment, marks in segments_with_delimiters(decode(data)):
        number = segment.number
        yield from assembler.take(segment, marks)
        if assembler.held > MAX_INTERCHANGE_SEGMENTS:
            assembler.break_off(number)
            break
    yield from assembler.finish(number)


def read_transactions(data: bytes | str, *ids: str) -> Iterator[Transaction]:
    """The transactions of a file, optionally only those with these ST01 ids ("277", "999")."""
    for interchange in read_interchanges(data):
        for transaction in interchange.transactions:
            if not ids or transaction.id in ids:
                yield transaction
