"""Words to patients: only the placeholders a letter needs, filled in as they are, never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.notices import DEFAULTS, EXAMPLE, PLACEHOLDERS, NoticeKind, Template, filled, problems

FORBIDDEN = ("diagnosis", "member_id", "last_name", "birth_date", "payer")


@pytest.mark.parametrize("kind", NoticeKind)
def test_the_words_firstpass_comes_with_need_no_more_than_is_allowed(kind: NoticeKind) -> None:
    template = DEFAULTS[kind]
    assert problems(kind, template.subject, template.body) == ()
    letter = filled(template, EXAMPLE)
    assert "{" not in letter.subject + letter.body
    assert EXAMPLE["first_name"] in letter.body
    assert not set(FORBIDDEN) & set(PLACEHOLDERS[kind])


@pytest.mark.parametrize(
    ("subject", "body", "sentence"),
    [
        ("Hello", "Your {diagnosis}", "{diagnosis} is not known here"),
        ("Hello", "{estimate}", "{estimate} is not known here"),
        ("", "text", "must not be empty"),
        ("Hello", "{first_name", "open or closed alone"),
        ("Hello", "{first_name}}", "open or closed alone"),
        ("Hello\nBcc: x", "text", "one line"),
        ("x" * 121, "text", "longer than 120"),
        ("Hello", "x" * 4_001, "longer than 4,000"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_with_what_to_do(subject: str, body: str, sentence: str) -> None:
    assert any(sentence in problem for problem in problems(NoticeKind.VISITS_LEFT, subject, body))


@given(name=st.text(max_size=30))
def test_a_name_is_put_in_as_it_is_and_never_breaks_the_subject(name: str) -> None:
    template = Template(NoticeKind.VISITS_LEFT, 1, "For {first_name}", "Hello {first_name}!")
    letter = filled(template, dict(EXAMPLE) | {"first_name": name})
    assert letter.body == f"Hello {name}!"
    assert len(letter.subject.splitlines()) == 1
