"""What a patient's later plan decided, to the ledger: of its part only, and the patient's share as that plan says it.

A later plan adjusts the whole charge again (OA-23 for what the plans before did, often CO-45 as well). Only what was
left for it is at stake, so no contractual adjustment counts twice and no patient is asked for more than was left.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import claims, secondary
from billing.denials import reason_of
from edi.values import Adjustment
from edi.x835 import RemittanceClaim
from models.store import ledger
from models.store.life import record
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PracticeRow
from models.tables.remittances import RemittanceClaimRow, RemittanceRow

PRIOR_PAYER = "23"  # CARC 23: the effect of what the plans before decided
PATIENT_GROUP = "PR"


def addressed(
    session: Session, encounter: EncounterRow, version: ClaimVersionRow, said: RemittanceClaim
) -> ClaimVersionRow | None:
    """The claim an answer is for: a plan that got it by crossover answers under the number of the plan before.

    None when it is of a plan behind the one billed that we know nothing of.
    """
    rank = _speaks_as(session, encounter, version, said)
    if rank <= claims.rank_of(session, version):
        return version
    standing = claims.current(session, encounter, rank)
    if standing is not None:
        return standing
    due = secondary.turn(session, encounter, claims.current(session, encounter, rank - 1))
    if due is None:
        return None
    practice = session.get_one(PracticeRow, encounter.practice_id)
    return secondary.wait_for_crossover(session, encounter, due, practice, datetime.now(UTC))


def _speaks_as(session: Session, encounter: EncounterRow, version: ClaimVersionRow, said: RemittanceClaim) -> int:
    """As which of the patient's plans a payer speaks; a reversal as the one whose number it bears."""
    if said.status_code in secondary.SAID_RANK:
        heard = secondary.last_answer(session, version) is not None
        return secondary.SAID_RANK[said.status_code] if heard else 1
    if not said.is_reversal or not said.payer_claim_control_number:
        return 1
    numbered = select(ClaimRow.rank).where(
        ClaimRow.encounter_id == encounter.id, ClaimRow.payer_claim_control_number == said.payer_claim_control_number
    )
    return session.scalar(numbered.order_by(ClaimRow.rank).limit(1)) or 1


class Parts(NamedTuple):
    """How an answer divides what was left for the plan, in dollars."""

    paid: Decimal
    patient: Decimal
    contract: Decimal


def divide(at_stake: Decimal, paid: Decimal, adjustments: tuple[Adjustment, ...]) -> Parts:
    """What a later plan paid, left to the patient and adjusted by contract, of what was at stake for it.

    What it refused stays with it until a person decides; so does what it neither paid nor explained.
    """
    rest = max(at_stake - paid, ledger.ZERO)
    share = _sum(a for a in adjustments if a.group_code == PATIENT_GROUP and reason_of(a.reason_code).posts)
    patient = min(share, rest)
    refused = _sum(a for a in adjustments if not reason_of(a.reason_code).posts)
    adjusted = _sum(a for a in adjustments if _contractual(a))
    contract = min(adjusted, max(rest - patient - refused, ledger.ZERO))
    return Parts(paid, patient, contract)


def _contractual(adjustment: Adjustment) -> bool:
    if adjustment.group_code == PATIENT_GROUP or adjustment.reason_code == PRIOR_PAYER:
        return False
    return reason_of(adjustment.reason_code).posts


def _sum(adjustments: Iterable[Adjustment]) -> Decimal:
    return sum((adjustment.amount for adjustment in adjustments), ledger.ZERO)


def post_answer(
    session: Session,
    remittance: RemittanceRow,
    row: RemittanceClaimRow,
    said: RemittanceClaim,
    version: ClaimVersionRow | None,
    encounter: EncounterRow,
    occurred_on: date,
) -> None:
    """Post what a later plan decided. A reversal takes back what its original moved.

    version: the claim to that plan; None for a plan we know nothing of, which pays of the patient's share.
    """
    rank = claims.rank_of(session, version) if version is not None else 1
    legs: ledger.Legs
    if version is None:
        legs = [(ledger.CASH, said.paid), (ledger.PATIENT_RECEIVABLE, -said.paid)]
        summary = f"A plan behind the one billed paid ${said.paid:,.2f}; the chart names none"
        record(session, row.practice_id, "claim.second_plan", summary, encounter_id=encounter.id)
    elif said.is_reversal:
        legs = _taken_back(session, row, said, version)
    else:
        _take_the_share_again(session, encounter, version, rank, occurred_on)
        at_stake = claims.owed_by(session, encounter, version)
        parts = divide(at_stake, said.paid, said.all_adjustments)
        legs = [
            (ledger.CASH, parts.paid),
            (ledger.PATIENT_RECEIVABLE, parts.patient),
            (ledger.CONTRACTUAL_ADJUSTMENT, parts.contract),
            (ledger.PAYER_RECEIVABLE, -sum(parts, ledger.ZERO)),
        ]
    ledger.post(
        session,
        row.practice_id,
        _key(remittance, row),
        "remittance" if version is not None else "unknown_plan",
        occurred_on,
        legs,
        encounter_id=encounter.id,
        memo=f"{remittance.payer_name} {remittance.trace_number}",
        payer_rank=rank,
    )


def _key(remittance: RemittanceRow, row: RemittanceClaimRow) -> str:
    return f"835/{remittance.business_key}/{row.ordinal}/1"


def _take_the_share_again(
    session: Session, encounter: EncounterRow, version: ClaimVersionRow, rank: int, occurred_on: date
) -> None:
    """The plan answers although a person had given it up: what was left is its part once more."""
    if version.status == secondary.WITHDRAWN:
        amount = secondary.left_by(session, encounter, rank - 1)
        secondary.bring_share(session, encounter, rank, amount, f"answered/{version.id}", occurred_on)


def _taken_back(
    session: Session, row: RemittanceClaimRow, said: RemittanceClaim, version: ClaimVersionRow
) -> ledger.Legs:
    original = session.scalars(
        select(RemittanceClaimRow)
        .where(
            RemittanceClaimRow.claim_version_id == version.id,
            RemittanceClaimRow.status == "posted",
            RemittanceClaimRow.charge == -said.charge,
            RemittanceClaimRow.id != row.id,
        )
        .order_by(RemittanceClaimRow.created_at.desc(), RemittanceClaimRow.ordinal.desc())
        .limit(1)
    ).one_or_none()
    if original is None:
        return [(ledger.CASH, said.paid), (ledger.PAYER_RECEIVABLE, -said.paid)]
    key = _key(session.get_one(RemittanceRow, original.remittance_id), original)
    return [(account, -amount) for account, amount in ledger.legs_of(session, row.practice_id, key)]
