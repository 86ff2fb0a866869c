"""What a payer's codes mean, whether they are a denial, and what may be done about it.

Codes are X12's and CMS's (lists of June 2024); the paraphrases, causes and paths are ours. A remark code is read first:
it can forbid an appeal, forbid a resubmission, protect the patient, or say more exactly what was wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from billing import tables
from billing.vocabulary import DenialCategory

CITATION = "X12 claim adjustment reason and remark codes, June 2024 (meaning in our words)"
CORRECT, APPEAL, WRITE_OFF, BILL_PATIENT = "correct", "appeal", "write_off", "bill_patient"
NCCI_CODES = frozenset({"97", "231", "234", "236"})
NEVER_PATIENT = NCCI_CODES | {"45", "253", "303"}  # contract, sequestration, bundling, protected cost share


class Path(StrEnum):
    """The usual way on from a denial."""

    REPLACEMENT = "replacement"
    NEW_CLAIM = "new_claim"
    REOPENING = "reopening"
    APPEAL = "appeal"
    BILL_NEXT_PAYER = "bill_next_payer"
    BILL_PATIENT = "bill_patient"
    WRITE_OFF = "write_off"
    POST = "post"
    SEND_RECORDS = "send_records"
    RETRO_AUTHORIZATION = "retro_authorization"
    VERIFY_COVERAGE = "verify_coverage"
    FIX_COORDINATION = "fix_coordination"
    WAIT = "wait"


CATEGORY_OF_CAUSE = {
    "eligibility": DenialCategory.ELIGIBILITY,
    "benefit": DenialCategory.ELIGIBILITY,
    "coordination": DenialCategory.ELIGIBILITY,
    "workers_compensation": DenialCategory.ELIGIBILITY,
    "patient_share": DenialCategory.ELIGIBILITY,
    "authorization": DenialCategory.AUTHORIZATION,
    "documentation": DenialCategory.DOCUMENTATION,
    "coding": DenialCategory.CODING,
    "bundling": DenialCategory.CODING,
    "duplicate": DenialCategory.CODING,
    "necessity": DenialCategory.MEDICAL_NECESSITY,
    "technical": DenialCategory.TECHNICAL,
    "filing_time": DenialCategory.TECHNICAL,
    "provider": DenialCategory.TECHNICAL,
    "pricing": DenialCategory.TECHNICAL,
    "pending": DenialCategory.TECHNICAL,
}

# Ways in which sending something again (corrected, elsewhere, with records) can help.
_CORRECTABLE = frozenset(Path) - {Path.APPEAL, Path.BILL_PATIENT, Path.WRITE_OFF, Path.POST, Path.WAIT}

GROUPS = {
    "CO": "the provider bears it, by contract or rule; the patient may not be billed for it",
    "PR": "the patient owes it, or the next payer",
    "OA": "neither provider nor patient: coordination with another payer, or for information",
    "PI": "the payer reduced it without a contract; it can be disputed",
    "CR": "correction of an earlier decision; no longer legal in a remittance of this version",
}


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """A claim adjustment reason: our cause and words, the usual ways on (default first), whether it just posts."""

    code: str
    cause: str
    usual_group: str
    paths: tuple[Path, ...]
    posts: bool
    paraphrase: str


@dataclass(frozen=True, slots=True)
class RemarkCode:
    """A remark that overrides the reason: another path or cause, or one of no_appeal, no_resubmit, no_patient."""

    code: str
    path: Path | None
    cause: str
    effect: str
    paraphrase: str


@dataclass(frozen=True, slots=True)
class DenialAssessment:
    """What the codes of a claim or line come to.

    root_cause: our cause of the adjustment that decides (the largest one that is a denial).
    root_code: its reason code. decisions: what a person may choose of correct, appeal, write_off, bill_patient.
    """

    is_denial: bool
    category: DenialCategory
    root_cause: str
    root_code: str
    path: Path
    patient_may_be_billed: bool
    decisions: tuple[str, ...]
    explanation: str
    citation: str = CITATION


def _reason(row: dict[str, str]) -> ReasonCode:
    paths = tuple(Path(name) for name in row["paths"].split())
    return ReasonCode(row["code"], row["cause"], row["usual_group"], paths, row["posts"] == "yes", row["paraphrase"])


def _remark(row: dict[str, str]) -> RemarkCode:
    path = Path(row["path"]) if row["path"] else None
    return RemarkCode(row["code"], path, row["cause"], row["effect"], row["paraphrase"])


REASONS = {row["code"]: _reason(row) for row in tables.rows("carc.csv")}
REMARKS = {row["code"]: _remark(row) for row in tables.rows("rarc.csv")}
AUTO_POST = frozenset(code for code, reason in REASONS.items() if reason.posts)  # not denials where something was paid


def reason_of(code: str) -> ReasonCode:
    """The reason as we know it; one we do not know is a technical denial somebody has to read."""
    known = REASONS.get(code.strip().upper())
    return known or ReasonCode(code, "technical", "CO", (Path.REPLACEMENT, Path.APPEAL), False, "a code we do not know")


def explain_carc(code: str) -> str:
    """The reason code in our words."""
    return reason_of(code).paraphrase


def explain_group(code: str) -> str:
    """Who bears the amount, in our words."""
    return GROUPS.get(code.strip().upper(), "a group code we do not know")


def explain_rarc(code: str) -> str:
    """The remark code in our words, or that we have no rule for it."""
    remark = REMARKS.get(code.strip().upper())
    return remark.paraphrase if remark else "a remark without a rule of ours"


def _deciding(adjustments: Sequence[tuple[str, str, Decimal]]) -> tuple[str, ReasonCode] | None:
    """Group and reason of the largest adjustment that is a denial; None when all merely post."""
    denying = [(group, reason_of(code), amount) for group, code, amount in adjustments if not reason_of(code).posts]
    if not denying:
        return None
    group, reason, _ = max(denying, key=lambda item: abs(item[2]))
    return group.upper(), reason


def _path(reason: ReasonCode, remarks: Sequence[RemarkCode], accepts_replacement: bool) -> Path:
    """The remark's path before the reason's; a plan without replacement claims takes corrections by reopening."""
    said = [remark.path for remark in remarks if remark.path is not None]
    path = said[0] if said else reason.paths[0]
    return Path.REOPENING if path is Path.REPLACEMENT and not accepts_replacement else path


def _decisions(paths: Sequence[Path], effects: frozenset[str], patient: bool) -> tuple[str, ...]:
    """What a person may choose. Writing off is always possible; the right to do it is another matter."""
    chosen = []
    if any(path in _CORRECTABLE for path in paths) and "no_resubmit" not in effects:
        chosen.append(CORRECT)
    if "no_appeal" not in effects and not set(paths) <= {Path.POST, Path.WAIT, Path.BILL_PATIENT}:
        chosen.append(APPEAL)
    chosen.append(WRITE_OFF)
    if patient:
        chosen.append(BILL_PATIENT)
    return tuple(chosen)


def _patient(group: str, reason: ReasonCode, effects: frozenset[str]) -> bool:
    """Only what the payer put on the patient, never a bundled, contractual or protected amount."""
    return group == "PR" and reason.code not in NEVER_PATIENT and "no_patient" not in effects


def _posted(adjustments: Sequence[tuple[str, str, Decimal]], effects: frozenset[str]) -> DenialAssessment:
    patient = any(_patient(group.upper(), reason_of(code), effects) for group, code, _ in adjustments)
    words = "; ".join(f"{group}-{code} {amount}: {explain_carc(code)}" for group, code, amount in adjustments)
    return DenialAssessment(
        is_denial=False,
        category=DenialCategory.TECHNICAL,
        root_cause="none",
        root_code="",
        path=Path.POST,
        patient_may_be_billed=patient,
        decisions=(BILL_PATIENT,) if patient else (),
        explanation=words or "nothing was adjusted",
    )


def _words(group: str, reason: ReasonCode, remarks: Sequence[RemarkCode], path: Path) -> str:
    said = "".join(f" {remark.code}: {remark.paraphrase}." for remark in remarks)
    way = path.value.replace("_", " ")
    return f"{group}-{reason.code}: {reason.paraphrase}; {explain_group(group)}.{said} Usual way on: {way}."


def assess(
    adjustments: Sequence[tuple[str, str, Decimal]], remark_codes: Sequence[str], accepts_replacement: bool
) -> DenialAssessment:
    """What (group, reason, dollars) adjustments with their remarks come to, and what may be done.

    Not told by this: whether anything was paid; a claim whose adjustments merely post but that paid nothing is the
    caller's to look at.
    """
    remarks = [REMARKS[code] for code in map(str.upper, remark_codes) if code in REMARKS]
    effects = frozenset(remark.effect for remark in remarks if remark.effect)
    deciding = _deciding(adjustments)
    if deciding is None:
        return _posted(adjustments, effects)
    group, reason = deciding
    path = _path(reason, remarks, accepts_replacement)
    cause = next((remark.cause for remark in remarks if remark.cause), reason.cause)
    patient = _patient(group, reason, effects)
    return DenialAssessment(
        is_denial=True,
        category=CATEGORY_OF_CAUSE[cause],
        root_cause=cause,
        root_code=reason.code,
        path=path,
        patient_may_be_billed=patient,
        decisions=_decisions((path, *reason.paths), effects, patient),
        explanation=_words(group, reason, remarks, path),
    )
