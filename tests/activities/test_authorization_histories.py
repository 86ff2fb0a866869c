"""Random histories of bookings, visits, voids, late and split authorizations, in any order, twice, and recounted."""

from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from activities import late_authorizations
from activities.bookings import receive_bookings
from activities.grants import put_authorization
from activities.reservations import reassess
from billing.late_authorization import Action
from billing.practice import AuthorizationRecord
from billing.vocabulary import SameDayCounting
from models.store import authorizations
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow, AuthorizationUseRow, BookingRow
from models.tables.practice import PlanRow, PracticeRow
from tests.activities.conftest import Books
from tests.activities.recount import Care, Grant, cost, fits, reserve, spent
from tests.activities.test_authorizations import wanting
from tests.activities.test_bookings import booking
from tests.line import TODAY
from tests.workflows.visits import COMMERCIAL

STORIES = settings(  # not shrunk: a story takes seconds, and a long one reads as well as a short one
    phases=[Phase.explicit, Phase.generate],
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LIVING = ("booked", "attended")
CLINICIANS = {"PT": "pt-dovecote", "OT": "ot-gossamer"}
MEASURES = ("visits", "units", "units_per_code", "dollars")
Units = dict[str, int]
_patients = count(1)


@dataclass(frozen=True)
class Booked:
    """A booking as its sender told it, version by version: (day, state); expected: None where nobody says."""

    discipline: str
    versions: tuple[tuple[int, str], ...]
    expected: Units | None


@dataclass(frozen=True)
class Visited:
    """A visit as its chart told it: the units of each version; the last version of a voided one cancels it.

    booking: which one it names. overridden: it goes out without one, where none is found, on the payer's word.
    """

    day: int
    discipline: str
    booking: int | None
    versions: tuple[Units, ...]
    voided: bool
    overridden: bool


@dataclass(frozen=True)
class Story:
    """All there is to tell."""

    grants: tuple[Grant, ...]
    bookings: tuple[Booked, ...]
    visits: tuple[Visited, ...]


def charted() -> st.SearchStrategy[Units]:
    """Whole quarter hours of one or two codes."""
    return st.fixed_dictionaries({"97110": st.integers(1, 3)}, optional={"97140": st.integers(1, 2)})


@st.composite
def grants(draw: st.DrawFn, measure: str) -> tuple[Grant, ...]:
    """Combined or one per discipline; split in two by a day or not; a late one beside them or not."""
    together = draw(st.booleans())
    pools: list[tuple[str, ...]] = [("PT", "OT")] if together else [("PT",), ("OT",)]
    split = draw(st.integers(-4, 4))
    spans = [(-10, split), *([(split + 1, 12)] if draw(st.booleans()) else [])]
    spans += [(-10, 13)] if draw(st.booleans()) else []
    same_day = draw(st.sampled_from(["per_discipline", "once", "per_visit"]))
    return tuple(
        Grant("", first, last, pool, measure, draw(_quantity(measure)), draw(_per_code(measure)), same_day)
        for pool in pools
        for first, last in spans
    )


def _quantity(measure: str) -> st.SearchStrategy[int]:
    most = {"visits": 3, "units": 9, "dollars": 400}.get(measure, 1)
    return st.integers(1, most)


def _per_code(measure: str) -> st.SearchStrategy[Units]:
    if measure != "units_per_code":
        return st.just({})
    return st.fixed_dictionaries({"97110": st.integers(1, 8), "97140": st.integers(1, 3)})


@st.composite
def stories(draw: st.DrawFn, measure: str) -> Story:
    disciplines = st.sampled_from(["PT", "PT", "OT"])
    words = st.tuples(st.integers(-8, 10), st.sampled_from(["booked", "booked", "attended", "cancelled", "no_show"]))
    versions = st.lists(words, min_size=1, max_size=3).map(tuple)
    bookings = draw(st.lists(st.builds(Booked, disciplines, versions, st.none() | charted()), max_size=4))
    days = draw(st.lists(st.tuples(st.integers(-8, -1), disciplines), unique=True, max_size=4))
    named = st.none() | st.integers(0, len(bookings) - 1) if bookings else st.none()
    visits = [
        Visited(
            day,
            discipline,
            draw(named),
            tuple(draw(st.lists(charted(), min_size=1, max_size=2))),
            draw(st.booleans()) and draw(st.booleans()),
            draw(st.booleans()) and draw(st.booleans()),
        )
        for day, discipline in days
    ]
    return Story(draw(grants(measure)), tuple(bookings), tuple(visits))


Word = tuple[str, int, int]


def words_of(story: Story) -> list[Word]:
    """Everything that is said; ``late``: a person confirms what an authorization changes for past visits."""
    told: list[Word] = []
    for index in range(len(story.grants)):
        told += [("grant", index, 0), ("late", index, 0)]
    for index, booked in enumerate(story.bookings):
        told += [("booking", index, version) for version in range(len(booked.versions))]
    for index, visited in enumerate(story.visits):
        told += [("visit", index, version) for version in range(len(visited.versions) + visited.voided)]
        told += [("override", index, 0)] if visited.overridden else []
    return told


@st.composite
def shuffled(draw: st.DrawFn, measure: str) -> tuple[Story, list[Word]]:
    """A story, and its words in any order, some of them told twice."""
    story = draw(stories(measure))
    words = words_of(story)
    again = draw(st.lists(st.sampled_from(words), max_size=4)) if words else []
    return story, [*draw(st.permutations(words)), *again]


class Teller:
    """Tells a story's words to the real tables and looks at visits as their workflows would."""

    def __init__(self, books: Books, story: Story) -> None:
        self.books, self.story = books, story
        self.mark = f"STORY-{next(_patients)}"
        self.patient = f"P-{self.mark}"
        self.like = wanting(self.mark)

    def visit(self, index: int) -> str:
        return f"{self.mark}-{index}"

    def booking(self, index: int) -> str:
        return f"{self.mark}-B{index}"

    def grant(self, index: int) -> str:
        return f"{self.mark}-A{index}"

    def tell(self, word: Word) -> None:
        what, index, version = word
        {"grant": self._grant, "late": self._late, "override": self._override}.get(
            what, lambda at: self._book(at, version) if what == "booking" else self._chart(at, version)
        )(index)
        if what != "booking":  # word of a booking wakes no visit
            self.look()

    def _grant(self, index: int) -> None:
        told, name = self.story.grants[index], self.grant(index)
        record = AuthorizationRecord.model_validate(
            {
                "authorization_id": name,
                "number": name,
                "patient": self.patient,
                "plan_id": COMMERCIAL,
                "disciplines": told.disciplines,
                "unit_of_measure": told.measure,
                "quantity": 0 if told.per_code else told.quantity,
                "code_quantities": told.per_code,
                "effective_from": TODAY + timedelta(days=told.first),
                "effective_to": TODAY + timedelta(days=told.last),
            }
        )
        with practice_session(self.books.engine, self.books.practice_id) as session:
            plan_id = session.query(PlanRow.id).filter(PlanRow.external_id == COMMERCIAL).scalar()
            authorizations.lock_for_patient(session, self.books.practice_id, self.patient)
            same_day = SameDayCounting(told.same_day)
            put_authorization(session, self.books.practice_id, record, plan_id, same_day)

    def _late(self, index: int) -> None:
        """What a biller does on the screen of a late authorization: everything it offers."""
        found = self.books.rows(AuthorizationRow, AuthorizationRow.external_id == self.grant(index))
        if not found:
            return
        with practice_session(self.books.engine, self.books.practice_id) as session:
            practice = session.get_one(PracticeRow, self.books.practice_id)
            seen = late_authorizations.preview(session, practice, found[0].id, self.books.now)
        ids = [change.encounter_id for change in seen.changes if change.action is not Action.BEYOND] if seen else []
        given = self.books.engine, self.books.practice_id, "a biller", found[0].id
        late_authorizations.confirm(*given, [self._id(one) for one in ids], self.books.now)

    def _id(self, encounter_id: str) -> Any:
        return type(self.books.practice_id)(encounter_id)

    def _override(self, index: int) -> None:
        """The payer says on the phone that none is needed, if the visit is held for want of one just now."""
        if not self.books.received(self.visit(index)):
            return
        item = self.books.item(self.visit(index))
        if item is not None and item.kind == "authorization_hold":
            self.books.decide(item, "none_needed", fields={"reference": "so the payer said on the phone"})

    def _book(self, index: int, version: int) -> None:
        told = self.story.bookings[index]
        day, state = told.versions[version]
        more = {"discipline": told.discipline, "expected": told.expected or {}, "state": state}
        sent = booking(self.booking(index), self.patient, day, version=version + 1, **more)
        [kept] = receive_bookings(self.books.engine, self.books.practice_id, "schedule", [sent])
        assert kept.status != "refused", kept.errors

    def _chart(self, index: int, version: int) -> None:
        told = self.story.visits[index]
        made = deepcopy(self.like)
        cancelled = version == len(told.versions)
        minutes = {code: 15 * units for code, units in told.versions[-1 if cancelled else version].items()}
        made |= {"encounter_id": self.visit(index), "version": version + 1, "discipline": told.discipline}
        made |= {"date_of_service": str(TODAY + timedelta(days=told.day)), "cancelled": cancelled}
        made["patient"]["patient_id"] = self.patient
        by, spent_minutes = CLINICIANS[told.discipline], sum(minutes.values())
        made["timing"] = {
            "services": [
                {
                    "code": code,
                    "minutes": [{"clinician_id": by, "minutes": spent_on}],
                    "diagnosis_pointers": [1, 2],
                }
                for code, spent_on in minutes.items()
            ],
            "total_timed_minutes": spent_minutes,
            "total_treatment_minutes": spent_minutes,
        }
        made["compliance"]["rendering_clinician_id"] = by
        made["compliance"]["episode"]["episode_id"] = f"{self.mark}-{told.discipline}"
        made["compliance"]["plan_of_care"]["plan_of_care_id"] = f"{self.mark}-{told.discipline}"
        made["compliance"]["signatures"] = [
            {"clinician_id": by, "signed_at": f"{TODAY}T00:30:00-06:00", "kind": "author"}
        ]
        if told.booking is not None:
            made["booking_id"] = self.booking(told.booking)
        [kept] = self.books.send(made)
        assert not kept.errors, kept.errors

    def look(self) -> None:
        """What nudges would have every visit do."""
        for index in range(len(self.story.visits)):
            name = self.visit(index)
            if self.books.received(name) and self.books.gates(name).outcome == "under_way":
                self.books.claim_look(name)
                self.books.gates(name)

    def settle(self) -> None:
        """The workflows' last word."""
        with practice_session(self.books.engine, self.books.practice_id) as session:
            practice = session.get_one(PracticeRow, self.books.practice_id)
            reassess(session, practice, self.patient, self.books.now)
        self.look()


@pytest.mark.parametrize("measure", MEASURES)
def test_the_ledger_is_what_a_plain_recount_says(books: Books, measure: str) -> None:
    @STORIES
    @given(told=shuffled(measure))
    def play(told: tuple[Story, list[Word]]) -> None:
        story, words = told
        teller = Teller(books, story)
        for word in words:
            teller.tell(word)
        teller.settle()
        _compare(teller)

    play()


def _compare(teller: Teller) -> None:
    known = [_named(teller, index) for index in range(len(teller.story.grants))]
    visits = [_as_billed(teller, index) for index in range(len(teller.story.visits))]
    billed = [care for care, status in visits if status == "billed"]
    held = [care for care, status in visits if status == "held"]
    purses = spent(known, billed)
    for purse in purses.values():
        assert purse.left >= 0, f"{purse.grant.number} is spent beyond what was granted"
        assert all(units >= 0 for units in purse.per_code.values())
    for care in billed:
        carrying = [grant for grant in known if grant.number == care.number]
        assert all(grant.carries(care.day, care.discipline) for grant in carrying), "billed under one that does not fit"
    for care in held:
        assert fits(purses, care, billed) is None, f"{care.name} is held although something is left"
    used, reserved = _ledger(teller)
    assert used == {care.name: (care.number, _cost(known, care)) for care in billed if care.number}
    wanting_one = _bookings_that_want_one(teller, {care.name for care, status in visits if status == "held"})
    expected, beyond = reserve(known, billed, wanting_one)
    assert reserved == expected
    rows = teller.books.rows(BookingRow, BookingRow.patient_external_id == teller.patient)
    assert {row.external_id for row in rows if row.beyond_limit} == beyond
    _standings_agree(teller, known, billed)


def _named(teller: Teller, index: int) -> Grant:
    return Grant(teller.grant(index), *(getattr(teller.story.grants[index], name) for name in _GRANTED))


_GRANTED = ("first", "last", "disciplines", "measure", "quantity", "per_code", "same_day")


def _cost(known: list[Grant], care: Care) -> dict[str, Decimal]:
    [grant] = [one for one in known if one.number == care.number]
    return cost(grant, care, Decimal(0))


def _as_billed(teller: Teller, index: int) -> tuple[Care, str]:
    """A visit by the end: billed (under the number on its claim), held, or gone."""
    told, name = teller.story.visits[index], teller.visit(index)
    claims = teller.books.claims(name)
    ready = bool(claims) and claims[-1].status == "ready"
    number = (claims[-1].prior_authorization_number or "") if ready else ""
    care = Care(name, told.day, told.discipline, told.versions[-1], number)
    if told.voided:
        assert not ready, "a claim for a visit that was cancelled"
        return care, "gone"
    return care, "billed" if ready else "held"


def _ledger(teller: Teller) -> tuple[dict[str, tuple[str, dict[str, Decimal]]], dict[str, tuple[str, Any]]]:
    """What the ledger holds for each visit and each booking: of one authorization, by code, nothing at zero."""
    books = teller.books
    granted = books.rows(AuthorizationRow, AuthorizationRow.patient_external_id == teller.patient)
    numbers = {row.id: row.number for row in granted}
    subjects: dict[Any, str] = {
        books.visit(teller.visit(index)).id: teller.visit(index) for index in range(len(teller.story.visits))
    }
    subjects |= {
        row.id: row.external_id for row in books.rows(BookingRow, BookingRow.patient_external_id == teller.patient)
    }
    sums: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
    for use in books.rows(AuthorizationUseRow, AuthorizationUseRow.authorization_id.in_(list(numbers))):
        subject = subjects[use.encounter_id or use.booking_id]
        sums[use.bucket, subject, numbers[use.authorization_id], use.code] += use.quantity
    held: dict[str, dict[str, tuple[str, dict[str, Decimal]]]] = {"used": {}, "reserved": {}}
    for (bucket, subject, number, code), quantity in sums.items():
        if quantity:
            assert held[bucket].setdefault(subject, (number, {}))[0] == number, f"{subject} counts against two"
            held[bucket][subject][1][code] = quantity
    return held["used"], held["reserved"]


def _standings_agree(teller: Teller, known: list[Grant], billed: list[Care]) -> None:
    """What screens show as left is what the recount has left."""
    purses = spent(known, billed)
    with practice_session(teller.books.engine, teller.books.practice_id) as session:
        rows = session.query(AuthorizationRow).filter(AuthorizationRow.patient_external_id == teller.patient)
        for row in rows:
            stands = authorizations.standing_of(session, row)
            assert stands.left == purses[row.number].left
            assert stands.code_left == purses[row.number].per_code


def _became(teller: Teller) -> dict[int, int]:
    """Which visit each booking became, by hand: the earliest that names it, else one of its day and discipline."""
    story = teller.story
    final = {index: booked.versions[-1] for index, booked in enumerate(story.bookings)}
    living = sorted((day, index) for index, (day, state) in final.items() if state in LIVING)
    became: dict[int, int] = {}
    for _, index in living:
        naming = [(one.day, teller.visit(at), at) for at, one in enumerate(story.visits) if one.booking == index]
        if naming:
            became[index] = min(naming)[2]
    free = sorted((teller.visit(at), at) for at, one in enumerate(story.visits) if one.booking is None)
    for day, index in living:
        discipline = story.bookings[index].discipline
        same = [
            (name, at) for name, at in free if (story.visits[at].day, story.visits[at].discipline) == (day, discipline)
        ]
        if index not in became and same:
            became[index] = same[0][1]
            free.remove(same[0])
    return became


def _bookings_that_want_one(teller: Teller, held: set[str]) -> list[Care]:
    """Bookings for which something should be kept free: nobody came yet, or the visit still waits to be billed."""
    became, wanting_one = _became(teller), []
    for index, told in enumerate(teller.story.bookings):
        day, state = told.versions[-1]
        waits = index not in became or teller.visit(became[index]) in held
        if state in LIVING and waits and not _was_billed_once(teller, became.get(index)):
            wanting_one.append(Care(teller.booking(index), day, told.discipline, told.expected))
    return wanting_one


def _was_billed_once(teller: Teller, visit: int | None) -> bool:
    """A visit whose claim was made once reserves no more, also while it is made anew."""
    return visit is not None and bool(teller.books.claims(teller.visit(visit)))
