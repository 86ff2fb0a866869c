"""Letters of appeal: plain text drafted from facts, by the root of the denial, for a person to read, mend and sign."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from billing.denials import explain_carc, explain_rarc
from billing.practice import PlanTerms
from billing.vocabulary import DenialCategory

# how a letter goes to the payer -> in words
WAYS = {"portal": "through the payer's portal", "fax": "by fax", "mail": "by mail"}
ZIP_PLUS_4 = 9  # digits of a ZIP code with its add-on, as X12 and the practice file write it


@dataclass(frozen=True, slots=True)
class AppealFacts:
    """What a letter needs. Amount in dollars; lines as (code, modifiers, units, charge); grounds are free sentences.

    late_because: the good cause, where the letter is written after its deadline. of_medicare: it goes to a contractor
    of original Medicare.
    """

    written_on: date
    practice_name: str
    practice_address: tuple[str, ...]
    practice_npi: str
    payer_name: str
    patient_name: str
    member_id: str
    claim_number: str
    payer_claim_control_number: str
    date_of_service: date
    denied_on: date
    amount: Decimal
    category: DenialCategory
    reason_codes: tuple[str, ...]
    remark_codes: tuple[str, ...] = ()
    lines: tuple[tuple[str, tuple[str, ...], int, Decimal], ...] = ()
    diagnoses: tuple[str, ...] = ()
    clinician_name: str = ""
    authorization_number: str = ""
    accepted_by_payer_on: date | None = None
    evidence: tuple[str, ...] = ()
    arguments: str = ""
    deadline: date | None = None
    late_because: str = ""
    of_medicare: bool = False
    enclosures: tuple[str, ...] = ()


# One paragraph of argument by root; every citation is public and named with it.
_ARGUMENTS = {
    DenialCategory.MEDICAL_NECESSITY: (
        "The services were reasonable and necessary: they required the skills of a therapist, were given under a plan "
        "of care with measurable goals, and the enclosed notes show objective change or skilled maintenance. Coverage "
        "does not turn on the potential for improvement alone (Jimmo v. Sebelius, 2013; Medicare Benefit Policy Manual "
        "ch. 15, 220.2)."
    ),
    DenialCategory.DOCUMENTATION: (
        "The records asked for are enclosed. They show the date, each intervention, timed and total minutes, and the "
        "signature and credentials of who treated (Medicare Benefit Policy Manual ch. 15, 220.3)."
    ),
    DenialCategory.AUTHORIZATION: (
        "The services lie within a prior authorization, or the plan's own terms excuse its absence, as set out below. "
        "We ask that the authorization be applied to the claim."
    ),
    DenialCategory.CODING: (
        "The services were coded as documented. Units follow the minutes in the record (CMS Claims Processing Manual "
        "ch. 5, 20.2, or the plan's own rule), and services reported as distinct were given in separate blocks of time "
        "(NCCI Policy Manual ch. 1)."
    ),
    DenialCategory.ELIGIBILITY: (
        "According to our verification the patient was covered by the plan on the date of service. We ask that "
        "coverage be confirmed and the claim be processed, or that the responsible payer be named."
    ),
    DenialCategory.TECHNICAL: (
        "The claim was complete and was filed in time, as the enclosed acknowledgement shows. We ask that it be "
        "processed on its merits."
    ),
}

_RECORDS = {
    DenialCategory.MEDICAL_NECESSITY: ("Evaluation and plan of care", "Treatment notes", "Progress reports"),
    DenialCategory.DOCUMENTATION: ("Treatment note of the date of service", "Signed plan of care"),
    DenialCategory.AUTHORIZATION: ("Copy of the authorization",),
    DenialCategory.CODING: ("Treatment note with minutes per code",),
    DenialCategory.ELIGIBILITY: ("Record of the eligibility check",),
    DenialCategory.TECHNICAL: ("Acknowledgement of the claim (277CA)",),
}


def deadline(denied_on: date, terms: PlanTerms) -> date:
    """Last day to file the appeal: the plan's appeal days after the denial (plan term)."""
    return denied_on + timedelta(days=terms.appeal_days)


def days_late(on: date, last_day: date | None) -> int:
    """Days by which an appeal filed on a day is late; 0 in time, and where no deadline is known."""
    return max(0, (on - last_day).days) if last_day is not None else 0


def lateness(days: int, last_day: date | str) -> str:
    """``6 days after its deadline of 2026-08-18``; the day as the reader writes days."""
    return f"{days} {'day' if days == 1 else 'days'} after its deadline of {last_day}"


def sending(sent_on: str, how: str | None, reference: str | None) -> str:
    """``by fax on 11/22/2026, reference 77``; the day as the reader writes days."""
    way = WAYS.get(how or "", "")
    named = f", reference {reference}" if reference else ""
    return f"{way} on {sent_on}{named}".lstrip()


def _heading(facts: AppealFacts) -> list[str]:
    return [
        facts.practice_name,
        *facts.practice_address,
        f"NPI {facts.practice_npi}",
        "",
        f"{facts.written_on:%B} {facts.written_on.day}, {facts.written_on.year}",
        "",
        facts.payer_name,
        "Appeals",
        "",
    ]


def _subject(facts: AppealFacts) -> list[str]:
    rows = (
        ("Patient", facts.patient_name),
        ("Member id", facts.member_id),
        ("Claim", facts.claim_number),
        ("Your claim number", facts.payer_claim_control_number),
        ("Date of service", facts.date_of_service.isoformat()),
        ("Denied on", facts.denied_on.isoformat()),
        ("Amount in dispute", f"${facts.amount:,.2f}"),
        ("Authorization", facts.authorization_number),
        ("Diagnoses", ", ".join(facts.diagnoses)),
    )
    return ["Re: appeal of a denied claim", *(f"  {name}: {value}" for name, value in rows if value), ""]


def _good_cause(facts: AppealFacts) -> list[str]:
    """Why the letter is late, which it must say itself.

    Original Medicare: the contractor may extend the 120 days where good cause is shown; the request is in writing and
    states why it was not made in time (42 CFR 405.942(b), 2026; examples in (b)(3) and in the Medicare Claims
    Processing Manual ch. 29, 240). Other payers extend as their manuals say, so they are asked the same without the
    citation (practice default).
    """
    if not facts.late_because:
        return []
    cited = " (42 CFR 405.942(b))" if facts.of_medicare else ""
    last_day = f", {facts.deadline.isoformat()}" if facts.deadline is not None else ""
    asked = f"This appeal comes after the last day to file it{last_day}. We ask you to accept it for good cause{cited}:"
    return [asked, "", facts.late_because, ""]


def _denial(facts: AppealFacts) -> list[str]:
    codes = [f"  {code}: {explain_carc(code)}" for code in facts.reason_codes]
    codes += [f"  {code}: {explain_rarc(code)}" for code in facts.remark_codes]
    return ["We appeal the denial of the services below. The reasons you gave, in our words:", *codes, ""]


def _services(facts: AppealFacts) -> list[str]:
    if not facts.lines:
        return []
    rows = [
        f"  {' '.join((code, *modifiers))}: {units} {'unit' if units == 1 else 'units'}, ${charge:,.2f}"
        for code, modifiers, units, charge in facts.lines
    ]
    return ["Services:", *rows, ""]


def _grounds(facts: AppealFacts) -> list[str]:
    lines = ["Why the denial should be overturned:", "", _ARGUMENTS[facts.category]]
    if facts.accepted_by_payer_on is not None:
        lines += ["", f"The claim was accepted on {facts.accepted_by_payer_on.isoformat()}."]
    lines += [f"  - {sentence}" for sentence in facts.evidence]
    if facts.arguments.strip():
        lines += ["", facts.arguments.strip()]
    return [*lines, ""]


def _closing(facts: AppealFacts, enclosures: Sequence[str]) -> list[str]:
    return [
        "Please reprocess the claim for payment, or tell us the criteria and the reviewer your decision rests on.",
        "",
        "Sincerely,",
        "",
        facts.clinician_name or facts.practice_name,
        "",
        "Enclosures:",
        *(f"  - {name}" for name in enclosures),
    ]


def draft(facts: AppealFacts) -> str:
    """The letter as plain text, ready for a person to read before it goes out."""
    enclosures = facts.enclosures or _RECORDS[facts.category]
    parts = (_heading(facts), _subject(facts), _good_cause(facts), _denial(facts), _services(facts), _grounds(facts))
    return "\n".join([*(line for part in parts for line in part), *_closing(facts, enclosures)]) + "\n"


def zip_code(digits: str) -> str:
    """``787041200`` -> ``78704-1200``, as an envelope has it; five digits, or what is none, stay as they are."""
    return f"{digits[:5]}-{digits[5:]}" if len(digits) == ZIP_PLUS_4 and digits.isdigit() else digits
