"""Cuts X12 text into segments, whatever the sender did to it.

Tolerated, each seen in a real file: byte-order mark, CRLF, a line break as terminator or before it, lines wrapped
inside an element, indented segments, an ISA that is not 106 wide, any delimiters, delimiters that change between
interchanges, a bare GS or ST without envelope.
Unknown segments are passed on untouched. The one refusal is `UnreadableFile`, for what is not X12 at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

HEAD_CHARS = 4096
"""How far we look for the beginning of X12; noise longer than this is never read."""
MAX_FILE_BYTES = 1 << 30
"""Larger files are refused: no payer sends a gigabyte of remittance."""
WINDOW_CHARS = 1 << 16
"""Text is cut into segments this much at a time, so that memory stays flat."""
MAX_SEGMENT_CHARS = 1 << 15
"""A longer segment is cut off here: it is a lost terminator, not data."""
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
