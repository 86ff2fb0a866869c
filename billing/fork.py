"""The fork: a visit beyond its authorization or limit is extended, written off, or paid by the patient.

One place answers which of the three are open, and why the others are not. Group code CO is the practice's loss by
contract and never the patient's; PR is the patient's (X12 CAS01). Under Medicare the patient pays only after an Advance
Beneficiary Notice (CMS-R-131; Medicare Claims Processing Manual ch. 30, 50).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from billing import benefits
from billing.coding import CodedClaim
from billing.findings import Step
from billing.practice import Fee, PlanTerms
from billing.vocabulary import BeneficiaryChoice, FinancialNotice, SignatureState

SUBJECT = "estimate"
PATIENT_GROUP = "PR"
# A good-faith estimate lies within $100 or 25 % of the cost, whichever is more (Claims Processing Manual ch. 30, 50).
TOLERANCE_DOLLARS, TOLERANCE_SHARE = Decimal(100), Decimal("0.25")
NAMES = {FinancialNotice.WAIVER: "financial notice", FinancialNotice.ABN: "Advance Beneficiary Notice"}


class Excess(StrEnum):
    """What the visit is beyond."""

    AUTHORIZATION = "authorization"
    SOFT_LIMIT = "soft_limit"
    HARD_LIMIT = "hard_limit"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to the patient about one visit. estimate: dollars the patient was told."""

    kind: FinancialNotice
    estimate: Decimal
    presented_on: date | None = None
    signature_state: SignatureState = SignatureState.UNSIGNED
    signed_on: date | None = None
    choice: BeneficiaryChoice | None = None


@dataclass(frozen=True, slots=True)
class ForkFacts:
    """What the answer rests on.

    charge: dollars at stake. group_code: of the payer's denial, "" before any. claim_is_out: a payer may have it.
    write_off_limit: what this person may write off, None without limit, zero for nothing.
    """

    terms: PlanTerms
    excess: Excess
    date_of_service: date
    charge: Decimal
    notice: Notice | None = None
    claim_is_out: bool = False
    group_code: str = ""
    write_off_limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One way of the fork: extension, write_off or patient_pay; whether it is open, and why (not), for a person."""

    key: str
    label: str
    allowed: bool
    why: str


def excess_of(codes: Iterable[str]) -> Excess | None:
    """What the findings of a visit say it is beyond; the hardest one, None where the fork does not arise."""
    found = set(codes)
    if benefits.BEYOND_HARD.id in found:
        return Excess.HARD_LIMIT
    if benefits.BEYOND_SOFT.id in found:
        return Excess.SOFT_LIMIT
    return Excess.AUTHORIZATION if any(code.startswith("A") for code in found) else None


def ways(facts: ForkFacts) -> tuple[Way, Way, Way]:
    """The three ways, always all of them, so that a closed one can say why."""
    return extension(facts), write_off(facts), patient_pay(facts)


def ways_ahead(facts: ForkFacts) -> tuple[Way, Way, Way]:
    """The same before the visit took place: nothing is billed yet, so a write-off is the visit not being held."""
    pays = patient_pay(facts)
    told = "The patient was told and signed: if the visit takes place uncovered, the patient pays for it."
    return (
        extension(facts),
        Way("write_off", "Treat without being paid", True, "The practice would bear it; or move the visit."),
        Way(pays.key, pays.label, pays.allowed, told if pays.allowed else pays.why),
    )


def extension(facts: ForkFacts) -> Way:
    """Ask the plan for more: a case of its own, so that the payer's clock runs."""
    label = "Ask for an extension"
    if facts.excess is Excess.HARD_LIMIT:
        why = "The contract excludes payment beyond this limit: no authorization extends it."
        return Way("extension", label, False, why)
    if facts.excess is Excess.SOFT_LIMIT:
        return Way("extension", label, True, "The plan pays beyond this limit where necessity is shown or approved.")
    return Way(
        "extension", label, True, "The case keeps the payer's clock; its answer frees what waits for it by itself."
    )


def write_off(facts: ForkFacts) -> Way:
    """The practice bears it."""
    label, limit = "Write it off", facts.write_off_limit
    if limit is not None and facts.charge > limit:
        why = f"${facts.charge} is above your limit of ${limit}; a supervisor can write it off."
        return Way("write_off", label, False, why)
    return Way("write_off", label, True, f"The practice bears ${facts.charge}; nothing is billed to anybody.")


def notice_helps(facts: ForkFacts) -> bool:
    """Whether a signed notice could let the patient pay; where contract or payer forbid it, none is to be signed."""
    return not _forbidden(facts)


def patient_pay(facts: ForkFacts) -> Way:
    """The patient bears it, if contract, group code and notice allow."""
    forbidden = _forbidden(facts) or _notice_lacks(facts)
    label = "Have the patient pay"
    if forbidden:
        return Way("patient_pay", label, False, forbidden)
    return Way("patient_pay", label, True, f"The patient was told and pays ${facts.charge}; no claim is sent.")


def _forbidden(facts: ForkFacts) -> str:
    """Why nobody may bill the patient, whatever was signed; "" where it is allowed."""
    if facts.group_code and facts.group_code != PATIENT_GROUP:
        return (
            f"The payer answered {facts.group_code}: by contract that is the practice's loss and never the patient's. "
            "Correct, appeal or write off."
        )
    if facts.claim_is_out and not facts.group_code:
        return "A claim for this visit is already out; the patient can be billed only after the payer's answer."
    if not facts.terms.patient_may_be_billed_beyond_limit:
        return (
            "The contract with this plan forbids billing the patient for what it does not pay "
            f"({facts.terms.source}). Ask for an extension or write it off."
        )
    return ""


def _notice_lacks(facts: ForkFacts) -> str:
    """What is missing before the patient may be asked to pay; "" where nothing is."""
    wanted = facts.terms.financial_notice
    if wanted is FinancialNotice.NONE or facts.group_code == PATIENT_GROUP:
        return ""
    name, notice = NAMES[wanted], facts.notice
    if notice is None or notice.kind is not wanted:
        return f"The plan wants a signed {name} first, and none was made. Make it, print it and have it signed."
    if notice.signature_state is SignatureState.REFUSED:
        return f"The patient refused to sign the {name}, so the patient cannot be billed."
    if notice.signature_state is not SignatureState.SIGNED or notice.signed_on is None:
        given = f"presented on {notice.presented_on}" if notice.presented_on else "not presented yet"
        return f"The {name} is {given} and not signed. Have it signed, then decide again."
    return _signed_but(facts, name, notice, notice.signed_on)


def _signed_but(facts: ForkFacts, name: str, notice: Notice, signed_on: date) -> str:
    if facts.terms.financial_notice_in_advance and signed_on > facts.date_of_service:
        return (
            f"The {name} was signed on {signed_on}, after the visit of {facts.date_of_service}; "
            "the plan wants it before the visit, so the patient cannot be billed."
        )
    if notice.choice is BeneficiaryChoice.BILL_MEDICARE:
        return "The patient chose option 1: Medicare is billed first (GA on the lines), the patient after its answer."
    if notice.choice is BeneficiaryChoice.NO_SERVICE:
        return "The patient chose option 3, not to have the service, so the patient cannot be billed for it."
    if facts.charge > notice.estimate + max(TOLERANCE_DOLLARS, notice.estimate * TOLERANCE_SHARE):
        return (
            f"The patient was told ${notice.estimate}, and the visit comes to ${facts.charge}: "
            "more than $100 and a quarter above it. Make a new notice."
        )
    return ""


def estimate(claim: CodedClaim) -> tuple[Decimal, tuple[Step, ...]]:
    """What the patient would pay for the visit, in dollars: the practice's charges, line by line."""
    lines = [
        Step(SUBJECT, f"{line.code}: {line.units} x ${line.charge / line.units:,.2f} = ${line.charge:,.2f}")
        for line in claim.lines
        if line.units
    ]
    allowed = sum((line.expected_allowed for line in claim.lines), Decimal("0.00"))
    total = Step(SUBJECT, f"total ${claim.total_charge:,.2f}; the plan would have allowed ${allowed:,.2f}")
    return claim.total_charge, (*lines, total)


def estimate_of(expected: Mapping[str, int], fees: Iterable[Fee], on: date) -> tuple[Decimal, tuple[Step, ...]]:
    """What a booked visit would cost the patient, in dollars: the codes and units the schedule expects, at the fees of
    the day. Zero where no code has a fee.
    """
    charges = {
        fee.code: fee.amount
        for fee in fees
        if fee.effective_from <= on and (fee.effective_to is None or on <= fee.effective_to)
    }
    known = [(code, units, charges[code]) for code, units in sorted(expected.items()) if code in charges and units > 0]
    total = sum((amount * units for _, units, amount in known), Decimal("0.00"))
    lines = [
        Step(SUBJECT, f"{code}: {units} x ${amount:,.2f} = ${amount * units:,.2f}") for code, units, amount in known
    ]
    return total, (*lines, Step(SUBJECT, f"total ${total:,.2f}, as expected when it was booked"))
