"""How often one click at the desk asks the database: somebody waits for each round trip."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import ARRAY, Integer, column, event, false, func, literal, null, select

from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from tests.web.conftest import Browse, House, viewer
from web.reads.counts import Counts
from web.reads.together import Together
from web.reads.told import ScreenReads

IN_PANE = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#pane"}
SCRUB = "/queues/scrub"


@contextmanager
def counted(house: House) -> Iterator[list[str]]:
    """The statements asked within."""
    asked: list[str] = []

    def hear(*told: object) -> None:
        asked.append(str(told[2]))

    event.listen(house.engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(house.engine, "before_cursor_execute", hear)


@pytest.fixture
def held(house: House, app: FastAPI) -> list[str]:
    """Three items with a visit, in an application that has a decision wait for ten seconds."""
    app.state.settings = app.state.settings.model_copy(update={"undo_seconds": 10})
    visits = [house.encounter(f"CH-{number}") for number in range(3)]
    return [
        str(house.item(queue="scrub", encounter_id=visit, subject=f"encounter/{visit}", amount=20)) for visit in visits
    ]


def test_get_next_asks_at_most_five_times(house: House, browse: Browse, held: list[str]) -> None:
    supervisor = browse(Role.SUPERVISOR)
    for _ in range(2):  # the second passes the first over
        with counted(house) as asked:
            assert supervisor.post(f"{SCRUB}/next", headers=IN_PANE).status_code == 200
    assert len(asked) <= 5, "\n".join(asked)


def test_opening_an_item_asks_at_most_five_times(house: House, browse: Browse, held: list[str]) -> None:
    supervisor = browse(Role.SUPERVISOR)
    supervisor.get(f"{SCRUB}/{held[0]}", headers=IN_PANE)
    with counted(house) as asked:
        assert supervisor.get(f"{SCRUB}/{held[1]}", headers=IN_PANE).status_code == 200
    assert len(asked) <= 5, "\n".join(asked)


def test_a_decision_and_its_answer_ask_at_most_21_times(house: House, browse: Browse, held: list[str]) -> None:
    supervisor = browse(Role.SUPERVISOR)
    for item in held[:2]:
        form = {"decision": "not_billable", "reason": "courtesy", "version": "1", "command_id": str(uuid4())}
        with counted(house) as asked:
            answer = supervisor.post(f"/items/{item}/decide", data=form, headers=IN_PANE)
        assert "will be applied at" in answer.text
    assert len(asked) <= 21, "\n".join(asked)


def test_a_sign_of_life_asks_three_times_and_once_more_to_tell_others_of_somebody_new(
    house: House, browse: Browse, held: list[str]
) -> None:
    supervisor = browse(Role.SUPERVISOR)
    told = []
    for item in (held[1], held[0], held[0]):
        with counted(house) as asked:
            assert supervisor.post(f"/items/{item}/here", headers=IN_PANE).status_code == 204
        told.append((len(asked), sum("pg_notify" in statement for statement in asked)))
    assert told[1:] == [(4, 1), (3, 0)]  # the first of all reads the practice's settings, which are kept
    assert "Sam Okafor" in browse(Role.BILLER).get(f"{SCRUB}/{held[0]}", headers=IN_PANE).text
    assert browse(Role.CLINICIAN).post(f"/items/{held[0]}/here", headers=IN_PANE).status_code == 404


def test_going_asks_twice_and_frees_the_lease(house: House, browse: Browse, held: list[str]) -> None:
    biller, other = browse(Role.BILLER), browse(Role.SUPERVISOR)
    given = biller.post(f"{SCRUB}/next", headers=IN_PANE).headers["HX-Push-Url"].rsplit("/", 1)[1].partition("?")[0]
    biller.post(f"/items/{given}/here", headers=IN_PANE)
    assert other.get(f"{SCRUB}/{given}", headers=IN_PANE).text.count("Ana Ruiz") > 1  # at it, and to be given items
    with counted(house) as asked:
        assert biller.post(f"/items/{given}/left", headers=IN_PANE).status_code == 204
    assert len(asked) == 2, "\n".join(asked)
    assert other.get(f"{SCRUB}/{given}", headers=IN_PANE).text.count("Ana Ruiz") == 1


def test_what_is_asked_together_comes_as_it_would_apart(house: House) -> None:
    numbers = select(column("n", Integer)).select_from(func.generate_series(3, 1, -1).alias("n"))
    together = Together(
        some=numbers.add_columns(literal("x").label("said"), null().label("nothing")), none=numbers.where(false())
    )
    with practice_session(house.engine, house.practice_id) as session:
        found = together.read(session, {})
    assert [(row.n, row.said, row.nothing) for row in found.some] == [(3, "x", None), (2, "x", None), (1, "x", None)]
    assert found.none == []


def test_arrays_are_not_asked_together_because_postgres_wants_them_all_as_long() -> None:
    with pytest.raises(TypeError, match="codes has a column that is an array"):
        Together(codes=select(column("codes", ARRAY(Integer))))


def test_an_item_that_cannot_be_shown_is_passed_over_by_the_next_click(
    house: House, browse: Browse, held: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor, given = browse(Role.SUPERVISOR), []

    def breaks(_: object, row: WorkItemRow) -> None:
        given.append(row.id)
        raise KeyError("claim")

    with monkeypatch.context() as broken:
        broken.setattr("web.reads.shown.is_shown", breaks)
        assert supervisor.post(f"{SCRUB}/next", headers=IN_PANE).status_code == 500
    assert len(set(given)) == 1
    after = supervisor.post(f"{SCRUB}/next", headers=IN_PANE)
    assert after.status_code == 200
    assert f'data-item="{given[0]}"' not in after.text


def test_several_queues_are_counted_with_all_queues_beside_them_counted_once(house: House) -> None:
    """The rail is the same beside each of them, and the dearest of the statements but one."""
    biller = viewer(house)
    reads = ScreenReads(house.engine, Counts(house.engine, lambda: "", lambda: datetime.now(UTC)))
    with counted(house) as asked:
        told = reads.counts(biller, ["scrub", "posting", "denials"], [biller.user_id])
    assert set(told) == {"scrub", "posting", "denials"}
    assert len([each for each in asked if "unnest" in each]) == 1, "\n".join(asked)


def test_the_supervisors_page_reads_the_items_three_times(house: House, browse: Browse, held: list[str]) -> None:
    """All that is counted of open items at once; what came by day; what is stuck."""
    supervisor = browse(Role.SUPERVISOR)
    supervisor.get("/supervisor")  # the first of all reads the practice's settings, which are kept
    with counted(house) as asked:
        assert supervisor.get("/supervisor").status_code == 200
    assert sum("FROM work_items" in statement for statement in asked) == 3, "\n".join(asked)
    assert len(asked) <= 11, "\n".join(asked)
