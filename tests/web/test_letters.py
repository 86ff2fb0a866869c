"""Letters to patients as pages: who may see and change them, and that refused words are not lost."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from billing.vocabulary import Role
from tests.web.conftest import Browse

WORDS = {"subject": "Hi", "body": "Dear {first_name}", "version": "0", "do": "save"}


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.FRONT_DESK, "/notices", 200),
        (Role.CLINICIAN, "/notices", 403),
        (Role.AUDITOR, "/notices", 403),
        (Role.FRONT_DESK, "/notices/templates", 403),
        (Role.SUPERVISOR, "/notices/templates", 200),
        (Role.ADMINISTRATOR, "/notices/templates/patient_pay", 200),
        (Role.SUPERVISOR, "/notices/templates/nonsense", 404),
        (Role.FRONT_DESK, "/mail", 403),
        (Role.SUPERVISOR, "/mail", 404),  # no embedded mail server here
    ],
)
def test_who_may_see_what(browse: Browse, role: Role, path: str, status: int) -> None:
    assert browse(role).get(path).status_code == status


def test_an_empty_store_of_the_embedded_mail_server_is_an_empty_page(
    app: FastAPI, browse: Browse, tmp_path: Path
) -> None:
    browser = browse(Role.SUPERVISOR)
    before = app.state.settings
    app.state.settings = before.model_copy(update={"mail_store": tmp_path / "none"})
    try:
        assert "No letter yet" in browser.get("/mail").text
    finally:
        app.state.settings = before


def test_words_are_kept_as_a_version_and_refused_ones_come_back_as_typed(browse: Browse) -> None:
    browser = browse(Role.SUPERVISOR)
    path = "/notices/templates/reauthorization"
    wrong = browser.post(path, data={**WORDS, "body": "Your {diagnosis} of {visits_left}"})
    assert wrong.status_code == 422
    assert "is not known here" in wrong.text
    assert "Your {diagnosis} of {visits_left}" in wrong.text
    preview = browser.post(path, data={**WORDS, "do": "preview"})
    assert "Dear Ada" in preview.text
    assert browser.post(path, data=WORDS).headers["location"] == f"{path}?saved=1"
    late = browser.post(path, data=WORDS | {"body": "Hello {first_name}"})
    assert late.status_code == 422
    assert "meanwhile" in late.text
    assert "Hello {first_name}" in late.text
