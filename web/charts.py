"""The burn-down of an authorization as a drawing: plain geometry, so that the template only prints it.

The same facts stand below it as a table, for everybody who does not see the drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from billing import measures
from billing.forecast import BurnDown, Grant, Point
from models.store.courses import Course
from web import formats

WIDTH, HEIGHT = 640, 232
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 58, 26  # what the labels around the plot need
ROW = 16  # between the labels above the plot
TICKS_MAX = 8
KINDS = {"granted": "Granted", "used": "Visit", "booked": "Booked visit", "estimated": "Estimated visit"}


@dataclass(frozen=True, slots=True)
class Mark:
    """An upright line with its words above the plot. kind: today | run_out | expiry."""

    x: float
    text_x: float
    text_y: float
    anchor: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table that says the same."""

    day: str
    what: str
    left: str


@dataclass(frozen=True, slots=True)
class BurnDownChart:
    """Everything the drawing needs. Areas and lines are SVG path data; empty where there is nothing of the kind."""

    id: str
    title: str
    description: str
    used_area: str
    used_line: str
    booked_area: str
    booked_line: str
    ahead_line: str
    beyond: tuple[float, ...]
    marks: tuple[Mark, ...]
    days: tuple[Tick, ...]
    levels: tuple[Tick, ...]
    table: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """Used, reserved and left as shares of the width, in percent."""

    used: str
    reserved_to: str
    text: str
    tone: str


def bar(course: Course, tone: str = "") -> Bar:
    """One authorization in a line: used, reserved by booked visits, left."""
    quantity, used, reserved = course.grant.quantity, course.used, course.down.reserved
    whole = max(quantity, used + reserved, Decimal(1))
    return Bar(
        used=_percent(used / whole),
        reserved_to=_percent((used + reserved) / whole),
        text=_stand(course.grant, course.down),
        tone=tone,
    )


def burn_down_chart(chart_id: str, grant: Grant, down: BurnDown, today: date) -> BurnDownChart:
    """The course of an authorization: used solid, booked hatched, the rest as a line; marks for today and both ends."""
    plot = _Plot.around(grant, down, today)
    used = [point for point in down.points if point.kind in ("granted", "used")]
    booked = [point for point in down.points if point.kind == "booked"]
    guessed = [point for point in down.points if point.kind == "estimated"]
    now = max(used[-1].day, min(max(today, plot.first), grant.effective_to))
    used_steps = plot.steps(used, now)
    booked_steps = plot.steps([Point(now, used[-1].left, "used"), *booked], booked[-1].day) if booked else ()
    last = (booked or used)[-1]
    ahead_to = grant.effective_to if last.left > 0 and now <= grant.effective_to else last.day
    ahead_from = Point(max(now, last.day), last.left, last.kind)
    return BurnDownChart(
        id=chart_id,
        title=f"Burn-down: {_stand(grant, down)}",
        description=". ".join(step.text for step in down.steps),
        used_area=plot.area(used_steps),
        used_line=_path(used_steps),
        booked_area=plot.area(booked_steps),
        booked_line=_path(booked_steps),
        ahead_line=_path(plot.steps([ahead_from, *guessed], max(ahead_to, ahead_from.day))),
        beyond=tuple(plot.x(draw.day) for draw in down.beyond),
        marks=plot.marks(grant, down, today),
        days=plot.day_ticks(),
        levels=plot.level_ticks(grant),
        table=_table(grant, down),
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    """Days to x, quantities to y."""

    first: date
    last: date
    most: Decimal

    @classmethod
    def around(cls, grant: Grant, down: BurnDown, today: date) -> "_Plot":
        days = [grant.effective_to, *(point.day for point in down.points), *(draw.day for draw in down.beyond)]
        first = down.points[0].day
        soon = [today] if first <= today <= max(days) + timedelta(days=14) else []
        return cls(first, max([*days, *soon, first + timedelta(days=1)]), max(grant.quantity, Decimal(1)))

    def x(self, day: date) -> float:
        share = (day - self.first).days / (self.last - self.first).days
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, left: Decimal) -> float:
        share = float(min(max(left, Decimal(0)), self.most) / self.most)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def steps(self, points: Sequence[Point], until: date) -> tuple[tuple[float, float], ...]:
        """The corners of a stair: down on each day, level until the next."""
        corners = [(self.x(points[0].day), self.y(points[0].left))]
        for point in points[1:]:
            corners += [(self.x(point.day), corners[-1][1]), (self.x(point.day), self.y(point.left))]
        return (*corners, (self.x(max(until, points[-1].day)), corners[-1][1]))

    def area(self, corners: Sequence[tuple[float, float]]) -> str:
        """The same, filled down to nothing."""
        if not corners:
            return ""
        ground = self.y(Decimal(0))
        return f"{_path([(corners[0][0], ground), *corners, (corners[-1][0], ground)])}Z"

    def marks(self, grant: Grant, down: BurnDown, today: date) -> tuple[Mark, ...]:
        told = [("expiry", grant.effective_to, f"Ends {formats.day(grant.effective_to)}")]
        if down.runs_out_on is not None:
            guess = ", by estimate" if down.estimated else ""
            visit = f" with visit {down.runs_out_at_visit}" if down.runs_out_at_visit else ""
            told.append(("run_out", down.runs_out_on, f"Runs out {formats.day(down.runs_out_on)}{visit}{guess}"))
        if self.first <= today <= self.last:
            told.append(("today", today, "Today"))
        return tuple(self._mark(kind, day, text, row) for row, (kind, day, text) in enumerate(told))

    def _mark(self, kind: str, day: date, text: str, row: int) -> Mark:
        x = self.x(day)
        right_half = x > (LEFT + WIDTH - RIGHT) / 2
        return Mark(x, x - 4 if right_half else x + 4, 12 + row * ROW, "end" if right_half else "start", text, kind)

    def day_ticks(self) -> tuple[Tick, ...]:
        apart = max(7, -(-(self.last - self.first).days // TICKS_MAX // 7) * 7)
        days = range(0, (self.last - self.first).days - apart // 2, apart)
        ticks = [self.first + timedelta(days=offset) for offset in days] or [self.first]
        return tuple(Tick(self.x(day), f"{day:%m/%d}") for day in ticks)

    def level_ticks(self, grant: Grant) -> tuple[Tick, ...]:
        levels = {Decimal(0), grant.quantity, (grant.quantity / 2).quantize(Decimal(1))}
        return tuple(Tick(self.y(level), measures.number(level, grant.unit_of_measure)) for level in sorted(levels))


def _path(corners: Sequence[tuple[float, float]]) -> str:
    return f"M{'L'.join(f'{x} {y}' for x, y in corners)}" if corners else ""


def _table(grant: Grant, down: BurnDown) -> tuple[Line, ...]:
    def left(quantity: Decimal) -> str:
        return measures.number(quantity, grant.unit_of_measure)

    lines = [(point.day, KINDS[point.kind], left(point.left)) for point in down.points]
    lines += [(draw.day, "Booked visit beyond it", "none for it") for draw in down.beyond]
    lines.append((grant.effective_to, "Ends", left(down.points[-1].left)))
    return tuple(Line(formats.day(day), what, left) for day, what, left in sorted(lines, key=lambda line: line[0]))


def _stand(grant: Grant, down: BurnDown) -> str:
    """``3 used, 2 reserved, 7 left of 12 visits``."""

    def told(quantity: Decimal) -> str:
        return measures.number(quantity, grant.unit_of_measure)

    whole = measures.words(grant.quantity, grant.unit_of_measure)
    used = f"{told(grant.quantity - down.left)} used, {told(down.reserved)} reserved"
    return f"{used}, {told(down.left_after_booked)} left of {whole}"


def _percent(share: Decimal) -> str:
    return f"{float(min(max(share, Decimal(0)), Decimal(1))) * 100:.1f}%"
