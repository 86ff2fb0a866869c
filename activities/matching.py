"""Which of our claims a remittance's claim answers: step by step from certain to probable, and at last a person.

A step counts only when it leaves exactly one claim; two candidates are none. The step is kept with the posting
(``remittance_claims.matched_by``), so that a wrong match can be traced to its reason.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, defer

from edi.x835 import RemittanceClaim
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.patients import CoverageRow
from models.tables.remittances import RemittanceClaimRow

OUR_NUMBER, CUT, PADDED = "our_number", "our_number_cut", "our_number_padded"
PAYER_NUMBER, MEMBER_DAY_CHARGE = "payer_number", "member_day_and_charge"

AT_THE_PAYER = ("batched", "sent", "accepted", "forwarded", "paid", "denied", "correcting")
SHORTENED_NUMBER_LENGTH = 12
"""A payer that cuts our number leaves at least this much of it."""
OUR_NUMBER_SHAPE = re.compile(r"(?=(F[0-9A-F]{14}))")  # activities.claims makes them; the look-ahead finds all
CUT_BEHIND = re.compile(rf"F[0-9A-F]{{{SHORTENED_NUMBER_LENGTH - 1},13}}")
CUT_IN_FRONT = re.compile(rf"[0-9A-F]{{{SHORTENED_NUMBER_LENGTH},14}}")
FRONTS = {14: ("F",), 13: tuple(f"F{a:X}" for a in range(16)), 12: tuple(f"F{ab:02X}" for ab in range(256))}
"""What may have stood before a number of that length."""
BEHIND_EVERY_DIGIT = "G"


class Match(NamedTuple):
    """A claim of ours, and the step that found it."""

    version: ClaimVersionRow
    step: str


def match_all(session: Session, claims: Sequence[RemittanceClaim]) -> list[Match | None]:
    """Matches in the order given. What bears our own number is found in one query; the others go down the ladder."""
    numbers = [_number(claim) for claim in claims]
    ours = {
        version.patient_control_number: version
        for version in session.scalars(
            select(ClaimVersionRow)
            .where(ClaimVersionRow.patient_control_number.in_(set(numbers)))
            .options(defer(ClaimVersionRow.facts), defer(ClaimVersionRow.coded))
        )
    }
    return [
        Match(ours[number], OUR_NUMBER) if number in ours else _ladder(session, claim)
        for number, claim in zip(numbers, claims, strict=True)
    ]


def _number(claim: RemittanceClaim) -> str:
    return claim.patient_control_number.strip().upper()


def _ladder(session: Session, claim: RemittanceClaim) -> Match | None:
    number = _number(claim)
    steps = (
        (CUT, _cut(number)),
        (PADDED, _padded(number)),
        (PAYER_NUMBER, _by_payer_number(claim)),
        (MEMBER_DAY_CHARGE, _by_member_day_charge(claim)),
    )
    for step, query in steps:
        if query is None:
            continue
        found = session.scalars(query.ext(distinct_on(ClaimVersionRow.id)).limit(2)).all()
        if len(found) == 1:
            return Match(found[0], step)
    return None


def _cut(number: str) -> Select[ClaimVersionRow] | None:
    """The payer left away some of the end, or of the beginning."""
    ours = ClaimVersionRow.patient_control_number
    wholes: list[ColumnElement[bool]] = []
    if CUT_BEHIND.fullmatch(number):
        # two comparisons, and not LIKE, which row-level security keeps from the index
        wholes.append((ours > number) & (ours < number + BEHIND_EVERY_DIGIT) & ours.startswith(number))
    if CUT_IN_FRONT.fullmatch(number):
        wholes.append(ours.in_([front + number for front in FRONTS[len(number)]]))
    return select(ClaimVersionRow).where(or_(*wholes)) if wholes else None


def _padded(number: str) -> Select[ClaimVersionRow] | None:
    """The payer wrote something of its own before or behind."""
    inside = OUR_NUMBER_SHAPE.findall(number)
    return select(ClaimVersionRow).where(ClaimVersionRow.patient_control_number.in_(inside)) if inside else None


def _by_payer_number(claim: RemittanceClaim) -> Select[ClaimVersionRow] | None:
    """The payer's own number, on a visit of the same day: two payers may count alike.

    A reversal takes back what was posted under that number, whichever filing it was; anything else answers the newest.
    """
    number = claim.payer_claim_control_number.strip()
    if not number:
        return None
    query = _same_day(claim)
    if claim.is_reversal:
        return query.join(RemittanceClaimRow, RemittanceClaimRow.claim_version_id == ClaimVersionRow.id).where(
            RemittanceClaimRow.payer_claim_control_number == number,
            RemittanceClaimRow.status == "posted",
            RemittanceClaimRow.charge == -claim.charge,
        )
    return query.where(ClaimRow.payer_claim_control_number == number, _is_newest())


def _by_member_day_charge(claim: RemittanceClaim) -> Select[ClaimVersionRow] | None:
    """The member's claim of that day and amount which lies with the payer; for a reversal, which the payer answered."""
    members = {_plain(member) for member in (claim.member_id, claim.corrected_member_id)} - {""}
    if not members or not _days(claim) or not claim.charge:
        return None
    query = (
        _same_day(claim)
        .join(
            CoverageRow,
            (CoverageRow.patient_id == EncounterRow.patient_id) & (CoverageRow.plan_id == ClaimRow.plan_id),
        )
        .where(
            CoverageRow.member_key.in_(members),
            ClaimVersionRow.total_charge == abs(claim.charge),
        )
    )
    if claim.is_reversal:
        return query.join(RemittanceClaimRow, RemittanceClaimRow.claim_version_id == ClaimVersionRow.id).where(
            RemittanceClaimRow.status == "posted", RemittanceClaimRow.charge == -claim.charge
        )
    return query.where(_is_newest(), ClaimVersionRow.status.in_(AT_THE_PAYER))


def _same_day(claim: RemittanceClaim) -> Select[ClaimVersionRow]:
    query = (
        select(ClaimVersionRow)
        .join(ClaimRow, ClaimRow.id == ClaimVersionRow.claim_id)
        .join(EncounterRow, EncounterRow.id == ClaimVersionRow.encounter_id)
    )
    days = _days(claim)
    return query.where(EncounterRow.date_of_service.in_(days)) if days else query


def _days(claim: RemittanceClaim) -> set[date]:
    said: Iterable[date | None] = (
        claim.service_date_from,
        claim.service_date_to,
        *(line.service_date for line in claim.lines),
    )
    return {day for day in said if day is not None}


def _is_newest() -> ColumnElement[bool]:
    return ClaimRow.current_version == ClaimVersionRow.version


def _plain(member_id: str) -> str:
    return member_id.translate(str.maketrans("", "", " -")).upper()
