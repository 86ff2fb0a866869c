"""Edits that look at the claim as a whole: numbers, dates, charges, pointers."""

from collections.abc import Iterator
from datetime import date, timedelta

from billing import deadlines, icd10, payment
from billing.checks import Problem
from billing.coding import CodedClaim, claim_diagnoses, terms_of
from billing.context import VisitContext
from billing.edits.common import SCRUB, same_day
from billing.encounter import Encounter
from billing.vocabulary import Owner, Severity

NPI_PREFIX = "80840"  # ISO 7812 prefix of the United States, part of the check digit (CMS NPI standard)


@SCRUB.check(
    "S11",
    "Provider numbers",
    why="A number that fails its check digit is refused at the door.",
    severity=Severity.BLOCK,
    owner=Owner.BILLER,
    source="CMS NPI standard (Luhn with prefix 80840); referring provider: Noridian JE, therapy certification",
)
def provider_numbers(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """The numbers of practice, rendering therapist, referrer and certifier pass their check digit; the plan of care's
    certifier is on the claim as referrer where the plan wants certification.
    """
    rendering = context.clinicians.get(encounter.compliance.rendering_clinician_id)
    referral, plan = encounter.administrative.referral, encounter.compliance.plan_of_care
    numbers = {
        "practice": context.practice_npi,
        "rendering": rendering.npi if rendering else None,
        "referrer": referral.npi if referral else None,
        "certifier": plan.certifier_npi if plan else None,
    }
    for whose, npi in numbers.items():
        if npi is not None and not npi_is_valid(npi):
            yield Problem(
                message=f"The provider number of the {whose} ({npi}) fails its check digit.",
                clears_when="the number is corrected",
                evidence={whose: npi},
                owner=Owner.FRONT_DESK if whose in ("referrer", "certifier") else None,
            )
    if referral is None and terms_of(encounter, context).certification_required:
        yield Problem(
            message="The claim has no referring provider; this plan wants the certifier of the plan of care there.",
            clears_when="the referral with the name and number of the certifier is recorded",
            evidence={"certifier": (plan.certifier_npi if plan else None) or "none"},
            severity=Severity.HOLD,
            owner=Owner.FRONT_DESK,
        )


def npi_is_valid(npi: str) -> bool:
    """Ten digits whose last checks the others (Luhn over the prefix 80840 and the number)."""
    if len(npi) != 10 or not npi.isdigit():
        return False
    digits = [int(digit) for digit in reversed(NPI_PREFIX + npi)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


@SCRUB.check(
    "S17",
    "No duplicate",
    why="The same service twice is denied (CARC 18) and looks like double billing.",
    severity=Severity.HOLD,
    owner=Owner.BILLER,
    overridable=True,
)
def duplicate(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No other claim of the patient has the same day, code, modifiers and therapist."""
    billed = {(line.code, frozenset(line.modifiers)): line.line_number for line in claim.lines}
    for visit, renderer, marks, _, code in same_day(encounter, context):
        number = billed.get((code, frozenset(marks)))
        if number is not None and renderer == encounter.compliance.rendering_clinician_id:
            yield Problem(
                message=f"Line {number} ({code}) is also on visit {visit} of the same day.",
                clears_when="one of the visits is corrected, or a person confirms that both took place",
                evidence={"line": str(number), "other visit": visit},
            )


@SCRUB.check(
    "S18",
    "Timely filing",
    why="After the limit the money is lost (CARC 29), and the patient may not be billed.",
    severity=Severity.HOLD,
    owner=Owner.BILLER,
    source="plan terms; 42 CFR 424.44 (Medicare)",
    overridable=True,
)
def timely(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """The plan's filing limit has not passed; in its last 30 days a warning goes up.

    A claim that replaces one the payer has is judged by the plan's limit for corrected claims. A later plan's limit is
    judged when its turn comes (``activities.secondary.hold``).
    """
    terms = terms_of(encounter, context)
    limit = deadlines.claim_limit(encounter.date_of_service, terms, corrects=context.corrects)
    named = "limit for corrected claims" if context.corrects else "filing limit"
    left = (limit - context.today).days
    evidence = {"limit": limit.isoformat(), "days left": str(left)}
    if left < 0:
        yield Problem(
            message=f"The {named} passed on {limit}.",
            clears_when="a person knows an exception of the plan and says which",
            evidence=evidence,
        )
    elif left <= deadlines.FILING_GUARD_DAYS:
        yield Problem(
            message=f"{left} days are left of the {named}.",
            clears_when=f"the claim is sent by {limit}",
            evidence=evidence,
            severity=Severity.WARN,
            look_again_on=limit + timedelta(days=1),
        )


@SCRUB.check(
    "S24",
    "Charges",
    why="A total that is not the sum of its lines is refused at the door.",
    severity=Severity.BLOCK,
    owner=Owner.BILLER,
    source="837P 005010X222A1, CLM02",
)
def charges(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Every line's charge is units times fee, and the lines add up to the total."""
    fees = payment.fees_on(context.fees, encounter.date_of_service)
    for line in claim.lines:
        fee = fees.get(line.code)
        if fee is not None and line.charge != fee * line.units:
            yield Problem(
                message=f"Line {line.line_number} charges {line.charge}; {line.units} x {fee} is {fee * line.units}.",
                clears_when="the charge is units times fee",
                evidence={"charge": str(line.charge), "fee": str(fee), "units": str(line.units)},
            )
    if sum((line.charge for line in claim.lines), payment.ZERO) != claim.total_charge:
        yield Problem("The total is not the sum of the lines.", "the total is the sum of the lines")


@SCRUB.check(
    "S27",
    "Age and sex fit",
    why="A birth date after the service, an age the plan does not pay for, a diagnosis of the other sex are refused.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="CARC 14, 6, 9, 10; plan terms (EPSDT and other age limits); ICD-10-CM chapters",
    overridable=True,
)
def fitting_person(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Birth date and age allow the service under the plan's terms; no diagnosis belongs to the other sex."""
    born, on = encounter.patient.birth_date, encounter.date_of_service
    if born > on:
        yield Problem(
            message="The patient's birth date lies after the visit.",
            clears_when="the birth date is corrected",
            severity=Severity.BLOCK,
        )
        return
    age = age_on(born, on)
    for limit in terms_of(encounter, context).age_limits:
        outside = not limit.from_age <= age <= limit.to_age
        for code in dict.fromkeys(line.code for line in claim.lines if outside and line.code in limit.codes):
            yield Problem(
                message=f"The plan pays {code} from {limit.from_age} to {limit.to_age} years; the patient is {age}.",
                clears_when="the birth date is corrected, or a person knows that the plan pays it all the same",
                evidence={"code": code, "age": str(age), "source": limit.source},
                owner=Owner.BILLER,
            )
    for diagnosis in claim.diagnoses:
        if not icd10.fits_sex(diagnosis, encounter.patient.sex):
            yield Problem(
                message=f"Diagnosis {diagnosis} is not given with sex {encounter.patient.sex}.",
                clears_when="diagnosis or sex is corrected, or a person confirms both",
                evidence={"diagnosis": diagnosis, "sex": encounter.patient.sex},
            )


def age_on(born: date, on: date) -> int:
    """Full years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


@SCRUB.check(
    "S36",
    "Pointers to diagnoses",
    why="A line must point at a diagnosis that is on the claim.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source="837P 005010X222A1, SV107",
)
def pointers(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Every service points at diagnoses the visit has."""
    ranks = {diagnosis.rank for diagnosis in encounter.clinical.diagnoses}
    for service in encounter.timing.services:
        missing = sorted(set(service.diagnosis_pointers) - ranks)
        if missing:
            yield Problem(
                message=f"{service.code} points at diagnosis {', '.join(map(str, missing))}, which the visit lacks.",
                clears_when="the pointer or the diagnoses are corrected",
                evidence={"code": service.code, "diagnoses": ", ".join(claim_diagnoses(encounter)) or "none"},
            )
