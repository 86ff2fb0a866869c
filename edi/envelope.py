"""The envelope around what we send: ISA, GS, ST and their trailers, the same for every transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from edi.values import d8, wire


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Who sends what to whom under which numbers. `usage_indicator` is T or P; `created` is written as it reads."""

    sender_id: str
    receiver_id: str
    usage_indicator: str
    interchange_control_number: int
    group_control_number: int
    created: datetime
    sender_qualifier: str = "ZZ"
    receiver_qualifier: str = "ZZ"
    application_sender: str = ""
    application_receiver: str = ""


def segment(*elements: str) -> str:
    """One segment without its terminator; trailing blank elements are dropped."""
    return "*".join(elements).rstrip("*")


def composite(*components: str) -> str:
    """One composite; trailing blank components are dropped."""
    return ":".join(components).rstrip(":")


def clock(created: datetime) -> str:
    """HHMMSS."""
    return f"{created:%H%M%S}"


def opening(out: Outgoing, functional_id: str, guide: str) -> tuple[str, str]:
    """ISA and GS."""
    sender, receiver = wire(out.sender_id), wire(out.receiver_id)
    isa = (
        f"ISA*00*          *00*          *{out.sender_qualifier:2.2}*{sender:15.15}"
        f"*{out.receiver_qualifier:2.2}*{receiver:15.15}*{d8(out.created)[2:]}*{out.created:%H%M}*^*00501"
        f"*{out.interchange_control_number:09d}*0*{out.usage_indicator:1.1}*:"
    )
    gs = segment(
        "GS",
        functional_id,
        wire(out.application_sender) or sender,
        wire(out.application_receiver) or receiver,
        d8(out.created),
        clock(out.created),
        str(out.group_control_number),
        "X",
        guide,
    )
    return isa, gs


def file_text(out: Outgoing, functional_id: str, guide: str, bodies: Iterable[Iterable[str]]) -> str:
    """The whole file: one ISA, one GS, one ST per body; segments ended by "~" and a line break."""
    transaction_id = {"HC": "837", "HS": "270", "HR": "276"}[functional_id]
    lines = [*opening(out, functional_id, guide)]
    count = 0
    for count, body in enumerate(bodies, start=1):
        start = len(lines)
        lines.append(f"ST*{transaction_id}*{count:04d}*{guide}")
        lines += body
        lines.append(f"SE*{len(lines) - start + 1}*{count:04d}")
    lines.append(f"GE*{count}*{out.group_control_number}")
    lines.append(f"IEA*1*{out.interchange_control_number:09d}")
    return "~\n".join(lines) + "~\n"
