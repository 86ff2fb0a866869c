"""The mail room: takes uploads, has them checked and decided, and lets every answer leave once, when it is due."""

import asyncio
import heapq
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from simulator import denials
from simulator.acknowledge import Receipt, write_277ca, write_999, write_ta1
from simulator.adjudication import CENT, RemittedClaim, adjudicate, correct
from simulator.claims import ZERO, SubmittedClaim, parse_claims
from simulator.config import Duplicate, Outcome, Script, SimulatorConfig
from simulator.findings import FileReport
from simulator.journal import (
    ControlNumbers,
    Decision,
    Event,
    Journal,
    Judged,
    Opened,
    Output,
    Payment,
    Remitted,
    State,
    drop_torn_tail,
    events,
)
from simulator.log import log
from simulator.outcomes import REPLACEMENT, VOID, Dice, Earlier, Verdict, content_of, decide
from simulator.remittance import ProviderAdjustment, Route, payment_total, write_835, write_body
from simulator.validation import Validator
from simulator.x12 import Address, Header, Interchange, MalformedInterchangeError, d8, decode, read, reply_to

TICK_SECONDS = 0.05
MAX_CLAIMS_PER_REMITTANCE = 500
LATE_INTEREST = Decimal("0.01")
DEFERRED_SHARE = 0.5
NOBODY = Address("ZZ", "CLEARINGHOUSE", "ZZ", "UNKNOWN", "T")
UPLOAD_NAME = re.compile(r"^[^.].*\.837$", re.IGNORECASE)
ARCHIVE_NAME = re.compile(r"^(\d{6,})-")

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Answer:
    """What is being put together for one upload, before it becomes an event."""

    sequence: int
    stem: str
    now: datetime
    interchange: str | None = None
    control: int = 0
    outputs: list[Output] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    visits: defaultdict[str, list[Earlier]] = field(default_factory=lambda: defaultdict(list))
    script_uses: Counter[str] = field(default_factory=Counter)

    def event(self) -> Judged:
        return Judged(
            sequence=self.sequence,
            interchange=self.interchange,
            control=self.control,
            outputs=tuple(self.outputs),
            decisions=tuple(self.decisions),
            payments=tuple(self.payments),
        )


class Clearinghouse:
    """One root directory at work. `intake` and `answers` are the two loops; they touch different parts of the state."""

    def __init__(self, config: SimulatorConfig, clock: Clock = utc_now) -> None:
        self.config = config
        self.clock = clock
        self.wake = asyncio.Event()
        self.validator = Validator(config.validation)
        self.state = State()
        self.sequence = 0
        self.journal, self.controls = self._recover()

    # --- starting -------------------------------------------------------------------------------------------------

    def _recover(self) -> tuple[Journal, ControlNumbers]:
        """Read the journal back; drop half-made answers no event speaks of; forget answers that have already left."""
        path = self.config.state / "journal.jsonl"
        drop_torn_tail(path)
        for event in events(path):
            self.state.apply(event)
        for leftover in self.config.staged.iterdir():
            if leftover.name not in self.state.outbox:
                leftover.unlink()
        waiting = {entry.name for entry in self.config.staged.iterdir()}
        self.state.outbox = {name: due for name, due in self.state.outbox.items() if name in waiting}
        journal = Journal(path)
        if not self.state.control:
            opened = Opened(control=int(self.clock().timestamp()) % 1_000_000_000)
            journal.append(opened)
            self.state.apply(opened)
        return journal, ControlNumbers(self.state.control)

    def _record(self, event: Event) -> None:
        self.journal.append(event)
        self.state.apply(event)

    # --- uploads --------------------------------------------------------------------------------------------------

    async def intake(self) -> None:
        """Take complete uploads and answer them, one at a time, in the order they came."""
        await self.validator.start()
        waiting = self._unanswered()
        while True:
            for path in waiting:
                await self._answer(path)
            self.wake.clear()
            waiting = self._take_uploads()
            if not waiting:
                await self._pause()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self.wake.wait(), TICK_SECONDS * 2)
        except TimeoutError:
            return

    def _unanswered(self) -> list[Path]:
        """What a kill left in the archive without an answer; read once, for the archive only ever grows."""
        numbered = sorted((sequence_of(path), path) for path in self.config.archive.iterdir())
        self.sequence = numbered[-1][0] if numbered else 0
        return [path for sequence, path in numbered if sequence and sequence not in self.state.judged]

    def _take_uploads(self) -> list[Path]:
        """Move finished uploads to the archive; the rename is what counts as taking them."""
        with os.scandir(self.config.inbound) as entries:
            found = [item for item in entries if UPLOAD_NAME.match(item.name) and item.is_file(follow_symlinks=False)]
        taken: list[Path] = []
        for entry in sorted(found, key=lambda entry: (entry.stat().st_mtime_ns, entry.name)):
            self.sequence += 1
            taken.append(self.config.archive / f"{self.sequence:06d}-{entry.name}")
            os.rename(entry.path, taken[-1])
        return taken

    async def _answer(self, path: Path) -> None:
        """One upload from bytes to event. Nothing is remembered until the event is written."""
        answer = self._open_answer(path)
        try:
            await self._consider(answer, path)
        except MalformedInterchangeError as error:
            self._refuse(answer, error.header, error.code)
        except Exception as error:  # a strange upload must not stop the mail room, now or at every restart
            log("upload_not_understood", upload=answer.sequence, error=type(error).__name__)
            answer = self._open_answer(path)
            self._refuse(answer, None, "024")
        self._record(answer.event())
        outcomes = [decision.outcome.value for decision in answer.decisions]
        log("upload_answered", upload=answer.sequence, claims=len(outcomes), answers=len(answer.outputs))

    def _open_answer(self, path: Path) -> _Answer:
        return _Answer(sequence_of(path), safe_stem(path.stem.partition("-")[2]), self.clock())

    async def _consider(self, answer: _Answer, path: Path) -> None:
        """Refuse an interchange seen before; have any other checked and judged."""
        text = decode(await asyncio.to_thread(path.read_bytes))
        interchange = await asyncio.to_thread(read, text)
        if interchange.header.key in self.state.interchanges:
            self._refuse(answer, interchange.header, "025")
            return
        if any(item[:2] == ["GS", "FA"] for item in interchange.segments):
            raise MalformedInterchangeError("024", "an acknowledgement is not acknowledged", interchange.header)
        report = await self.validator.check(path, interchange)
        await asyncio.to_thread(self._judge, answer, interchange, report)

    def _refuse(self, answer: _Answer, header: Header | None, code: str) -> None:
        """TA1: the interchange as a whole goes back, and nothing in it is looked at."""
        address = reply_to(header) if header else NOBODY
        control = self.controls.next()
        text = write_ta1(address, header, control, answer.now, code)
        self._stage(answer, f"{answer.stem}.ta1", control, text, self.config.answer_seconds)
        log("upload_refused", upload=answer.sequence, ta1=code)

    def _judge(self, answer: _Answer, interchange: Interchange, report: FileReport) -> None:
        """999 for the file, then a decision and a receipt for every claim in a set that passed."""
        answer.now = self.clock()
        answer.interchange = interchange.header.key
        address = reply_to(interchange.header)
        control = self.controls.next()
        text = write_999(address, report, control, answer.now)
        self._stage(answer, f"{answer.stem}.999", control, text, self.config.answer_seconds)
        passed = passed_sets(report)
        control = self.controls.next()
        for index, claim in enumerate(parse_claims(interchange)):
            if claim.transaction in passed:
                self._decide(answer, address, claim, f"{control:09d}{index:05d}")
        if answer.receipts:
            text = write_277ca(address, answer.receipts, control, answer.now)
            self._stage(answer, f"{answer.stem}.277ca", control, text, self.config.answer_seconds)

    # --- decisions ------------------------------------------------------------------------------------------------

    def _decide(self, answer: _Answer, address: Address, claim: SubmittedClaim, number: str) -> None:
        script, keys = self._script(answer, claim)
        earlier = [*self.state.history.get(claim.visit, []), *answer.visits[claim.visit]]
        verdict = decide(self.config.world, self.config.seed, claim, earlier, script)
        category = Dice(self.config.seed, claim.payer_id).pick("receipt", ("A2", "A2", "A1"))
        answer.receipts.append(Receipt(claim, number, category, verdict.rejection))
        remembered = Earlier(
            outcome=verdict.outcome,
            discipline=claim.discipline,
            content=content_of(claim),
            void=claim.frequency == VOID,
        )
        answer.visits[claim.visit].append(remembered)
        answer.script_uses.update(keys)
        answer.decisions.append(
            Decision(
                control_number=claim.control_number,
                payer_control_number=number,
                frequency=claim.frequency,
                outcome=verdict.outcome,
                visit=claim.visit,
                script_keys=keys,
                earlier=remembered,
            )
        )
        if verdict.outcome not in (Outcome.REJECTED, Outcome.LOST):
            answer.payments += self._payments(answer, route_of(address, claim), claim, verdict, number)

    def _script(self, answer: _Answer, claim: SubmittedClaim) -> tuple[Script | None, tuple[str, ...]]:
        """The scripted outcome whose turn it is; the key with the date goes before the one without."""
        scripted = self.config.world.scripted
        dated = f"{claim.member_id}@{claim.dates[0]}"
        keys = tuple(key for key in (dated, claim.member_id) if key in scripted)
        if not keys:
            return None, ()
        key, script = keys[0], scripted[keys[0]]
        if isinstance(script, Script):
            return script, (key,)
        uses = self.state.script_uses.get(key, 0) + answer.script_uses[key]
        return (script[uses] if uses < len(script) else None), (key,)

    def _payments(
        self, answer: _Answer, route: Route, claim: SubmittedClaim, verdict: Verdict, number: str
    ) -> list[Payment]:
        """What will be remitted for a claim, and when."""
        received, start = d8(answer.now), answer.now.timestamp()
        due = start + max(self.config.adjudicate_seconds, self.config.answer_seconds)
        if claim.frequency == VOID:
            return self._void(answer, route, claim, verdict, number, due)
        remitted = adjudicate(self.config.world, claim, verdict, number, received)
        if verdict.outcome == Outcome.LATE:
            late = due + self.config.late_seconds
            interest = (remitted.paid * LATE_INTEREST).quantize(CENT)
            return [_payment(route, late, (remitted,), interest=interest, duplicate=verdict.duplicate)]
        standing = self._standing(answer, claim) if claim.frequency == REPLACEMENT else None
        if standing:
            original, earliest = standing
            pair = (original.reversed(), remitted)
            due = max(due, earliest + self.config.gather_seconds)
            return [_payment(route, due, pair, replaces=claim.original_reference, duplicate=verdict.duplicate)]
        first = _payment(route, due, (remitted,), duplicate=verdict.duplicate)
        if verdict.outcome != Outcome.REVERSED:
            return [first]
        corrected = correct(self.config.world, claim, verdict, f"{number}C", received)
        return [first, self._take_back(route, remitted, corrected, verdict.dice, due)]

    def _take_back(
        self, route: Route, original: RemittedClaim, corrected: RemittedClaim, dice: Dice, due: float
    ) -> Payment:
        """Reverse and correct in a later file; half the payers wait one more file for the money (PLB WO)."""
        deferred = max(original.paid - corrected.paid, ZERO) if dice.chance("deferred", DEFERRED_SHARE) else ZERO
        later = due + self.config.late_seconds
        pair = (original.reversed(), corrected)
        return _payment(route, later, pair, replaces=original.payer_control_number, deferred=deferred)

    def _void(
        self, answer: _Answer, route: Route, claim: SubmittedClaim, verdict: Verdict, number: str, due: float
    ) -> list[Payment]:
        """A void is answered by the mirror image of the original, or refused when there is no original."""
        standing = self._standing(answer, claim)
        if standing:
            original, earliest = standing
            due = max(due, earliest + self.config.gather_seconds)
            return [_payment(route, due, (original.reversed(),), replaces=claim.original_reference)]
        unknown = Verdict(Outcome.DENIED, verdict.dice, denial=denials.NOTHING_TO_REPLACE)
        refused = adjudicate(self.config.world, claim, unknown, number, d8(answer.now))
        return [_payment(route, due, (refused,))]

    def _standing(self, answer: _Answer, claim: SubmittedClaim) -> tuple[RemittedClaim, float] | None:
        """The remittance a replacement takes the place of; one that moved no money needs no reversal."""
        known = self.state.settled.get(claim.original_reference)
        if known is None or any(payment.replaces == claim.original_reference for payment in answer.payments):
            return None
        return (known.claim, known.due) if known.claim.paid or known.claim.patient_share else None

    # --- answers --------------------------------------------------------------------------------------------------

    async def answers(self) -> None:
        """Let due answers leave and write due remittances, until cancelled."""
        while True:
            now = self.clock()
            self.remit_due(now)
            self.deliver_due(now)
            await asyncio.sleep(TICK_SECONDS)

    def deliver_due(self, now: datetime) -> None:
        """Rename finished answers into outbound/: that rename is the sending, so a restart can see it was done."""
        due = sorted((at, name) for name, at in self.state.outbox.items() if at <= now.timestamp())
        for _, name in due:
            os.rename(self.config.staged / name, self.config.outbound / name)
            del self.state.outbox[name]

    def remit_due(self, now: datetime) -> None:
        """One remittance for each payer and payee whose oldest decided claim has waited long enough for company."""
        instant = now.timestamp()
        for queue in list(self.state.pending.values()):
            if queue and queue[0][0] + self.config.gather_seconds <= instant:
                ready = heapq.nsmallest(MAX_CLAIMS_PER_REMITTANCE, (item for item in queue if item[0] <= instant))
                self._remit([self.state.payments[identifier] for _, identifier in ready], now)

    def _remit(self, payments: list[Payment], now: datetime) -> None:
        route, control = payments[0].route, self.controls.next()
        claims = [claim for payment in payments for claim in payment.claims]
        trace = f"EFT{control:09d}"
        adjustments, owed = self._provider_level(payments, claims, trace)
        body = write_body(route, claims, adjustments, trace, now)
        names, last = self._write_remittance(route, body, control, now, self._duplicate(payments))
        self._record(
            Remitted(
                route=route.key,
                payer_id=route.payer_id,
                control=last,
                payments=tuple(payment.identifier for payment in payments),
                outputs=tuple(Output(name=name, due=now.timestamp() + delay) for name, delay in names),
                owed=tuple(owed),
            )
        )
        log("remittance_written", control=control, claims=len(claims), files=len(names))

    def _provider_level(
        self, payments: list[Payment], claims: list[RemittedClaim], trace: str
    ) -> tuple[list[ProviderAdjustment], list[ProviderAdjustment]]:
        """PLB: debts of the last file, interest, deferred take-backs; what a payment cannot bear moves to the next."""
        adjustments = list(self.state.owed.get(payments[0].route.key, ()))
        owed: list[ProviderAdjustment] = []
        for payment in payments:
            number = payment.claims[-1].payer_control_number
            if payment.interest:
                adjustments.append(ProviderAdjustment(reason="L6", reference=number, amount=-payment.interest))
            if payment.deferred:
                adjustments.append(ProviderAdjustment(reason="WO", reference=number, amount=-payment.deferred))
                owed.append(ProviderAdjustment(reason="WO", reference=number, amount=payment.deferred))
        total = payment_total(claims, adjustments)
        if total < 0:
            adjustments.append(ProviderAdjustment(reason="FB", reference=trace, amount=total))
            owed.append(ProviderAdjustment(reason="FB", reference=trace, amount=-total))
        return adjustments, owed

    def _duplicate(self, payments: list[Payment]) -> Duplicate | None:
        """Whether this remittance is sent twice, and how: by script, or by the payer's own unlucky count."""
        forced = next((payment.duplicate for payment in payments if payment.duplicate), None)
        payer = payments[0].route.payer_id
        dice = Dice(self.config.seed, payer, self.state.rounds[payer])
        if forced or not dice.chance("duplicate", self.config.world.duplicate_share):
            return forced
        kinds: tuple[Duplicate, ...] = ("identical", "reissued")
        return dice.pick("duplicate kind", kinds)

    def _write_remittance(
        self, route: Route, body: list[str], control: int, now: datetime, duplicate: Duplicate | None
    ) -> tuple[list[tuple[str, float]], int]:
        """Stage the file, and its double when there is one; gives names with delays, and the last number used."""
        stem = f"{safe_stem(route.payer_id)}.835"
        text = write_835(route, body, control, now)
        names = [(f"{control:09d}-{stem}", 0.0)]
        self._write(names[0][0], text)
        last = control
        if duplicate:
            last = self.controls.next()
            names.append((f"{last:09d}-{stem}", self.config.adjudicate_seconds))
            self._write(names[1][0], text if duplicate == "identical" else write_835(route, body, last, now))
        return names, last

    def _stage(self, answer: _Answer, suffix: str, control: int, text: str, delay: float) -> None:
        name = f"{control:09d}-{suffix}"
        self._write(name, text)
        answer.outputs.append(Output(name=name, due=answer.now.timestamp() + delay))
        answer.control = max(answer.control, control)

    def _write(self, name: str, text: str) -> None:
        """Whole or not at all: a half-written answer keeps a name no event will ever mention."""
        temporary = self.config.staged / f"{name}.part"
        with temporary.open("wb") as file:
            file.write(text.encode("latin-1", "replace"))
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, self.config.staged / name)

    async def close(self) -> None:
        await self.validator.stop()
        self.journal.close()


def sequence_of(path: Path) -> int:
    """The running number an archived upload's name begins with; zero for anything else found there."""
    match = ARCHIVE_NAME.match(path.name)
    return int(match.group(1)) if match else 0


def safe_stem(text: str) -> str:
    """A piece of a file name that no reader can trip over."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:60] or "file"


def passed_sets(report: FileReport) -> set[int]:
    """The transaction sets that passed, counted from 1 over the whole file as the claim reader counts them."""
    flags = [item.accepted and not group.codes for group in report.groups for item in group.sets]
    return {index for index, passed in enumerate(flags, start=1) if passed}


def route_of(address: Address, claim: SubmittedClaim) -> Route:
    """Who pays whom for this claim."""
    billing = claim.billing
    return Route(
        clearinghouse_qualifier=address.sender_qualifier,
        clearinghouse=address.sender,
        receiver_qualifier=address.receiver_qualifier,
        receiver=address.receiver,
        usage=address.usage,
        payer_id=claim.payer_id,
        payer_name=claim.payer_name,
        payee_npi=billing.identifier,
        payee_name=" ".join(filter(None, [billing.first, billing.last])),
        payee_tax_id=billing.tax_id,
        payee_tax_qualifier=billing.tax_qualifier,
    )


def _payment(
    route: Route,
    due: float,
    claims: tuple[RemittedClaim, ...],
    replaces: str = "",
    interest: Decimal = ZERO,
    deferred: Decimal = ZERO,
    duplicate: Duplicate | None = None,
) -> Payment:
    return Payment(
        identifier=f"{claims[-1].payer_control_number}-{claims[-1].status}",
        route=route,
        due=due,
        claims=claims,
        replaces=replaces,
        interest=interest,
        deferred=deferred,
        duplicate=duplicate,
    )
