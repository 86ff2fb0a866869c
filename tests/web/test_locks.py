"""Who locks a visit, its patient or the authorizations does not stop those who only refer to them."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from activities.look import lock_encounter
from models.store.session import practice_session
from models.store.visits import lock_patient
from models.tables.encounters import EncounterVersionRow
from tests.web.conftest import House

SOON = text("SET LOCAL lock_timeout = '300ms'")


def test_what_refers_to_a_locked_visit_is_written_without_waiting_and_a_second_lock_waits(house: House) -> None:
    """A reference waited for the visit's lock, and held another its holder waited for: a deadlock."""
    visit = house.encounter()
    refers = EncounterVersionRow(
        practice_id=house.practice_id, encounter_id=visit, version=77, raw={}, sha256="", source="test"
    )
    with practice_session(house.engine, house.practice_id) as holder:
        lock_patient(holder, lock_encounter(holder, visit))
        with practice_session(house.engine, house.practice_id) as other:
            other.execute(SOON)
            other.add(refers)
            other.flush()
        with practice_session(house.engine, house.practice_id) as other:
            other.execute(SOON)
            with pytest.raises(OperationalError, match="lock timeout"):
                lock_encounter(other, visit)
            other.rollback()
