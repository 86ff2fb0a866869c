"""Voiding or cutting an authorization on the screen: first what it leaves without one, then the change."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from activities.encounters import EncounterActivities
from billing.vocabulary import Role
from models.messages import LookAtEncounter
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.claims import ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.life import EventRow
from models.tables.practice import PlanTermsRow, PracticeRow
from tests.web.conftest import Browse, House
from tests.web.grants import grant
from tests.web.test_authorization_pages import text_of


@pytest.fixture
def billed(house: House) -> tuple[UUID, AuthorizationRow]:
    """A visit billed under an authorization its plan wants, the claim ready and not sent."""
    visit = house.encounter()
    with practice_session(house.engine, house.practice_id) as session:
        for terms in session.scalars(select(PlanTermsRow)):
            terms.terms = {**terms.terms, "authorization_need": "before_evaluation", "evaluation_exempt": False}
        session.get_one(PracticeRow, house.practice_id).revision += 1
        row = session.get_one(EncounterRow, visit)
        held = {"patient_external_id": row.facts["patient"]["patient_id"], "plan_id": row.plan_id}
        span = {"effective_from": row.date_of_service - timedelta(days=9), "effective_to": row.date_of_service}
        made = grant(session, house, number="AU-CUT", **held, **span)
        session.expunge(made)
    assert look(house, visit, "check_gates") == "clear"
    return visit, made


def look(house: House, visit: UUID, what: str) -> str:
    message = LookAtEncounter(practice_id=house.practice_id, encounter_id=visit, now=datetime.now(UTC))
    return str(getattr(EncounterActivities(house.engine, 0.2), what)(message).outcome)


def form_of(page: str, **changes: str) -> dict[str, str]:
    """The form as the browser would send it."""
    fields = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*?value="([^"]*)"', page))
    fields.pop("voided", None)
    return {name: value for name, value in fields.items() if name != "csrf_token"} | changes


def test_what_a_void_loses_is_seen_beforehand_and_done_once_with_a_reason(
    house: House, browse: Browse, billed: tuple[UUID, AuthorizationRow]
) -> None:
    visit, made = billed
    biller, address = browse(Role.BILLER), f"/authorizations/{made.id}/change"
    assert f'href="{address}"' in biller.get(f"/authorizations/{made.id}").text
    form = form_of(biller.get(address).text, voided="yes", act="foresee")
    seen = biller.post(address, data=form)
    assert "1 claim not sent yet is pulled back" in text_of(seen.text)
    assert "It was voided; not sent yet" in text_of(seen.text)
    assert look(house, visit, "check_claim") == "waiting", "looking changes nothing"
    refused = biller.post(address, data=form | {"act": "confirm"})
    assert "Say why" in text_of(refused.text)
    done = biller.post(address, data=form | {"act": "confirm", "reason": "Ann at Medicare, call 77"})
    assert "Done: 1 claim not sent yet is pulled back." in text_of(done.text)
    assert look(house, visit, "check_claim") == "to_gates"
    assert look(house, visit, "check_gates") == "held"
    with practice_session(house.engine, house.practice_id) as session:
        told = session.scalars(select(EventRow.summary).where(EventRow.kind == "authorization.changed")).all()
    assert told == ["Authorization voided. Ann at Medicare, call 77"]
    late = biller.post(address, data=form | {"act": "confirm", "reason": "twice"})
    assert "changed meanwhile" in text_of(late.text)


def test_a_claim_the_payer_has_says_what_a_person_should_do(
    house: House, browse: Browse, billed: tuple[UUID, AuthorizationRow]
) -> None:
    visit, made = billed
    with practice_session(house.engine, house.practice_id) as session:
        claim = session.scalars(select(ClaimVersionRow).where(ClaimVersionRow.encounter_id == visit)).one()
        claim.status = "sent"
    biller, address = browse(Role.BILLER), f"/authorizations/{made.id}/change"
    form = form_of(biller.get(address).text, effective_to=str(made.effective_from), act="confirm", reason="fewer days")
    done = text_of(biller.post(address, data=form).text)
    assert "Done: 1 claim is with the payer." in done
    assert "ask it which authorization carries the visit" in done
    assert "Billed under it, and not carried by it now" in text_of(biller.get(address).text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quantity": "many"}, "Write the quantity as a number"),
        ({"quantity": "0"}, "quantity must be above zero"),
        ({"effective_to": "1999-01-01"}, "effective_to is before effective_from"),
        ({"effective_to": "soon"}, "effective_to"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    house: House, browse: Browse, billed: tuple[UUID, AuthorizationRow], changes: dict[str, str], said: str
) -> None:
    _, made = billed
    biller, address = browse(Role.BILLER), f"/authorizations/{made.id}/change"
    form = form_of(biller.get(address).text, act="confirm", reason="because", **changes)
    answer = biller.post(address, data=form)
    assert (answer.status_code, said in text_of(answer.text)) == (422, True)


def test_the_front_desk_may_not_and_an_unknown_one_is_not_there(
    house: House, browse: Browse, billed: tuple[UUID, AuthorizationRow]
) -> None:
    _, made = billed
    assert browse(Role.FRONT_DESK).get(f"/authorizations/{made.id}/change").status_code == 403
    assert browse(Role.BILLER).get(f"/authorizations/{uuid4()}/change").status_code == 404
