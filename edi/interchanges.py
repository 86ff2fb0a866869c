"""Groups segments into interchanges and transactions, and says which envelope does not add up.

Tolerated, each seen in a real file: several ISA, GS or ST, a TA1 before the GS, wrong trailer counts, trailers that are
not there. Each becomes a problem; nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edi.findings import MAX_PROBLEMS, Problem
from edi.tokens import Delimiters, Segment, decode, segments_with_delimiters

MAX_INTERCHANGE_SEGMENTS = 1_000_000
"""An interchange is held whole while it is read, except for an 835; reading ends here, and says so. Twenty thousand
acknowledged claims have a quarter of it."""
SEGMENTS_OF_A_TRANSACTION = 10
"""What a transaction counts for beside its segments, because it is an object of its own."""

STANDARD = Delimiters("~", "*", ":", "^")


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
