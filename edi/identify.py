"""Tells what an inbound file is, from its first kilobytes, so that the right reader gets it."""

from __future__ import annotations

from edi.tokens import HEAD_CHARS, UnreadableFile, read_segments

UNKNOWN = "unknown"

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


def _name(transaction: str, version: str) -> str:
    if transaction not in ("837", "277"):
        return transaction or UNKNOWN
    for guide, name in _BY_GUIDE.items():
        if guide in version and name.startswith(transaction):
            return name
    return transaction
