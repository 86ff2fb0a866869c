"""The drawing of an authorization's course says the same as its numbers, in words as well."""

import re
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.forecast import Draw, Grant, Habits, burn_down
from billing.vocabulary import UnitOfMeasure
from models.store.courses import Course
from models.tables.authorizations import AuthorizationRow
from web.charts import HEIGHT, WIDTH, Bar, BurnDownChart, bar, burn_down_chart
from web.templating import environment

FROM, TO, TODAY = date(2026, 3, 1), date(2026, 5, 29), date(2026, 4, 1)


def drawn(quantity: int, used: list[Draw], booked: list[Draw], today: date = TODAY) -> BurnDownChart:
    grant = Grant(Decimal(quantity), UnitOfMeasure.VISITS, FROM, TO)
    down = burn_down(grant, used, booked, today, Habits(lead_days=7, expected_payment=Decimal("107.00")))
    return burn_down_chart("course", grant, down, today)


def days(*offsets: int) -> list[Draw]:
    return [Draw(TODAY + timedelta(days=offset)) for offset in offsets]


def printed(chart: BurnDownChart) -> str:
    return environment().get_template("parts/burn_down.html").render(chart=chart)


def test_used_booked_and_beyond_are_told_apart_and_both_ends_are_marked() -> None:
    chart = drawn(5, days(-20, -10, -3), days(2, 5, 9))
    assert chart.used_area
    assert chart.booked_area
    assert len(chart.beyond) == 1
    assert [mark.text for mark in chart.marks] == [
        "Ends 05/29/2026",
        "Runs out 04/06/2026 with visit 5",
        "Today",
    ]
    rows = [(line.day, line.what, line.left) for line in chart.table]
    assert ("04/10/2026", "Booked visit beyond it", "none for it") in rows
    assert rows[0] == ("03/01/2026", "Granted", "5")


def test_a_screen_reader_hears_the_title_the_steps_and_finds_a_table() -> None:
    page = printed(drawn(5, days(-20, -10, -3), days(2, 5, 9)))
    assert 'role="img"' in page
    assert "Burn-down: 3 used, 2 reserved, 0 left of 5 visits" in page
    assert "1 booked visit is beyond it" in page
    assert "<table>" in page


def test_an_authorization_nobody_has_used_is_drawn_too() -> None:
    chart = drawn(5, [], [])
    assert chart.booked_area == ""
    assert [mark.kind for mark in chart.marks] == ["expiry", "today"]
    assert "Runs out" not in printed(chart)


@given(
    st.integers(0, 40),
    st.lists(st.dates(FROM - timedelta(days=5), TODAY).map(Draw), max_size=12),
    st.lists(st.dates(TODAY - timedelta(days=9), TO + timedelta(days=30)).map(Draw), max_size=12),
    st.dates(FROM - timedelta(days=60), TO + timedelta(days=300)),
)
def test_nothing_is_drawn_outside_the_picture(quantity: int, used: list[Draw], booked: list[Draw], today: date) -> None:
    page = printed(drawn(quantity, used, booked, today))
    for path in re.findall(r' d="(M[^"]*?)Z?"', page):
        for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path):
            assert 0 <= float(x) <= WIDTH
            assert 0 <= float(y) <= HEIGHT
    for x in re.findall(r' x="([^"]+)"', page):
        assert 0 <= float(x) <= WIDTH


def test_the_bar_of_a_row_adds_up_and_says_its_numbers() -> None:
    def told(quantity: int, used: list[Draw], booked: list[Draw]) -> Bar:
        grant = Grant(Decimal(quantity), UnitOfMeasure.VISITS, FROM, TO)
        return bar(Course(AuthorizationRow(), grant, burn_down(grant, used, booked, TODAY, Habits(lead_days=7))))

    half = told(12, days(-6, -5, -4, -3, -2, -1), days(1, 2, 3))
    assert (half.used, half.reserved_to) == ("50.0%", "75.0%")
    assert half.text == "6 used, 3 reserved, 3 left of 12 visits"
    assert told(2, days(-6, -5, -4), []).used == "100.0%"
