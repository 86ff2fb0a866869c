"""The film of a visit loses no event and no hour, and says on whose account the hours run."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.vocabulary import Stage
from billing.walk import CLINICIAN, DESK, MACHINE, PAYER, Happening, scenes, waited_for

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
KINDS = (
    "encounter.received",
    "hold.opened",
    "hold.cleared",
    "item.asked",
    "decision.override",
    "claim.sent",
    "claim.denied",
    "stage.closed",
    "something.new",
)


def told(*entries: tuple[int, str, str]) -> list[Happening]:
    """(hours after the start, kind, actor)"""
    said = {"hold.opened": "Documentation hold: nobody signed"}
    return [
        Happening(START + timedelta(hours=hours), kind, actor, said.get(kind, kind)) for hours, kind, actor in entries
    ]


def test_days_are_booked_on_whoever_was_waited_for() -> None:
    happened = told(
        (0, "encounter.received", "Firstpass"),
        (1, "hold.opened", "Firstpass"),
        (49, "item.answered", "Jo"),
        (50, "hold.cleared", "Firstpass"),
        (51, "claim.sent", "Firstpass"),
        (411, "claim.denied", "Firstpass"),
        (435, "decision.write_off", "Ana"),
        (435, "stage.closed", "Firstpass"),
    )
    film = scenes(happened, START + timedelta(days=100))
    waited = waited_for(film)
    assert waited[CLINICIAN] == timedelta(hours=48)
    assert waited[PAYER] == timedelta(hours=360)
    assert waited[DESK] == timedelta(hours=25)
    assert waited[MACHINE] == timedelta(hours=2)
    assert [scene.stage for scene in film][:2] == [Stage.INTAKE, Stage.DOCUMENTATION]
    assert film[-1].until is None


def test_an_appeal_waits_on_the_desk_until_it_is_sent_and_then_on_the_payer() -> None:
    happened = told(
        (0, "claim.denied", "Firstpass"), (24, "decision.appeal", "Ana"), (72, "decision.appeal_sent", "Bo")
    )
    waited = waited_for(scenes(happened, START + timedelta(hours=100)))
    assert (waited[DESK], waited[PAYER]) == (timedelta(hours=72), timedelta(hours=28))


def test_an_open_visit_waits_until_now() -> None:
    film = scenes(told((0, "claim.sent", "Firstpass")), START + timedelta(days=3))
    assert (film[0].waits_for, film[0].waited) == (PAYER, timedelta(days=3))
    assert scenes([], START) == ()


@given(st.lists(st.tuples(st.integers(0, 500), st.sampled_from(KINDS), st.sampled_from(["Firstpass", "Ana"]))))
def test_no_event_and_no_hour_is_lost(entries: list[tuple[int, str, str]]) -> None:
    happened = told(*sorted(entries))
    now = START + timedelta(hours=600)
    film = scenes(happened, now)
    assert [one for scene in film for one in scene.happenings] == happened
    for scene, following in pairwise(film):
        assert scene.until == following.at
    if film and film[-1].until:
        inside = sum((scene.happenings[-1].at - scene.at for scene in film), timedelta(0))
        assert inside + sum((scene.waited for scene in film), timedelta(0)) == now - film[0].at
