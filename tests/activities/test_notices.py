"""Letters to patients: once per authorization, once over SMTP as far as can be known, with no more than is needed."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from activities.authorizations import AuthorizationActivities
from activities.gateways.mail import Message, NotSent, OutcomeUnknown, SmtpMail
from activities.notice_templates import keep_template
from activities.notices import NoticeActivities, NoticeSendingActivities
from activities.refusals import Refused
from billing.notices import NoticeKind
from models.messages import LookAtAuthorization, LookAtNotice, NoticeRef
from models.store.notices import template_of
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from models.tables.life import OutboxRow
from models.tables.notices import NoticeRow
from models.tables.practice import PracticeRow
from tests.activities.conftest import Books
from tests.activities.mail_server import Post, post_office
from tests.activities.test_authorizations import grant
from tests.workflows.visits import COMMERCIAL, PREFERRED, Visit, visit

LETTER = Message("<one@clinic.example>", "ada@home.example", "A note", "Hello Ada\n")


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office() as made:
        yield made


def patient(books: Books, member_id: str, **facts: Any) -> Visit:
    """A patient with an e-mail address, known from a visit that is held."""
    made = visit(member_id, COMMERCIAL, like=PREFERRED)
    made["patient"] |= {"email": f"{member_id.lower()}@home.example"} | facts
    books.send(made)
    return made


def review(books: Books, authorization_id: UUID) -> None:
    look = LookAtAuthorization(practice_id=books.practice_id, authorization_id=authorization_id, now=datetime.now(UTC))
    AuthorizationActivities(books.engine).review_authorization(look)


def letters(books: Books, authorization_id: UUID) -> list[NoticeRow]:
    return books.rows(NoticeRow, NoticeRow.authorization_id == authorization_id)


def planned(books: Books, member_id: str, **facts: Any) -> NoticeRow:
    """The letter of a patient with four visits left."""
    made = patient(books, member_id, **facts)
    authorization_id = grant(books, made["patient"]["patient_id"], 4)
    review(books, authorization_id)
    [found] = letters(books, authorization_id)
    return found


def reference(notice: NoticeRow) -> NoticeRef:
    return NoticeRef(practice_id=notice.practice_id, notice_id=notice.id)


def again(books: Books, notice: NoticeRow) -> NoticeRow:
    return books.rows(NoticeRow, NoticeRow.id == notice.id)[0]


def sending(books: Books, post: Post, **overrides: Any) -> NoticeSendingActivities:
    return NoticeSendingActivities(books.engine, SmtpMail(post.address(**overrides)))


def set_desk(books: Books, **settings: Any) -> None:
    with practice_session(books.engine, books.practice_id) as session:
        row = session.get_one(PracticeRow, books.practice_id)
        row.profile = row.profile | {"desk": row.profile.get("desk", {}) | settings}


def look(books: Books, notice: NoticeRow) -> str:
    message = LookAtNotice(practice_id=books.practice_id, notice_id=notice.id, now=books.now)
    return NoticeActivities(books.engine).look_at_notice(message).outcome


# --- the gateway ------------------------------------------------------------------------------------------------


def test_a_letter_arrives_as_plain_text_with_its_id(post: Post) -> None:
    SmtpMail(post.address()).send(LETTER)
    [kept] = post.kept
    assert (kept["To"], kept["Message-ID"], kept["Subject"]) == ("ada@home.example", LETTER.message_id, "A note")
    assert kept["Auto-Submitted"] == "auto-generated"
    assert kept.get_content_type() == "text/plain"
    assert kept.get_payload().strip() == "Hello Ada"


@pytest.mark.parametrize(
    ("script", "permanent"),
    [
        ({"rcpt": ["550 no such user ada@home.example"]}, True),
        ({"rcpt": ["451 greylisted"]}, False),
        ({"data": ["554 refused"]}, True),
        ({"data": ["452 full"]}, False),
    ],
)
def test_a_refusal_is_known_to_be_one_and_repeats_no_address(
    post: Post, script: dict[str, Any], permanent: bool
) -> None:
    for name, answers in script.items():
        setattr(post, name, answers)
    with pytest.raises(NotSent) as refused:
        SmtpMail(post.address()).send(LETTER)
    assert refused.value.permanent is permanent
    assert "ada" not in str(refused.value)
    assert not post.kept


def test_a_server_that_is_away_or_wants_a_log_in_is_tried_again(post: Post) -> None:
    for address in (post.address(port=1), post.address(user="desk", password="wrong"), post.address(tls="starttls")):
        with pytest.raises(NotSent) as refused:
            SmtpMail(address).send(LETTER)
        assert not refused.value.permanent


def test_a_connection_lost_after_the_text_leaves_the_outcome_unknown(post: Post) -> None:
    post.data = ["hang up"]
    with pytest.raises(OutcomeUnknown):
        SmtpMail(post.address()).send(LETTER)


# --- planning ---------------------------------------------------------------------------------------------------


def test_at_four_visits_left_the_patient_is_told_once_and_nothing_is_said_that_is_not_needed(books: Books) -> None:
    made = patient(books, "MAILFOUR")
    patient_id = made["patient"]["patient_id"]
    early = grant(books, patient_id, 5, number="MAIL-5")
    review(books, early)
    assert letters(books, early) == []
    at_four = grant(books, patient_id, 4, number="MAIL-4")
    review(books, at_four)
    review(books, at_four)
    [letter] = letters(books, at_four)
    assert (letter.kind, letter.state, letter.template_version) == ("visits_left", "queued", 0)
    assert f"Hello {made['patient']['first_name']}" in letter.body
    assert "4 more visits" in letter.body
    secrets = [made["patient"]["last_name"], patient_id, "MAILFOUR", "MAIL-4", made["clinical"]["diagnoses"][0]["code"]]
    assert not [word for word in secrets if word in letter.body + letter.subject]
    word = books.rows(OutboxRow, OutboxRow.workflow_id == f"notice/{letter.id}")
    assert len(word) == 1


def test_when_the_next_approval_is_asked_for_the_patient_is_told_so_instead(books: Books) -> None:
    made = patient(books, "MAILREAUTH")
    ending = grant(books, made["patient"]["patient_id"], 20, last=3)
    review(books, ending)
    assert [letter.kind for letter in letters(books, ending)] == ["reauthorization"]


def test_without_e_mail_or_with_paper_preferred_the_letter_waits_to_be_printed(books: Books) -> None:
    paper = planned(books, "MAILPAPER", contact_preference="paper")
    none = planned(books, "MAILNONE", email=None)
    assert (paper.state, none.state, paper.address) == ("no_address", "no_address", "")
    assert not books.rows(OutboxRow, OutboxRow.workflow_id == f"notice/{paper.id}")


def test_a_practice_may_tell_patients_nothing_and_an_unknown_patient_is_not_told(books: Books) -> None:
    stranger = grant(books, "NEVER-SEEN", 2)
    review(books, stranger)
    assert letters(books, stranger) == []
    set_desk(books, patient_notices=False)
    try:
        made = patient(books, "MAILOFF")
        silent = grant(books, made["patient"]["patient_id"], 2)
        review(books, silent)
        assert letters(books, silent) == []
    finally:
        set_desk(books, patient_notices=True)


# --- sending ----------------------------------------------------------------------------------------------------


def test_a_letter_is_sent_once_however_often_it_is_asked_for(
    books: Books, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    letter = planned(books, "MAILONCE")
    mail = sending(books, post)
    for _ in range(3):
        mail.send_notice(reference(letter))
    assert len(post.kept) == 1
    sent = again(books, letter)
    assert (sent.state, sent.attempts) == ("sent", 1)
    assert sent.settled_at is not None
    assert post.kept[0]["Message-ID"] == sent.message_id
    ours = [entry.getMessage() for entry in caplog.records if entry.name != "mail.log"]  # the stand-in's own
    assert not any("mailonce@home.example" in line for line in ours)
    assert look(books, letter) == "over"


def test_a_deferred_letter_is_offered_again_with_the_same_id_until_it_is_taken(books: Books, post: Post) -> None:
    letter = planned(books, "MAILDEFER")
    post.rcpt = ["451 later", "250 OK"]
    mail = sending(books, post)
    with pytest.raises(ApplicationError):
        mail.send_notice(reference(letter))
    first_id = again(books, letter).message_id
    assert again(books, letter).state == "queued"
    mail.send_notice(reference(letter))
    assert (again(books, letter).state, post.kept[0]["Message-ID"]) == ("sent", first_id)


def test_attempts_end_and_a_permanent_refusal_ends_them_at_once(books: Books, post: Post) -> None:
    letter = planned(books, "MAILTWICE")
    post.rcpt = ["451 later"] * 5
    mail = sending(books, post, attempts_max=2)
    with pytest.raises(ApplicationError):
        mail.send_notice(reference(letter))
    mail.send_notice(reference(letter))
    assert (again(books, letter).state, again(books, letter).attempts) == ("failed", 2)

    gone = planned(books, "MAILGONE")
    post.rcpt = ["550 gone"]
    mail.send_notice(reference(gone))
    assert (again(books, gone).state, again(books, gone).outcome[:28]) == ("failed", "the mail server answered 550")


def test_an_unknown_outcome_is_said_and_not_repeated_unless_the_settings_allow_it(books: Books, post: Post) -> None:
    letter = planned(books, "MAILUNSURE")
    post.data = ["hang up"]
    sending(books, post).send_notice(reference(letter))
    assert again(books, letter).state == "unknown"
    sending(books, post).send_notice(reference(letter))
    assert len(post.kept) == 1

    bolder = planned(books, "MAILBOLD")
    post.data = ["hang up"]
    mail = sending(books, post, unknown_retries=1)
    with pytest.raises(ApplicationError):
        mail.send_notice(reference(bolder))
    mail.send_notice(reference(bolder))
    assert again(books, bolder).state == "sent"
    assert post.kept[1]["Message-ID"] == post.kept[2]["Message-ID"]


def test_a_worker_killed_while_sending_leaves_a_letter_that_may_have_been_sent(books: Books, post: Post) -> None:
    letter = planned(books, "MAILKILLED")
    with practice_session(books.engine, books.practice_id) as session:
        row = session.get_one(NoticeRow, letter.id)
        row.state, row.attempts = "sending", 1
    sending(books, post).send_notice(reference(letter))
    assert again(books, letter).state == "unknown"
    assert post.kept == []


def test_without_a_mail_server_the_letter_says_so_and_can_be_printed(books: Books) -> None:
    letter = planned(books, "MAILLESS")
    NoticeSendingActivities(books.engine, None).send_notice(reference(letter))
    assert again(books, letter).state == "failed"
    assert "FIRSTPASS_SMTP_HOST" in again(books, letter).outcome


def test_where_the_practice_wants_it_the_front_desk_is_asked_to_print(books: Books) -> None:
    set_desk(books, print_notices=True)
    try:
        letter = planned(books, "MAILPRINT", email=None)
        assert look(books, letter) == "print"
        items = books.rows(WorkItemRow, WorkItemRow.subject == f"notice/{letter.id}", WorkItemRow.closed_at.is_(None))
        assert [(item.queue, item.kind, item.whose_move) for item in items] == [
            ("authorization", "print_notice", "front_desk")
        ]
        assert "done" in books.decide(items[0], "printed", role="front_desk")
        assert look(books, letter) == "over"
        assert again(books, letter).state == "printed"
        assert books.rows(WorkItemRow, WorkItemRow.id == items[0].id)[0].closed_at is not None
    finally:
        set_desk(books, print_notices=False)


# --- words ------------------------------------------------------------------------------------------------------


def test_a_practices_own_words_are_versions_and_the_next_letter_carries_them(books: Books) -> None:
    kind = NoticeKind.VISITS_LEFT

    def keep(seen: int, body: str) -> int:
        with practice_session(books.engine, books.practice_id) as session:
            practice = session.get_one(PracticeRow, books.practice_id)
            return keep_template(session, practice, "Sasha", kind, seen, ("Hi", body))

    assert keep(0, "{first_name}, {visits_left} left.") == 1
    assert keep(1, "{first_name}, {visits_left} left.") == 1  # nothing changed
    with pytest.raises(Refused, match="meanwhile"):
        keep(0, "too late")
    with pytest.raises(Refused, match="not known here"):
        keep(1, "Your {diagnosis}")
    letter = planned(books, "MAILWORDS")
    assert (letter.template_version, letter.subject) == (1, "Hi")
    assert letter.body.endswith(", 4 left.\n")
    with practice_session(books.engine, books.practice_id) as session:
        assert template_of(session, kind).version == 1
