"""A patient's later plans: what a plan left to the patient is the next one's to answer before it is the patient's.

Once a plan's part is settled, its next one is billed by itself, with what was decided before (837P loops 2320, 2330,
2430). A claim the plan before passed on (crossover) is waited for instead. A person is asked only where the machine
cannot decide: facts are missing, the plan takes no electronic claims, no answer to a crossover comes, or an earlier
plan changed its mind after the next one was billed.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import claims
from activities.clock import morning_of, practice_day
from activities.tickets import dollars, in_one_line, ticket
from billing import deadlines
from billing.corrections import corrected
from billing.findings import Finding
from billing.practice import PlanTerms
from billing.vocabulary import Owner, Queue, Severity, Stage
from edi.filing import prior_decision
from edi.x835 import REVERSAL, RemittanceClaim, balance_claim, claim_of_segments
from models.store import ledger
from models.store.book import Book, PlanPage, book_of
from models.store.desk import Ticket
from models.store.life import record
from models.tables.claims import ClaimLineRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from models.tables.practice import PracticeRow
from models.tables.remittances import RemittanceClaimRow, RemittanceRow

KIND = "secondary_coverage"
LATE = "secondary_late"
OUTDATED = "secondary_outdated"
PATIENT_OWES = "secondary.patient_owes"
GIVEN_UP = "secondary.given_up"
FILED_LATE = "secondary.filed_late"
KEPT = "secondary.kept"
FORWARDED, WITHDRAWN = "forwarded", "withdrawn"
NOT_OUT = ("ready", FORWARDED)
SAID_RANK = {"2": 2, "20": 2, "3": 3, "21": 3}  # CLP02: processed as secondary or tertiary, forwarded or not
ORDINALS = {1: "first", 2: "second", 3: "third"}
MEDICARE = ("MA", "MB")  # SBR09
SHARE = "share_to_next_plan"
LEFT_TO_PATIENT = ("remittance", "transfer_to_patient")
"""Ledger transactions that put something on the patient's account because of what a plan decided."""


class Turn(NamedTuple):
    """A plan whose turn it is: what the plan before it decided, when, and left, and the patient's coverage by it."""

    before: ClaimVersionRow
    answer: RemittanceClaimRow
    coverage: Mapping[str, Any]
    amount: Decimal
    decided_on: date

    @property
    def rank(self) -> int:
        """Which of the patient's plans it is."""
        return int(self.coverage["rank"])


def last_answer(session: Session, claim: ClaimVersionRow) -> RemittanceClaimRow | None:
    """A plan's last posted word on its claim; None while it took its word back."""
    query = select(RemittanceClaimRow).where(
        RemittanceClaimRow.claim_version_id == claim.id, RemittanceClaimRow.status == "posted"
    )
    if claims.rank_of(session, claim) == 1:  # before its second plan was known, that plan's word was kept here
        query = query.where(RemittanceClaimRow.status_code.not_in(SAID_RANK))
    newest = query.order_by(RemittanceClaimRow.created_at.desc(), RemittanceClaimRow.ordinal.desc()).limit(1)
    last = session.scalars(newest).one_or_none()
    return None if last is None or last.status_code == REVERSAL else last


def coverage_of(row: EncounterRow, rank: int) -> Mapping[str, Any] | None:
    """The patient's coverage of that rank, through the billers' corrections."""
    coverages = corrected(row.facts, row.corrections).model_dump(mode="json")["administrative"]["coverages"]
    return next((coverage for coverage in coverages if coverage["rank"] == rank), None)


def turn(session: Session, row: EncounterRow, settled: ClaimVersionRow | None) -> Turn | None:
    """The next plan's turn after a settled claim; None where there is none, nothing is left, or a person said so."""
    if settled is None or row.disposition is not None:
        return None
    rank = claims.rank_of(session, settled)
    coverage = coverage_of(row, rank + 1)
    answer = last_answer(session, settled) if coverage is not None else None
    if coverage is None or answer is None or _was_said(session, row, (PATIENT_OWES, GIVEN_UP), answer.id):
        return None
    amount = left_by(session, row, rank)
    return Turn(settled, answer, coverage, amount, _decided_on(session, answer)) if amount > 0 else None


def _decided_on(session: Session, answer: RemittanceClaimRow) -> date:
    """The date of the remittance; the day it came in where the payer wrote none."""
    paid_on = session.get_one(RemittanceRow, answer.remittance_id).payment_date
    return paid_on if paid_on is not None else answer.created_at.date()


def left_by(session: Session, row: EncounterRow, rank: int) -> Decimal:
    """What the plan of that rank left to the patient, in dollars."""
    return ledger.balance(session, row.id, ledger.PATIENT_RECEIVABLE, payer_rank=rank, kinds=LEFT_TO_PATIENT)


def _was_said(session: Session, row: EncounterRow, kinds: Sequence[str], answer_id: UUID) -> bool:
    query = select(EventRow.id).where(
        EventRow.encounter_id == row.id,
        EventRow.kind.in_(kinds),
        EventRow.detail["remittance_claim"].astext == str(answer_id),
    )
    return session.scalar(query.limit(1)) is not None


# --- may the machine file it ----------------------------------------------------------------------------------------


def passed_on(row: EncounterRow, due: Turn, book: Book) -> bool:
    """Whether the plan before sent the claim on itself: its remittance says so, or the next plan always gets them."""
    page = _page(book, due.coverage)
    terms = page.terms_on(row.date_of_service) if page is not None else None
    if page is None or terms is None:
        return False  # nobody we could wait for; a person is asked
    return bool(due.answer.content.get("crossover")) or terms.crossover


def hold(
    session: Session, row: EncounterRow, due: Turn, practice: PracticeRow, *, due_at: datetime, now: datetime
) -> Ticket | None:
    """What a person is asked before the plan is billed: facts are missing, or its filing limit passed. None: nothing.

    A plan's exception to its limit is a person's to know (S18); who says so once is not asked again.
    """
    book, today = book_of(session, practice), practice_day(now, practice.time_zone)
    why, limit = obstacles(session, row, due, book), filing_limit(row, due, book)
    if why:
        return stuck_ticket(row, due, [*why, *_time_left(limit, today)], book, due_at)
    late = limit is not None and today > limit and not _was_said(session, row, (FILED_LATE,), due.answer.id)
    return late_ticket(row, due, book, due_at) if late else None


def filing_limit(row: EncounterRow, due: Turn, book: Book) -> date | None:
    """Last day on which the plan takes the claim; None where the practice file has no terms of it for that day."""
    page = _page(book, due.coverage)
    terms = page.terms_on(row.date_of_service) if page is not None else None
    return None if terms is None else deadlines.later_filing_limit(row.date_of_service, due.decided_on, terms)


def _time_left(limit: date | None, today: date) -> list[str]:
    """What the filing limit has to say: that it passed, or in its last 30 days how many are left."""
    left = (limit - today).days if limit is not None else deadlines.FILING_GUARD_DAYS + 1
    if left < 0:
        return [f"the filing limit passed on {limit}"]
    return [f"{left} days are left to file it"] if left <= deadlines.FILING_GUARD_DAYS else []


def obstacles(session: Session, row: EncounterRow, due: Turn, book: Book) -> list[str]:
    """Why the machine cannot bill the plan by itself, each in a sentence; empty when it can."""
    page = _page(book, due.coverage)
    terms = page.terms_on(row.date_of_service) if page is not None else None
    if page is None or terms is None:
        return [f"the practice file has no terms of plan {due.coverage['plan_id']} for that day"]
    found = []
    if not terms.secondary_accepts_electronic:
        found.append(f"{page.payer_name} takes no electronic claims as {ORDINALS[due.rank]} plan")
    if page.claim_filing_indicator in MEDICARE and not due.coverage.get("medicare_secondary_reason"):
        found.append("the chart does not say why Medicare does not pay first (medicare_secondary_reason)")
    return found + _decision(session, due)[1]


def _page(book: Book, coverage: Mapping[str, Any]) -> PlanPage | None:
    plan_id = book.plan_ids.get(coverage["plan_id"])
    return book.plans[plan_id] if plan_id is not None else None


def _decision(session: Session, due: Turn) -> tuple[dict[str, Any], list[str]]:
    """What the plan before decided, as the next claim must tell it, and what of it cannot be told."""
    said = claim_of_segments(due.answer.content["segments"])
    lines = session.scalars(
        select(ClaimLineRow).where(ClaimLineRow.claim_version_id == due.before.id).order_by(ClaimLineRow.line_number)
    ).all()
    numbers = _line_numbers(said, lines)
    if numbers is None:
        return {}, ["its remittance does not say which of our lines it decided on"]
    problems = [str(problem) for problem in balance_claim(said) if problem.code != "PATIENT_RESPONSIBILITY"]
    remittance = session.get_one(RemittanceRow, due.answer.remittance_id)
    told = prior_decision(due.rank - 1, remittance.payment_date, said, numbers)
    return told | {"answer": str(due.answer.id)}, problems


def _line_numbers(said: RemittanceClaim, lines: Sequence[ClaimLineRow]) -> list[int] | None:
    """Which of our lines each remitted line is about: by our control number, else the only one of that code and charge.

    None unless every line is found, all of ours are decided on, and their charges agree.
    """
    by_control = {line.line_control_number: line.line_number for line in lines}
    found: list[int] = []
    for line in said.lines:
        alike = [ours for ours in lines if (ours.code, ours.charge) == (line.procedure_code, line.charge)]
        number = by_control.get(line.line_control_number) or (alike[0].line_number if len(alike) == 1 else None)
        if number is None:
            return None
        found.append(number)
    charged = {ours.line_number: ours.charge for ours in lines}
    remitted = dict.fromkeys(charged, ledger.ZERO)
    for number, line in zip(found, said.lines, strict=True):
        remitted[number] += line.charge
    return found if remitted == charged or not said.lines else None


# --- filing ---------------------------------------------------------------------------------------------------------


def file_next(
    session: Session, row: EncounterRow, due: Turn, practice: PracticeRow, *, window_seconds: float, now: datetime
) -> ClaimVersionRow:
    """Bill the next plan for what the one before left. Only where nothing stands in the way (see `obstacles`)."""
    decision, _ = _decision(session, due)
    version = _put(session, row, due, practice, "ready", [*due.before.prior_decisions, decision])
    bring_share(session, row, due.rank, due.amount, f"filed/{version.id}", practice_day(now, practice.time_zone))
    row.stage, row.updated_at = Stage.SUBMISSION.value, now
    payer = _payer(book_of(session, practice), due.coverage)
    summary = (
        f"Claim {version.patient_control_number} ready for the {ORDINALS[due.rank]} plan, {payer}: "
        f"{dollars(due.amount)} left by the {ORDINALS[due.rank - 1]}"
    )
    detail = {"frequency_code": version.frequency_code, "version": version.version, "remittance_claim": due.answer.id}
    record(session, row.practice_id, "claim.ready", summary, encounter_id=row.id, at=now, detail=_texts(detail))
    claims.tell_batch(session, version, window_seconds)
    return version


def wait_for_crossover(
    session: Session, row: EncounterRow, due: Turn, practice: PracticeRow, now: datetime
) -> ClaimVersionRow:
    """Note that the plan before passed the claim on: nothing of ours leaves, the next plan's answer is waited for."""
    heard = {"rank": due.rank - 1, "answer": str(due.answer.id)}
    version = _put(session, row, due, practice, FORWARDED, [*due.before.prior_decisions, heard])
    bring_share(session, row, due.rank, due.amount, f"filed/{version.id}", practice_day(now, practice.time_zone))
    payer = _payer(book_of(session, practice), due.coverage)
    summary = f"The {ORDINALS[due.rank - 1]} plan passed the claim on to {payer}; {dollars(due.amount)} is now its part"
    detail = {"remittance_claim": str(due.answer.id)}
    record(session, row.practice_id, "claim.forwarded", summary, encounter_id=row.id, at=now, detail=detail)
    return version


def _put(
    session: Session, row: EncounterRow, due: Turn, practice: PracticeRow, status: str, decisions: Sequence[Any]
) -> ClaimVersionRow:
    """The next version of the claim to that plan: the visit and its codes as the plan before was billed them."""
    book, billed = book_of(session, practice), due.before
    earlier = [one for one in billed.facts["administrative"]["coverages"] if one["rank"] < due.rank]
    later = [one for one in (coverage_of(row, rank) for rank in range(due.rank + 1, 4)) if one is not None]
    administrative = billed.facts["administrative"] | {"coverages": [*earlier, dict(due.coverage), *later]}
    plan_id = book.plan_ids[due.coverage["plan_id"]]
    wanted = claims.Wanted(
        page=book.plans[plan_id],
        plan_id=plan_id,
        rank=due.rank,
        encounter_version=billed.encounter_version,
        facts=billed.facts | {"administrative": administrative},
        coded=billed.coded,
        total_charge=billed.total_charge,
        prior_decisions=decisions,
    )
    return claims.put_version(session, row, wanted, claims.current(session, row, due.rank), status)


def bring_share(session: Session, row: EncounterRow, rank: int, amount: Decimal, key: str, today: Any) -> None:
    """Bring what is a later plan's part, instead of the patient's, to an amount; moves the difference only."""
    known = ledger.balance(session, row.id, ledger.PAYER_RECEIVABLE, payer_rank=rank, kinds=(SHARE,))
    change = amount - known
    ledger.post(
        session,
        row.practice_id,
        f"{SHARE}/{key}",
        SHARE,
        today,
        [(ledger.PAYER_RECEIVABLE, change), (ledger.PATIENT_RECEIVABLE, -change)],
        encounter_id=row.id,
        memo=f"Part of the {ORDINALS[rank]} plan",
        payer_rank=rank,
    )


def hold_back(session: Session, row: EncounterRow, unsettled: ClaimVersionRow, today: Any) -> None:
    """Take back later plans' claims that have not left, because a plan before them has not settled its part (again)."""
    for rank in range(claims.rank_of(session, unsettled) + 1, 4):
        claim = claims.current(session, row, rank)
        if claim is not None and claim.status == "ready" and claim.frequency_code != claims.VOID:
            withdraw(session, row, claim, today)


def withdraw(session: Session, row: EncounterRow, claim: ClaimVersionRow, today: Any) -> None:
    """A later plan is not asked after all: its part is the patient's again."""
    claim.status = WITHDRAWN
    bring_share(session, row, claims.rank_of(session, claim), ledger.ZERO, f"withdrawn/{claim.id}", today)


# --- when a plan before changed its mind ----------------------------------------------------------------------------


def turn_again(session: Session, row: EncounterRow, claim: ClaimVersionRow) -> Turn | None:
    """The turn of a plan that was billed already, as it would be billed now. None where nothing is left for it."""
    rank = claims.rank_of(session, claim)
    before, coverage = claims.current(session, row, rank - 1), coverage_of(row, rank)
    answer = last_answer(session, before) if before is not None else None
    if before is None or coverage is None or answer is None:
        return None
    return Turn(before, answer, coverage, left_by(session, row, rank - 1), _decided_on(session, answer))


def outdated(session: Session, row: EncounterRow, claim: ClaimVersionRow) -> bool:
    """Whether the plan before decided again after this claim was made, and no person kept the claim as it is."""
    before = claims.current(session, row, claims.rank_of(session, claim) - 1)
    answer = last_answer(session, before) if before is not None else None
    if answer is None or claim.prior_decisions[-1]["answer"] == str(answer.id):
        return False
    return not _was_said(session, row, (KEPT,), answer.id)


def nothing_left(session: Session, row: EncounterRow, claim: ClaimVersionRow) -> bool:
    """Whether the plan before leaves nothing any more for this claim to ask for."""
    due = turn_again(session, row, claim)
    return due is None or due.amount <= 0


# --- asking a person ------------------------------------------------------------------------------------------------


def stuck_ticket(row: EncounterRow, due: Turn, why: Sequence[str], book: Book, due_at: datetime) -> Ticket:
    """The machine cannot bill the next plan: why, and with which of the figures a person would."""
    payer = _payer(book, due.coverage)
    message = (
        f"The {ORDINALS[due.rank - 1]} plan left {dollars(due.amount)}; {payer}, the patient's {ORDINALS[due.rank]}, "
        f"could not be billed by itself: {in_one_line(why)}"
    )
    return _ticket(row, due, book, message, due_at)


def late_ticket(row: EncounterRow, due: Turn, book: Book, due_at: datetime) -> Ticket:
    """The next plan's turn came after its filing limit: what was left is lost, unless the plan knows an exception."""
    payer = _payer(book, due.coverage)
    message = (
        f"The filing limit of {payer}, the patient's {ORDINALS[due.rank]} plan, passed on "
        f"{filing_limit(row, due, book)}; the {ORDINALS[due.rank - 1]} plan left {dollars(due.amount)}"
    )
    finding = _finding(
        message,
        "a person knows an exception of the plan and says which",
        _evidence(row, due, book),
        code="S18",
        citation="plan terms; 42 CFR 424.44 (Medicare)",
    )
    return ticket(row, Queue.FOLLOW_UP, LATE, [finding], due.amount, due_at)


def silent_ticket(row: EncounterRow, due: Turn, book: Book, today: date, due_at: datetime) -> Ticket:
    """The plan before passed the claim on, and no answer came."""
    payer = _payer(book, due.coverage)
    unanswered = (
        f"The {ORDINALS[due.rank - 1]} plan passed the claim on to {payer}, which has not answered on the "
        f"{dollars(due.amount)} it left"
    )
    message = in_one_line([unanswered, *_time_left(filing_limit(row, due, book), today)])
    return _ticket(row, due, book, message, due_at)


def unexplained_ticket(row: EncounterRow, due: Turn, owed: Decimal, book: Book, due_at: datetime) -> Ticket:
    """The next plan answered, and part of what was left is neither paid nor explained."""
    payer = _payer(book, due.coverage)
    message = f"{payer} answered and left {dollars(owed)} unexplained: neither paid, adjusted nor the patient's"
    return _ticket(row, due, book, message, due_at)


def _ticket(row: EncounterRow, due: Turn, book: Book, message: str, due_at: datetime) -> Ticket:
    finding = _finding(
        message,
        f"the {ORDINALS[due.rank]} plan's remittance comes in, or a biller files the claim or has the patient owe it",
        _evidence(row, due, book),
    )
    return ticket(row, Queue.FOLLOW_UP, KIND, [finding], due.amount, due_at)


def _evidence(row: EncounterRow, due: Turn, book: Book) -> dict[str, str]:
    answer, limit = due.answer, filing_limit(row, due, book)
    known = {} if limit is None else {"filing limit": limit.isoformat()}
    return {
        f"{ORDINALS[due.rank]} plan": f"{_payer(book, due.coverage)}, member {due.coverage['member_id']}",
        "number of the plan before": answer.payer_claim_control_number,
        "charged": dollars(answer.charge),
        "plan before paid": dollars(answer.paid),
        "left to the patient": _left_words(answer),
    } | known


def outdated_ticket(row: EncounterRow, claim: ClaimVersionRow, due: Turn, due_at: datetime) -> Ticket:
    """A plan decided again after the next one was billed with its former decision."""
    message = (
        f"The {ORDINALS[due.rank - 1]} plan decided again after the {ORDINALS[due.rank]} was billed; "
        f"it now leaves {dollars(due.amount)}"
    )
    evidence = {"claim to the later plan": claim.patient_control_number, "it stands as": claim.status}
    clears = "a biller corrects the later plan's claim, or keeps it as sent with a reason"
    return ticket(row, Queue.FOLLOW_UP, OUTDATED, [_finding(message, clears, evidence)], due.amount, due_at)


def _finding(
    message: str,
    clears_when: str,
    evidence: dict[str, str],
    *,
    code: str = "COB",
    citation: str = "X12 005010X222A1 loops 2320, 2330, 2430",
) -> Finding:
    return Finding(
        code=code,
        severity=Severity.HOLD,
        owner=Owner.BILLER,
        message=message,
        clears_when=clears_when,
        evidence=evidence,
        citation=citation,
    )


def _left_words(answer: RemittanceClaimRow) -> str:
    sums: dict[str, Decimal] = {}
    for adjustment in claim_of_segments(answer.content["segments"]).all_adjustments:
        if adjustment.group_code == "PR":
            code = f"PR-{adjustment.reason_code}"
            sums[code] = sums.get(code, ledger.ZERO) + adjustment.amount
    return ", ".join(f"{code} {dollars(amount)}" for code, amount in sums.items())


def _payer(book: Book, coverage: Mapping[str, Any]) -> str:
    page = _page(book, coverage)
    return page.payer_name if page is not None else str(coverage["plan_id"])


def _texts(detail: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in detail.items()}


def crossover_limit(
    row: EncounterRow, claim: ClaimVersionRow, due: Turn, practice: PracticeRow, book: Book
) -> datetime:
    """Until when the answer to a claim passed on is waited for: no longer than until its own filing is in danger."""
    page = _page(book, due.coverage)
    terms = page.terms_on(row.date_of_service) if page is not None else None
    days = terms.crossover_wait_days if terms is not None else PlanTerms.model_fields["crossover_wait_days"].default
    waited, limit = claim.created_at + timedelta(days=days), filing_limit(row, due, book)
    if limit is None:
        return waited
    guard = morning_of(limit - timedelta(days=deadlines.FILING_GUARD_DAYS), practice.time_zone)
    return min(waited, guard)
