"""A decision refused after its person had gone on: the screens are told of the item, and find why at once."""

from collections.abc import Callable
from uuid import uuid4

import psycopg
from sqlalchemy import select
from sqlalchemy.engine import make_url
from starlette.testclient import TestClient

from activities.held_decisions import leave_word
from activities.relay import Parcel, Relay
from billing.vocabulary import Role
from models.messages import Decision
from models.store.session import practice_session
from models.tables.life import OutboxRow
from tests.conftest import Database
from tests.web.conftest import House

Browse = Callable[..., TestClient]
WHY = "It was closed meanwhile."


def test_a_late_refusal_is_told_by_name_and_found_at_once(house: House, database: Database, browse: Browse) -> None:
    item = house.item(queue="scrub")
    decision = Decision(
        practice_id=house.practice_id,
        work_item_id=item,
        command_id=uuid4(),
        user_id=house.users[Role.BILLER],
        decision="not_billable",
        reason="",
    )
    with practice_session(house.engine, house.practice_id) as session:
        assert leave_word(session, house.read(item).workflow_id, decision)
        [parcel_id] = session.scalars(select(OutboxRow.id).where(OutboxRow.signal == f"decide/{item}"))
    relay = Relay(house.engine, None, "nowhere", None)  # type: ignore[arg-type]  # nothing is sent here
    parcel = Parcel(parcel_id, house.read(item).workflow_id, "", decision.model_dump(mode="json"), f"decide/{item}")
    address = make_url(database.app_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as listening:
        listening.execute("LISTEN desk")
        relay._tell_refusal(parcel, WHY)
        told = [notice.payload for notice in listening.notifies(timeout=60, stop_after=1)]
    assert told == [f"{house.practice_id}:scrub:{item}"]
    news = browse(Role.BILLER).get(f"/news/{item}?version=1&leased=0").text
    assert WHY in news
    assert "being applied" not in news
