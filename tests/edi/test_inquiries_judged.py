"""x12sdk, which is not ours, takes every question we may ask, and says it again as we said it.

pyx12, the judge of our claims, has no 005010 map for the 270 and the 276.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from x12sdk.io import X12ModelReader

from edi.envelope import Outgoing
from edi.x270 import EligibilityInquiry, write_270
from edi.x276 import StatusInquiry, write_276
from edi.x837p import Party, PatientRecord, Person, Provider
from tests.edi.test_inquiries import ELIGIBILITY, OUT, STATUS

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
AS_TYPED = f"{LETTERS}0123456789éÅßøłñ '-.,&*~:^\u2019"


def texts(most: int, least: int = 1) -> st.SearchStrategy[str]:
    """What people type: accents, quotes, delimiters; the first character is a letter, so that something is left."""
    return st.builds(str.__add__, st.sampled_from(LETTERS), st.text(AS_TYPED, min_size=least - 1, max_size=most - 1))


def codes(most: int, least: int = 2) -> st.SearchStrategy[str]:
    return st.text("ABCXYZ0123456789", min_size=least, max_size=most)


days = st.dates(date(1920, 1, 1), date(2030, 12, 31))
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001 - X12 states no zone
persons = st.builds(
    Person,
    last_name=texts(30),
    first_name=texts(17),
    middle_name=st.just("") | texts(12),
    suffix=st.sampled_from(("", "JR", "III")),
    birth_date=days,
    sex=st.sampled_from(("F", "M", "U", "")),
)
unborn = st.builds(replace, persons, birth_date=st.none())  # a plan may find its member without the day of birth
patients = st.builds(PatientRecord, persons, st.sampled_from(("01", "19", "G8")))
payers = st.builds(Party, name=texts(30), identifier=codes(12), identifier_qualifier=st.sampled_from(("PI", "XV")))
providers = st.builds(
    Provider, npi=st.just("1234567893"), name=texts(30), first_name=st.just("") | texts(17), is_person=st.booleans()
)
envelopes = st.builds(
    Outgoing,
    sender_id=codes(15),
    receiver_id=codes(15),
    usage_indicator=st.sampled_from("TP"),
    interchange_control_number=st.integers(1, 999_999_999),
    group_control_number=st.integers(1, 999_999_999),
    created=moments,
)
eligibility = st.builds(
    EligibilityInquiry,
    trace_number=codes(50, 1),
    payer=payers,
    provider=providers,
    subscriber=persons | unborn,
    member_id=codes(20),
    service_date=days,
    originator_id=st.just("") | codes(10, 10),
    patient=st.none() | patients,
    group_number=st.just("") | codes(20),
    service_types=st.lists(st.sampled_from(("30", "PT", "AD", "AF")), min_size=1, max_size=4, unique=True).map(tuple),
)
status = st.builds(
    lambda first, last, **given: StatusInquiry(
        service_date_from=min(first, last), service_date_to=max(first, last), **given
    ),
    first=days,
    last=days,
    trace_number=codes(50, 1),
    payer=payers,
    receiver=st.builds(Party, name=texts(30), identifier=codes(15), identifier_qualifier=st.just("46")),
    provider=providers,
    subscriber=persons,
    member_id=codes(20),
    charge=st.decimals(Decimal("0.01"), Decimal("99999.99"), places=2),
    patient=st.none() | patients,
    patient_control_number=st.just("") | codes(20),
    payer_claim_control_number=st.just("") | codes(30),
)


def said_again(text: str) -> list[str]:
    """The transactions as x12sdk writes what it understood. Raises for what it refuses."""
    with X12ModelReader(text) as reader:
        return [model.x12().replace("\n", "") for model in reader.models()]


def transactions(text: str) -> list[str]:
    """The transactions of a file, ST to SE."""
    return re.findall(r"ST\*27.*?SE\*\d+\*\d{4}~", text.replace("\n", ""))


@settings(deadline=None)  # its models are made at the first look
@given(envelopes, st.lists(eligibility, min_size=1, max_size=3))
def test_every_legal_eligibility_question_is_taken(out: Outgoing, inquiries: list[EligibilityInquiry]) -> None:
    text = write_270(out, tuple(inquiries))
    assert said_again(text) == transactions(text)


@settings(deadline=None)  # its models are made at the first look
@given(envelopes, st.lists(status, min_size=1, max_size=3))
def test_every_legal_status_question_is_taken(out: Outgoing, inquiries: list[StatusInquiry]) -> None:
    text = write_276(out, tuple(inquiries))
    assert said_again(text) == transactions(text)


@pytest.mark.parametrize(
    "spoiled",
    [
        write_270(OUT, (replace(ELIGIBILITY, service_types=("ZZZ",)),)),
        write_270(OUT, (ELIGIBILITY,)).replace("*22*0", "*21*0"),
        write_270(OUT, (ELIGIBILITY,)).replace("SE*14", "SE*13"),
        write_270(OUT, (replace(ELIGIBILITY, payer=Party("PLAN")),)),
        write_276(OUT, (STATUS,)).replace("AMT*T3", "AMT*F5"),
        write_276(OUT, (STATUS,)).replace("DTP*472", "DTP*291"),
        write_276(OUT, (replace(STATUS, member_id=""),)),
    ],
)
def test_the_judge_is_awake(spoiled: str) -> None:
    with pytest.raises((ValueError, TypeError)):  # a level too few is a TypeError of its reader
        said_again(spoiled)
