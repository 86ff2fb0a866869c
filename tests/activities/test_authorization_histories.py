"""Random histories of bookings, visits, voids, late and split authorizations, in any order, twice, and recounted."""

from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.bookings import receive_bookings
from activities.reservations import reassess
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow, AuthorizationUseRow, BookingRow
from models.tables.practice import PracticeRow
from tests.activities.conftest import Books
from tests.activities.test_authorizations import grant, wanting
from tests.activities.test_bookings import booking
from tests.line import TODAY
from tests.workflows.visits import newer

STORIES = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
LIVING = ("booked", "attended")
_patients = count(1)


@dataclass(frozen=True)
class Story:
    """What is told in the end: grants as (first, last, quantity), bookings as versions of (day, state), visits as
    (day, named booking or None, voided). ``order``: how the words are shuffled."""

    grants: tuple[tuple[int, int, int], ...]
    bookings: tuple[tuple[tuple[int, str], ...], ...]
    visits: tuple[tuple[int, int | None, bool], ...]
    order: int


@st.composite
def stories(draw: st.DrawFn) -> Story:
    split = draw(st.integers(-4, 4))
    quantities = st.integers(1, 3)
    grants = [(-10, split, draw(quantities))]
    if draw(st.booleans()):
        grants.append((split + 1, 12, draw(quantities)))
    words = st.tuples(st.integers(-8, 10), st.sampled_from(["booked", "booked", "attended", "cancelled", "no_show"]))
    bookings = draw(st.lists(st.lists(words, min_size=1, max_size=3).map(tuple), max_size=4))
    days = draw(st.lists(st.integers(-8, -1), unique=True, max_size=4))
    named = [draw(st.none() | st.integers(0, len(bookings) - 1)) if bookings else None for _ in days]
    voided = [draw(st.booleans()) and draw(st.booleans()) for _ in days]
    visits = tuple(zip(days, named, voided, strict=True))
    return Story(tuple(grants), tuple(bookings), visits, draw(st.integers(0, 10_000)))


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[Story, list[int]]:
    """A story, and the order of its words, some of them told twice."""
    story = draw(stories())
    words = len(story.grants) + sum(map(len, story.bookings)) + sum(1 + voided for _, _, voided in story.visits)
    order = draw(st.permutations(range(words)))
    again = draw(st.lists(st.sampled_from(range(words)), max_size=4)) if words else []
    return story, [*order, *again]


class Teller:
    """Tells a story's words to the real tables and looks at visits as their workflows would."""

    def __init__(self, books: Books, story: Story) -> None:
        self.books, self.story = books, story
        self.number = next(_patients)
        self.patient = f"P-STORY-{self.number}"
        self.visits = [self._visit(index, day, named) for index, (day, named, _) in enumerate(story.visits)]

    def _visit(self, index: int, day: int, named: int | None) -> dict[str, Any]:
        made = deepcopy(wanting(f"STORY{self.number}"))
        made["encounter_id"] = f"STORY-{self.number}-{index}"
        made["patient"]["patient_id"] = self.patient
        made["compliance"]["episode"]["episode_id"] = f"STORY-{self.number}"
        made["date_of_service"] = str(TODAY + timedelta(days=day))
        made["compliance"]["signatures"][0]["signed_at"] = f"{TODAY}T00:30:00-06:00"
        if named is not None:
            made["booking_id"] = self.booking(named)
        return made

    def booking(self, index: int) -> str:
        return f"STORY-{self.number}-B{index}"

    def words(self) -> list[Any]:
        told: list[Any] = [("grant", index) for index in range(len(self.story.grants))]
        for index, versions in enumerate(self.story.bookings):
            told += [("booking", index, version) for version in range(len(versions))]
        for index, (_, _, voided) in enumerate(self.story.visits):
            told += [("visit", index)] + ([("void", index)] if voided else [])
        return told

    def tell(self, word: tuple[Any, ...]) -> None:
        what, index = word[0], word[1]
        if what == "grant":
            first, last, quantity = self.story.grants[index]
            number = f"STORY-{self.number}-A{index}"
            grant(self.books, self.patient, quantity, first=first, last=last, number=number)
        elif what == "booking":
            day, state = self.story.bookings[index][word[2]]
            sent = booking(self.booking(index), self.patient, day, version=word[2] + 1, state=state)
            receive_bookings(self.books.engine, self.books.practice_id, "schedule", [sent])
        else:
            sent = self.visits[index]
            self.books.send(sent if what == "visit" else newer(sent, lambda gone: gone.update(cancelled=True)))
        self.look()

    def look(self) -> None:
        """What nudges would have every visit do."""
        for made in self.visits:
            if self.books.received(made["encounter_id"]):
                self.books.gates(made["encounter_id"])

    def rows(self, table: type[Any], *where: Any) -> list[Any]:
        return self.books.rows(table, *where)


@STORIES
@given(told=shuffled())
def test_the_ledger_is_what_a_plain_recount_says(books: Books, told: tuple[Story, list[int]]) -> None:
    story, order = told
    teller = Teller(books, story)
    words = teller.words()
    for index in order:
        teller.tell(words[index])
    with practice_session(books.engine, books.practice_id) as session:  # the workflows' last word about bookings
        reassess(session, session.get_one(PracticeRow, books.practice_id), teller.patient, books.now)
    teller.look()
    _compare(teller)


def _compare(teller: Teller) -> None:
    story = teller.story
    grants = teller.rows(AuthorizationRow, AuthorizationRow.patient_external_id == teller.patient)
    by_id = {row.id: int(row.external_id.rsplit("A", 1)[1]) for row in grants}
    used: Counter[int] = Counter()
    reserved: dict[str, int] = {}
    held: Counter[tuple[str, str, int]] = Counter()
    for use in teller.rows(AuthorizationUseRow, AuthorizationUseRow.authorization_id.in_(list(by_id))):
        held[use.bucket, str(use.encounter_id or use.booking_id), by_id[use.authorization_id]] += int(use.quantity)
    assert set(held.values()) <= {0, 1}
    names = {str(row.id): row for row in teller.rows(BookingRow, BookingRow.patient_external_id == teller.patient)}
    for (bucket, subject, index), quantity in held.items():
        if quantity and bucket == "used":
            used[index] += 1
        elif quantity:
            reserved[names[subject].external_id] = index
    _visits_as_they_should_be(teller, used)
    assert reserved == _recount(teller, used)
    for row in names.values():
        wanted = row.external_id in _wanting(teller)
        assert bool(row.beyond_limit) == (wanted and row.external_id not in reserved), row.external_id
    assert all(used[index] <= story.grants[index][2] for index in used)


def _visits_as_they_should_be(teller: Teller, used: Counter[int]) -> None:
    """Every billed visit counts once against the grant of its day; one is held only where that grant is spent."""
    billed: Counter[int] = Counter()
    for made, (day, _, voided) in zip(teller.visits, teller.story.visits, strict=True):
        claims = teller.books.claims(made["encounter_id"])
        alive = bool(claims) and claims[-1].status == "ready" and not voided
        index = _grant_of(teller.story, day)
        if alive:
            assert index is not None
            billed[index] += 1
        elif not voided:
            assert index is None or used[index] == teller.story.grants[index][2], "held although something is left"
    assert billed == used


def _grant_of(story: Story, day: int) -> int | None:
    return next((index for index, (first, last, _) in enumerate(story.grants) if first <= day <= last), None)


def _final(story: Story) -> dict[int, tuple[int, str]]:
    return {index: versions[-1] for index, versions in enumerate(story.bookings)}


def _became(teller: Teller) -> dict[int, int]:
    """Which visit each booking became, counted by hand."""
    final, story = _final(teller.story), teller.story
    living = sorted((day, index) for index, (day, state) in final.items() if state in LIVING)
    became: dict[int, int] = {}
    for _, index in living:
        naming = [(day, at) for at, (day, named, _) in enumerate(story.visits) if named == index]
        if naming:
            became[index] = _first(teller, naming)
    free = [at for at, (_, named, _) in enumerate(story.visits) if named is None]
    for day, index in living:
        same = [at for at in free if story.visits[at][0] == day]
        if index not in became and same:
            became[index] = same[0]
            free.remove(same[0])
    return became


def _first(teller: Teller, naming: Iterable[tuple[int, int]]) -> int:
    """Of several visits that name one booking the earliest day."""
    return min(naming)[1]


def _wanting(teller: Teller) -> dict[str, int]:
    """Bookings for which something should be kept free, by their day."""
    became, wanting = _became(teller), {}
    for index, (day, state) in _final(teller.story).items():
        if state not in LIVING:
            continue
        if index in became:
            at = became[index]
            claims = teller.books.claims(teller.visits[at]["encounter_id"])
            if claims or teller.story.visits[at][2]:
                continue
        wanting[teller.booking(index)] = day
    return wanting


def _recount(teller: Teller, used: Counter[int]) -> dict[str, int]:
    """The reservations by hand: earliest day first, as long as its grant has something left."""
    taken, reserved = Counter(used), {}
    counted = _used_days(teller)
    for name, day in sorted(_wanting(teller).items(), key=lambda entry: (entry[1], entry[0])):
        index = _grant_of(teller.story, day)
        if index is None:
            continue
        free_day = (index, day) in counted
        if free_day or taken[index] < teller.story.grants[index][2]:
            reserved[name] = index
            taken[index] += 0 if free_day else 1
            counted.add((index, day))
    return reserved


def _used_days(teller: Teller) -> set[tuple[int, int]]:
    """Days that count already: a second visit of the discipline that day is free (plan term)."""
    days = set()
    for made, (day, _, voided) in zip(teller.visits, teller.story.visits, strict=True):
        claims = teller.books.claims(made["encounter_id"])
        index = _grant_of(teller.story, day)
        if claims and not voided and index is not None:
            days.add((index, day))
    return days
