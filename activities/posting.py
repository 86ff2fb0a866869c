"""Posting remittances: balanced, matched, each claim once, line by line to the ledger, in bounded transactions.

A claim's posting is keyed by the payment's own identity and the claim's place in it, so a second reading after a crash
goes on where the first stopped, and the same payment in another file is seen and not posted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice, takewhile
from uuid import UUID

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, defer
from temporalio import activity

from activities.claim_postings import Answered, post_claims
from activities.clock import practice_day
from activities.matching import match_all
from activities.nudges import RECHECK
from activities.posting_tickets import duplicate_ticket, remittance_subject, unbalanced_ticket, unmatched_ticket
from edi.findings import ERROR, MAX_PROBLEMS, Problem
from edi.tokens import UnreadableFile
from edi.x835 import Remittance, RemittanceClaim, balance_claim, balance_transaction, stream_835_claims
from models.ids import file_workflow_id, new_id
from models.messages import FileRef, LookAtFile
from models.store import ledger
from models.store.desk import close_item, put_item
from models.store.life import tell
from models.store.session import practice_session
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow
from models.tables.remittances import InboundFileRow, RemittanceClaimRow, RemittanceRow

CLAIMS_PER_TRANSACTION = 100
"""So many share one commit and the queries that find their visits, so that neither weighs on a claim; and so few that
what a kill undoes, what other decisions on those visits wait for, and the time between two heartbeats stay around a
second (``python -m benchmarks.posting``). Memory holds one such chunk."""
CLAIMS_PER_LOG_LINE = 1_000
NO_PAYMENT = "NON"  # BPR04 of a remittance without money, whose trace may be reused
Chunks = Iterator[list[tuple[int, RemittanceClaim]]]
"""The claims of a remittance with their places in it, from 1; a transaction's worth at a time."""
AMOUNT_MAX = Decimal("9999999999.99")  # what a column of money holds; no claim comes near it


def post_file(engine: Engine, look: LookAtFile, content: bytes) -> None:
    """Post every remittance of an 835 that balances and has not come before; put the others before a person.

    The file is read twice, claim by claim: first for what each remittance is and whether it adds up, so that nothing is
    posted of a file that cannot be; then for its claims. However large it is, only a transaction's worth of claims is
    held at a time.
    Raises edi.tokens.UnreadableFile when the bytes are no X12, or say what no ledger can hold.
    """
    remittances = survey(content)
    if not remittances:
        raise UnreadableFile("no remittance (ST*835) is in it; it may have been cut off on the way")
    # a remittance is opened when its turn comes: a payment twice in one file is seen the second time
    claims = claims_of(content, len(remittances))
    for ordinal, (remittance, chunks) in enumerate(zip(remittances, claims, strict=True), start=1):
        row = _open_remittance(engine, look, ordinal, remittance)
        if row is not None and row.status == "posting":
            _post_claims(engine, look, row, chunks)
        elif row is not None and row.status == "held":
            _hold_claims(engine, look, row, chunks)


def survey(content: bytes) -> list[Remittance]:
    """The remittances of a file without their claims, with counts, totals, and every problem that keeps one back.

    Raises UnreadableFile for an amount that is no amount of dollars and cents.
    """
    found: list[Remittance] = []
    problems: list[Problem] = []
    for remittance, claim in stream_835_claims(content):
        _refuse_impossible_amounts(remittance.trace_number, _amounts(remittance) if claim is None else _said(claim))
        problems += [] if claim is None or len(problems) > MAX_PROBLEMS else balance_claim(claim)
        if claim is None:
            every = (*remittance.problems, *problems, *balance_transaction(remittance))
            errors = tuple(problem for problem in every if problem.severity == ERROR)
            found.append(replace(remittance, problems=errors))
            problems = []
    return found


def claims_of(content: bytes, remittances: int) -> Iterator[Chunks]:
    """For each remittance of a file its claims. What is not taken is passed over."""
    stream = stream_835_claims(content)
    for _ in range(remittances):
        claims = enumerate((claim for _, claim in takewhile(_is_claim, stream) if claim is not None), start=1)
        yield _chunks(claims)
        for _ in claims:
            pass


def _is_claim(event: tuple[Remittance, RemittanceClaim | None]) -> bool:
    return event[1] is not None


def _chunks(claims: Iterator[tuple[int, RemittanceClaim]]) -> Chunks:
    while chunk := list(islice(claims, CLAIMS_PER_TRANSACTION)):
        yield chunk


def _refuse_impossible_amounts(trace_number: str, amounts: Iterable[Decimal]) -> None:
    for amount in amounts:
        if abs(amount) > AMOUNT_MAX or amount != round(amount, 2):
            raise UnreadableFile(
                f"payment {trace_number} says {amount}, which is no amount of dollars and cents; "
                "nothing of the file was posted"
            )


def _amounts(remittance: Remittance) -> Iterator[Decimal]:
    yield remittance.payment_amount
    yield from (plb.amount for plb in remittance.provider_adjustments)


def _said(claim: RemittanceClaim) -> Iterator[Decimal]:
    yield from (claim.charge, claim.paid, claim.patient_responsibility)
    yield from (line.paid for line in claim.lines)
    for adjustment in claim.all_adjustments:
        yield adjustment.amount
        if adjustment.quantity is not None:
            yield round(adjustment.quantity, 0)


def _post_claims(engine: Engine, look: LookAtFile, opened: RemittanceRow, chunks: Chunks) -> None:
    """Post the claims of one remittance in bounded transactions, then what the payer adjusted for the provider."""
    done = 0
    for chunk in chunks:
        with practice_session(engine, look.practice_id) as session:
            _post_chunk(session, look, opened.id, chunk)
        before, done = done, chunk[-1][0]
        if activity.in_activity():
            activity.heartbeat(done)
        if done // CLAIMS_PER_LOG_LINE > before // CLAIMS_PER_LOG_LINE:
            activity.logger.info("payment %s: %s of %s claims", opened.trace_number, done, opened.claim_count)
    with practice_session(engine, look.practice_id) as session:
        _close_remittance(session, look, opened.id)


def business_key(remittance: Remittance) -> str:
    """What makes a payment the same payment: payer, trace, date, amount; where no money moved, the transaction too."""
    parts = [
        remittance.payer_trace_id or remittance.payer_id or remittance.payer_name,
        remittance.trace_number,
        str(remittance.payment_date or ""),
        str(remittance.payment_amount),
    ]
    if remittance.payment_method == NO_PAYMENT or remittance.payment_amount == 0:
        parts += [remittance.interchange_control_number, remittance.transaction_control_number]
    return "|".join(parts)


def _open_remittance(engine: Engine, look: LookAtFile, ordinal: int, remittance: Remittance) -> RemittanceRow | None:
    """Write the remittance down and decide whether it may be posted, is to be held, or (None) neither."""
    with practice_session(engine, look.practice_id) as session:
        row = session.scalars(
            select(RemittanceRow).where(
                RemittanceRow.inbound_file_id == look.inbound_file_id, RemittanceRow.ordinal == ordinal
            )
        ).one_or_none()
        if row is None:
            row = _remittance_row(session, look, ordinal, remittance)
            session.add(row)
            session.flush()
            _tell_of(session, look, row)
        return row if row.status in ("posting", "held") else None


def _tell_of(session: Session, look: LookAtFile, row: RemittanceRow) -> None:
    """Put a new remittance before a person where that is needed."""
    file = _file(session, look)
    if row.status == "posting":
        _dismiss_what_it_puts_right(session, look, row)
    elif row.status == "held" and file.status == "superseded":
        row.status = "dismissed"  # the whole of the file has come meanwhile
    elif row.status == "held":
        put_item(session, look.practice_id, unbalanced_ticket(file, row, look.now), look.now)
    elif row.status == "duplicate" and not _came_in_the_first_part(session, file, row):
        put_item(session, look.practice_id, duplicate_ticket(file, row, look.now), look.now)


def _came_in_the_first_part(session: Session, file: InboundFileRow, row: RemittanceRow) -> bool:
    """Whether the payment was posted from the same file when that was not yet written to its end."""
    if file.continues is None or row.duplicate_of is None:
        return False
    return session.get_one(RemittanceRow, row.duplicate_of).inbound_file_id == file.continues


def _file(session: Session, look: LookAtFile) -> InboundFileRow:
    """The file without its bytes."""
    return session.get_one(InboundFileRow, look.inbound_file_id, options=[defer(InboundFileRow.content)])


def _remittance_row(session: Session, look: LookAtFile, ordinal: int, remittance: Remittance) -> RemittanceRow:
    problems = remittance.problems[:MAX_PROBLEMS]
    key = business_key(remittance)
    # two files with the same payment may be read at the same moment; the second waits here until it sees the first
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{look.practice_id}/{key}", 0))))
    standing = ("posting", "posted", "held") if problems else ("posting", "posted")
    before = session.scalars(
        select(RemittanceRow.id).where(RemittanceRow.business_key == key, RemittanceRow.status.in_(standing)).limit(1)
    ).one_or_none()
    status = "duplicate" if before is not None else "held" if problems else "posting"
    return RemittanceRow(
        id=new_id(),
        practice_id=look.practice_id,
        inbound_file_id=look.inbound_file_id,
        ordinal=ordinal,
        business_key=key,
        payer_name=remittance.payer_name,
        payer_identifier=remittance.payer_id,
        trace_number=remittance.trace_number,
        payment_method=remittance.payment_method,
        payment_amount=remittance.payment_amount,
        payment_date=remittance.payment_date,
        claim_count=remittance.claim_count,
        balanced=not problems,
        problems=[{"code": problem.code, "message": str(problem), "claim": problem.claim} for problem in problems],
        status=status,
        duplicate_of=before,
        provider_adjustments=[
            {"reason_code": plb.reason_code, "reference": plb.reference, "amount": str(plb.amount)}
            for plb in remittance.provider_adjustments
        ],
    )


def _dismiss_what_it_puts_right(session: Session, look: LookAtFile, row: RemittanceRow) -> None:
    """The payer sent a held payment again, and this time it balances: the first one waits for nobody any more."""
    held = session.scalars(
        select(RemittanceRow)
        .where(RemittanceRow.business_key == row.business_key, RemittanceRow.status == "held")
        .with_for_update()
    )
    for former in held.all():
        former.status = "dismissed"
        subject = remittance_subject(former)
        if close_item(session, look.practice_id, subject, "the payer sent it right", look.now) is None:
            continue
        reference = FileRef(practice_id=look.practice_id, inbound_file_id=former.inbound_file_id)
        tell(session, look.practice_id, file_workflow_id(reference.inbound_file_id), "FileWorkflow", reference, RECHECK)


def _hold_claims(engine: Engine, look: LookAtFile, opened: RemittanceRow, chunks: Chunks) -> None:
    """Keep what an unbalanced remittance says, posting none of it; what an earlier reading kept stays."""
    for chunk in chunks:
        with practice_session(engine, look.practice_id) as session:
            remittance = _locked(session, opened.id)
            if remittance.status != "held":
                return  # a person decided meanwhile
            known = _known_claims(session, opened.id, chunk)
            session.add_all(
                _claim_row(look.practice_id, opened.id, ordinal, claim, "held")
                for ordinal, claim in chunk
                if ordinal not in known
            )


def _locked(session: Session, remittance_id: UUID) -> RemittanceRow:
    return session.scalars(select(RemittanceRow).where(RemittanceRow.id == remittance_id).with_for_update()).one()


def _known_claims(
    session: Session, remittance_id: UUID, chunk: Sequence[tuple[int, RemittanceClaim]]
) -> dict[int, RemittanceClaimRow]:
    rows = session.scalars(
        select(RemittanceClaimRow).where(
            RemittanceClaimRow.remittance_id == remittance_id,
            RemittanceClaimRow.ordinal.in_([ordinal for ordinal, _ in chunk]),
        )
    )
    return {row.ordinal: row for row in rows}


def _claim_row(
    practice_id: UUID, remittance_id: UUID, ordinal: int, claim: RemittanceClaim, status: str
) -> RemittanceClaimRow:
    return RemittanceClaimRow(
        id=new_id(),
        practice_id=practice_id,
        remittance_id=remittance_id,
        ordinal=ordinal,
        patient_control_number=claim.patient_control_number,
        payer_claim_control_number=claim.payer_claim_control_number,
        status_code=claim.status_code,
        charge=claim.charge,
        paid=claim.paid,
        patient_responsibility=claim.patient_responsibility,
        content={"segments": list(claim.raw_segments), "crossover": claim.crossover},
        status=status,
    )


def _post_chunk(
    session: Session, look: LookAtFile, remittance_id: UUID, chunk: Sequence[tuple[int, RemittanceClaim]]
) -> None:
    remittance = _locked(session, remittance_id)
    rows = _known_claims(session, remittance_id, chunk)
    todo = [
        (rows.get(ordinal) or _claim_row(look.practice_id, remittance_id, ordinal, claim, "new"), claim)
        for ordinal, claim in chunk
        if ordinal not in rows or rows[ordinal].status == "held"
    ]
    matches = match_all(session, [claim for _, claim in todo])
    practice = session.get_one(PracticeRow, look.practice_id)
    # held so that the session does not read them again for each claim
    _at_hand = practice, _lock_encounters(session, [match.version for match in matches if match is not None])
    for (row, _), match in zip(todo, matches, strict=True):
        row.status = "unmatched"
        if match is not None:
            row.status, row.matched_by = "posted", match.step
            row.claim_version_id, row.encounter_id = match.version.id, match.version.encounter_id
        session.add(row)
    found = [
        Answered(row, claim, match.version)
        for (row, claim), match in zip(todo, matches, strict=True)
        if match is not None
    ]
    session.flush()  # adjustments and denials point at them
    with session.no_autoflush:  # what is written for a hundred claims goes out together
        for row, _ in todo:
            if row.status == "unmatched":
                put_item(session, look.practice_id, unmatched_ticket(_file(session, look), row, look.now), look.now)
        post_claims(session, remittance, found, look.now)


def _lock_encounters(session: Session, versions: Sequence[ClaimVersionRow]) -> Sequence[object]:
    """In the order of their ids, before any claim row is written: the order every writer keeps.

    Returns the encounters and claims, which the session forgets as soon as nobody holds them.
    """
    encounters = {version.encounter_id for version in versions}
    claims = {version.claim_id for version in versions}
    by_id = select(EncounterRow).where(EncounterRow.id.in_(encounters)).order_by(EncounterRow.id)
    by_id = by_id.options(defer(EncounterRow.facts))
    return (
        *session.scalars(by_id.with_for_update(key_share=True).execution_options(populate_existing=True)),
        *session.scalars(select(ClaimRow).where(ClaimRow.id.in_(claims))),
    )


def _close_remittance(session: Session, look: LookAtFile, remittance_id: UUID) -> None:
    row = _locked(session, remittance_id)
    if row.status == "posted":
        return
    row.status = "posted"
    practice = session.get_one(PracticeRow, look.practice_id)
    total = sum((Decimal(plb["amount"]) for plb in row.provider_adjustments), ledger.ZERO)
    ledger.post(
        session,
        look.practice_id,
        f"835/{row.business_key}/plb",
        "provider_adjustment",
        row.payment_date or practice_day(look.now, practice.time_zone),
        [(ledger.PROVIDER_ADJUSTMENT, total), (ledger.CASH, -total)],
        memo=f"{row.payer_name} {row.trace_number}",
    )
