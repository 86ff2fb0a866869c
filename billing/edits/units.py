"""Edits that look at units and minutes."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from billing import blocks, codes, mue
from billing.checks import Problem
from billing.coding import CodedClaim, final_code, terms_of
from billing.context import VisitContext
from billing.edits.common import SCRUB, entry_of, same_day
from billing.encounter import Encounter
from billing.practice import FrequencyLimit
from billing.vocabulary import Owner, ServiceMode, Severity

MUE_SOURCE = "CMS MUE practitioner table: 2024-04-01 shipped, newer ones imported"


@SCRUB.check(
    "S04",
    "Units of the chart",
    why="A chart that counts more units than its minutes allow will not stand; one that counts fewer gives money away.",
    severity=Severity.HOLD,
    owner=Owner.CLINICIAN,
    source="CMS Claims Processing Manual ch. 5, 20.2; plan terms",
    overridable=True,
)
def chart_units(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Units the chart counted, where it did, are those its minutes come to."""
    terms = terms_of(encounter, context)
    billed: Counter[str] = Counter()
    charted: Counter[str] = Counter()
    for line in claim.unit_result.lines:
        billed[line.code] += line.units
    for service in encounter.timing.services:
        if service.units is not None:
            charted[final_code(service.code, terms)] += service.units
    for code, units in charted.items():
        if units != billed[code]:
            more = units > billed[code]
            yield Problem(
                message=f"The chart counts {units} units of {code}; its minutes come to {billed[code]}.",
                clears_when="minutes and units of the chart agree" if more else "nothing to do: the minutes decide",
                evidence={"code": code, "chart": str(units), "minutes allow": str(billed[code])},
                severity=None if more else Severity.WARN,
            )


@SCRUB.check(
    "S05",
    "Units a day (MUE)",
    why="Units above the day's maximum are cut or denied (CARC 151).",
    severity=Severity.WARN,
    owner=Owner.BILLER,
    source=MUE_SOURCE,
)
def unlikely_units(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Units do not exceed the code's medically unlikely edit: of a line (1), or of the day (2 blocks, 3 warns)."""
    if not terms_of(encounter, context).ncci_applies:
        return
    table = mue.TABLE if context.unit_edits is None else context.unit_edits
    of_day: Counter[str] = Counter()
    of_line: Counter[str] = Counter()
    for line in claim.lines:
        of_day[line.code] += line.units
        of_line[line.code] = max(of_line[line.code], line.units)
    for _, _, _, units, code in same_day(encounter, context):
        if code in of_day:
            of_day[code] += units
    for code in of_day:
        edit, edition = table.edit(code, encounter.date_of_service)
        # An edit of 0 says that Medicare never pays the code, not how many units are likely; plan terms exclude codes.
        if edit is None or not edit.units:
            continue
        by_line = edit.indicator == mue.LINE
        units = of_line[code] if by_line else of_day[code]
        if units > edit.units:
            yield _unlikely(code, units, edit, f"CMS, quarter of {edition}")


def _unlikely(code: str, units: int, edit: mue.UnitEdit, table: str) -> Problem:
    by_policy, by_line = edit.indicator == mue.POLICY, edit.indicator == mue.LINE
    return Problem(
        message=f"{units} units of {code} on one {'line' if by_line else 'day'}; the edit allows {edit.units}.",
        clears_when="the units are corrected" if by_policy else "nothing to do if the records bear it",
        evidence={
            "code": code,
            "units": str(units),
            "maximum": str(edit.units),
            "indicator": str(edit.indicator),
            "table": table,
        },
        severity=Severity.BLOCK if by_policy else None,
    )


@SCRUB.check(
    "S19",
    "Minutes within the day",
    why="Minutes that overlap in one person are not one-on-one minutes.",
    severity=Severity.HOLD,
    owner=Owner.CLINICIAN,
    source="Medicare Benefit Policy Manual ch. 15, 220.3.E",
    overridable=True,
)
def within_treatment(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """One person's one-on-one minutes fit the documented treatment time, and the clock over all patients."""
    yield from _within_total(encounter)
    yield from _within_clock(encounter, context)


def _within_clock(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    services, on = encounter.timing.services, encounter.date_of_service
    own = blocks.blocks(encounter.encounter_id, services, on)
    for crowd in blocks.crowded(own, context.other_blocks):
        visits = [visit for visit in crowd.encounter_ids if visit != encounter.encounter_id]
        stretch = f"{blocks.clock(crowd.start)} and {blocks.clock(crowd.stop)}"
        beside = f", with visit {', '.join(visits)}" if visits else ""
        yield Problem(
            message=f"{crowd.clinician_id} gave {crowd.minutes} one-on-one minutes between {stretch}{beside}.",
            clears_when="times and minutes of the visits agree, or the shared time is charted as group",
            evidence={
                "clinician": crowd.clinician_id,
                "from": blocks.clock(crowd.start),
                "to": blocks.clock(crowd.stop),
                "minutes": str(crowd.minutes),
                "other visits": ", ".join(visits) or "none",
            },
        )


def _within_total(encounter: Encounter) -> Iterator[Problem]:
    total = encounter.timing.total_treatment_minutes
    if total is None:
        return
    given: Counter[str] = Counter()
    for service in encounter.timing.services:
        if service.mode is ServiceMode.INDIVIDUAL:
            for person in service.minutes:
                given[person.clinician_id] += person.minutes
    for person_id, minutes in given.items():
        if minutes > total:
            yield Problem(
                message=f"{person_id} gave {minutes} minutes within a treatment of {total}.",
                clears_when="minutes per code and total treatment minutes agree",
                evidence={"clinician": person_id, "minutes": str(minutes), "treatment": str(total)},
            )


@SCRUB.check(
    "S20",
    "Untimed once",
    why="An untimed code is one unit a day, whatever its length.",
    severity=Severity.BLOCK,
    owner=Owner.BILLER,
    source="CMS Claims Processing Manual ch. 5, 20.2",
)
def untimed_once(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No untimed code has more than one unit on the claim, save those counted by area."""
    total: Counter[str] = Counter()
    for line in claim.lines:
        total[line.code] += line.units
    for code, units in total.items():
        entry = codes.find(code, encounter.date_of_service)
        if entry is not None and not entry.timed and units > max(entry.mue or 1, 1):
            yield Problem(
                message=f"{code} is untimed and stands with {units} units.",
                clears_when=f"{code} has one unit",
                evidence={"code": code, "units": str(units)},
            )


@SCRUB.check(
    "S21",
    "Units and modalities a day",
    why="Some plans pay only so many timed units, or so many modalities, a day (RARC N362, N853).",
    severity=Severity.WARN,
    owner=Owner.BILLER,
    source="plan terms",
)
def units_a_day(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Timed units and modalities of the claim stay within the plan's daily maximum, where it has one."""
    terms = terms_of(encounter, context)
    yield from _modalities_a_day(claim, terms.modalities_per_day_max)
    limit = terms.timed_units_per_day_max
    timed = sum(line.units for line in claim.lines if (entry := entry_of(line)) is not None and entry.timed)
    if limit is not None and timed > limit:
        yield Problem(
            message=f"{timed} timed units; the plan pays at most {limit} a day.",
            clears_when="nothing to do: the plan will cut the rest",
            evidence={"timed units": str(timed), "plan's maximum": str(limit)},
        )


MODALITIES = frozenset({codes.CodeKind.ATTENDED_MODALITY, codes.CodeKind.SUPERVISED_MODALITY})


def _modalities_a_day(claim: CodedClaim, limit: int | None) -> Iterator[Problem]:
    given = sorted({line.code for line in claim.lines if (entry := entry_of(line)) and entry.kind in MODALITIES})
    if limit is not None and len(given) > limit:
        yield Problem(
            message=f"{len(given)} modalities ({', '.join(given)}); the plan pays at most {limit} a day.",
            clears_when="nothing to do: the plan will cut the rest",
            evidence={"modalities": ", ".join(given), "plan's maximum": str(limit)},
        )


@SCRUB.check(
    "S42",
    "As often as the plan pays",
    why="Beyond the plan's frequency the whole line is denied (CARC 119, 151, 222).",
    severity=Severity.HOLD,
    owner=Owner.BILLER,
    source="plan terms, each with the manual it is from",
    overridable=True,
)
def frequency(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No code is billed more often within a period than the plan's terms allow."""
    for limit in terms_of(encounter, context).frequency_limits:
        here = sum(line.units for line in claim.lines if line.code in limit.codes)
        if not here:
            continue
        since = limit.first_day(encounter.date_of_service)
        before = _given_before(encounter, context, limit, since)
        total = before + (here if limit.counts == "units" else 1)
        if total > limit.at_most:
            yield Problem(
                message=f"{_named(limit)}: {total} {limit.counts} since {since}; the plan pays {limit.at_most}.",
                clears_when="the code is taken off, or a person knows that the plan pays it all the same",
                evidence={
                    "codes": ", ".join(limit.codes),
                    "since": since.isoformat(),
                    "with this visit": str(total),
                    "plan's maximum": str(limit.at_most),
                    "source": limit.source,
                },
            )


def _named(limit: FrequencyLimit) -> str:
    return limit.codes[0] if len(limit.codes) == 1 else f"{limit.codes[0]} and its like"


def _given_before(encounter: Encounter, context: VisitContext, limit: FrequencyLimit, since: date) -> int:
    """Visits or units with the codes on other visits of this plan in the period, up to this day."""
    counted = 0
    for visit in context.prior_visits:
        if visit.same_plan and since <= visit.date_of_service <= encounter.date_of_service:
            units = sum(units for code, _, units in visit.lines if code in limit.codes)
            counted += units if limit.counts == "units" else min(units, 1)
    return counted
