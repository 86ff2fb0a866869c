"""The note of the visit: signatures, diagnoses, minutes, place, goals."""

from collections.abc import Iterator
from datetime import date, time

from billing import codes
from billing.chart.common import (
    CH15,
    DOCUMENTATION,
    entry_of,
    is_evaluation,
    is_re_evaluation,
    role_of,
)
from billing.checks import Problem
from billing.coding import terms_of
from billing.context import VisitContext
from billing.encounter import Encounter, Service
from billing.vocabulary import ClinicianRole, Modality, Owner, ServiceMode, Severity

_PLACES = "02 03 04 10 11 12 13 14 15 18 19 20 22 31 32 33 34 49 50 60 61 62 71 72 99"


PLACES = frozenset(_PLACES.split())  # CMS place-of-service codes where therapy happens
AT_HOME, AT_A_DISTANCE = "10", frozenset({"02", "10"})  # telehealth (CMS place-of-service code set, 2022)


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


_LICENSED = (ClinicianRole.THERAPIST, ClinicianRole.ASSISTANT)


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
    licensed = [s for s in encounter.compliance.signatures if role_of(context, s.clinician_id) in _LICENSED]
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
    entry = entry_of(encounter, context, service)
    return entry is not None and entry.timed


def _totals(encounter: Encounter, context: VisitContext, added: int) -> Iterator[Problem]:
    timing, wanted = encounter.timing, terms_of(encounter, context).treatment_minutes_required
    if timing.total_timed_minutes is not None and timing.total_timed_minutes != added:
        yield Problem(
            message=f"The note says {timing.total_timed_minutes} timed minutes, its timed codes add up to {added}.",
            clears_when="the documented total and the minutes per code agree",
            evidence={"timed minutes documented": str(timing.total_timed_minutes), "minutes of the codes": str(added)},
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
    "D6",
    "Place and way of treatment",
    why="Place decides the rate and whether the claim belongs to us at all.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="CMS place-of-service code set",
    overridable=True,
)
def placed(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """The visit names a location and a place of service where therapy happens; a virtual one, consent where wanted."""
    administrative = encounter.administrative
    yield from _virtual(encounter, context)
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


def _virtual(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    administrative = encounter.administrative
    told = administrative.telehealth
    if administrative.modality is Modality.IN_PERSON:
        return
    wanted = terms_of(encounter, context).telehealth_consent_required
    if (told is None and wanted) or (told is not None and not told.consent):
        yield Problem(
            message="The note does not say that the patient agreed to be treated at a distance.",
            clears_when="the note states the patient's consent",
            evidence={"way": administrative.modality.value, "consent": "not told" if told is None else "no"},
            owner=Owner.CLINICIAN,
        )
    at_home = told.patient_at_home if told is not None else None
    place = administrative.place_of_service
    if at_home is not None and place in AT_A_DISTANCE and (place == AT_HOME) != at_home:
        yield Problem(
            message=f"The patient was {'' if at_home else 'not '}at home, but the place of service is {place}.",
            clears_when="place of service 10 stands for home, 02 for anywhere else",
            evidence={"place of service": place, "at home": "yes" if at_home else "no"},
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
    "Note matches the codes",
    why="Minutes shared with others earn no timed unit; a code the note does not describe is lost in an audit.",
    severity=Severity.WARN,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 230; CMS Claims Processing Manual ch. 5, 20.2",
)
def marked(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Group codes are charted as group, timed ones as one-on-one; where the text is told, each code has its own."""
    yield from _described(encounter, context)
    for service in encounter.timing.services:
        entry = entry_of(encounter, context, service)
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


def _described(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Whether each code has words of its own, where the plan wants them or the chart sends any."""
    services = encounter.timing.services
    if not (terms_of(encounter, context).intervention_text_required or any(one.intervention for one in services)):
        return
    first_with: dict[str, str] = {}
    for service in services:
        words = " ".join(service.intervention.casefold().split())
        other = first_with.setdefault(words, service.code) if words else ""
        if not words:
            yield Problem(
                message=f"The note does not say what was done under {service.code}.",
                clears_when=f"the note describes the intervention of {service.code}",
                evidence={"code": service.code},
            )
        elif other != service.code:
            yield Problem(
                message=f"The note says the same of {service.code} as of {other}.",
                clears_when="the note describes each intervention by itself",
                evidence={"codes": f"{other}, {service.code}"},
            )
