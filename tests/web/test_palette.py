"""What can be reached by name: only what this person may see, found by how numbers and names begin."""

from billing.vocabulary import Role
from tests.web.conftest import Browse, House

IN_PALETTE = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#palette-found"}


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
