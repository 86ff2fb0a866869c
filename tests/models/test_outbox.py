"""Word left for a workflow is carried after the facts it tells of, and waiting word is not written twice."""

from sqlalchemy import Engine

from activities.nudges import nudge
from activities.relay import Relay
from models.store.session import practice_session
from models.tables.encounters import EncounterRow
from tests.models.test_guards import a_practice


def test_word_is_not_carried_before_the_facts_behind_it_are_committed(engine: Engine) -> None:
    practice_id = a_practice(engine, "one")
    relay = Relay(engine, None, "nowhere", None)  # type: ignore[arg-type]  # no word is sent, so neither client nor log is asked
    with practice_session(engine, practice_id) as first:
        row = first.query(EncounterRow).first()
        assert row is not None
        nudge(first, row)
    wanted = f"encounter/{row.id}"
    with practice_session(engine, practice_id) as second:
        nudge(second, row)  # the word already waits; these facts do not show yet
        early = [parcel for parcel in relay._take() if parcel.signal == "recheck"]
        assert early == [], "the workflow would look, see nothing, and never be told again"
    carried = [parcel for parcel in relay._take() if parcel.signal == "recheck"]
    assert [parcel.workflow_id for parcel in carried] == [wanted]
    with practice_session(engine, practice_id) as third:  # while it is on its way, news is written anew
        nudge(third, row)
    assert [parcel.workflow_id for parcel in relay._take() if parcel.signal == "recheck"] == [wanted]
