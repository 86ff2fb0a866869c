"""Whether the chart carries the claim: D0 to D16, each one small function.

Timing rules follow the Medicare Benefit Policy Manual ch. 15, 220 where a plan asks for them; the plan's terms decide
whether and with which numbers. Days of certification are counted as calendar days after the first treatment day: day 30
after 2026-03-02 is 2026-04-01, day 90 is 2026-05-31.

Not possible yet, because no fact carries them: consent and the patient's whereabouts in a telehealth visit (part of
D6), whether the note's text matches each code (part of D14), and an addendum after billing (D15: the workflow sees the
new version and asks again; billing.desk has the kind ``chart_changed_after_billing``).
"""

from collections.abc import Iterator
from datetime import date, time, timedelta

from billing import codes
from billing.checks import Catalog, Problem
from billing.coding import final_code, terms_of
from billing.context import VisitContext
from billing.encounter import Encounter, PlanOfCare, Service, Signature
from billing.findings import Finding
from billing.practice import Clinician
from billing.vocabulary import ClinicianRole, Modality, Owner, ServiceMode, Severity, VisitKind

DOCUMENTATION: Catalog[[Encounter, VisitContext]] = Catalog()

CH15 = "Medicare Benefit Policy Manual ch. 15"
ORDER_EXCEPTION_FROM = date(2025, 1, 1)  # 42 CFR 424.24(c), 89 FR 97912: silence of the referrer is assent
TRANSMITTED_WITHIN_DAYS = 30  # of the initial evaluation (42 CFR 424.24(c))
RECERTIFICATION_WARNING_DAYS = 10  # before the end of the certified time (practice default)
LATE_REPORT_DAYS = 7  # a late progress report is written within a week of the period's end (CH15 220.3)

_PLACES = "02 03 04 10 11 12 13 14 15 18 19 20 22 31 32 33 34 49 50 60 61 62 71 72 99"
PLACES = frozenset(_PLACES.split())  # CMS place-of-service codes where therapy happens


def _clinician(context: VisitContext, clinician_id: str | None) -> Clinician | None:
    return context.clinicians.get(clinician_id) if clinician_id else None


def _role(context: VisitContext, clinician_id: str | None) -> ClinicianRole | None:
    clinician = _clinician(context, clinician_id)
    return clinician.role if clinician else None


def _entry(encounter: Encounter, context: VisitContext, service: Service) -> codes.TherapyCode | None:
    return codes.find(final_code(service.code, terms_of(encounter, context)), encounter.date_of_service)


def _kinds(encounter: Encounter, context: VisitContext) -> set[codes.CodeKind]:
    entries = [_entry(encounter, context, service) for service in encounter.timing.services]
    return {entry.kind for entry in entries if entry is not None}


def is_evaluation(encounter: Encounter, context: VisitContext) -> bool:
    """Whether the visit opens an episode: the chart says so, or an evaluation code is on it."""
    if encounter.clinical.visit_kind is VisitKind.EVALUATION:
        return True
    return codes.CodeKind.EVALUATION in _kinds(encounter, context)


def is_re_evaluation(encounter: Encounter, context: VisitContext) -> bool:
    """Whether the visit looks again at a running episode."""
    if encounter.clinical.visit_kind is VisitKind.RE_EVALUATION:
        return True
    return codes.CodeKind.RE_EVALUATION in _kinds(encounter, context)


def _authored(encounter: Encounter) -> list[Signature]:
    return [signature for signature in encounter.compliance.signatures if signature.kind == "author"]


@DOCUMENTATION.check(
    "D0",
    "Visit stands",
    why="A cancelled visit must never reach a payer.",
    severity=Severity.BLOCK,
    owner=Owner.BILLER,
)
def stands(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """The visit is not cancelled."""
    if encounter.cancelled:
        yield Problem(
            message="The visit is cancelled and must not be billed.",
            clears_when="the sender sends a version that is not cancelled, or the visit is marked not billable",
        )


@DOCUMENTATION.check(
    "D1",
    "Signed note",
    why="An unsigned note supports no service; it is the first thing an auditor asks for.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.3 (treatment note)",
)
def signed(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """The note is signed by a licensed clinician (therapist or assistant) of the practice, within the plan's days."""
    licensed = [s for s in encounter.compliance.signatures if _role(context, s.clinician_id) in _LICENSED]
    if not licensed:
        yield _unsigned(encounter, context)
        return
    signed_on = min(signature.signed_at.date() for signature in licensed)
    if signed_on < encounter.date_of_service:
        yield Problem(
            message="The note was signed before the visit took place.",
            clears_when="the note is signed on or after the date of service",
            evidence={"signed on": signed_on.isoformat(), "date of service": encounter.date_of_service.isoformat()},
        )
    yield from _signed_late(encounter, context, signed_on)


_LICENSED = (ClinicianRole.THERAPIST, ClinicianRole.ASSISTANT)


def _unsigned(encounter: Encounter, context: VisitContext) -> Problem:
    authors = [signature.clinician_id for signature in encounter.compliance.signatures]
    by = f"only by {', '.join(authors)}, who is no licensed clinician of the practice" if authors else "by nobody"
    return Problem(
        message=f"The note is signed {by}.",
        clears_when="a therapist or assistant who gave the care signs the note",
        evidence={"signatures": ", ".join(authors) or "none"},
    )


def _signed_late(encounter: Encounter, context: VisitContext, signed_on: date) -> Iterator[Problem]:
    days = terms_of(encounter, context).note_signed_within_days
    if (signed_on - encounter.date_of_service).days > days:
        yield Problem(
            message=f"The note was signed more than {days} days after the visit.",
            clears_when="a person accepts the late signature and says why",
            evidence={"signed on": signed_on.isoformat(), "date of service": encounter.date_of_service.isoformat()},
            severity=Severity.HOLD,
            overridable=True,
        )


@DOCUMENTATION.check(
    "D2",
    "Diagnosis",
    why="A line without a diagnosis is refused before anybody reads it.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.1.2; 837P HI segment",
)
def diagnosed(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """At least one diagnosis is given, and one of them is primary (rank 1)."""
    ranks = [diagnosis.rank for diagnosis in encounter.clinical.diagnoses]
    if not ranks:
        yield Problem("The visit has no diagnosis.", "the chart names at least one ICD-10-CM code")
    elif 1 not in ranks:
        yield Problem(
            message="No diagnosis is marked primary.",
            clears_when="one diagnosis has rank 1",
            evidence={"ranks": ", ".join(str(rank) for rank in sorted(ranks))},
        )


@DOCUMENTATION.check(
    "D3",
    "Minutes of timed codes",
    why="Minutes are what timed units are made of; sums that disagree lose an audit.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.3.E",
)
def minutes(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Every timed code has minutes; their sum is the documented timed total; the treatment total is not below it."""
    timed = [s for s in encounter.timing.services if _is_timed(encounter, context, s)]
    for service in timed:
        if service.total_minutes == 0:
            yield Problem(
                message=f"{service.code} is timed but has no minutes.",
                clears_when=f"the chart has the minutes of {service.code}",
                evidence={"code": service.code},
            )
    yield from _totals(encounter, context, sum(service.total_minutes for service in timed))


def _is_timed(encounter: Encounter, context: VisitContext, service: Service) -> bool:
    entry = _entry(encounter, context, service)
    return entry is not None and entry.timed


def _totals(encounter: Encounter, context: VisitContext, added: int) -> Iterator[Problem]:
    timing, wanted = encounter.timing, terms_of(encounter, context).treatment_minutes_required
    if timing.total_timed_minutes is not None and timing.total_timed_minutes != added:
        yield Problem(
            message=f"The note says {timing.total_timed_minutes} timed minutes, its timed codes add up to {added}.",
            clears_when="the documented total and the minutes per code agree",
            evidence={"documented": str(timing.total_timed_minutes), "sum of codes": str(added)},
        )
    if timing.total_treatment_minutes is not None and timing.total_treatment_minutes < added:
        yield Problem(
            message="The total treatment minutes are fewer than the timed minutes.",
            clears_when="total treatment minutes are at least the timed minutes",
            evidence={"total": str(timing.total_treatment_minutes), "timed": str(added)},
        )
    if wanted and (timing.total_treatment_minutes is None or (added and timing.total_timed_minutes is None)):
        yield Problem(
            message="The plan wants total timed and total treatment minutes in the note.",
            clears_when="both totals are documented",
            evidence={"timed": str(timing.total_timed_minutes), "treatment": str(timing.total_treatment_minutes)},
        )


@DOCUMENTATION.check(
    "D4",
    "Start and stop times",
    why="Some payers reject notes without clock times; where given, they must hold the minutes.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source="plan terms",
)
def clock_times(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Where the plan asks for them, every service has start and stop times; where given, the minutes fit between."""
    required = terms_of(encounter, context).start_stop_times_required
    for service in encounter.timing.services:
        if service.start_time is None or service.stop_time is None:
            if required:
                yield Problem(
                    message=f"{service.code} has no start and stop times, which this plan wants.",
                    clears_when=f"start and stop times of {service.code} are documented",
                    evidence={"code": service.code},
                )
        elif _span(service.start_time, service.stop_time) < max(person.minutes for person in service.minutes):
            yield Problem(
                message=f"{service.code}: the minutes do not fit between start and stop.",
                clears_when="times and minutes agree",
                evidence={"start": service.start_time.isoformat(), "stop": service.stop_time.isoformat()},
            )


def _span(start: time, stop: time) -> int:
    """Minutes from start to stop of one day; negative when stop is earlier."""
    return (stop.hour - start.hour) * 60 + stop.minute - start.minute


@DOCUMENTATION.check(
    "D5",
    "Who treated, in which role",
    why="Claims go out in a therapist's name; assistants and students need one behind them, and may not evaluate.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.3 and 230",
)
def treated_by(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Everybody who treated is known, the claim's clinician is a therapist, and supervision is named where due."""
    people = dict.fromkeys(p.clinician_id for service in encounter.timing.services for p in service.minutes)
    for person in people:
        if person not in context.clinicians:
            yield Problem(
                message=f"{person} treated but is not a clinician of the practice.",
                clears_when="the practice file names this clinician, or the chart names another",
                evidence={"clinician": person},
                owner=Owner.BILLER,
            )
    yield from _rendering(encounter, context)
    yield from _supervised(encounter, context, list(people))
    yield from _student_minutes(encounter, context)


def _rendering(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    rendering = _clinician(context, encounter.compliance.rendering_clinician_id)
    if rendering is None or rendering.role is not ClinicianRole.THERAPIST:
        yield Problem(
            message="The claim's clinician is not a therapist of the practice.",
            clears_when="the visit names a therapist as rendering clinician",
            evidence={"rendering": encounter.compliance.rendering_clinician_id},
        )
    elif rendering.discipline is not encounter.discipline:
        yield Problem(
            message=f"The claim's clinician practises {rendering.discipline}, the visit is {encounter.discipline}.",
            clears_when="clinician and visit are of one discipline",
            evidence={"rendering": rendering.clinician_id, "discipline": rendering.discipline.value},
        )


def _supervised(encounter: Encounter, context: VisitContext, people: list[str]) -> Iterator[Problem]:
    helpers = [p for p in people if _role(context, p) in (ClinicianRole.ASSISTANT, ClinicianRole.STUDENT)]
    if not helpers:
        return
    supervisor = encounter.compliance.supervising_clinician_id
    if _role(context, supervisor) is not ClinicianRole.THERAPIST:
        yield Problem(
            message="An assistant or student treated, and no supervising therapist is named.",
            clears_when="the visit names the therapist who supervised",
            evidence={"treated": ", ".join(helpers), "supervisor": supervisor or "none"},
        )
    yield from _evaluated_by_helper(encounter, context)


def _evaluated_by_helper(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    for service in encounter.timing.services:
        entry = _entry(encounter, context, service)
        if entry is None or entry.kind not in (codes.CodeKind.EVALUATION, codes.CodeKind.RE_EVALUATION):
            continue
        if any(_role(context, person.clinician_id) is ClinicianRole.THERAPIST for person in service.minutes):
            continue
        yield Problem(
            message=f"{service.code} is an evaluation and no therapist took part; assistants and students may not.",
            clears_when="the evaluation's minutes name the therapist who made it",
            evidence={"code": service.code},
        )


def _student_minutes(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    alone = sum(
        person.minutes
        for service in encounter.timing.services
        for person in service.minutes
        if _role(context, person.clinician_id) is ClinicianRole.STUDENT and not person.together_with_therapist
    )
    if alone:
        yield Problem(
            message=f"{alone} minutes were given by a student alone; they were not counted.",
            clears_when="nothing to do, or the chart says that the therapist treated together with the student",
            evidence={"student minutes": str(alone)},
            severity=Severity.WARN,
        )


@DOCUMENTATION.check(
    "D6",
    "Place and way of treatment",
    why="Place decides the rate and whether the claim belongs to us at all.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="CMS place-of-service code set",
    overridable=True,
)
def placed(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """The visit names a location of the practice and a place-of-service code where therapy happens."""
    administrative = encounter.administrative
    if administrative.location_id not in context.location_ids:
        yield Problem(
            message=f"Location {administrative.location_id} is not one of the practice.",
            clears_when="the practice file names the location, or the visit names another",
            evidence={"location": administrative.location_id},
        )
    if administrative.place_of_service not in PLACES:
        yield Problem(
            message=f"Place of service {administrative.place_of_service} is not a place of outpatient therapy.",
            clears_when="the visit names the place by its CMS code",
            evidence={"place of service": administrative.place_of_service},
        )


@DOCUMENTATION.check(
    "D7",
    "Plan of care in force",
    why="Therapy outside a plan of care is not covered.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.1.2",
)
def planned(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Where the plan wants one, a plan of care was established on or before the visit; an evaluation only warns."""
    if not terms_of(encounter, context).plan_of_care_required:
        return
    plan = encounter.compliance.plan_of_care
    if plan is None:
        evaluation = is_evaluation(encounter, context)
        yield Problem(
            message="There is no plan of care for this visit.",
            clears_when="the chart sends the plan of care",
            evidence={"visit": encounter.clinical.visit_kind.value},
            severity=Severity.WARN if evaluation else None,
        )
    elif plan.established_on > encounter.date_of_service:
        yield Problem(
            message="The plan of care was established after the visit.",
            clears_when="the plan of care that covered the visit is sent",
            evidence={"established": plan.established_on.isoformat(), "visit": encounter.date_of_service.isoformat()},
        )


def first_day(encounter: Encounter, plan: PlanOfCare, window_days: int) -> date:
    """The day certification counts from: the episode's first, unless a later plan of care has a clock of its own."""
    started = encounter.compliance.episode.started_on
    return plan.established_on if (plan.established_on - started).days > window_days else started


def order_exception(encounter: Encounter, context: VisitContext) -> bool:
    """Whether a signed order on file and timely transmission stand in for the signature (42 CFR 424.24(c), 2025)."""
    plan, referral = encounter.compliance.plan_of_care, encounter.administrative.referral
    if not terms_of(encounter, context).certification_order_exception or plan is None or referral is None:
        return False
    if encounter.date_of_service < ORDER_EXCEPTION_FROM or referral.ordered_on is None:
        return False
    if plan.sent_to_certifier_on is None:
        return False
    start = first_day(encounter, plan, TRANSMITTED_WITHIN_DAYS)
    return plan.sent_to_certifier_on <= start + timedelta(days=TRANSMITTED_WITHIN_DAYS)


@DOCUMENTATION.check(
    "D8",
    "Plan of care certified in time",
    why="Without the physician's certification Medicare takes the money back.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="42 CFR 424.24(c); Medicare Benefit Policy Manual ch. 15, 220.1.3 (2025)",
    overridable=True,
)
def certified(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """The plan of care is certified within so many days of the first treatment, or the 2025 order exception holds."""
    terms, plan = terms_of(encounter, context), encounter.compliance.plan_of_care
    if not terms.certification_required or plan is None or order_exception(encounter, context):
        return
    due = first_day(encounter, plan, terms.certification_days) + timedelta(days=terms.certification_days)
    if plan.certified_on is None:
        yield _uncertified(context.today, due)
    elif plan.certified_on > due:
        yield Problem(
            message=f"The plan of care was certified on {plan.certified_on}, after {due}.",
            clears_when="nothing to do; keep the reason of the delay with the chart",
            evidence={"certified": plan.certified_on.isoformat(), "due": due.isoformat()},
            severity=Severity.WARN,
        )


def _uncertified(today: date, due: date) -> Problem:
    if today <= due:
        return Problem(
            message=f"The plan of care is not certified yet; it is due by {due}.",
            clears_when="the physician's signature is recorded",
            evidence={"due": due.isoformat()},
            severity=Severity.WARN,
            look_again_on=due + timedelta(days=1),
        )
    return Problem(
        message=f"The plan of care is not certified; that was due by {due}.",
        clears_when="the physician's signature is recorded, or order and timely transmission are on file",
        evidence={"due": due.isoformat(), "today": today.isoformat()},
    )


def certified_until(encounter: Encounter, plan: PlanOfCare, interval_days: int) -> date:
    """Last day of the certified time: the stated duration, and never more than the interval after its first day."""
    start = plan.recertified_on or first_day(encounter, plan, interval_days)
    limit = start + timedelta(days=interval_days)
    if plan.effective_to is None or (plan.recertified_on is not None and plan.effective_to < plan.recertified_on):
        return limit
    return min(limit, plan.effective_to)


@DOCUMENTATION.check(
    "D9",
    "Visit inside the certified time",
    why="Visits after the certified time need a recertification; silence of the referrer does not stand in for it.",
    severity=Severity.BLOCK,
    owner=Owner.FRONT_DESK,
    source=f"{CH15}, 220.1.3 (90 days); plan terms",
)
def still_certified(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """The visit lies within the stated duration, and where certification is required within its 90 days."""
    terms, plan = terms_of(encounter, context), encounter.compliance.plan_of_care
    if plan is None or not (terms.plan_of_care_required or terms.certification_required):
        return
    if terms.certification_required:
        end: date | None = certified_until(encounter, plan, terms.recertification_days)
    else:
        end = plan.effective_to if plan.recertified_on is None else None
    if end is not None:
        yield from _against(encounter.date_of_service, end)


def _against(visit: date, end: date) -> Iterator[Problem]:
    evidence = {"visit": visit.isoformat(), "ends": end.isoformat()}
    if visit > end:
        yield Problem(
            message=f"The plan of care ran out on {end}, before this visit.",
            clears_when="the recertification is recorded",
            evidence=evidence,
        )
    elif (end - visit).days <= RECERTIFICATION_WARNING_DAYS:
        yield Problem(
            message=f"The plan of care runs out on {end}.",
            clears_when="the recertification is recorded, or the episode ends before",
            evidence=evidence,
            severity=Severity.WARN,
        )


@DOCUMENTATION.check(
    "D10",
    "Progress report",
    why="A report is due at least once every so many treatment days; later visits are not covered without it.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.3.D (every 10 treatment days); plan terms",
)
def progress_reported(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """No more treatment days than the plan allows lie between the last progress report and this visit."""
    every = terms_of(encounter, context).progress_report_every_days
    if every is None:
        return
    count, last = days_since_report(encounter, context)
    evidence = {
        "treatment days": str(count),
        "allowed": str(every),
        "last report": last.isoformat() if last else "none",
    }
    if count > every and not _written_later(encounter, context):
        yield Problem(
            message=f"This is treatment day {count} since the last progress report; one is due every {every}.",
            clears_when="the therapist's progress report is recorded",
            evidence=evidence,
        )
    elif count > every:
        yield Problem(
            message="The progress report of this period was written late.",
            clears_when=f"nothing to do; a report is due within {LATE_REPORT_DAYS} days of the period's end",
            evidence=evidence,
            severity=Severity.WARN,
        )
    elif count == every:
        yield Problem(
            message=f"A progress report is due with this visit (treatment day {count}).",
            clears_when="the therapist's progress report is recorded",
            evidence=evidence,
            severity=Severity.WARN,
        )


def _reports(encounter: Encounter, context: VisitContext) -> list[date]:
    return sorted({*context.progress_reports, *encounter.compliance.progress_reports})


def _written_later(encounter: Encounter, context: VisitContext) -> bool:
    return any(encounter.date_of_service < report <= context.today for report in _reports(encounter, context))


def days_since_report(encounter: Encounter, context: VisitContext) -> tuple[int, date | None]:
    """Treatment days after the last progress report up to and with this visit, and the report's date."""
    visit = encounter.date_of_service
    past = [report for report in _reports(encounter, context) if report <= visit]
    last = past[-1] if past else None
    days = {day for day in (*context.treatment_days, visit) if day <= visit and (last is None or day > last)}
    unseen = encounter.compliance.episode.treatment_days_before_firstpass if last is None else 0
    return len(days) + unseen, last


@DOCUMENTATION.check(
    "D11",
    "Referral",
    why="Some plans pay only on a physician's referral that was good on the day.",
    severity=Severity.BLOCK,
    owner=Owner.FRONT_DESK,
    source="plan terms",
)
def referred(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Where the plan wants one, a referral is on file, given on or before the visit and not expired."""
    if not terms_of(encounter, context).referral_required:
        return
    referral, visit = encounter.administrative.referral, encounter.date_of_service
    if referral is None:
        yield Problem("The plan wants a referral and none is on file.", "the referral is recorded")
    elif referral.expires_on is not None and referral.expires_on < visit:
        yield Problem(
            message=f"The referral ran out on {referral.expires_on}.",
            clears_when="a referral that covers the visit is recorded",
            evidence={"expires": referral.expires_on.isoformat(), "visit": visit.isoformat()},
        )
    elif referral.ordered_on is not None and referral.ordered_on > visit:
        yield Problem(
            message=f"The referral was given on {referral.ordered_on}, after the visit.",
            clears_when="a referral that covers the visit is recorded",
            evidence={"ordered": referral.ordered_on.isoformat(), "visit": visit.isoformat()},
        )


@DOCUMENTATION.check(
    "D12",
    "Evaluation with measures and goals",
    why="Necessity stands on measured findings and measurable goals from the first day.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.3.C; payers' necessity criteria",
)
def measured(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """An evaluation holds at least one objective measure and one measurable goal."""
    if not is_evaluation(encounter, context):
        return
    if not encounter.clinical.objective_measures:
        yield Problem("The evaluation has no objective measure.", "range, strength or an outcome score is recorded")
    if not any(goal.measurable for goal in encounter.clinical.goals):
        yield Problem("The evaluation has no measurable goal.", "at least one measurable goal is recorded")


@DOCUMENTATION.check(
    "D13",
    "One evaluation per episode",
    why="A second evaluation of the same episode is denied; a re-evaluation needs its reason.",
    severity=Severity.HOLD,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.3.C",
    overridable=True,
)
def evaluated_once(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """The episode has no other evaluation of this discipline, and a re-evaluation says why it was made."""
    if is_evaluation(encounter, context):
        for visit in context.prior_visits:
            if visit.is_evaluation and _same_episode(encounter, visit.episode_id, visit.encounter_id):
                yield Problem(
                    message=f"The episode was already evaluated on {visit.date_of_service}.",
                    clears_when="the visit is charted as re-evaluation or treatment, or begins a new episode",
                    evidence={"first evaluation": visit.date_of_service.isoformat(), "visit": visit.encounter_id},
                )
    if is_re_evaluation(encounter, context) and not encounter.clinical.re_evaluation_reason.strip():
        yield Problem("The re-evaluation gives no reason.", "the chart says what was new or unexpected")


def _same_episode(encounter: Encounter, episode_id: str, encounter_id: str) -> bool:
    return episode_id == encounter.compliance.episode.episode_id and encounter_id != encounter.encounter_id


@DOCUMENTATION.check(
    "D14",
    "Group or one-on-one",
    why="Minutes shared with other patients are no one-on-one minutes and earn no timed unit.",
    severity=Severity.WARN,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 230; CMS Claims Processing Manual ch. 5, 20.2",
)
def marked(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Group codes are charted as group, and timed codes as one-on-one."""
    for service in encounter.timing.services:
        entry = _entry(encounter, context, service)
        if entry is None:
            continue
        if entry.kind is codes.CodeKind.GROUP and service.mode is not ServiceMode.GROUP:
            yield Problem(f"{service.code} is a group code but charted {service.mode}.", "the chart marks it as group")
        elif entry.timed and service.mode is not ServiceMode.INDIVIDUAL:
            yield Problem(
                message=f"{service.code} was given as {service.mode}; its minutes were not counted.",
                clears_when="the one-on-one minutes are charted, or the group code is used",
                evidence={"code": service.code, "minutes": str(service.total_minutes)},
            )


@DOCUMENTATION.check(
    "D16",
    "Co-signature",
    why="A therapist answers for what assistants and students wrote or did; many plans want to see it.",
    severity=Severity.HOLD,
    owner=Owner.CLINICIAN,
    source="plan terms; state practice acts",
    overridable=True,
)
def co_signed(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Where the plan wants it, a therapist signed too when a helper wrote the note or a student treated."""
    if not terms_of(encounter, context).co_signature_required:
        return
    roles = {_role(context, signature.clinician_id) for signature in encounter.compliance.signatures}
    written = {_role(context, signature.clinician_id) for signature in _authored(encounter)}
    treated = {_role(context, p.clinician_id) for service in encounter.timing.services for p in service.minutes}
    by_helper = ClinicianRole.ASSISTANT in written or ClinicianRole.STUDENT in written | treated
    if by_helper and ClinicianRole.THERAPIST not in roles:
        yield Problem(
            message="An assistant or student wrote the note or a student treated, and no therapist has signed.",
            clears_when="the supervising therapist co-signs the note",
            evidence={"signatures": ", ".join(s.clinician_id for s in encounter.compliance.signatures) or "none"},
        )


def is_virtual(encounter: Encounter) -> bool:
    """Whether patient and clinician met by video or telephone."""
    return encounter.administrative.modality is not Modality.IN_PERSON


def check(encounter: Encounter, context: VisitContext) -> tuple[Finding, ...]:
    """All findings about the chart, in the order of the checks."""
    return tuple(DOCUMENTATION.findings(encounter, context))
