"""What voiding or cutting an authorization leaves without one, ready to print: each visit, and what a person does."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from activities.cut_authorizations import Lost
from billing.cut_authorization import TO_DO, Fate
from billing.vocabulary import UnitOfMeasure
from models.tables.authorizations import AuthorizationRow
from models.tables.encounters import EncounterRow
from web import formats
from web.formats import Chip

FATES = {
    Fate.PULLED_BACK: Chip("warn", "↩", "Pulled back"),
    Fate.WITH_THE_PAYER: Chip("bad", "!", "With the payer"),
    Fate.ANSWERED: Chip("info", "◑", "Answered"),
}
SUMMED = {
    Fate.PULLED_BACK: ("claim not sent yet is pulled back", "claims not sent yet are pulled back"),
    Fate.WITH_THE_PAYER: ("claim is with the payer", "claims are with the payer"),
    Fate.ANSWERED: ("claim was answered", "claims were answered"),
}


@dataclass(frozen=True, slots=True)
class Entered:
    """The form as it stands or was typed. units: per code, like ``97110=24``, where units are granted per code."""

    number: str
    quantity: str
    units: str
    effective_from: str
    effective_to: str
    voided: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LostLine:
    """One visit that would be, or is, without authorization."""

    href: str
    visit: str
    day: str
    charge: str
    fate: Chip
    why: str
    todo: str


@dataclass(frozen=True, slots=True)
class Cut:
    """What a change loses."""

    lines: tuple[LostLine, ...]
    summed: str
    dollars: str


def entered_of(row: AuthorizationRow) -> Entered:
    """The form as the authorization stands."""
    per_code = row.unit_of_measure == UnitOfMeasure.UNITS_PER_CODE.value
    return Entered(
        number=row.number,
        quantity="" if per_code else f"{row.quantity.normalize():f}",
        units=", ".join(f"{code}={units}" for code, units in sorted(row.code_quantities.items())),
        effective_from=row.effective_from.isoformat(),
        effective_to=row.effective_to.isoformat(),
        voided=row.status == "voided",
        reason="",
    )


def cut_of(session: Session, found: Sequence[Lost]) -> Cut:
    """The visits in words, oldest first."""
    counts = Counter(one.fate for one in found)
    said = [formats.plural(counts[fate], *words) for fate, words in SUMMED.items() if counts[fate]]
    return Cut(
        lines=tuple(_line(session.get_one(EncounterRow, one.encounter_id), one) for one in found),
        summed=", ".join(said),
        dollars=formats.money(sum((one.charge for one in found), Decimal(0))),
    )


def _line(visit: EncounterRow, one: Lost) -> LostLine:
    return LostLine(
        href=f"/encounters/{visit.id}",
        visit=visit.external_id,
        day=formats.day(one.day),
        charge=formats.money(one.charge),
        fate=FATES[one.fate],
        why=one.reason[0].upper() + one.reason[1:],
        todo=TO_DO[one.fate],
    )
