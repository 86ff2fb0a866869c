"""How an authorization will burn down: what is used, what is booked, on which day it runs out, and what to do when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from math import ceil
from typing import Literal

from billing import measures
from billing.authorization import SUBJECT
from billing.findings import Step
from billing.reauthorization import reauthorization_days
from billing.vocabulary import UnitOfMeasure

LOOK_BACK_DAYS = 28  # over which the usual frequency is taken (practice default)
WEEK = 7
NO_MONEY = Decimal("0.00")

Kind = Literal["granted", "used", "booked", "estimated"]
End = Literal["run_out", "expiry"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What was approved. quantity and used_before (elsewhere, before Firstpass) in its unit of measure; both dates
    belong to it."""

    quantity: Decimal
    unit_of_measure: UnitOfMeasure
    effective_from: date
    effective_to: date
    used_before: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Draw:
    """What one visit takes: its day, and how much in the authorization's unit of measure (more than zero)."""

    day: date
    quantity: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Habits:
    """What the forecast rests on besides the ledger.

    lead_days: the payer's usual time to answer. visits_per_week: from history, for days on which nothing is booked;
    None takes it from the visits of this authorization (``usual_frequency``). expected_payment: dollars a visit brings.
    """

    lead_days: int
    visits_per_week: Decimal | None = None
    expected_payment: Decimal = NO_MONEY


@dataclass(frozen=True, slots=True)
class Point:
    """A step of the chart: from this day on so much is left. kind: what brought it there."""

    day: date
    left: Decimal
    kind: Kind


@dataclass(frozen=True, slots=True)
class BurnDown:
    """One authorization's course.

    left: now, signed visits taken off. reserved: taken by booked visits that still fit. runs_out_on, runs_out_at_visit:
    the last visit there is enough for, counted from the authorization's first (in visits where it counts visits, else
    in visits known to us); None: it ends first. estimated: that day rests on the usual frequency, not on bookings
    alone. first_uncovered_on: the first booked visit that does not fit. comes_first: what ends it. due_on: two days
    after the re-authorization opens, as 7 and 5 days before expiry are. beyond: booked visits it does not cover.
    """

    left: Decimal
    reserved: Decimal
    points: tuple[Point, ...]
    runs_out_on: date | None
    runs_out_at_visit: int | None
    estimated: bool
    first_uncovered_on: date | None
    comes_first: End
    reauthorization_opens_on: date
    due_on: date
    beyond: tuple[Draw, ...]
    dollars_at_risk: Decimal
    steps: tuple[Step, ...]

    @property
    def left_after_booked(self) -> Decimal:
        """What nobody has booked yet."""
        return self.left - self.reserved


@dataclass(frozen=True, slots=True)
class _Course:
    """The future as far as the grant carries it: fitting draws with their kind, and the booked ones that do not fit."""

    fitting: tuple[tuple[Draw, Kind], ...]
    beyond: tuple[Draw, ...]
    empties: bool  # after the last fitting draw nothing more fits


def usual_frequency(visit_days: Sequence[date], today: date) -> Decimal:
    """Visits per week over the last 28 days, or over the shorter time since the first of them, a week at least."""
    recent = {day for day in visit_days if today - timedelta(days=LOOK_BACK_DAYS) < day <= today}
    if not recent:
        return Decimal(0)
    days = max(WEEK, (today - min(recent)).days + 1)
    return (Decimal(len(recent) * WEEK) / days).quantize(Decimal("0.1"))


def burn_down(
    grant: Grant,
    used: Sequence[Draw],
    booked: Sequence[Draw],
    today: date,
    habits: Habits,
    uncovered: Sequence[Draw] = (),
) -> BurnDown:
    """What becomes of an authorization. ``used``: signed visits; ``booked``: booked visits that are to use it, whether
    there was enough to reserve for them or not; ``uncovered``: booked visits known to be beyond it.

    Booked visits come first, in the order of their days; after the last of them, and where nothing is booked, the usual
    frequency goes on, as an estimate. The first visit that does not fit whole ends it.
    """
    spent = sorted(used, key=lambda draw: draw.day)
    left = grant.quantity - grant.used_before - _total(spent)
    pace = _pace(spent, today, habits)
    course = _course(grant, left, booked, today, pace)
    beyond = tuple(sorted((*course.beyond, *uncovered), key=lambda draw: draw.day))
    planned = [draw for draw, kind in course.fitting if kind == "booked"]
    runs_out_on = _last_day(grant, course, spent) if course.empties else None
    opens_on, due_on = reauthorization_days(grant.effective_to, runs_out_on, habits.lead_days)
    down = BurnDown(
        left=left,
        reserved=_total(planned),
        points=_points(grant, spent, course),
        runs_out_on=runs_out_on,
        runs_out_at_visit=_visit_number(grant, spent, course) if course.empties else None,
        estimated=course.empties and any(kind == "estimated" for _, kind in course.fitting),
        first_uncovered_on=beyond[0].day if beyond else None,
        comes_first="run_out" if runs_out_on is not None else "expiry",
        reauthorization_opens_on=opens_on,
        due_on=due_on,
        beyond=beyond,
        dollars_at_risk=habits.expected_payment * len(beyond),
        steps=(),
    )
    return replace(down, steps=_steps(down, grant, pace))


def _pace(spent: Sequence[Draw], today: date, habits: Habits) -> tuple[Decimal, Decimal]:
    """Visits per week, and what a visit usually takes (rounded up)."""
    per_week = habits.visits_per_week
    if per_week is None:
        per_week = usual_frequency([draw.day for draw in spent], today)
    return per_week, Decimal(ceil(_total(spent) / len(spent)) if spent else 1)


def _course(grant: Grant, left: Decimal, booked: Sequence[Draw], today: date, pace: tuple[Decimal, Decimal]) -> _Course:
    ordered = sorted(booked, key=lambda draw: draw.day)
    inside = [draw for draw in ordered if grant.effective_from <= draw.day <= grant.effective_to]
    outside = [draw for draw in ordered if not grant.effective_from <= draw.day <= grant.effective_to]
    needed = list(accumulate(draw.quantity for draw in inside))
    fits = sum(1 for total in needed if total <= left)
    beyond = (*inside[fits:], *outside)
    fitting: list[tuple[Draw, Kind]] = [(draw, "booked") for draw in inside[:fits]]
    remaining = left - _total(inside[:fits])
    if fits < len(inside) or remaining <= 0:
        return _Course(tuple(fitting), beyond, empties=True)
    start = max([today, grant.effective_from - timedelta(days=1), *(draw.day for draw in inside)])
    guessed, empties = _estimate(remaining, start, grant.effective_to, pace)
    return _Course((*fitting, *guessed), beyond, empties)


def _estimate(
    remaining: Decimal, start: date, until: date, pace: tuple[Decimal, Decimal]
) -> tuple[list[tuple[Draw, Kind]], bool]:
    """Visits at the usual frequency from ``start`` on, as many as fit; and whether they leave nothing."""
    per_week, quantity = pace
    if per_week <= 0:
        return [], False
    fits = int(remaining // quantity)
    days = (start + timedelta(days=ceil(number * WEEK / per_week)) for number in range(1, fits + 1))
    guessed: list[tuple[Draw, Kind]] = [(Draw(day, quantity), "estimated") for day in days if day <= until]
    return guessed, len(guessed) == fits


def _total(draws: Sequence[Draw]) -> Decimal:
    return sum((draw.quantity for draw in draws), Decimal(0))


def _last_day(grant: Grant, course: _Course, spent: Sequence[Draw]) -> date:
    days = [draw.day for draw in spent] + [draw.day for draw, _ in course.fitting]
    return max(days, default=grant.effective_from)


def _visit_number(grant: Grant, spent: Sequence[Draw], course: _Course) -> int:
    known = len(spent) + len(course.fitting)
    return known + (int(grant.used_before) if grant.unit_of_measure is UnitOfMeasure.VISITS else 0)


def _points(grant: Grant, spent: Sequence[Draw], course: _Course) -> tuple[Point, ...]:
    left = grant.quantity - grant.used_before
    drawn: list[tuple[Draw, Kind]] = [(draw, "used") for draw in spent]
    points = [Point(min([grant.effective_from, *(draw.day for draw in spent)]), left, "granted")]
    for draw, kind in (*drawn, *course.fitting):
        left -= draw.quantity
        # a booked day may have passed before the visit is signed: it is taken where the ledger ends
        points.append(Point(max(draw.day, points[-1].day), left, kind))
    return tuple(points)


def _steps(down: BurnDown, grant: Grant, pace: tuple[Decimal, Decimal]) -> tuple[Step, ...]:
    def number(quantity: Decimal) -> str:
        return measures.number(quantity, grant.unit_of_measure)

    granted = measures.words(grant.quantity, grant.unit_of_measure)
    told = [f"{granted} granted, {number(grant.quantity - down.left)} used -> {number(down.left)} left"]
    if down.reserved:
        told.append(
            f"{number(down.reserved)} reserved by booked visits -> {number(down.left_after_booked)} left after them"
        )
    if any(point.kind == "estimated" for point in down.points):
        told.append(f"after what is booked, {pace[0]} visits a week as in the last 28 days (an estimate)")
    told.append(_end_in_words(down, grant))
    told.append(f"re-authorization opens {down.reauthorization_opens_on}, due {down.due_on}")
    if down.beyond:
        many = f"{len(down.beyond)} booked visits are" if len(down.beyond) > 1 else "1 booked visit is"
        risk = f": ${down.dollars_at_risk:,.2f} at risk" if down.dollars_at_risk else ""
        told.append(f"{many} beyond it, the first on {down.first_uncovered_on}{risk}")
    return tuple(Step(SUBJECT, text) for text in told)


def _end_in_words(down: BurnDown, grant: Grant) -> str:
    if down.runs_out_on is None:
        return f"ends {grant.effective_to}, before it runs out"
    guess = ", by estimate" if down.estimated else ""
    return f"runs out {down.runs_out_on} with visit {down.runs_out_at_visit}{guess}; ends {grant.effective_to}"
