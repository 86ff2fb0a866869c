"""Episodes of the demo clinic: one patient, one discipline, one condition, and the visits that follow from them."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from simulator import clinic_care as care
from simulator import clinic_payers as plans
from simulator import clinic_roster as roster
from simulator.clinic_care import Condition
from simulator.clinic_payers import TERMS
from simulator.clinic_roster import Person

Json = dict[str, Any]

CLINIC_TIME = ZoneInfo("America/Chicago")
SATURDAY = 5
REPORT_EVERY = 10
PLAN_OF_CARE_DAYS = 89
RE_EVALUATION = {"PT": "97164", "OT": "97168"}
HOURS = (8, 9, 10, 11, 13, 14, 15, 16)
AUTHORIZED = ("before_evaluation", "after_evaluation")
MEMBER_PREFIX = {
    plans.ADVANTAGE: "SMA",
    plans.PREFERRED: "PLP",
    plans.SUPPLEMENT: "PLS",
    plans.COMMERCIAL: "CCC",
    plans.MEDICAID: "LMM",
    plans.MILITARY: "ERM",
    plans.COMPENSATION: "IWC",
    plans.HMO: "JVH",
}
LONG_PATTERN, TWICE, ONCE = (0, 2, 4), (1, 3), (2,)
PATTERNS = ((0, 2), (1, 3), (0, 3), (1, 4), (2, 4), (0, 2, 4), (2,), (1,))


@dataclass(slots=True)
class Visit:
    """One visit being written; gets its id when all are sorted. queue and problem stay empty for clean ones."""

    body: Json
    episode: "Episode"
    starts: datetime
    kind: str
    queue: str = ""
    problem: str = ""
    outcome: Any = None
    notes: tuple[str, ...] = ()

    @property
    def day(self) -> date:
        """Date of service."""
        return self.starts.date()

    @property
    def encounter_id(self) -> str:
        """Known after numbering."""
        return str(self.body["encounter_id"])

    def plant(self, queue: str, problem: str) -> None:
        """Say what was done to the visit, for the tests and the stories."""
        self.queue, self.problem = queue, problem

    @property
    def is_free(self) -> bool:
        """Whether nothing was planted here yet."""
        return not self.queue and self.outcome is None and not self.episode.told


@dataclass(slots=True)
class Episode:
    """A course of care. earlier: treatment days before the four weeks we tell of."""

    person: Person
    condition: Condition
    plan_id: str
    coverages: list[Json]
    therapist: str
    assistant: str | None
    location_id: str
    number: int
    started_on: date
    days: list[date]
    earlier: list[date]
    plan_of_care: Json
    referral: Json | None
    authorization: Json | None = None
    told: bool = False
    re_evaluated_on: date | None = None
    discharged_on: date | None = None
    reports: list[date] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)

    def kind_on(self, day: date) -> str:
        """What the visit of that day is for."""
        kinds = {self.discharged_on: "discharge", self.re_evaluated_on: "re_evaluation", self.started_on: "evaluation"}
        return kinds.get(day, "treatment")

    @property
    def member_id(self) -> str:
        """Of the coverage that pays first."""
        return str(self.coverages[0]["member_id"])

    @property
    def terms(self) -> Json:
        """What the first plan wants."""
        return TERMS[self.plan_id]


@dataclass(slots=True)
class Desk:
    """The clinic's front desk: hands out numbers, hours and authorizations."""

    rng: Random
    as_of: date
    people: int = 0
    episodes: int = 0
    hours: dict[tuple[str, date], int] = field(default_factory=dict)
    authorizations: list[Json] = field(default_factory=list)

    def hour(self, clinician_id: str, day: date) -> datetime:
        """The clinician's next hour of the day."""
        taken = self.hours.get((clinician_id, day), 0)
        self.hours[clinician_id, day] = taken + 1
        later = timedelta(minutes=30 * (taken // len(HOURS) % 2))
        return datetime.combine(day, time(HOURS[taken % len(HOURS)]), CLINIC_TIME) + later

    def person(self, ages: tuple[int, int], sex: str | None = None) -> Person:
        """A new patient."""
        self.people += 1
        return roster.person(self.rng, self.people, self.as_of, ages, sex)


def weekdays(first: date, last: date, pattern: tuple[int, ...] = (0, 1, 2, 3, 4)) -> list[date]:
    """Days of the pattern (Monday is 0) in [first, last]."""
    span = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in span if day.weekday() in pattern]


def workday(day: date) -> date:
    """The day itself, or the Friday before it."""
    return day - timedelta(days=max(0, day.weekday() - SATURDAY + 1))


def open_episode(
    desk: Desk,
    condition: Condition,
    plan_id: str,
    started_on: date,
    pattern: tuple[int, ...],
    *,
    last: date | None = None,
    person: Person | None = None,
    coverages: list[Json] | None = None,
    therapist: str | None = None,
    assistant: bool = False,
    told: bool = False,
) -> Episode:
    """A course of care with its days; no authorization and no visits yet."""
    rng = desk.rng
    started_on = workday(started_on)
    person = person or desk.person(condition.ages)
    desk.episodes += 1
    last = min(last or desk.as_of, desk.as_of - timedelta(days=1))
    days = [started_on, *weekdays(started_on + timedelta(days=1), last, pattern)]
    first_sent = min(plans.window_start(desk.as_of), last)
    sent = [day for day in days if day >= first_sent]
    earlier = [day for day in days if day < first_sent]
    referral = roster.referrer(rng) | {
        "ordered_on": (started_on - timedelta(days=rng.randrange(1, 12))).isoformat(),
        "expires_on": (started_on + timedelta(days=180)).isoformat(),
    }
    episode = Episode(
        person=person,
        condition=condition,
        plan_id=plan_id,
        coverages=coverages or coverages_of(rng, person, plan_id, desk.people, age_on(person, desk.as_of)),
        therapist=therapist or rng.choice(roster.therapists(condition.discipline)),
        assistant=rng.choice(roster.assistants(condition.discipline)) if assistant else None,
        location_id=rng.choice(("cedar-south", "cedar-north")),
        number=desk.episodes,
        started_on=started_on,
        days=sent,
        earlier=earlier,
        plan_of_care=plan_of_care(rng, desk, started_on, referral, plan_id),
        referral=referral,
        told=told,
    )
    episode.reports = [day for count, day in enumerate(days, 1) if count % REPORT_EVERY == 0]
    return episode


def plan_of_care(rng: Random, desk: Desk, started_on: date, referral: Json, plan_id: str) -> Json:
    """Certified, or sent to the physician who ordered; Medicare takes either."""
    plan = {
        "plan_of_care_id": f"POC-{desk.episodes:05d}",
        "established_on": started_on.isoformat(),
        "effective_to": (started_on + timedelta(days=PLAN_OF_CARE_DAYS)).isoformat(),
        "sent_to_certifier_on": min(workday(started_on + timedelta(days=rng.randrange(1, 5))), desk.as_of).isoformat(),
        "certifier_npi": referral["npi"],
    }
    signed = workday(started_on + timedelta(days=rng.randrange(6, 21)))
    certified = signed < desk.as_of and (plan_id != plans.MEDICARE or rng.random() < 0.7)
    return plan | ({"certified_on": signed.isoformat()} if certified else {})


def coverages_of(rng: Random, person: Person, plan_id: str, number: int, age: int) -> list[Json]:
    """The plan that pays first, and sometimes one behind it."""
    first = {"plan_id": plan_id, "rank": 1, "member_id": member_id(rng, plan_id, number)} | dependent(
        rng, person, plan_id, age
    )
    if plan_id in (plans.PREFERRED, plans.COMMERCIAL, plans.HMO):
        first["group_number"] = f"DEMO{rng.randrange(1000, 9999)}"
    if plan_id == plans.MEDICARE and rng.random() < 0.4:
        second = {"plan_id": plans.SUPPLEMENT, "rank": 2, "member_id": member_id(rng, plans.SUPPLEMENT, number)}
        return [first, second]
    return [first]


def member_id(rng: Random, plan_id: str, number: int) -> str:
    """Shaped as the plan shapes them; unique by the patient's number."""
    if plan_id == plans.MEDICARE:
        return roster.medicare_id(rng)
    return f"{MEMBER_PREFIX[plan_id]}{number:05d}{rng.randrange(1000):03d}"


def dependent(rng: Random, person: Person, plan_id: str, age: int) -> Json:
    """Children, and sometimes spouses, are insured through somebody else."""
    if plan_id not in (plans.PREFERRED, plans.COMMERCIAL, plans.HMO, plans.MILITARY):
        return {}
    if age >= 18 and rng.random() > 0.25:
        return {}
    sex = rng.choice("FM") if age < 18 else {"F": "M", "M": "F"}[person.sex]
    older = (27, 40) if age < 18 else (-4, 5)
    born = person.birth_date - timedelta(days=rng.randrange(older[0] * 365, older[1] * 365))
    first = rng.choice(roster.FIRST_NAMES_F if sex == "F" else roster.FIRST_NAMES_M)
    holder = Person("", first, person.last_name, sex, born, person.address)
    return {"relationship": "child" if age < 18 else "spouse", "subscriber": holder.as_subscriber()}


def age_on(person: Person, day: date) -> int:
    """Roughly, in years; enough to know a child."""
    return int((day - person.birth_date).days / 365.25)


def authorize(desk: Desk, episode: Episode, left: int, effective_to: date, shortage: int = 0) -> None:
    """Grant what the episode uses and `left` more; with a shortage, that many visits fewer than it uses."""
    exempt = episode.terms.get("evaluation_exempt", True)
    counted = [day for day in episode.days if not (exempt and day == episode.started_on)]
    used = len(episode.earlier) - (1 if exempt and episode.earlier else 0)
    number = f"PA{700000 + 13 * episode.number}"
    episode.authorization = {
        "authorization_id": f"AUTH-{episode.number:05d}",
        "number": number,
        "patient": episode.person.patient_id,
        "plan_id": episode.plan_id,
        "disciplines": [episode.condition.discipline],
        "unit_of_measure": "visits",
        "quantity": max(used + len(counted) + left - shortage, 1),
        "used_before_firstpass": used,
        "effective_from": (episode.started_on - timedelta(days=3)).isoformat(),
        "effective_to": effective_to.isoformat(),
    }
    desk.authorizations.append(episode.authorization)


def needs_authorization(plan_id: str) -> bool:
    """Whether the plan wants one at some point of every course."""
    return TERMS[plan_id].get("authorization_need", "none") in AUTHORIZED


def treat(desk: Desk, episode: Episode) -> list[Visit]:
    """Write every visit of the episode that is ours to send."""
    for day in episode.days:
        episode.visits.append(_visit(desk, episode, day))
    return episode.visits


def _visit(desk: Desk, episode: Episode, day: date) -> Visit:
    kind = episode.kind_on(day)
    modality = "in_person"
    starts = desk.hour(episode.therapist, day)
    if kind == "evaluation":
        services = _evaluation(desk.rng, episode)
    elif kind == "re_evaluation":
        services = _re_evaluation(episode)
    else:
        services, modality = _treatment(desk.rng, episode)
    body = {
        "version": 1,
        "date_of_service": day.isoformat(),
        "discipline": episode.condition.discipline,
        "patient": episode.person.as_patient(),
        "clinical": _clinical(episode, kind),
        "timing": {"services": services},
        "administrative": _administrative(desk.rng, episode, kind, modality),
        "compliance": _compliance(episode, day),
    }
    visit = Visit(body, episode, starts, kind)
    count_minutes(visit)
    sign(visit, desk.rng.randrange(10, 180))
    body["sent_at"] = stamp(datetime.combine(desk.as_of, time(6, 30), CLINIC_TIME))
    return visit


def _evaluation(rng: Random, episode: Episode) -> list[Json]:
    condition = episode.condition
    pairs = [(condition.evaluation, condition.evaluation_minutes)]
    if condition.discipline != "SLP" and rng.random() < 0.5:
        pairs.append((rng.choice(("97110", "97530")), 15))
    return [service(code, [(episode.therapist, minutes)], len(condition.diagnoses)) for code, minutes in pairs]


def _re_evaluation(episode: Episode) -> list[Json]:
    pairs = ((RE_EVALUATION[episode.condition.discipline], 25), ("97110", 30))
    return [service(code, [(episode.therapist, minutes)], len(episode.condition.diagnoses)) for code, minutes in pairs]


def _treatment(rng: Random, episode: Episode) -> tuple[list[Json], str]:
    condition, terms = episode.condition, episode.terms
    pointers = len(condition.diagnoses)
    if rng.random() < 0.06:
        return group_session(episode), "in_person"
    pairs = care.session(rng, condition, terms["unit_method"] == "per_code_full")
    remote = all(code not in care.HANDS_ON for code, _ in pairs) and terms.get("telehealth_allowed", True)
    if remote and rng.random() < 0.09:
        return [service(code, [(episode.therapist, minutes)], pointers) for code, minutes in pairs], "audio_video"
    givers = _givers(rng, episode, len(pairs))
    return [
        service(code, [(giver, minutes)], pointers) for giver, (code, minutes) in zip(givers, pairs, strict=True)
    ], "in_person"


def group_session(episode: Episode) -> list[Json]:
    """A group, and for PT and OT an individual block beside it, apart in time."""
    code = care.GROUP_CODE[episode.condition.discipline]
    pointers = len(episode.condition.diagnoses)
    together = service(code, [(episode.therapist, care.UNTIMED_MINUTES[code])], pointers) | {"mode": "group"}
    if code == "92508":
        return [together]
    alone = service("97110", [(episode.therapist, 30)], pointers) | {"separate_block": True}
    return [together | {"separate_block": True}, alone]


def _givers(rng: Random, episode: Episode, count: int) -> list[str]:
    """Who gave each service: the therapist, the assistant, or one each."""
    draw = rng.random()
    if episode.assistant is None or draw < 0.4:
        return [episode.therapist] * count
    if draw < 0.75:
        return [episode.assistant] * count
    return [episode.assistant if number % 2 == 0 else episode.therapist for number in range(count)]


def service(code: str, people: list[tuple[str, int]], pointers: int) -> Json:
    """One code with the minutes of each person, pointing to the first diagnoses."""
    return {
        "code": code,
        "minutes": [{"clinician_id": clinician_id, "minutes": minutes} for clinician_id, minutes in people],
        "diagnosis_pointers": list(range(1, min(pointers, 4) + 1)),
    }


def service_minutes(item: Json) -> int:
    """Minutes of everybody on one service."""
    return sum(part["minutes"] for part in item["minutes"])


def count_minutes(visit: Visit) -> None:
    """The totals the note states, and clock times where the plan wants them."""
    timing = visit.body["timing"]
    timing["total_timed_minutes"] = sum(
        service_minutes(item) for item in timing["services"] if item["code"] in care.TIMED
    )
    timing["total_treatment_minutes"] = sum(service_minutes(item) for item in timing["services"])
    if visit.episode.terms.get("start_stop_times_required"):
        clock_services(visit)


def clock_services(visit: Visit) -> None:
    """Start and stop times, one service after the other."""
    now = visit.starts
    for item in visit.body["timing"]["services"]:
        then = now + timedelta(minutes=service_minutes(item))
        item |= {"start_time": now.strftime("%H:%M:%S"), "stop_time": then.strftime("%H:%M:%S")}
        now = then


def _clinical(episode: Episode, kind: str) -> Json:
    condition = episode.condition
    clinical: Json = {
        "visit_kind": kind,
        "diagnoses": [{"code": code, "rank": rank} for rank, code in enumerate(condition.diagnoses, 1)],
        "onset_date": (episode.started_on - timedelta(days=21)).isoformat(),
    }
    if kind == "re_evaluation":
        clinical["re_evaluation_reason"] = (
            "Less progress than expected since the last report; plan and goals looked at again"
        )
    if kind in ("evaluation", "re_evaluation"):
        clinical["goals"] = [{"description": words, "term": "long"} for words in condition.goals]
    if kind != "treatment":
        clinical["objective_measures"] = [
            {"name": name, "value": value} | ({"unit": unit} if unit else {})
            for name, value, unit in condition.measures
        ]
    return clinical


def _administrative(rng: Random, episode: Episode, kind: str, modality: str) -> Json:
    administrative: Json = {
        "location_id": episode.location_id,
        "place_of_service": "11" if modality == "in_person" else "10",
        "modality": modality,
        "coverages": episode.coverages,
    }
    if episode.referral:
        administrative["referral"] = episode.referral
    exempt = kind == "evaluation" and episode.terms.get("evaluation_exempt", True)
    if episode.authorization and not exempt:
        administrative["authorization_number"] = episode.authorization["number"]
    if "copay" in episode.terms and rng.random() < 0.6:
        administrative["patient_paid"] = episode.terms["copay"]
    return administrative


def _compliance(episode: Episode, day: date) -> Json:
    return {
        "rendering_clinician_id": episode.therapist,
        "episode": {
            "episode_id": f"EP-{episode.number:05d}",
            "started_on": episode.started_on.isoformat(),
            "treatment_days_before_firstpass": len(episode.earlier) % REPORT_EVERY,
        },
        "plan_of_care": episode.plan_of_care,
        "progress_reports": [report.isoformat() for report in episode.reports if report <= day],
    }


def sign(visit: Visit, minutes_after: int, at: datetime | None = None) -> None:
    """The treating person signs; where an assistant took part, the therapist supervises and signs too."""
    compliance, episode = visit.body["compliance"], visit.episode
    ends = visit.starts + timedelta(minutes=visit.body["timing"]["total_treatment_minutes"])
    signed = at or ends + timedelta(minutes=minutes_after)
    author = episode.therapist
    if visit_has_assistant(visit):
        author = episode.assistant or author
        compliance["supervising_clinician_id"] = episode.therapist
    compliance["signatures"] = [{"clinician_id": author, "signed_at": stamp(signed), "kind": "author"}]
    if author != episode.therapist:
        later = stamp(signed + timedelta(minutes=25))
        compliance["signatures"].append({"clinician_id": episode.therapist, "signed_at": later, "kind": "co_signer"})


def visit_has_assistant(visit: Visit) -> bool:
    """Whether an assistant gave any of it."""
    return visit.episode.assistant in {
        part["clinician_id"] for item in visit.body["timing"]["services"] for part in item["minutes"]
    }


def stamp(moment: datetime) -> str:
    """An instant with its offset."""
    return moment.isoformat(timespec="seconds")
