"""Whether the claim itself would pass: S01 to S40, each one small function (S09 and S32-S35, S39 arise in coding.py).

Not possible yet, because no fact in the shapes carries them: S15 benefit counters and S22 protected (QMB) patients and
S23 nursing-facility or home-health overlap (need eligibility answers), S25 frequency code (belongs to the claim
version, not to the coded claim), S28 habilitative limits by plan, S27 beyond birth date (age limits, EPSDT), S19 across
patients (needs the clinician's whole day), S30 (the workflow sees a new version after billing). Told elsewhere: S08
across the episode is D13, S13 is D7-D10, S14 is A1-A5. S16 holds by construction: a line has one date.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

from billing import codes, deadlines, icd10, modifiers, ncci, payment
from billing.checks import Catalog, Problem
from billing.coding import CodedClaim, CodedLine, claim_diagnoses, final_code, pair_table, separate, terms_of
from billing.context import VisitContext
from billing.encounter import Encounter
from billing.findings import Finding
from billing.vocabulary import Modality, Owner, ServiceMode, Severity

SCRUB: Catalog[[Encounter, VisitContext, CodedClaim]] = Catalog()

NPI_PREFIX = "80840"  # ISO 7812 prefix of the United States, part of the check digit (CMS NPI standard)
TELEHEALTH_PLACES = frozenset({"02", "10"})
EVALUATION_KINDS = frozenset({codes.CodeKind.EVALUATION, codes.CodeKind.RE_EVALUATION})
HANDS_ON_KINDS = frozenset({codes.CodeKind.ATTENDED_MODALITY, codes.CodeKind.SUPERVISED_MODALITY})
HANDS_ON_CODES = frozenset({"97113", "97124", "97140"})  # hands or a pool are what these codes name
MUE_SOURCE = "CMS MUE practitioner table, 2024-04-01"
TELEHEALTH_SOURCE = "Medicare telehealth list; Pub. L. of 2026-02-03 (through 2027-12-31); plan terms"


def _entry(line: CodedLine) -> codes.TherapyCode | None:
    return codes.find(line.code, line.service_date)


def _family(line: CodedLine, family: str) -> list[str]:
    return [modifier for modifier in line.modifiers if modifiers.kind(modifier) == family]


def _stated(encounter: Encounter, family: str) -> set[str]:
    """Modifiers of a family that the clinician put on any service."""
    return {m for service in encounter.timing.services for m in service.modifiers if modifiers.kind(m) == family}


def _same_day(encounter: Encounter, context: VisitContext) -> list[tuple[str, str, tuple[str, ...], int, str]]:
    """(visit, renderer, modifiers, units, code) of the lines on the patient's other claims of that day."""
    return [
        (visit.encounter_id, visit.rendering_clinician_id, marks, units, code)
        for visit in context.prior_visits
        if visit.date_of_service == encounter.date_of_service and visit.encounter_id != encounter.encounter_id
        for code, marks, units in visit.lines
    ]


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
        present = _family(line, "discipline")
        if (required and present != [wanted]) or (present and present != [wanted]):
            yield Problem(
                message=f"Line {line.line_number} ({line.code}) needs {wanted}.",
                clears_when=f"the line carries {wanted} and no other discipline",
                evidence={"line": str(line.line_number), "modifiers": " ".join(line.modifiers)},
            )
    contrary = _stated(encounter, "discipline") - {wanted}
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
        for modifier in _family(line, "assistant"):
            disciplines = _family(line, "discipline")
            if encounter.discipline.value == "SLP" or (disciplines and partner[modifier] not in disciplines):
                yield Problem(
                    message=f"Line {line.line_number} carries {modifier} without {partner[modifier]}.",
                    clears_when="assistant and discipline modifier belong together",
                    evidence={"modifiers": " ".join(line.modifiers)},
                )
    stated = _stated(encounter, "assistant")
    derived = {modifier for line in claim.lines for modifier in _family(line, "assistant")}
    if stated - derived and terms_of(encounter, context).assistant_modifier_required:
        yield Problem(
            message=f"The chart states {', '.join(sorted(stated - derived))}, but its minutes do not bear it.",
            clears_when="nothing to do, or the minutes of the assistant are corrected",
            evidence={"stated": ", ".join(sorted(stated))},
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
    for line in claim.lines:
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
    """The day's units of a code do not exceed its medically unlikely edit; one set by policy (indicator 2) blocks."""
    if not terms_of(encounter, context).ncci_applies:
        return
    total: Counter[str] = Counter()
    for line in claim.lines:
        total[line.code] += line.units
    for _, _, _, units, code in _same_day(encounter, context):
        if code in total:
            total[code] += units
    for code, units in total.items():
        entry = codes.find(code, encounter.date_of_service)
        # An edit of 0 says that Medicare never pays the code, not how many units are likely; plan terms exclude codes.
        if entry is not None and entry.mue and units > entry.mue:
            yield Problem(
                message=f"{units} units of {code} on one day; the edit allows {entry.mue}.",
                clears_when="the units are corrected" if entry.mai == 2 else "nothing to do if the records bear it",
                evidence={"code": code, "units": str(units), "maximum": str(entry.mue), "indicator": str(entry.mai)},
                severity=Severity.BLOCK if entry.mai == 2 else None,
            )


@SCRUB.check(
    "S06",
    "Code pairs (NCCI)",
    why="Of a pair only column 1 is paid, unless a modifier says, and the chart shows, that both were distinct.",
    severity=Severity.HOLD,
    owner=Owner.CLINICIAN,
    source=ncci.CITATION,
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
    for _, _, modifiers_there, _, code in _same_day(encounter, context):
        marks.setdefault(code, set()).update(modifiers_there)
    for code, other in combinations(sorted(marks), 2):
        pair = table.active(code, other, encounter.date_of_service) if {code, other} & own else None
        if pair is not None:
            yield from _pair(encounter, context, pair, marks[code] | marks[other])


def _pair(encounter: Encounter, context: VisitContext, pair: ncci.Pair, marks: set[str]) -> Iterator[Problem]:
    evidence = {"column 1": pair.column1, "column 2": pair.column2, "indicator": str(pair.indicator)}
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
        entry = _entry(line)
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
    kinds = {entry.kind: line.code for line in claim.lines if (entry := _entry(line)) is not None}
    if set(kinds) >= EVALUATION_KINDS:
        both = sorted(kinds[kind] for kind in EVALUATION_KINDS)
        yield Problem(
            message=f"{' and '.join(both)} are both on the claim.",
            clears_when="the visit is charted as evaluation or as re-evaluation",
            evidence={"codes": ", ".join(both)},
        )


@SCRUB.check(
    "S10",
    "Place, way and telehealth agree",
    why="A virtual visit with an office place, or the reverse, is denied or paid at the wrong rate (CARC 5).",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source=TELEHEALTH_SOURCE,
)
def telehealth(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """Place 02 or 10 if and only if the visit was virtual; the plan takes telehealth, and of these codes."""
    virtual = encounter.administrative.modality is not Modality.IN_PERSON
    evidence = {"way": encounter.administrative.modality.value, "place of service": claim.place_of_service}
    if virtual != (claim.place_of_service in TELEHEALTH_PLACES):
        yield Problem(
            message="The place of service and the way patient and clinician met do not agree.",
            clears_when="a virtual visit has place 02 or 10, and any other visit another",
            evidence=evidence,
        )
    if not virtual:
        if any(_family(line, "telehealth") for line in claim.lines):
            yield Problem("A telehealth modifier stands on a visit in person.", "the chart drops it", evidence)
        return
    if not terms_of(encounter, context).telehealth_allowed:
        yield Problem(
            message="The plan does not pay for telehealth.",
            clears_when="the visit is marked not billable or paid by the patient",
            evidence=evidence,
            severity=Severity.BLOCK,
        )
    yield from _not_listed(claim)


def _not_listed(claim: CodedClaim) -> Iterator[Problem]:
    for line in claim.lines:
        entry = _entry(line)
        if entry is not None and not entry.telehealth(line.service_date) and not _remote(entry):
            hands_on = entry.kind in HANDS_ON_KINDS or entry.code in HANDS_ON_CODES
            yield Problem(
                message=f"{line.code} {'cannot be given' if hands_on else 'is not listed for payment'} by telehealth.",
                clears_when="the code or the way of the visit is corrected"
                + ("" if hands_on else ", or the plan pays it"),
                evidence={"code": line.code},
                severity=Severity.BLOCK if hands_on else None,
                overridable=not hands_on,
            )


def _remote(entry: codes.TherapyCode) -> bool:
    """Codes that are remote by nature and need no telehealth listing."""
    return entry.kind in (codes.CodeKind.COMMUNICATION, codes.CodeKind.REMOTE_MONITORING) or entry.code == "98981"


@SCRUB.check(
    "S11",
    "Provider numbers",
    why="A number that fails its check digit is refused at the door.",
    severity=Severity.BLOCK,
    owner=Owner.BILLER,
    source="CMS NPI standard (Luhn with prefix 80840)",
)
def provider_numbers(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """The numbers of practice, rendering therapist, referrer and certifier pass their check digit."""
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


def npi_is_valid(npi: str) -> bool:
    """Ten digits whose last checks the others (Luhn over the prefix 80840 and the number)."""
    if len(npi) != 10 or not npi.isdigit():
        return False
    digits = [int(digit) for digit in reversed(NPI_PREFIX + npi)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


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
            yield Problem(
                message=f"{reason}.",
                clears_when="the diagnosis is coded to full specificity",
                evidence={"diagnosis": diagnosis},
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
    for visit, renderer, marks, _, code in _same_day(encounter, context):
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
    """The plan's filing limit has not passed; in its last 30 days a warning goes up."""
    terms = terms_of(encounter, context)
    limit = deadlines.filing_limit(encounter.date_of_service, terms)
    left = (limit - context.today).days
    evidence = {"limit": limit.isoformat(), "days left": str(left)}
    if left < 0:
        yield Problem(
            message=f"The filing limit passed on {limit}.",
            clears_when="a person knows an exception of the plan and says which",
            evidence=evidence,
        )
    elif left <= deadlines.FILING_GUARD_DAYS:
        yield Problem(
            message=f"{left} days are left to file this claim.",
            clears_when=f"the claim is sent by {limit}",
            evidence=evidence,
            severity=Severity.WARN,
            look_again_on=limit + timedelta(days=1),
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
    """One person's one-on-one minutes do not exceed the documented treatment time."""
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
    "Timed units a day",
    why="Some plans pay only so many timed units a day (RARC N362, N853).",
    severity=Severity.WARN,
    owner=Owner.BILLER,
    source="plan terms",
)
def units_a_day(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """The claim's timed units stay within the plan's daily maximum, where it has one."""
    limit = terms_of(encounter, context).timed_units_per_day_max
    timed = sum(line.units for line in claim.lines if (entry := _entry(line)) is not None and entry.timed)
    if limit is not None and timed > limit:
        yield Problem(
            message=f"{timed} timed units; the plan pays at most {limit} a day.",
            clears_when="nothing to do: the plan will cut the rest",
            evidence={"timed units": str(timed), "plan's maximum": str(limit)},
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
    "S27",
    "Born before treated",
    why="A birth date after the service is refused (CARC 14).",
    severity=Severity.BLOCK,
    owner=Owner.FRONT_DESK,
)
def born(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """The patient's birth date is not after the date of service."""
    if encounter.patient.birth_date > encounter.date_of_service:
        yield Problem("The patient's birth date lies after the visit.", "the birth date is corrected")


@SCRUB.check(
    "S28",
    "Habilitative or rehabilitative",
    why="96 and 97 count against different limits; a line cannot be both.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
)
def habilitative(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> Iterator[Problem]:
    """No line carries both 96 and 97."""
    for line in claim.lines:
        if {"96", "97"} <= set(line.modifiers):
            yield Problem(f"Line {line.line_number} carries both 96 and 97.", "the chart states one of them")


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
        entry = _entry(line)
        if entry is not None and entry.kind is codes.CodeKind.UNLISTED and not line.description.strip():
            yield Problem(f"{line.code} is unlisted and has no description.", "the chart describes what was done")


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


def check(encounter: Encounter, context: VisitContext, claim: CodedClaim) -> tuple[Finding, ...]:
    """All findings about the claim as coded; what coding itself found stands on the claim."""
    return tuple(SCRUB.findings(encounter, context, claim))
