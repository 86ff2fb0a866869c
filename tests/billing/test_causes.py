"""Cases with one cause find each other; what differs from case to case keeps none of them apart."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from billing.causes import CLINICIAN, PLAN, Cause, cause_of, read_key, remedy
from billing.clinician_tasks import task
from billing.findings import Finding
from billing.vocabulary import Owner, Queue, Severity


def finding(code: str, owner: Owner = Owner.BILLER, severity: Severity = Severity.BLOCK, **evidence: str) -> Finding:
    return Finding(code, severity, owner, f"{code} failed", "it is mended", evidence=evidence)


def test_a_wrong_provider_number_of_one_therapist_is_one_cause_whatever_the_visit() -> None:
    monday = [finding("S11", rendering="1234567890"), finding("S24", charge="10.00")]
    friday = [finding("S24", charge="99.00"), finding("S11", rendering="1234567890")]
    assert cause_of(Queue.SCRUB, monday) == Cause("S11", "rendering", "1234567890")
    assert cause_of(Queue.SCRUB, [friday[1]]) == cause_of(Queue.SCRUB, monday)
    assert cause_of(Queue.SCRUB, [finding("S11", rendering="1987654321")]) != cause_of(Queue.SCRUB, monday)


def test_dates_and_amounts_never_tell_cases_apart() -> None:
    one, two = finding("S18", due="2026-01-01"), finding("S18", due="2026-02-02")
    assert cause_of(Queue.SCRUB, [one]) == cause_of(Queue.SCRUB, [two]) == Cause("S18")


def test_what_a_clinician_must_do_is_that_clinicians_and_a_denial_that_plans() -> None:
    unsigned = finding("D1", Owner.CLINICIAN, signatures="none")
    assert cause_of(Queue.DOCUMENTATION, [unsigned], clinician="c1") == Cause("D1", CLINICIAN, "c1")
    assert cause_of(Queue.DENIALS, [finding("CO-197")], plan="p1") == Cause("CO-197", PLAN, "p1")


def test_three_hundred_rejections_of_one_answer_are_one_cause() -> None:
    rejects = [finding("277CA", answer="277CA A7:562", claim=f"C{number}") for number in range(300)]
    assert len({cause_of(Queue.REJECTIONS, [one]) for one in rejects}) == 1


def test_a_milder_finding_never_names_the_cause() -> None:
    found = [finding("S04", severity=Severity.WARN, pair="97110 97530"), finding("S11", practice="1")]
    assert cause_of(Queue.SCRUB, found) == Cause("S11", "practice", "1")
    assert cause_of(Queue.SCRUB, []) is None


@given(st.text(alphabet=st.characters(exclude_characters="|")), st.text(), st.text(max_size=100))
def test_a_stored_key_is_read_back_as_it_was(check: str, label: str, value: str) -> None:
    cause = Cause(check, label.replace("|", ""), value)
    assert read_key(cause.key) == cause


def test_every_cause_says_what_mends_it_and_where() -> None:
    assert remedy("S11", Owner.BILLER).where == "the practice file"
    assert remedy("D7", Owner.CLINICIAN).where == "the chart"
    assert remedy("CO-197", Owner.BILLER).where == "the desk"
    assert remedy("own-rule", Owner.PAYER).once == "Ask the payer once for all of them."


def test_the_clinician_is_told_one_thing_with_the_day_as_people_say_it() -> None:
    found = [finding("S04"), finding("D1", Owner.CLINICIAN)]
    assert task(found, date(2026, 3, 2)).sentence == "Sign the note of March 2"
    other = task([finding("OWN7", Owner.CLINICIAN)], date(2026, 3, 2))
    assert (other.kind, other.sentence) == ("Look at the chart", "March 2: see that it is mended")
