"""X12 as text: split an interchange into segments, and write one back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

ISA_LENGTH = 106
VERSION = "00501"
RESERVED = str.maketrans({"~": " ", "*": " ", ":": " ", "^": " ", "\r": " ", "\n": " "})

Segment = list[str]
Element = str | tuple[str, ...]


class MalformedInterchangeError(Exception):
    """The envelope cannot be read; `code` is the TA1 note that says why."""

    def __init__(self, code: str, reason: str, header: "Header | None" = None) -> None:
        super().__init__(reason)
        self.code = code
        self.header = header


@dataclass(frozen=True, slots=True)
class Header:
    """Who sent an interchange to whom, and under which number: the ISA without its padding."""

    sender_qualifier: str
    sender: str
    receiver_qualifier: str
    receiver: str
    date: str
    time: str
    control: str
    usage: str

    @property
    def key(self) -> str:
        """What makes an interchange unique for the clearinghouse: its sender and its number."""
        return f"{self.sender_qualifier}|{self.sender}|{self.control}"


@dataclass(frozen=True, slots=True)
class Interchange:
    """One ISA..IEA as segments, with the component separator its composites use."""

    header: Header
    segments: list[Segment]
    component: str

    def parts(self, element: str) -> list[str]:
        """The components of one composite element."""
        return element.split(self.component)


def decode(raw: bytes) -> str:
    """Text of an upload. Latin-1 never fails and gives every byte back, which a byte-for-byte mail room needs."""
    return raw.decode("latin-1").removeprefix("\u00ef\u00bb\u00bf").lstrip()


def element(segment: Segment, position: int) -> str:
    """The element at a 1-based position, empty when the sender trimmed it."""
    return segment[position].strip() if position < len(segment) else ""


def read(text: str) -> Interchange:
    """Split one interchange and check its envelope; raise `MalformedInterchangeError` with the TA1 code otherwise."""
    if not text.startswith("ISA") or len(text) < ISA_LENGTH:
        raise MalformedInterchangeError("022", "the file does not begin with a complete ISA segment")
    separator, component, terminator = text[3], text[104], text[105]
    isa = text[: ISA_LENGTH - 1].split(separator)
    if len(isa) != 17:
        raise MalformedInterchangeError("022", "the ISA segment does not hold sixteen elements")
    header = _header(isa)
    body = text[ISA_LENGTH:].replace("\r", "").replace("\n", "") if terminator not in "\r\n" else text[ISA_LENGTH:]
    segments = [piece.strip().split(separator) for piece in body.split(terminator) if piece.strip()]
    _check_envelope(header, isa, segments)
    return Interchange(header, segments, component)


def _header(isa: Segment) -> Header:
    fields = [field.strip() for field in isa]
    return Header(fields[5], fields[6], fields[7], fields[8], fields[9], fields[10], fields[13], fields[15])


def _check_envelope(header: Header, isa: Segment, segments: list[Segment]) -> None:
    """TA1 level: version, a trailer that answers the header, and as many groups as it counts."""
    groups = sum(segment[0] == "GS" for segment in segments)
    last = segments[-1] if segments else [""]
    problems = [
        (isa[12] != VERSION, "017", "the interchange version is not 00501"),
        (any(segment[0] == "ISA" for segment in segments), "022", "a second interchange follows in the same file"),
        (last[0] != "IEA", "023", "the file ends before the interchange trailer"),
        (element(last, 2) != header.control, "001", "the trailer's control number is not the header's"),
        (groups == 0 or element(last, 1) != str(groups), "021", "the trailer counts a different number of groups"),
    ]
    for wrong, code, reason in problems:
        if wrong:
            raise MalformedInterchangeError(code, reason, header)


def money(amount: Decimal) -> str:
    """An amount as X12 writes it: no exponent, no trailing zeros, never minus zero."""
    text = f"{amount:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def d8(moment: datetime) -> str:
    """A date as CCYYMMDD."""
    return moment.strftime("%Y%m%d")


def clean(value: str) -> str:
    """Data may not contain our delimiters, whatever delimiters the sender chose."""
    return value.translate(RESERVED).strip()


def segment(*elements: Element) -> str:
    """One segment of text; tuples are composites; empty tails are trimmed as the standard asks."""
    fields = [_composite(item) if isinstance(item, tuple) else clean(item) for item in elements]
    while fields and not fields[-1]:
        fields.pop()
    return "*".join(fields)


def _composite(parts: tuple[str, ...]) -> str:
    return ":".join(clean(part) for part in parts).rstrip(":")


@dataclass(frozen=True, slots=True)
class Address:
    """The return address: every answer goes from the addressee of the upload back to its sender."""

    sender_qualifier: str
    sender: str
    receiver_qualifier: str
    receiver: str
    usage: str


def reply_to(header: Header) -> Address:
    """Turn an upload's header round."""
    usage = header.usage if header.usage in ("P", "T") else "T"
    qualifier, sender = header.receiver_qualifier or "ZZ", header.receiver or "CLEARINGHOUSE"
    return Address(qualifier, sender, header.sender_qualifier or "ZZ", header.sender or "UNKNOWN", usage)


def write_interchange(address: Address, control: int, now: datetime, inner: Sequence[str], groups: int = 1) -> str:
    """Wrap finished segments in ISA..IEA."""
    isa = segment(
        "ISA", "00", "", "00", "", address.sender_qualifier, "", address.receiver_qualifier, "", now.strftime("%y%m%d"),
        now.strftime("%H%M"), "", VERSION, f"{control:09d}", "0", address.usage,
    ).split("*")  # fmt: skip
    isa[2], isa[4] = " " * 10, " " * 10
    isa[6], isa[8] = f"{clean(address.sender):15.15}", f"{clean(address.receiver):15.15}"
    isa[11] = "^"
    whole = ["*".join([*isa, ":"]), *inner, segment("IEA", str(groups), f"{control:09d}")]
    return "~\n".join(whole) + "~\n"


def write_group(
    address: Address, control: int, now: datetime, kind: str, guide: str, sets: Sequence[Sequence[str]]
) -> str:
    """Wrap transaction sets (each without ST and SE) in GS and ISA; `kind` is GS01, `guide` GS08."""
    number = {"FA": "999", "HN": "277", "HP": "835"}[kind]
    gs = segment("GS", kind, address.sender, address.receiver, d8(now), now.strftime("%H%M"), str(control), "X", guide)
    inner = [gs]
    for ordinal, body in enumerate(sets, start=1):
        inner += _transaction_set(number, f"{ordinal:04d}", "" if kind == "HP" else guide, body)
    inner.append(segment("GE", str(len(sets)), str(control)))
    return write_interchange(address, control, now, inner)


def _transaction_set(number: str, control: str, guide: str, body: Sequence[str]) -> Iterator[str]:
    """ST..SE; the 835's guide has no ST03, so `guide` is empty there."""
    yield segment("ST", number, control, guide)
    yield from body
    yield segment("SE", str(len(body) + 2), control)
