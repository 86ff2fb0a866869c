"""Which booked visits pass a benefit limit of their plan: counted with the visits before them and the bookings between.

Medicare's own thresholds are left out: beyond them the machine attests the need (KX), and nobody has to decide.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import benefits, payment
from billing.context import LimitReport, LimitUse
from billing.fork import Excess
from billing.practice import BenefitLimit, PlanTerms
from billing.vocabulary import Discipline
from models.ids import new_id
from models.store.benefits import reports_of
from models.store.book import Book
from models.store.visits import limit_uses, past_visits
from models.tables.authorizations import BookingRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow

CENT = Decimal("0.01")


class Passed(NamedTuple):
    """What a booked visit is beyond, and why in words."""

    excess: Excess
    why: str


def passed(
    session: Session, book: Book, patient_external_id: str, ahead: Sequence[BookingRow], covered: Collection[str]
) -> dict[str, Passed]:
    """The bookings beyond a benefit limit, by the sender's id; the earliest come first.

    covered: those an authorization carries, which may pass a soft limit. ahead: those no visit came of yet.
    """
    patient_id = session.scalar(select(PatientRow.id).where(PatientRow.external_id == patient_external_id))
    found: dict[str, Passed] = {}
    booked: list[tuple[UUID, LimitUse]] = []
    for booking in sorted(ahead, key=lambda one: (one.starts_at, one.external_id)):
        terms = book.plans[booking.plan_id].terms_on(booking.service_date)
        limits = terms.benefit_limits if terms else ()
        if terms is None or not limits:
            continue
        uses, reports = _so_far(session, patient_id, booking, terms)
        before = [*uses, *(use for plan_id, use in booked if plan_id == booking.plan_id)]
        use = _as_use(book, booking, terms, uses)
        found |= _judged(booking, limits, use, before, reports, booking.external_id in covered)
        booked.append((booking.plan_id, use))
    return found


def _judged(
    booking: BookingRow,
    limits: Sequence[BenefitLimit],
    use: LimitUse,
    before: Sequence[LimitUse],
    reports: Sequence[LimitReport],
    carried: bool,
) -> Mapping[str, Passed]:
    """The hardest limit it passes."""
    standings = [stands for limit in limits if (stands := benefits.standing(limit, use, before, reports)) is not None]
    beyond = [stands for stands in standings if stands.exceeded and (stands.limit.hard or not carried)]
    if not beyond:
        return {}
    worst = max(beyond, key=lambda stands: stands.limit.hard)
    excess = Excess.HARD_LIMIT if worst.limit.hard else Excess.SOFT_LIMIT
    steps = " ".join(step.text for step in worst.steps).replace("this visit", "this booking")
    return {booking.external_id: Passed(excess, f"Beyond the plan's {_kind(worst.limit)}: {steps}.")}


def _kind(limit: BenefitLimit) -> str:
    return "limit" if limit.hard else "soft limit"


def _so_far(
    session: Session, patient_id: UUID | None, booking: BookingRow, terms: PlanTerms
) -> tuple[tuple[LimitUse, ...], tuple[LimitReport, ...]]:
    """What the patient's visits use, and what was told of other clinics; nothing of a patient not seen yet."""
    if patient_id is None:
        return (), ()
    as_visit = EncounterRow(  # never kept: the visit this booking may become, so that it counts as one will
        id=new_id(),
        patient_id=patient_id,
        plan_id=booking.plan_id,
        episode_id=new_id(),
        external_id=booking.external_id,
        date_of_service=booking.service_date,
        discipline=booking.discipline,
    )
    since = benefits.counted_from(terms, booking.service_date)
    uses = limit_uses(past_visits(session, as_visit, since), as_visit)
    return uses, reports_of(session, patient_id, booking.plan_id)


def _as_use(book: Book, booking: BookingRow, terms: PlanTerms, uses: Sequence[LimitUse]) -> LimitUse:
    return LimitUse(
        encounter_id=booking.external_id,
        date_of_service=booking.service_date,
        discipline=Discipline(booking.discipline),
        dollars=_dollars(book, booking, terms, uses),
        is_evaluation=booking.is_evaluation,
    )


def _dollars(book: Book, booking: BookingRow, terms: PlanTerms, uses: Sequence[LimitUse]) -> Decimal:
    """What the plan would allow for it; where it names no codes, what a visit of the discipline was allowed on average
    (nothing before the first, of which nothing can be foretold)."""
    if not booking.expected:
        known = [use.dollars for use in uses if use.discipline.value == booking.discipline and use.dollars]
        return (sum(known, Decimal(0)) / len(known)).quantize(CENT) if known else benefits.ZERO
    total = benefits.ZERO
    for code, units in booking.expected.items():
        charges = payment.fees_on(book.fees.get(code, ()), booking.service_date)
        total += (payment.allowed_per_unit(code, terms, charges) or benefits.ZERO) * units
    return total
