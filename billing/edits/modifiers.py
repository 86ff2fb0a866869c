"""Edits that look at the modifiers of a line."""

from collections.abc import Iterator

from billing import modifiers
from billing.checks import Problem
from billing.coding import CodedClaim, terms_of
from billing.context import VisitContext
from billing.edits.common import SCRUB, family_of, stated
from billing.encounter import Encounter
from billing.vocabulary import Owner, Severity


@SCRUB.check(
    "S01",
    "Discipline modifier",
    why="Therapy lines without exactly one of GP, GO, GN are refused (CARC 4).",
    severity=Severity.BLOCK,
    owner=Owner.BILLER,
    source="CMS Claims Processing Manual ch. 5, 20.1; plan terms",
)
def discipline_modifier(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Where the plan wants it, every line has exactly the modifier of the visit's discipline, and the chart agrees."""
    wanted = modifiers.DISCIPLINE[encounter.discipline]
    required = terms_of(encounter, context).discipline_modifier_required
    for line in claim.lines:
        present = family_of(line, "discipline")
        if (required and present != [wanted]) or (present and present != [wanted]):
            yield Problem(
                message=f"Line {line.line_number} ({line.code}) needs {wanted}.",
                clears_when=f"the line carries {wanted} and no other discipline",
                evidence={"line": str(line.line_number), "modifiers": " ".join(line.modifiers)},
            )
    contrary = stated(encounter, "discipline") - {wanted}
    if contrary and required:
        yield Problem(
            message=f"The chart states {', '.join(sorted(contrary))} on a {encounter.discipline.value} visit.",
            clears_when="discipline and modifiers of the chart agree",
            evidence={"discipline": encounter.discipline.value, "stated": ", ".join(sorted(contrary))},
            owner=Owner.CLINICIAN,
        )


@SCRUB.check(
    "S02",
    "Assistant modifier",
    why="CQ belongs to GP and CO to GO; the wrong pair is refused, a missing one is a false claim.",
    severity=Severity.BLOCK,
    owner=Owner.BILLER,
    source="42 USC 1395m(v); CMS CY2020-2022 PFS",
)
def assistant_modifier(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """CQ stands only beside GP and CO only beside GO; what the chart states agrees with its minutes."""
    partner = {"CQ": "GP", "CO": "GO"}
    for line in claim.lines:
        for modifier in family_of(line, "assistant"):
            disciplines = family_of(line, "discipline")
            if encounter.discipline.value == "SLP" or (disciplines and partner[modifier] not in disciplines):
                yield Problem(
                    message=f"Line {line.line_number} carries {modifier} without {partner[modifier]}.",
                    clears_when="assistant and discipline modifier belong together",
                    evidence={"modifiers": " ".join(line.modifiers)},
                )
    given = stated(encounter, "assistant")
    derived = {modifier for line in claim.lines for modifier in family_of(line, "assistant")}
    if given - derived and terms_of(encounter, context).assistant_modifier_required:
        yield Problem(
            message=f"The chart states {', '.join(sorted(given - derived))}, but its minutes do not bear it.",
            clears_when="nothing to do, or the minutes of the assistant are corrected",
            evidence={"stated": ", ".join(sorted(given))},
            severity=Severity.WARN,
        )


@SCRUB.check(
    "S03",
    "KX and GA",
    why="KX says the service is necessary, GA that it is expected not to be; together they contradict.",
    severity=Severity.BLOCK,
    owner=Owner.BILLER,
    source="CMS Claims Processing Manual ch. 5, 10.3; MAC guidance (NGS)",
)
def kx_conflict(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No line carries KX together with GA."""
    for line in claim.lines:
        if {"KX", "GA"} <= set(line.modifiers):
            yield Problem(
                message=f"Line {line.line_number} carries both KX and GA.",
                clears_when="the chart states one of them",
                evidence={"modifiers": " ".join(line.modifiers)},
            )


@SCRUB.check(
    "S26",
    "Modifiers fit the line",
    why="Four fit on a line; a fifth is lost, a repeated one is refused (277CA A7/453).",
    severity=Severity.HOLD,
    owner=Owner.BILLER,
    source="837P 005010X222A1, SV101-3 to -6",
)
def modifier_count(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No line has more than four modifiers or one of them twice."""
    for line in claim.lines:
        if len(line.modifiers) > modifiers.LIMIT or len(set(line.modifiers)) < len(line.modifiers):
            yield Problem(
                message=f"Line {line.line_number} has the modifiers {' '.join(line.modifiers)}.",
                clears_when="the chart or the plan's terms drop the least important one",
                evidence={"line": str(line.line_number), "count": str(len(line.modifiers))},
            )


@SCRUB.check(
    "S28",
    "Habilitative or rehabilitative",
    why="96 and 97 count against different limits; a line cannot be both.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
)
def habilitative(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No line carries both 96 and 97; where the plan counts them apart, every line carries one."""
    required = terms_of(encounter, context).habilitative_modifier_required
    for line in claim.lines:
        marks = frozenset(modifiers.CARE.values()) & set(line.modifiers)
        if len(marks) > 1:
            yield Problem(f"Line {line.line_number} carries both 96 and 97.", "the chart states one of them")
        elif required and not marks:
            yield Problem(
                message=f"Line {line.line_number} ({line.code}) says neither habilitative nor rehabilitative.",
                clears_when="the chart says which the care is (96 or 97)",
                evidence={"line": str(line.line_number), "modifiers": " ".join(line.modifiers) or "none"},
                severity=Severity.HOLD,
                overridable=True,
            )


@SCRUB.check(
    "S38",
    "Modifiers of other trades",
    why="Modifiers of chiropractors, teaching physicians or office visits get therapy lines refused.",
    severity=Severity.HOLD,
    owner=Owner.CLINICIAN,
)
def foreign_modifiers(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No line carries a modifier that is not a therapist's."""
    for line in claim.lines:
        foreign = sorted(modifiers.FOREIGN & set(line.modifiers))
        if foreign:
            yield Problem(
                message=f"Line {line.line_number} carries {', '.join(foreign)}, which is not for therapy.",
                clears_when="the chart drops it",
                evidence={"modifiers": " ".join(line.modifiers)},
            )
