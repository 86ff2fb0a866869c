"""The front desk's page: the visits of the next days, those nothing covers, and a form for clinics without a feed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from fastapi import Request
from starlette.responses import HTMLResponse

from activities.bookings import BookingResult, receive_bookings
from billing.desk import WORK
from billing.vocabulary import BookingState, Discipline
from models.store.session import practice_session
from models.tables.authorizations import BookingRow
from models.tables.practice import PlanRow
from web import templating
from web.pages.authorizations import allow, tabs
from web.problems import Invalid, NotFound
from web.reads import bookings
from web.reads.audit import record_view
from web.reads.choices import Choice
from web.reads.search import typed_in
from web.routes import page_router
from web.security import Person, Posted, engine_of, require
from web.shell import Shell, shell
from web.viewer import Viewer

router = page_router()

EMPTY = {
    "beyond": ("Nothing is booked beyond a limit", "Every booked visit that needs an authorization has one."),
    "all": (
        "Nothing is booked for the next two weeks",
        "The schedule sends them over the API, or enter one above.",
    ),
    "ended": ("Nothing was cancelled or missed", "What is moved stays booked."),
}
CHANGED_MEANWHILE = "Somebody changed this booking meanwhile. Look at it again, then decide."
ENDINGS = {"cancel": BookingState.CANCELLED, "no_show": BookingState.NO_SHOW}


@dataclass(frozen=True, slots=True)
class Said:
    """What became of what was entered: a sentence, and for a visit beyond its limit what can be offered."""

    tone: str
    text: str
    offers: tuple[str, ...] = ()
    case_href: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One of the three views."""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Entered:
    """What stands in the form: empty, or what was refused, so that nothing has to be typed twice."""

    booking_id: str
    patient: str = ""
    plan: str = ""
    discipline: str = ""
    day: str = ""
    time: str = ""
    is_evaluation: bool = False


@dataclass(frozen=True, slots=True)
class BookingsPage:
    """The whole screen."""

    shell: Shell
    tabs: tuple[Choice, ...]
    views: tuple[View, ...]
    view: str
    typed: str
    bookings: tuple[bookings.Booking, ...]
    more_cursor: str
    empty: tuple[str, str]
    may_enter: bool
    plans: tuple[Choice, ...]
    disciplines: tuple[Choice, ...]
    entered: Entered
    said: Said | None


@router.get("/authorizations/bookings")
def show(request: Request, viewer: Person, view: str = "", cursor: str = "") -> HTMLResponse:
    """Those beyond a limit first, if there are any."""
    allow(viewer)
    return _page(request, viewer, view, cursor=cursor)


@router.post("/authorizations/bookings")
def enter(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """Book a visit by hand; the answer says at once whether it is covered."""
    require(viewer, WORK)
    entered = Entered(
        booking_id=_own_id(form.text("booking_id")),
        patient=form.text("patient").strip(),
        plan=form.text("plan"),
        discipline=form.text("discipline"),
        day=form.text("day"),
        time=form.text("time"),
        is_evaluation=form.text("is_evaluation") == "yes",
    )
    with practice_session(engine_of(request), viewer.practice_id) as session:
        plan = entered.plan or bookings.plan_on_file(session, entered.patient)
    if plan is None:
        told = Said("bad", "Not booked: we know no plan of this patient yet. Choose the plan that pays first.")
        return _page(request, viewer, "", said=told, entered=entered, status=422)
    payload = {
        "booking_id": entered.booking_id,
        "version": 1,
        "patient": entered.patient,
        "plan_id": plan,
        "discipline": entered.discipline,
        "starts_at": _instant(entered.day, entered.time, viewer),
        "is_evaluation": entered.is_evaluation,
        "state": BookingState.BOOKED.value,
    }
    told = _receive(request, viewer, payload)
    refused = told.tone == "bad"
    return _page(request, viewer, "", said=told, entered=entered if refused else None, status=422 if refused else 200)


def _own_id(given: str) -> str:
    """The id the form was drawn with, so that the same form is the same booking; never one of the schedule's feed."""
    return given if given.startswith(bookings.BY_HAND) else f"{bookings.BY_HAND}{uuid4()}"


@router.post("/authorizations/bookings/search")
def search(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """The list with a search, which travels in the body because it may be a name."""
    allow(viewer)
    return _page(request, viewer, form.text("view"), cursor=form.text("cursor"), typed=typed_in(form.text("text")))


@router.post("/authorizations/bookings/change")
def change(request: Request, viewer: Person, form: Posted) -> HTMLResponse:
    """Move, cancel, or mark as missed a booking that was entered here."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = bookings.one(session, viewer, form.text("booking_id"))
        if found is None:
            raise NotFound
        row = session.get_one(BookingRow, found.id)
        plan_id = session.get_one(PlanRow, row.plan_id).external_id
        kept = {"patient": row.patient_external_id, "discipline": row.discipline, "is_evaluation": row.is_evaluation}
        starts_at = row.starts_at.isoformat()
        expected = dict(row.expected)
    if not found.by_hand:
        raise Invalid(f"This booking comes from {found.source}. Change it there, so that the two do not differ.")
    if str(found.version) != form.text("version"):
        return _page(request, viewer, form.text("view"), said=Said("bad", CHANGED_MEANWHILE), status=409)
    act = form.text("act")
    if act not in ENDINGS and act != "move":
        raise Invalid("Choose what became of the booking: moved, cancelled or missed.")
    payload = {
        "booking_id": found.external_id,
        "version": found.version + 1,
        "plan_id": plan_id,
        "starts_at": _instant(form.text("day"), form.text("time"), viewer) if act == "move" else starts_at,
        "expected": expected,
        "state": ENDINGS.get(act, BookingState.BOOKED).value,
        **kept,
    }
    told = _receive(request, viewer, payload)
    return _page(request, viewer, form.text("view"), said=told, status=422 if told.tone == "bad" else 200)


def _receive(request: Request, viewer: Viewer, payload: dict[str, object]) -> Said:
    engine = engine_of(request)
    [result] = receive_bookings(engine, viewer.practice_id, f"{viewer.name}, by hand", [payload])
    if result.status == "refused":
        return Said("bad", f"Not booked: {_problems(result)}")
    with practice_session(engine, viewer.practice_id) as session:
        booking = bookings.one(session, viewer, result.booking_id)
        record_view(session, viewer, f"booking/{result.booking_id}")
    if booking is None:
        raise NotFound
    if result.status == "unchanged":
        return Said("warn", f"Nothing changed: {booking.patient_id} is {booking.state.text.lower()}, {booking.starts}.")
    if booking.beyond:
        text = f"Booked for {booking.starts}, but beyond the limit: {booking.covered}"
        return Said("warn", text, booking.offers, booking.case_href)
    if not booking.is_booked:
        return Said("good", f"{booking.state.text}: {booking.starts}. What was reserved for it is free again.")
    covered = f"Reserved on {booking.covered}." if booking.covered else "It needs no authorization."
    return Said("good", f"Booked for {booking.starts}. {covered}")


def _problems(result: BookingResult) -> str:
    return "; ".join(f"{error.field.replace('_', ' ')}: {error.message}" for error in result.errors)


def _instant(day: str, time: str, viewer: Viewer) -> str:
    """Day and time of the form in the practice's zone; what is no time is left for the intake to refuse."""
    try:
        return datetime.fromisoformat(f"{day}T{time or '00:00'}").replace(tzinfo=viewer.zone).isoformat()
    except ValueError:
        return ""


def _page(
    request: Request,
    viewer: Viewer,
    view: str,
    *,
    cursor: str = "",
    typed: str = "",
    said: Said | None = None,
    entered: Entered | None = None,
    status: int = 200,
) -> HTMLResponse:
    with practice_session(engine_of(request), viewer.practice_id) as session:
        counts = bookings.counts(session, viewer, typed)
        chosen = _chosen(view, counts, typed)
        found = bookings.page(session, viewer, chosen, cursor, typed)
        plans = bookings.plan_choices(session)
    standing = entered or Entered(booking_id=f"{bookings.BY_HAND}{uuid4()}")
    page = BookingsPage(
        shell=shell(request, viewer),
        tabs=tabs(viewer, "/authorizations/bookings"),
        views=tuple(View(key, label, counts[key], key == chosen) for key, label in bookings.VIEWS.items()),
        view=chosen,
        typed=typed,
        bookings=found.rows,
        more_cursor=found.next_cursor,
        empty=EMPTY[chosen],
        may_enter=viewer.may(WORK),
        plans=tuple(Choice(key, label, key == standing.plan) for key, label in plans),
        disciplines=tuple(Choice(one.value, one.value, one == standing.discipline) for one in Discipline),
        entered=standing,
        said=said,
    )
    return templating.page("bookings.html", templating.as_context(page), status=status)


def _chosen(view: str, counts: dict[str, int], typed: str) -> str:
    """The view asked for; else those beyond a limit, if there are any, and of a search the first that has some."""
    usual = ("all", "beyond", "ended") if typed else ("beyond", "all")
    return view if view in bookings.VIEWS else next((key for key in usual if counts[key]), "all")
