"""What the simulator remembers: an append-only file of JSON lines, and the state that replaying it gives.

An event is appended only when everything it names is already on disk (uploads in archive/, answers in state/staged/),
and nothing leaves before its event. So a kill at any moment either undoes a step entirely or leaves it entirely done.
"""

import heapq
import os
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from simulator.adjudication import RemittedClaim
from simulator.config import Duplicate, Outcome
from simulator.outcomes import Earlier
from simulator.remittance import ProviderAdjustment, Route


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True)


class Output(_Entry):
    """A finished file and the instant (seconds since 1970) it may leave."""

    name: str
    due: float


class Decision(_Entry):
    """What was decided about one claim, kept for the claims that follow it and for the ledger."""

    control_number: str
    payer_control_number: str
    frequency: str
    outcome: Outcome
    visit: str
    script_keys: tuple[str, ...]
    earlier: Earlier


class Payment(_Entry):
    """Claims that travel together to one remittance: usually one, or a reversal and what replaces it."""

    identifier: str
    route: Route
    due: float
    claims: tuple[RemittedClaim, ...]
    replaces: str = ""
    interest: Decimal = Decimal(0)
    deferred: Decimal = Decimal(0)
    duplicate: Duplicate | None = None


class Opened(_Entry):
    """The first line: control numbers count on from here, so that a wiped root does not repeat old ones."""

    event: Literal["opened"] = "opened"
    control: int


class Judged(_Entry):
    """One upload answered: what goes back at once and what will be paid later."""

    event: Literal["judged"] = "judged"
    sequence: int
    interchange: str | None
    control: int
    outputs: tuple[Output, ...]
    decisions: tuple[Decision, ...] = ()
    payments: tuple[Payment, ...] = ()


class Remitted(_Entry):
    """One remittance written; `owed` is what the next one to this payee must take back."""

    event: Literal["remitted"] = "remitted"
    route: str
    payer_id: str
    control: int
    payments: tuple[str, ...]
    outputs: tuple[Output, ...]
    owed: tuple[ProviderAdjustment, ...] = ()


Event = Annotated[Opened | Judged | Remitted, Field(discriminator="event")]
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Settled(_Entry):
    """The standing remittance of a payer control number, and when it leaves or left."""

    claim: RemittedClaim
    due: float


class State:
    """Everything the journal says, indexed for the next question."""

    def __init__(self) -> None:
        self.judged: set[int] = set()
        self.interchanges: set[str] = set()
        self.history: defaultdict[str, list[Earlier]] = defaultdict(list)
        self.script_uses: defaultdict[str, int] = defaultdict(int)
        self.settled: dict[str, Settled] = {}
        self.pending: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
        self.payments: dict[str, Payment] = {}
        self.owed: dict[str, tuple[ProviderAdjustment, ...]] = {}
        self.rounds: defaultdict[str, int] = defaultdict(int)
        self.outbox: dict[str, float] = {}
        self.control = 0

    def apply(self, event: Event) -> None:
        """The only way state changes, live or replayed."""
        self.control = max(self.control, event.control)
        if isinstance(event, Judged):
            self._judged(event)
        elif isinstance(event, Remitted):
            self._remitted(event)

    def _judged(self, event: Judged) -> None:
        self.judged.add(event.sequence)
        if event.interchange:
            self.interchanges.add(event.interchange)
        for decision in event.decisions:
            self.history[decision.visit].append(decision.earlier)
            for key in decision.script_keys:
                self.script_uses[key] += 1
        for payment in event.payments:
            self._settle(payment)
            self.payments[payment.identifier] = payment
            heapq.heappush(self.pending[payment.route.key], (payment.due, payment.identifier))
        self._expect(event.outputs)

    def _settle(self, payment: Payment) -> None:
        """The last claim of a payment stands; a number it replaces leads to it from now on."""
        standing = payment.claims[-1]
        numbers = {standing.payer_control_number, payment.replaces} - {""}
        for number in numbers:
            if standing.status == "22":
                self.settled.pop(number, None)
            else:
                self.settled[number] = Settled(claim=standing, due=payment.due)

    def _remitted(self, event: Remitted) -> None:
        done = set(event.payments)
        for identifier in done:
            self.payments.pop(identifier, None)
        rest = [item for item in self.pending[event.route] if item[1] not in done]
        heapq.heapify(rest)
        self.pending[event.route] = rest
        self.owed[event.route] = event.owed
        self.rounds[event.payer_id] += 1
        self._expect(event.outputs)

    def _expect(self, outputs: tuple[Output, ...]) -> None:
        self.outbox.update({output.name: output.due for output in outputs})


class Journal:
    """The file. One writer; every append is on disk before it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("ab")

    def append(self, event: Event) -> None:
        self.file.write(event.model_dump_json().encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())

    def close(self) -> None:
        self.file.close()


def events(path: Path) -> Iterator[Event]:
    """The journal's events. A last line without its newline was torn by a kill: it never happened."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _EVENT.validate_json(line)


def drop_torn_tail(path: Path) -> None:
    """Cut an unfinished last line off, so that the next append starts on a line of its own."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


class ControlNumbers:
    """Nine-digit interchange control numbers, rising; one call never gives a number twice, from any thread."""

    def __init__(self, last: int) -> None:
        self.counter = count(last + 1)

    def next(self) -> int:
        return next(self.counter) % 1_000_000_000 or next(self.counter) % 1_000_000_000
