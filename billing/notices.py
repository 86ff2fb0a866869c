"""What patients are told in writing: plain text with a few named placeholders, the practice's own words.

A template may name only what a letter needs: never a diagnosis, a member id, or what was treated (45 CFR 164.502(b),
minimum necessary).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

VISITS_LEFT_AT = 4  # from so many left on the patient is told (founding playbook; practice default)
SUBJECT_LENGTH_MAX = 120
BODY_LENGTH_MAX = 4_000
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class NoticeKind(StrEnum):
    """What is told."""

    VISITS_LEFT = "visits_left"
    REAUTHORIZATION = "reauthorization"
    PATIENT_PAY = "patient_pay"
    ABN_FACTS = "abn_facts"


COMMON = ("first_name", "practice_name", "practice_phone")
PLACEHOLDERS: Mapping[NoticeKind, tuple[str, ...]] = {
    NoticeKind.VISITS_LEFT: (*COMMON, "visits_left"),
    NoticeKind.REAUTHORIZATION: COMMON,
    NoticeKind.PATIENT_PAY: (*COMMON, "estimate", "service_date", "reason"),
    NoticeKind.ABN_FACTS: (*COMMON, "estimate", "service_date", "reason"),
}
EXAMPLE: Mapping[str, str] = {
    "first_name": "Ada",
    "practice_name": "Example Therapy",
    "practice_phone": "(512) 555-0100",
    "visits_left": "4",
    "estimate": "$180.00",
    "service_date": "03/02/2026",
    "reason": "it is beyond the number of visits your plan pays for",
}
TITLES: Mapping[NoticeKind, str] = {
    NoticeKind.VISITS_LEFT: "Visits left",
    NoticeKind.REAUTHORIZATION: "New approval asked for",
    NoticeKind.PATIENT_PAY: "Financial notice",
    NoticeKind.ABN_FACTS: "Facts for Medicare's form CMS-R-131",
}


@dataclass(frozen=True, slots=True)
class Template:
    """Subject and body with placeholders in braces. version 0: the text Firstpass comes with."""

    kind: NoticeKind
    version: int
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A template filled in."""

    subject: str
    body: str


DEFAULTS: Mapping[NoticeKind, Template] = {
    NoticeKind.VISITS_LEFT: Template(
        NoticeKind.VISITS_LEFT,
        0,
        "A note from {practice_name}",
        """Hello {first_name},

your plan has approved {visits_left} more visits for you at present.

If you and your therapist think you will need more, we ask your plan for them in time; you need not do anything now.

Questions? Call us at {practice_phone}.

{practice_name}
""",
    ),
    NoticeKind.REAUTHORIZATION: Template(
        NoticeKind.REAUTHORIZATION,
        0,
        "A note from {practice_name}",
        """Hello {first_name},

your plan's present approval is coming to its end. We are asking your plan for more.

If its answer does not come in time, we will call you before your next visit, so that no bill surprises you.

Questions? Call us at {practice_phone}.

{practice_name}
""",
    ),
    NoticeKind.PATIENT_PAY: Template(
        NoticeKind.PATIENT_PAY,
        0,
        "Before your visit of {service_date}",
        """Dear {first_name},

we expect that your plan will not pay for your visit of {service_date}, because {reason}.

If you choose to have this visit, you would pay for it yourself: about {estimate}.

You may also wait until your plan has answered, or talk with your therapist about other ways to go on.
If you do not sign, you will not be billed for this visit.

[ ] I have read this and choose to have the visit. I will pay for it if my plan does not.

Signature ______________________________    Date ______________

{practice_name}, {practice_phone}
""",
    ),
    NoticeKind.ABN_FACTS: Template(
        NoticeKind.ABN_FACTS,
        0,
        "For form CMS-R-131: visit of {service_date}",
        """This page is not the notice. Medicare accepts only its own form CMS-R-131 (Advance Beneficiary Notice).
Copy these facts into it, and have the patient choose an option and sign before the visit.

A. Notifier: {practice_name}, {practice_phone}
B. Patient name: {first_name} (write the full name on the form)
D. Service: outpatient therapy visit of {service_date}
E. Reason Medicare may not pay: {reason}
F. Estimated cost: {estimate}
""",
    ),
}


def problems(kind: NoticeKind, subject: str, body: str) -> tuple[str, ...]:
    """What keeps a text from being used, each a sentence that says what to do."""
    allowed = PLACEHOLDERS[kind]
    found = []
    if not subject.strip() or not body.strip():
        found.append("Subject and text must not be empty.")
    if len(subject) > SUBJECT_LENGTH_MAX:
        found.append(f"The subject is longer than {SUBJECT_LENGTH_MAX} characters.")
    if "\n" in subject.strip() or "\r" in subject.strip():
        found.append("The subject must be one line.")
    if len(body) > BODY_LENGTH_MAX:
        found.append(f"The text is longer than {BODY_LENGTH_MAX:,} characters.")
    unknown = sorted({name for name in PLACEHOLDER.findall(f"{subject}\n{body}") if name not in allowed})
    if unknown:
        names = ", ".join(f"{{{name}}}" for name in allowed)
        found.append(f"{{{unknown[0]}}} is not known here. These are: {names}.")
    elif re.search(r"[{}]", PLACEHOLDER.sub("", f"{subject}\n{body}")):
        found.append("A brace is open or closed alone; write placeholders like {first_name}.")
    return tuple(found)


def filled(template: Template, facts: Mapping[str, str]) -> Letter:
    """The letter. Facts that hold braces stay as they are; a line break in one never reaches the subject."""

    def put(match: re.Match[str]) -> str:
        return facts[match[1]]

    subject = " ".join(PLACEHOLDER.sub(put, template.subject).split())
    return Letter(subject, PLACEHOLDER.sub(put, template.body))
