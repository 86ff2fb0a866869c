"""The reasons payers give, as codes with our own short words: denials of the 835 and rejections of the 277CA."""

from dataclasses import dataclass

from simulator.config import DenialReason


@dataclass(frozen=True, slots=True)
class Denial:
    """A claim adjustment group and reason with the remarks that explain it."""

    group: str
    reason: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A claim status category, code and the entity it speaks of: the claim never reached adjudication."""

    category: str
    status: str
    entity: str = ""


# Whole claims: reasons that can hit everything billed that day.
CLAIM_DENIALS: dict[DenialReason, tuple[Denial, ...]] = {
    DenialReason.AUTHORIZATION: (Denial("CO", "197", ("N54",)),),  # no authorization on file for this
    DenialReason.DOCUMENTATION: (
        Denial("CO", "16", ("M135",)),  # plan of treatment missing
        Denial("CO", "16", ("N706",)),  # documentation missing
    ),
    DenialReason.CODING: (Denial("CO", "4", ("N822",)),),  # a modifier is missing
    DenialReason.NECESSITY: (Denial("CO", "50", ("N115",)),),  # not necessary by the local coverage policy
    DenialReason.ELIGIBILITY: (
        Denial("PR", "27"),  # after coverage ended
        Denial("PR", "31"),  # member not found
        Denial("CO", "22"),  # another payer comes first
    ),
    DenialReason.TECHNICAL: (Denial("CO", "29"), Denial("CO", "18")),  # too late; sent twice
    DenialReason.BENEFIT_LIMIT: (Denial("CO", "119"), Denial("PR", "119")),  # yearly limit reached
}

# Single lines: bundling and pair edits make sense only next to another line that is paid.
LINE_DENIALS: dict[DenialReason, tuple[Denial, ...]] = CLAIM_DENIALS | {
    DenialReason.CODING: (Denial("CO", "97"), Denial("CO", "236"), Denial("CO", "4", ("N822",))),
    DenialReason.ELIGIBILITY: (Denial("PR", "204"),),  # service outside the plan
}

EXACT_DUPLICATE = Denial("CO", "18")
NOTHING_TO_REPLACE = Denial("CO", "16", ("M47",))  # payer claim control number missing or unknown

REJECTIONS: tuple[Rejection, ...] = (
    Rejection("A7", "164", "IL"),  # member id
    Rejection("A7", "562", "82"),  # rendering NPI
    Rejection("A3", "187"),  # dates of service
    Rejection("A7", "453"),  # modifier
    Rejection("A3", "33", "IL"),  # subscriber not found
)

MEMBER_ID_MISSING = Rejection("A6", "164", "IL")
CHARGES_DO_NOT_ADD = Rejection("A7", "178")
ORIGINAL_REFERENCE_MISSING = Rejection("A6", "464")
FREQUENCY_NOT_ACCEPTED = Rejection("A7", "535")


def denial_named(text: str) -> Denial | None:
    """`CO-16+M135+N706` as a denial; None when the text is not of that form."""
    codes, *remarks = text.split("+")
    group, dash, reason = codes.partition("-")
    return Denial(group, reason, tuple(remarks)) if dash and group in ("CO", "PR", "OA", "PI") and reason else None


def rejection_named(text: str) -> Rejection | None:
    """`A7:562:82` as a rejection; None when the text is not of that form."""
    category, _, rest = text.partition(":")
    status, _, entity = rest.partition(":")
    return Rejection(category, status, entity) if category and status else None
