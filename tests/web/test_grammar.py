"""The text language of a queue: what is typed is understood, or it is said what was not."""

import string

from hypothesis import given
from hypothesis import strategies as st

from web.grammar import EXAMPLES, NUMBERS, TEXTS, Term, parse


def test_terms_and_words_are_told_apart() -> None:
    asked = parse('payer:bcbs,"blue cross" age>5 owner:me due<3 amount>=$1284.50 -discipline:PT kim rosa')
    assert [str(term) for term in asked.terms] == [
        'payer:bcbs,"blue cross"',
        "age>5",
        "owner:me",
        "due<3",
        "amount>=1284.5",
        "-discipline:pt",
    ]
    assert asked.words == "kim rosa"
    assert not asked.problems


def test_no_searched_word_stands_in_the_address() -> None:
    assert parse("kim payer:bcbs rosa").address == "payer:bcbs"


def test_hours_are_parts_of_days() -> None:
    assert parse("age<12h").terms == (Term("age", "<", ("0.5",)),)


def test_what_is_not_understood_is_named_with_what_is_legal_and_the_rest_counts() -> None:
    asked = parse("agee>5 discipline:dance age>soon payer> waiting:payer due:overdue")
    assert [str(term) for term in asked.terms] == ["waiting:payer", "due:overdue"]
    bad_key, bad_value, bad_number = asked.problems
    assert "“agee>5”" in bad_key
    assert all(key in bad_key for key in EXAMPLES)
    assert "“discipline:dance”" in bad_value
    assert "pt, ot, slp" in bad_value
    assert "“age>soon”" in bad_number
    assert "days" in bad_number
    assert asked.words == "payer>"


def test_every_example_is_legal() -> None:
    for example in ", ".join(EXAMPLES.values()).replace("(days)", "").split(", "):
        asked = parse(example)
        assert len(asked.terms) == 1, example
        assert not asked.problems
    assert set(EXAMPLES) == set(TEXTS) | set(NUMBERS)


@given(st.text(alphabet=string.printable, max_size=120))
def test_whatever_is_typed_is_read_and_its_address_reads_the_same(typed: str) -> None:
    asked = parse(typed)
    again = parse(asked.address)
    assert again.terms == asked.terms
    assert again.words == ""
    assert not again.problems


@given(st.sampled_from(sorted(TEXTS)), st.text(alphabet=string.ascii_letters + ' ,"-', min_size=1, max_size=30))
def test_a_quoted_value_survives_the_address(key: str, value: str) -> None:
    asked = parse(f'{key}:"{value}"')
    assert parse(asked.address).terms == asked.terms
