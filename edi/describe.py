"""Any X12 file as indented lines a person can read: envelope, transaction, loops, with our own short labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edi.tokens import Delimiters, Segment, UnreadableFile, decode, segments_with_delimiters

MAX_LINES = 20_000
"""Lines shown of one file; the rest is counted."""

_LABELS = {
    "ISA": "interchange", "IEA": "end of interchange", "GS": "group", "GE": "end of group", "ST": "transaction",
    "SE": "end of transaction", "TA1": "interchange answer", "BHT": "purpose", "BPR": "payment", "TRN": "trace",
    "HL": "level", "NM1": "name", "N1": "party", "N3": "street", "N4": "city", "PER": "contact", "REF": "reference",
    "DTP": "date", "DTM": "date", "DMG": "birth date and sex", "PRV": "provider role", "SBR": "coverage",
    "PAT": "relationship", "CLM": "claim", "HI": "diagnoses", "NTE": "note", "LX": "line", "SV1": "service",
    "SV2": "institutional service", "SV3": "dental service", "CAS": "adjustment", "AMT": "amount", "QTY": "quantity",
    "OI": "other insurance", "SVD": "other payer's decision", "CLP": "claim payment", "SVC": "service payment",
    "MOA": "outpatient remarks", "MIA": "inpatient remarks", "LQ": "remark", "PLB": "provider adjustment",
    "AK1": "group answered", "AK2": "transaction answered", "IK3": "segment fault", "IK4": "element fault",
    "IK5": "transaction verdict", "AK9": "group verdict", "CTX": "context", "AK3": "segment fault",
    "AK4": "element fault", "AK5": "transaction verdict", "STC": "status", "EB": "benefit", "AAA": "request refused",
    "EQ": "benefit asked", "III": "place or diagnosis", "HSD": "delivery of service", "MSG": "message", "INS": "member",
    "PWK": "attachment", "CR1": "ambulance", "CRC": "condition", "LS": "loop begins", "LE": "loop ends",
    "TS3": "provider summary", "TS2": "provider detail summary", "UM": "review", "HCR": "review decision",
    "LIN": "drug", "CTP": "drug price", "K3": "file information", "CN1": "contract",
}  # fmt: skip

_KINDS = {
    "HL": {"20": "source or billing provider", "21": "receiver", "19": "provider", "22": "subscriber",
           "23": "dependent", "PT": "patient"},
    "NM1": {"41": "submitter", "40": "receiver", "85": "billing provider", "87": "pay-to", "IL": "subscriber",
            "QC": "patient", "PR": "payer", "82": "rendering provider", "DN": "referring provider", "1P": "provider",
            "DQ": "supervising provider", "77": "service facility", "TT": "crossover payer", "74": "corrected patient",
            "03": "dependent", "AY": "clearinghouse"},
    "N1": {"PR": "payer", "PE": "payee"},
    "REF": {"EI": "tax id", "G1": "authorization", "F8": "payer's claim number", "D9": "clearinghouse trace",
            "6R": "line control number", "1K": "payer's claim number", "9F": "referral", "TJ": "tax id",
            "EV": "receiver", "EA": "medical record number", "2U": "payer id", "LU": "location", "FJ": "line"},
    "DTP": {"472": "date of service", "431": "onset", "454": "initial treatment", "439": "accident",
            "573": "decision", "050": "received", "009": "processed", "291": "plan", "346": "plan begins"},
    "DTM": {"405": "produced", "232": "from", "233": "to", "050": "received", "472": "date of service"},
    "AMT": {"F5": "patient paid", "D": "payer paid", "EAF": "patient still owes", "B6": "allowed", "AU": "covered",
            "I": "interest"},
    "CAS": {"CO": "contract", "PR": "patient", "OA": "other", "PI": "payer", "CR": "correction"},
}  # fmt: skip

_DEPTHS = {
    "ISA": 0, "IEA": 0, "TA1": 1, "GS": 1, "GE": 1, "ST": 2, "SE": 2, "HL": 3, "LX": 4, "CLM": 4, "CLP": 4, "AK2": 3,
    "SVC": 5, "PLB": 3, "IK3": 4, "AK3": 4, "AK9": 3, "AK1": 3, "N1": 3, "BPR": 3, "BHT": 3,
}  # fmt: skip
"""How far a segment that opens something is indented; what follows it stands one deeper."""


def tree(data: bytes | str) -> str:
    """The file as indented text; a sentence when it is not X12."""
    try:
        return "\n".join(_lines(decode(data))) + "\n"
    except UnreadableFile as unreadable:
        return f"{unreadable}\n"


def tree_report(name: str, data: bytes | str) -> dict[str, Any]:
    """The same for programs: `{"file", "segments": [{"number", "depth", "id", "label", "elements"}], "more", "error"}`.

    `more` counts the segments beyond MAX_LINES; `error` is None or a sentence.
    """
    report: dict[str, Any] = {"file": name, "segments": [], "more": 0, "error": None}
    try:
        for depth, segment, _ in _indented(decode(data)):
            if len(report["segments"]) == MAX_LINES:
                report["more"] += 1
                continue
            shown = {"number": segment.number, "depth": depth, "id": segment.id, "label": label(segment)}
            report["segments"].append({**shown, "elements": list(segment.elements)})
    except UnreadableFile as unreadable:
        report["error"] = str(unreadable)
    return report


def unread(name: str, reason: str) -> dict[str, Any]:
    """The report of a file that could not be opened; `reason` is a sentence."""
    return {"file": name, "segments": [], "more": 0, "error": reason}


def _lines(text: str) -> Iterator[str]:
    count = 0
    for depth, segment, marks in _indented(text):
        count += 1
        if count <= MAX_LINES:
            yield f"{segment.number:>6}  {'  ' * depth}{describe(segment, marks)}"
    if count > MAX_LINES:
        yield f"        ... and {count - MAX_LINES} more segments"


def _indented(text: str) -> Iterator[tuple[int, Segment, Delimiters]]:
    """Every segment, and how deep it stands."""
    depth = 0
    for segment, marks in segments_with_delimiters(text):
        own = _DEPTHS.get(segment.id)
        if segment.id == "LX" and depth > 5:
            own = 5
        depth = depth if own is None else own + 1
        yield (depth if own is None else own), segment, marks


def label(segment: Segment) -> str:
    """What a segment is, in our own words: "name, payer"; blank when we have none."""
    kind = _KINDS.get(segment.id, {}).get(segment.get(3 if segment.id == "HL" else 1), "")
    return ", ".join(filter(None, (_LABELS.get(segment.id, ""), kind)))


def describe(segment: Segment, marks: Delimiters) -> str:
    """One segment with its label: "CLM claim: PT1 220 11:B:1 ..."."""
    said = f"({label(segment)}) " if label(segment) else ""
    values = " ".join(value.strip() or "-" for value in segment.elements).strip("- ") if segment.elements else ""
    return f"{segment.id} {said}{values.replace(marks.component, ':')}".rstrip()
