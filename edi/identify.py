"""Tells what an inbound file is, from its first kilobytes, and what is in it, so that the right readers get it."""

from __future__ import annotations

from edi.tokens import HEAD_CHARS, Block, UnreadableFile, blocks, decode, read_segments

UNKNOWN = "unknown"
KINDS_MAX, KIND_CHARS_MAX = 20, 6
"""What a file names beyond that is noise, and counted as unknown."""

_BY_GUIDE = {
    "X222": "837P",
    "X098": "837P",
    "X223": "837I",
    "X096": "837I",
    "X224": "837D",
    "X097": "837D",
    "X214": "277CA",
    "X212": "277",
    "X093": "277",
    "X070": "277U",
    "X364": "277CA",
}


def identify(data: bytes | str) -> str:
    """ "837P", "999", "TA1", "277CA", "835", "271", ... by the first ST and its guide, or "unknown".

    Only the head is read, so that a huge or hostile file costs nothing.
    """
    seen_ta1 = False
    version = ""
    try:
        for segment in read_segments(data[:HEAD_CHARS]):
            if segment.id == "TA1":
                seen_ta1 = True
            elif segment.id == "GS":
                version = segment.get(8)
            elif segment.id == "ST":
                return _name(segment.get(1).strip(), segment.get(3) or version)
    except UnreadableFile:
        return UNKNOWN
    return "TA1" if seen_ta1 else UNKNOWN


def kinds(data: bytes | str) -> dict[str, int]:
    """How many transactions of each kind are in a file (TA1 counts as one), in the order of their first.

    Every interchange and group is gone through to the end. Raises UnreadableFile for what is not X12.
    """
    found: dict[str, int] = {}
    version = ""
    for block in blocks(decode(data)):
        for raw in block.segments:
            tag = raw[:3]
            if tag[:2] == "GS":
                version = _element(raw, block, 8)
            elif tag == "TA1" or (tag[:2] == "ST" and tag[2:] == block.delimiters.element):
                kind = "TA1" if tag == "TA1" else _name(_element(raw, block, 1), _element(raw, block, 3) or version)
                if kind not in found and (len(found) >= KINDS_MAX or len(kind) > KIND_CHARS_MAX):
                    kind = UNKNOWN
                found[kind] = found.get(kind, 0) + 1
    return found


def _element(raw: str, block: Block, position: int) -> str:
    return (raw.split(block.delimiters.element) + [""] * position)[position].strip()


def _name(transaction: str, version: str) -> str:
    if transaction not in ("837", "277"):
        return transaction or UNKNOWN
    for guide, name in _BY_GUIDE.items():
        if guide in version and name.startswith(transaction):
            return name
    return transaction
