"""The demo clinic: valid for us, the same every time, and with its troubles in the shares it promises."""

import json
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from billing.context import AuthorizationBalance, PriorVisit, VisitContext
from billing.encounter import Encounter
from billing.practice import Practice
from billing.trace import Evaluation, evaluate
from simulator import clinic, clinic_roster
from simulator.clinic import Clinic, Json
from simulator.config import World

AS_OF = date(2026, 11, 20)
SEED = 7
VISITS = 400
REAL_NAMES = (
    "aetna anthem blue cross bluecross bcbs cigna humana united optum uhc kaiser molina centene tricare wellpoint "
    "availity evicore webpt elevance oscar healthnet liberty travelers hartford"
)
MBI = re.compile(
    r"^[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d{2}$"
)


@pytest.fixture(scope="module")
def demo() -> Clinic:
    return clinic.generate(SEED, AS_OF, VISITS)


@pytest.fixture(scope="module")
def visits(demo: Clinic) -> list[Encounter]:
    return [Encounter.model_validate(body) for body in demo.encounters]


@pytest.fixture(scope="module")
def practice(demo: Clinic) -> Practice:
    return Practice.model_validate(demo.practice)


def test_all_it_writes_is_what_intake_reads(demo: Clinic, visits: list[Encounter], practice: Practice) -> None:
    assert len(visits) == VISITS
    assert [Encounter.model_validate(body) for body in demo.amendments]
    plans = {plan.plan_id for payer in practice.payers for plan in payer.plans}
    people = {clinician.clinician_id for clinician in practice.clinicians}
    for visit in visits:
        assert {coverage.plan_id for coverage in visit.administrative.coverages} <= plans
        assert visit.compliance.rendering_clinician_id in people
        assert {part.clinician_id for service in visit.timing.services for part in service.minutes} <= people


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("as_of", [date(2026, 1, 5), date(2026, 11, 22), date(2026, 12, 25)])
def test_any_seed_and_day_give_visits_that_land_as_planned(seed: int, as_of: date) -> None:
    demo = clinic.generate(seed, as_of, 300)
    Practice.model_validate(demo.practice)
    visits = [Encounter.model_validate(body) for body in demo.encounters]
    assert len(visits) == 300
    assert all(visit.date_of_service < as_of for visit in visits)
    assert disagreements(demo.practice, demo.encounters, demo.expected, as_of) == []
    World.model_validate(demo.world)


@pytest.mark.parametrize("wanted", [1, 20, 60, 150, 1200])
def test_any_number_of_visits(wanted: int) -> None:
    demo = clinic.generate(SEED, AS_OF, wanted)
    assert len({Encounter.model_validate(body).encounter_id for body in demo.encounters}) == wanted
    Practice.model_validate(demo.practice)
    assert disagreements(demo.practice, demo.encounters, demo.expected, AS_OF) == []


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        clinic.main(["--seed", "7", "--as-of", "2026-11-20", "--out", str(tmp_path / name)])
    for file in sorted((tmp_path / "first").iterdir()):
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes(), file.name
    assert len(list((tmp_path / "first").iterdir())) == 7


def test_another_seed_is_another_clinic(demo: Clinic) -> None:
    assert clinic.generate(SEED + 1, AS_OF, VISITS).encounters != demo.encounters


def test_visits_are_on_weekdays_of_the_last_four_weeks(demo: Clinic, visits: list[Encounter]) -> None:
    assert all(visit.date_of_service.weekday() < 5 for visit in visits)
    late = {key for key, planted in demo.expected.items() if "filing limit" in planted["problem"]}
    in_time = [visit for visit in visits if visit.encounter_id not in late]
    assert min(visit.date_of_service for visit in in_time) >= AS_OF - timedelta(days=28)
    assert max(visit.date_of_service for visit in in_time) < AS_OF


def test_most_visits_are_clean_and_every_queue_has_work(demo: Clinic) -> None:
    queues = Counter(planted["queue"] for planted in demo.expected.values())
    assert 0.82 <= 1 - len(demo.expected) / VISITS <= 0.85
    assert set(queues) == {"documentation", "authorization", "scrub"}
    assert all(count >= 12 for count in queues.values())
    outcomes = " ".join(str(script) for script in demo.world["scripted"].values())
    reasons = ("authorization", "documentation", "coding", "necessity", "eligibility", "technical", "benefit_limit")
    assert all(f"denied:{reason}" in outcomes for reason in reasons)
    assert all(word in outcomes for word in ("rejected:", "lost", "late", "reversed", "duplicate", "partial"))


def test_every_problem_has_its_share(demo: Clinic) -> None:
    problems = Counter(planted["problem"] for planted in demo.expected.values())
    assert problems["note not signed"] >= 7
    assert problems["authorization missing"] >= 5
    assert problems["authorization exhausted"] == 6
    assert problems["authorization expired"] >= 3
    assert problems["progress report due"] >= 1
    assert problems["plan of care not certified"] >= 1
    assert problems["visit sent twice"] == 2


def test_about_seventy_patients_in_coherent_episodes(visits: list[Encounter]) -> None:
    assert 55 <= len({visit.patient.patient_id for visit in visits}) <= 85
    episodes: dict[str, list[Encounter]] = defaultdict(list)
    for visit in visits:
        episodes[visit.compliance.episode.episode_id].append(visit)
    for course in episodes.values():
        assert len({visit.discipline for visit in course}) == 1
        first = min(course, key=lambda visit: visit.date_of_service)
        started = first.compliance.episode.started_on
        assert all(
            (visit.clinical.visit_kind == "evaluation") == (visit.date_of_service == started) for visit in course
        )


def test_every_plan_and_every_kind_of_visit_occurs(demo: Clinic, visits: list[Encounter], practice: Practice) -> None:
    assert len(practice.payers) == 8
    assert len({visit.administrative.primary.plan_id for visit in visits}) == 8
    assert {visit.clinical.visit_kind.value for visit in visits} == {
        "evaluation",
        "re_evaluation",
        "treatment",
        "discharge",
    }
    assert {visit.discipline.value for visit in visits} == {"PT", "OT", "SLP"}
    assert any(visit.administrative.modality == "audio_video" for visit in visits)
    assert any(len(visit.administrative.coverages) == 2 for visit in visits)
    assert any(coverage.subscriber for visit in visits for coverage in visit.administrative.coverages)
    assert any(service.mode == "group" for visit in visits for service in visit.timing.services)
    assert any(visit.compliance.supervising_clinician_id for visit in visits)


def test_identifiers_are_shaped_right_and_invented(demo: Clinic, visits: list[Encounter]) -> None:
    npis = set(re.findall(r'"npi": "(\d+)"', json.dumps(demo.practice) + json.dumps(demo.encounters)))
    assert npis
    assert all(npi.startswith("19999") and clinic_roster.luhn_sum("80840" + npi) % 10 == 0 for npi in npis)
    medicare = [c.member_id for v in visits for c in v.administrative.coverages if c.plan_id == "medicare-b"]
    assert all(MBI.match(member_id) for member_id in medicare)
    owners = defaultdict(set)
    for visit in visits:
        owners[visit.administrative.primary.member_id].add(visit.patient.patient_id)
    assert all(len(people) == 1 for people in owners.values())


def test_no_real_company_is_named(demo: Clinic) -> None:
    words = set(re.findall(r"[a-z]+", json.dumps([demo.practice, demo.encounters, demo.world]).lower()))
    assert not words & set(REAL_NAMES.split())


def test_logins_for_every_role(practice: Practice) -> None:
    roles = Counter(user.role.value for user in practice.users)
    assert roles == {"administrator": 1, "supervisor": 2, "biller": 3, "front_desk": 2, "auditor": 1, "clinician": 3}
    assert all(user.email.endswith(".example") and user.password == "firstpass-demo" for user in practice.users)
    assert all(user.clinician_id for user in practice.users if user.role == "clinician")


def test_authorizations_run_out_at_different_times(practice: Practice) -> None:
    ends = {authorization.effective_to for authorization in practice.authorizations}
    assert len(ends) >= 5
    assert sum(AS_OF <= end <= AS_OF + timedelta(days=7) for end in ends) >= 2


def test_amendments_are_newer_versions_of_visits_already_sent(demo: Clinic) -> None:
    sent = {body["encounter_id"]: body for body in demo.encounters}
    for body in demo.amendments:
        assert body["version"] == sent[body["encounter_id"]]["version"] + 1
    assert any(body.get("cancelled") for body in demo.amendments)
    repaired = {
        demo.expected[body["encounter_id"]]["problem"]
        for body in demo.amendments
        if body["encounter_id"] in demo.expected
    }
    assert {"note not signed", "minutes missing", "evaluation without measures"} <= repaired
    assert any(body["encounter_id"] not in demo.expected for body in demo.amendments)


def test_stories_point_to_visits_that_exist(demo: Clinic) -> None:
    sent = {body["encounter_id"] for body in demo.encounters}
    assert len(demo.stories) >= 6
    for story in demo.stories:
        assert story.encounter_ids
        assert set(story.encounter_ids) <= sent


def test_the_clearinghouse_simulator_understands_the_world(demo: Clinic, visits: list[Encounter]) -> None:
    world = World.model_validate(demo.world)
    days = {f"{v.administrative.primary.member_id}@{v.date_of_service:%Y%m%d}" for v in visits}
    assert set(world.scripted) <= days


def test_volume_is_clean_valid_and_as_long_as_asked() -> None:
    bodies = list(clinic.volume(SEED, AS_OF, 1000))
    visits = [Encounter.model_validate(body) for body in bodies]
    assert len({visit.encounter_id for visit in visits}) == 1000
    days = Counter((visit.patient.patient_id, visit.date_of_service) for visit in visits)
    assert max(days.values()) == 1
    assert bodies[:300] == list(clinic.volume(SEED, AS_OF, 300))
    Practice.model_validate(clinic.practice(AS_OF))


def test_the_examples_of_the_documentation_are_valid() -> None:
    examples = Path(__file__).parents[2] / "docs" / "examples"
    visit = Encounter.model_validate_json((examples / "encounter.json").read_text())
    practice = Practice.model_validate_json((examples / "practice.json").read_text())
    assert visit.administrative.primary.plan_id in {plan.plan_id for payer in practice.payers for plan in payer.plans}
    assert visit.compliance.rendering_clinician_id in {person.clinician_id for person in practice.clinicians}
    assert visit.administrative.location_id in {location.location_id for location in practice.locations}


class Office:
    """The practice file and the visits seen so far, as rules want them: one visit after the other, no database."""

    def __init__(self, practice: Practice, visits: list[Encounter], today: date) -> None:
        self.practice, self.today = practice, today
        self.plans = {plan.plan_id: (payer, plan) for payer in practice.payers for plan in payer.plans}
        self.days: dict[str, set[date]] = defaultdict(set)
        for visit in visits:
            self.days[visit.compliance.episode.episode_id].add(visit.date_of_service)
        self.left = {
            item.authorization_id: item.quantity - item.used_before_firstpass for item in practice.authorizations
        }
        self.billed: dict[str, list[PriorVisit]] = defaultdict(list)
        self.accrued: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)

    def context(self, visit: Encounter) -> VisitContext:
        """What is known around the visit."""
        first, on = visit.administrative.primary, visit.date_of_service
        payer, plan = self.plans[first.plan_id]
        terms = next(
            t for t in plan.terms if t.effective_from <= on and (t.effective_to is None or on <= t.effective_to)
        )
        return VisitContext(
            today=self.today,
            practice_npi=self.practice.npi,
            payer_id=payer.payer_id,
            plan_id=plan.plan_id,
            coverage=first,
            terms=terms,
            clinicians={person.clinician_id: person for person in self.practice.clinicians},
            fees=self.practice.fees,
            location_ids=frozenset(location.location_id for location in self.practice.locations),
            treatment_days=tuple(sorted(day for day in self.days[visit.compliance.episode.episode_id] if day <= on)),
            progress_reports=visit.compliance.progress_reports,
            prior_visits=tuple(self.billed[visit.patient.patient_id]),
            authorizations=self.balances(visit),
            therapy_accrued=self.accrued[self.bucket(visit)],
        )

    def balances(self, visit: Encounter) -> tuple[AuthorizationBalance, ...]:
        """The patient's authorizations with what is left."""
        shared = ("authorization_id", "number", "plan_id", "disciplines", "unit_of_measure", "codes")
        return tuple(
            AuthorizationBalance(
                **{name: getattr(item, name) for name in shared},
                effective_from=item.effective_from,
                effective_to=item.effective_to,
                left=self.left[item.authorization_id],
            )
            for item in self.practice.authorizations
            if item.patient == visit.patient.patient_id
        )

    @staticmethod
    def bucket(visit: Encounter) -> tuple[str, bool]:
        """Medicare counts PT with SLP, and OT alone."""
        return visit.patient.patient_id, visit.discipline == "OT"

    def judge(self, visit: Encounter) -> Evaluation:
        """Evaluate, and where all gates pass bill: use the authorization, remember the lines."""
        evaluation = evaluate(visit, self.context(visit))
        if evaluation.gate is None and evaluation.claim is not None:
            if evaluation.authorization and evaluation.authorization.authorization_id:
                self.left[evaluation.authorization.authorization_id] -= evaluation.authorization.quantity
            self.accrued[self.bucket(visit)] += sum(line.expected_allowed for line in evaluation.claim.lines)
            self.billed[visit.patient.patient_id].append(
                PriorVisit(
                    encounter_id=visit.encounter_id,
                    date_of_service=visit.date_of_service,
                    discipline=visit.discipline,
                    episode_id=visit.compliance.episode.episode_id,
                    rendering_clinician_id=visit.compliance.rendering_clinician_id,
                    lines=tuple((line.code, line.modifiers, line.units) for line in evaluation.claim.lines),
                    is_evaluation=visit.clinical.visit_kind == "evaluation",
                )
            )
        return evaluation


def why(evaluation: Evaluation) -> str:
    """The findings that stopped a visit, for a failing test's reader."""
    authorization = evaluation.authorization.findings if evaluation.authorization else ()
    coding = evaluation.claim.findings if evaluation.claim else ()
    found = (*evaluation.documentation, *authorization, *coding, *evaluation.scrub)
    return "; ".join(f"{finding.code} {finding.message}" for finding in found if finding.stops)


def disagreements(practice_body: Json, bodies: list[Json], expected: dict[str, Json], today: date) -> list[str]:
    """Visits that our rules send elsewhere than the clinic planned."""
    visits = [Encounter.model_validate(body) for body in bodies]
    office = Office(Practice.model_validate(practice_body), visits, today)
    found = []
    for visit in visits:
        evaluation = office.judge(visit)
        gate = evaluation.gate.value if evaluation.gate else "clean"
        planned = expected.get(visit.encounter_id, {"queue": "clean", "problem": ""})
        if gate != planned["queue"]:
            found.append(f"{visit.encounter_id} {planned} but {gate}: {why(evaluation)}")
    return found


@pytest.mark.parametrize("seed", [7, 1, 2, 3])
def test_every_visit_lands_at_the_gate_it_was_made_for(seed: int) -> None:
    demo = clinic.generate(seed, AS_OF, VISITS)
    assert disagreements(demo.practice, demo.encounters, demo.expected, AS_OF) == []


def test_repaired_visits_are_clean(demo: Clinic) -> None:
    newer = {body["encounter_id"]: body for body in demo.amendments if not body.get("cancelled")}
    bodies = [newer.get(body["encounter_id"], body) for body in demo.encounters]
    expected = {key: planted for key, planted in demo.expected.items() if key not in newer}
    assert disagreements(demo.practice, bodies, expected, AS_OF) == []


def test_volume_passes_every_gate() -> None:
    bodies = list(clinic.volume(SEED, AS_OF, 600))
    assert disagreements(clinic.practice(AS_OF), bodies, {}, AS_OF) == []
