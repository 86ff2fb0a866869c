"""Who gets in, how long it lasts, and what a form must carry."""

from datetime import datetime

from sqlalchemy import Engine, select, update

from billing.vocabulary import Role
from models.store.session import practice_session
from models.tables.access import SessionRow, UserRow
from models.tables.life import AuditRow
from tests.web.conftest import Browse, House
from web.sessions import _passwords


def with_password(house: House, password: str = "correct horse") -> str:
    with practice_session(house.engine, house.practice_id) as session:
        session.execute(
            update(UserRow)
            .where(UserRow.id == house.users[Role.BILLER])
            .values(password_hash=_passwords.hash(password))
        )
    return "biller@one.example"


def audited(house: House) -> list[str]:
    with practice_session(house.engine, house.practice_id) as session:
        return list(session.scalars(select(AuditRow.action).order_by(AuditRow.id)))


def test_log_in_opens_a_session_and_keeps_only_its_hash(house: House, browse: Browse) -> None:
    email = with_password(house)
    browser = browse(None)
    answer = browser.post("/login", data={"email": email.upper(), "password": "correct horse", "next": "/encounters"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/encounters")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert browser.get("/encounters").status_code == 200
    with practice_session(house.engine, house.practice_id) as session:
        [kept] = session.scalars(select(SessionRow))
    assert kept.token_hash not in cookie
    assert "login.opened" in audited(house)


def test_wrong_password_and_unknown_address_get_the_same_answer(house: House, browse: Browse) -> None:
    email = with_password(house)
    wrong = browse(None).post("/login", data={"email": email, "password": "wrong"})
    unknown = browse(None).post("/login", data={"email": "nobody@one.example", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(email, "") == unknown.text.replace("nobody@one.example", "")
    assert "login.refused" in audited(house)


def test_eleventh_attempt_waits(house: House, browse: Browse) -> None:
    browser = browse(None)
    for _ in range(10):
        assert browser.post("/login", data={"email": "x@one.example", "password": ""}).status_code == 401
    assert browser.post("/login", data={"email": "x@one.example", "password": ""}).status_code == 429


def test_log_in_never_leads_to_another_site(house: House, browse: Browse) -> None:
    email = with_password(house)
    form = {"email": email, "password": "correct horse", "next": "//evil.example/"}
    assert browse(None).post("/login", data=form).headers["location"] == "/"


def test_log_out_ends_the_session_on_the_server(house: House, browse: Browse) -> None:
    browser = browse(Role.BILLER)
    token = browser.cookies["firstpass"]
    assert browser.post("/logout").headers["location"] == "/login"
    browser.cookies.set("firstpass", token)  # a copied cookie
    assert browser.get("/").headers["location"] == "/login?ended=1"


def test_idle_session_ends(browse: Browse) -> None:
    assert browse(Role.BILLER, seen_minutes_ago=29).get("/").status_code == 200
    assert browse(Role.BILLER, seen_minutes_ago=31).get("/").status_code == 303


def test_session_ends_after_twelve_hours_however_busy(browse: Browse) -> None:
    assert browse(Role.BILLER, opened_hours_ago=12).get("/").status_code == 303


def last_seen(house: House) -> datetime:
    """Of the only session."""
    with practice_session(house.engine, house.practice_id) as session:
        return session.scalars(select(SessionRow.last_seen_at)).one()


def test_polling_does_not_keep_a_session_alive_but_a_click_does(house: House, browse: Browse) -> None:
    browser = browse(Role.BILLER, seen_minutes_ago=20)

    before = last_seen(house)
    assert browser.get("/desk").status_code == 200
    assert browser.get("/desk").status_code == 200
    assert browser.post("/queues/documentation/fresh").status_code == 200
    assert last_seen(house) == before
    assert browser.get("/").status_code == 200
    assert last_seen(house) != before


def test_who_writes_keeps_the_session_alive(house: House, browse: Browse) -> None:
    browser = browse(Role.BILLER, seen_minutes_ago=20)

    before = last_seen(house)
    assert browser.post("/awake").status_code == 204
    assert last_seen(house) != before


def test_whoever_comes_from_a_session_that_is_over_is_told_what_was_not_saved(browse: Browse) -> None:
    browser = browse(Role.BILLER, seen_minutes_ago=31)
    address = browser.get("/queues/scrub").headers["location"]
    assert address == "/login?next=/queues/scrub&ended=1"
    assert "was not saved" in browser.get(address).text
    assert "was not saved" not in browser.get("/login").text


def test_htmx_is_told_to_leave_for_the_log_in_page(browse: Browse) -> None:
    answer = browse(None).get(
        "/desk", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/queues/scrub?x=1"}
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=/queues/scrub"


def test_disabled_user_is_out_at_once(house: House, owner_engine: Engine, browse: Browse) -> None:
    browser = browse(Role.BILLER)
    with owner_engine.begin() as connection:
        connection.execute(update(UserRow).values(disabled_at=UserRow.created_at))
    assert browser.get("/").status_code == 303


def test_form_without_the_sessions_token_is_refused(house: House, browse: Browse) -> None:
    item = house.item()
    browser = browse(Role.BILLER)
    del browser.headers["X-CSRF-Token"]
    assert browser.post(f"/items/{item}/take", data={"version": "1"}).status_code == 403
    assert browser.post(f"/items/{item}/take", data={"version": "1", "csrf_token": "guess"}).status_code == 403
    assert house.read(item).owner_id is None


def test_post_from_another_site_is_refused(house: House, browse: Browse) -> None:
    item = house.item()
    browser = browse(Role.BILLER)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        assert browser.post(f"/items/{item}/take", data={"version": "1"}, headers=headers).status_code == 403
    ours = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
    assert browser.post(f"/items/{item}/take", data={"version": "1"}, headers=ours).status_code == 200


def test_every_answer_carries_the_security_headers(browse: Browse) -> None:
    for path in ("/login", "/static/app.css", "/no-such-page"):
        headers = browse(None).get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert browse(None).get("/login").headers["cache-control"] == "no-store"
