"""What can be reached by name: only what this person may see, found by how numbers and names begin."""

import re

import pytest

from billing.vocabulary import Role
from tests.web.conftest import Browse, House
from web.app import PAGES
from web.routes import Page

IN_PALETTE = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#palette-found"}

NO_PLACES = {
    "/login": "before anybody is anywhere",
    "/go": "the palette itself",
    "/desk": "a part of the home page",
    "/holds/list": "a part of the home page",
    "/events": "a stream",
    "/supervisor/items": "what stands behind a figure of the supervisor's page",
    "/mail": "only where the embedded mail server runs; linked from the letters",
}


def pages_without_parameters() -> set[str]:
    routes = [route for module in PAGES for route in module.router.routes if isinstance(route, Page)]
    found = {route.path for route in routes if "GET" in (route.methods or ()) and "{" not in route.path}
    assert found  # included in the application, a route stands inside its router
    return found


def found(browse: Browse, role: Role, typed: str) -> str:
    return str(browse(role).post("/go", data={"text": typed}, headers=IN_PALETTE).text)


def test_a_visit_is_found_by_its_number_or_its_patients_with_what_waits_before_it(house: House, browse: Browse) -> None:
    visit = house.encounter("CH-7001")
    item = house.item(encounter_id=visit, reason="The note is not signed")
    page = found(browse, Role.BILLER, "ch-70")
    assert page.index(f"/queues/documentation/{item}") < page.index(f"/encounters/{visit}")
    assert "Visit CH-7001" not in found(browse, Role.BILLER, "7001")  # numbers are found by how they begin
    assert "Visit CH-7001" not in found(browse, Role.BILLER, "c")
    assert "Visit" not in found(browse, Role.BILLER, "ch_70")  # no wildcard of SQL's


def test_everybody_finds_their_own_places(house: House, browse: Browse) -> None:
    browse(Role.SUPERVISOR).post("/queues/denials/views", data={"name": "Big ones", "q": "amount>500", "for": "me"})
    assert "Big ones" in found(browse, Role.SUPERVISOR, "big")
    assert "Big ones" not in found(browse, Role.BILLER, "big")
    assert "/queues/denials" in found(browse, Role.BILLER, "den")
    assert "/queues/denials" not in found(browse, Role.FRONT_DESK, "den")
    assert "/supervisor" not in found(browse, Role.BILLER, "")
    assert "/audit" in found(browse, Role.AUDITOR, "audit")


@pytest.mark.parametrize("role", list(Role))
def test_every_page_that_a_role_may_open_is_in_its_palette_and_no_other(
    house: House, browse: Browse, role: Role
) -> None:
    """A new page is put into web.shell.PAGES, or into the exceptions here with the reason."""
    pages = pages_without_parameters() - NO_PLACES.keys()
    browser = browse(role)
    opened = {path for path in pages if browser.get(path).status_code == 200}
    offered = re.findall(r'id="go-page-\d+" href="([^"]+)"', found(browse, role, ""))
    assert len(offered) == len(set(offered))
    assert set(offered) == opened


def test_no_exception_of_the_palette_outlives_its_page() -> None:
    assert NO_PLACES.keys() <= pages_without_parameters()


def test_a_page_is_found_by_its_name_and_by_that_of_the_page_it_belongs_to(house: House, browse: Browse) -> None:
    assert "/authorizations/bookings" in found(browse, Role.FRONT_DESK, "booki")
    assert "/notices" in found(browse, Role.BILLER, "letter")
    assert "/authorizations/horizon" in found(browse, Role.SUPERVISOR, "auth")
    assert "/meeting" in found(browse, Role.AUDITOR, "meet")


def test_a_clinician_finds_only_own_visits(house: House, browse: Browse) -> None:
    house.encounter("CH-7001")
    assert ("CH-7001" in found(browse, Role.CLINICIAN, "CH-70")) == (
        "CH-7001" in browse(Role.CLINICIAN).get("/encounters").text
    )


def test_without_script_it_is_a_page_and_what_was_typed_stands_in_no_address(house: House, browse: Browse) -> None:
    browser = browse(Role.BILLER)
    assert "Denials" in browser.get("/go").text
    answer = browser.post("/go", data={"text": "denials"})
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert 'value="denials"' in answer.text
