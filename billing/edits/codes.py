"""Edits that look at codes: alone, in pairs, and against the plan."""

from collections.abc import Iterator
from itertools import combinations

from billing import codes, icd10, ncci
from billing.checks import Problem
from billing.coding import CodedClaim, pair_table, separate, terms_of
from billing.context import VisitContext
from billing.edits.common import EVALUATION_KINDS, SCRUB, entry_of, same_day
from billing.encounter import Encounter
from billing.vocabulary import Owner, Severity


@SCRUB.check(
    "S06",
    "Code pairs (NCCI)",
    why="Of a pair only column 1 is paid, unless a modifier says, and the chart shows, that both were distinct.",
    severity=Severity.HOLD,
    owner=Owner.CLINICIAN,
    source="CMS NCCI PTP practitioner table: 2024-07-01 shipped, newer ones imported",
    overridable=True,
)
def code_pairs(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No pair of the day is one that never goes together; others carry a distinct-service modifier and the evidence."""
    if not terms_of(encounter, context).ncci_applies:
        return
    table = pair_table(context)
    marks: dict[str, set[str]] = {}
    for line in claim.lines:
        marks.setdefault(line.code, set()).update(line.modifiers)
    own = set(marks)
    for _, _, modifiers_there, _, code in same_day(encounter, context):
        marks.setdefault(code, set()).update(modifiers_there)
    for code, other in combinations(sorted(marks), 2):
        pair = table.active(code, other, encounter.date_of_service) if {code, other} & own else None
        if pair is not None:
            yield from _pair(encounter, context, pair, marks[code] | marks[other])


def _pair(encounter: Encounter, context: VisitContext, pair: ncci.Pair, marks: set[str]) -> Iterator[Problem]:
    evidence = {
        "column 1": pair.column1,
        "column 2": pair.column2,
        "indicator": str(pair.indicator),
        "table": f"CMS, quarter of {pair_table(context).edition}",
    }
    terms = terms_of(encounter, context)
    if pair.indicator == ncci.NEVER:
        yield Problem(
            message=f"{pair.column2} is never paid beside {pair.column1} on one day.",
            clears_when=f"{pair.column2} is taken off the claim",
            evidence=evidence,
            severity=Severity.BLOCK,
        )
    elif not marks & ncci.BYPASS:
        yield Problem(
            message=f"{pair.column2} is not paid beside {pair.column1} unless each had its own block of time.",
            clears_when="the chart marks one of them as a separate block, or the code is taken off",
            evidence=evidence,
        )
    elif not (separate(encounter, pair.column1, terms) or separate(encounter, pair.column2, terms)):
        yield Problem(
            message=f"{pair.column2} is marked distinct from {pair.column1}, but the chart shows no separate block.",
            clears_when="the chart marks the separate block",
            evidence=evidence,
            severity=Severity.WARN,
        )


@SCRUB.check(
    "S07",
    "Add-on with its primary",
    why="An add-on code alone is denied (CARC 107).",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source="CMS add-on code table, type 1 (2024)",
)
def add_on_alone(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Every add-on code has its primary on the same claim."""
    billed = {line.code for line in claim.lines}
    for line in claim.lines:
        entry = entry_of(line)
        if entry is not None and entry.primary_code is not None and entry.primary_code not in billed:
            yield Problem(
                message=f"{line.code} adds to {entry.primary_code}, which is not on the claim.",
                clears_when=f"{entry.primary_code} is charted, or {line.code} is taken off",
                evidence={"add-on": line.code, "primary": entry.primary_code},
            )


@SCRUB.check(
    "S08",
    "One evaluation a day",
    why="An evaluation and a re-evaluation of one discipline cannot both be true of one visit.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source="Medicare Benefit Policy Manual ch. 15, 220.3.C",
)
def one_evaluation(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """A claim does not hold an evaluation and a re-evaluation together."""
    kinds = {entry.kind: line.code for line in claim.lines if (entry := entry_of(line)) is not None}
    if set(kinds) >= EVALUATION_KINDS:
        both = sorted(kinds[kind] for kind in EVALUATION_KINDS)
        yield Problem(
            message=f"{' and '.join(both)} are both on the claim.",
            clears_when="the visit is charted as evaluation or as re-evaluation",
            evidence={"codes": ", ".join(both)},
        )


@SCRUB.check(
    "S12",
    "Codes valid on the day",
    why="A retired, unknown or unspecific code is refused (CARC 181, 146).",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source="ICD-10-CM list; code table of 2024-2026",
)
def valid_codes(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Diagnoses are valid to full specificity and procedure codes known on the date of service."""
    for diagnosis in claim.diagnoses:
        reason = icd10.validity(diagnosis, encounter.date_of_service)
        if reason != icd10.OK:
            unlisted = not icd10.listed(diagnosis)
            yield Problem(
                message=f"{reason}.",
                clears_when="the diagnosis is corrected" + (", or a person confirms a newer code" if unlisted else ""),
                evidence={"diagnosis": diagnosis},
                severity=Severity.HOLD if unlisted else None,
                overridable=unlisted,
            )
    for code in dict.fromkeys(line.code for line in claim.lines):
        if codes.find(code, encounter.date_of_service) is None:
            retired = codes.known(code)
            yield Problem(
                message=f"{code} is {'not valid on this date' if retired else 'not in our code table'}.",
                clears_when="the code is corrected, or a person confirms it",
                evidence={"code": code, "date of service": encounter.date_of_service.isoformat()},
                severity=Severity.HOLD,
                overridable=True,
            )


@SCRUB.check(
    "S29",
    "Pairs the plan bundles",
    why="Some plans keep edits CMS has ended (97140 with 97530, for one) or have their own.",
    severity=Severity.WARN,
    owner=Owner.BILLER,
    source="plan terms",
)
def plan_pairs(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """A pair the plan's own editor bundles carries a distinct-service modifier."""
    marks: dict[str, set[str]] = {}
    for line in claim.lines:
        marks.setdefault(line.code, set()).update(line.modifiers)
    for code, other in terms_of(encounter, context).bundled_pairs:
        if code in marks and other in marks and not (marks[code] | marks[other]) & ncci.BYPASS:
            yield Problem(
                message=f"This plan bundles {other} into {code}.",
                clears_when="nothing to do, or the chart marks a separate block and states the modifier",
                evidence={"pair": f"{code} {other}"},
            )


@SCRUB.check(
    "S31",
    "Codes the plan excludes",
    why="The plan does not pay these; billing them earns a denial.",
    severity=Severity.HOLD,
    owner=Owner.BILLER,
    source="plan terms",
    overridable=True,
)
def excluded(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No billed code is one the plan excludes."""
    barred = set(terms_of(encounter, context).excluded_codes)
    for code in dict.fromkeys(line.code for line in claim.lines):
        if code in barred:
            yield Problem(
                message=f"The plan does not pay {code}.",
                clears_when=f"{code} is taken off, or a person decides to bill it all the same",
                evidence={"code": code},
            )


@SCRUB.check(
    "S37",
    "Unlisted codes described",
    why="An unlisted code says nothing by itself; without words it is refused.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source="837P 005010X222A1, SV101-7",
)
def described(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """A line with an unlisted code has a description."""
    for line in claim.lines:
        entry = entry_of(line)
        if entry is not None and entry.kind is codes.CodeKind.UNLISTED and not line.description.strip():
            yield Problem(f"{line.code} is unlisted and has no description.", "the chart describes what was done")


@SCRUB.check(
    "S40",
    "Code of the discipline",
    why="A code of another discipline under this plan of care is denied (CARC 8), an evaluation above all.",
    severity=Severity.WARN,
    owner=Owner.CLINICIAN,
    source="code table; scope of practice varies by state",
)
def code_of_discipline(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Every code is one the visit's discipline bills; an evaluation of another discipline holds."""
    for code in dict.fromkeys(line.code for line in claim.lines):
        entry = codes.find(code, encounter.date_of_service)
        if entry is not None and encounter.discipline not in entry.disciplines:
            wrong_evaluation = entry.kind in EVALUATION_KINDS
            yield Problem(
                message=f"{code} is not usually billed by {encounter.discipline.value}.",
                clears_when="code or discipline is corrected, or a person confirms it",
                evidence={"code": code, "discipline": encounter.discipline.value},
                severity=Severity.HOLD if wrong_evaluation else None,
                overridable=wrong_evaluation,
            )
