"""Acting on the fork: the notice made, presented, signed or refused, printed; what other clinics used, told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from activities import authorization_cases, financial_notices
from activities.benefits import Told, enter_report
from activities.financial_notices import Writer
from activities.look import lock_encounter
from billing.desk import WORK
from billing.vocabulary import BeneficiaryChoice, LimitSource
from models.store.desk import open_item_of
from models.store.session import practice_session
from models.tables.authorizations import BookingRow
from models.tables.encounters import EncounterRow
from models.tables.notices import FinancialNoticeRow
from models.tables.practice import PracticeRow
from web import formats, templating
from web.problems import Invalid, NotFound
from web.reads import fork
from web.reads.audit import record_view
from web.routes import page_router
from web.security import Form, Person, Posted, engine_of, own_path, require
from web.shell import Shell, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class BookingPage:
    """A booked visit beyond its authorization or a limit."""

    shell: Shell
    when: str
    patient: str
    discipline: str
    why: str
    fork: fork.Fork
    back: str


@router.post("/encounters/{encounter_id}/financial-notice")
def make(request: Request, viewer: Person, form: Posted, encounter_id: UUID) -> Response:
    """Make the notice with its estimate."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        _visible(session, viewer, encounter_id)
        financial_notices.make(session, _writer(session, viewer), lock_encounter(session, encounter_id))
    return _back(form, f"/encounters/{encounter_id}")


@router.get("/bookings/{booking_id}/fork")
def show_booking(request: Request, viewer: Person, booking_id: UUID) -> HTMLResponse:
    """What may be done about a booked visit no authorization covers."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = fork.of_booking(session, viewer, booking_id)
        if found is None:
            raise NotFound
        booking, ways = found
        record_view(session, viewer, f"booking/{booking_id}")
        page = BookingPage(
            shell=shell(request, viewer),
            when=formats.instant(booking.starts_at, viewer.zone),
            patient=booking.patient_external_id,
            discipline=booking.discipline,
            why=" ".join(said for said in (booking.beyond_limit, booking.beyond_benefit) if said),
            fork=ways,
            back=f"/bookings/{booking_id}/fork",
        )
    return templating.page("booking_fork.html", templating.as_context(page))


@router.post("/bookings/{booking_id}/financial-notice")
def make_for_booking(request: Request, viewer: Person, form: Posted, booking_id: UUID) -> Response:
    """Make the notice of a booked visit."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        booking = session.get(BookingRow, booking_id, with_for_update=True)
        if booking is None:
            raise NotFound
        financial_notices.make_for_booking(session, _writer(session, viewer), booking)
    return _back(form, f"/bookings/{booking_id}/fork")


@router.post("/encounters/{encounter_id}/extension")
def ask_for_visit(request: Request, viewer: Person, form: Posted, encounter_id: UUID) -> Response:
    """To the case that asks the payer for more, opened if there is none, so that the payer's clock can run."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        row = _visible(session, viewer, encounter_id)
        return _asked(session, viewer, (row.facts["patient"]["patient_id"], row.plan_id, row.discipline))


@router.post("/bookings/{booking_id}/extension")
def ask_for_booking(request: Request, viewer: Person, form: Posted, booking_id: UUID) -> Response:
    """The same for a booked visit."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        booking = session.get(BookingRow, booking_id)
        if booking is None:
            raise NotFound
        return _asked(session, viewer, (booking.patient_external_id, booking.plan_id, booking.discipline))


def _asked(session: Session, viewer: Viewer, about: tuple[str, UUID, str]) -> Response:
    practice = session.get_one(PracticeRow, viewer.practice_id)
    case = authorization_cases.open_by_hand(session, practice, about, viewer.now)
    item = open_item_of(session, viewer.practice_id, authorization_cases.subject_of(case.id))
    if item is None:
        raise Invalid("The payer is not asked any more: the patient pays, as was decided. Record an answer that came.")
    return RedirectResponse(f"/queues/{item.queue}/{item.id}#decide-extension_requested", status_code=303)


@router.post("/financial-notices/{notice_id}/answer")
def answer(request: Request, viewer: Person, form: Posted, notice_id: UUID) -> Response:
    """Presented, signed or refused, on a day."""
    require(viewer, WORK)
    on = _day(form, "on")
    acts: dict[str, Callable[[Session, Writer, FinancialNoticeRow], str]] = {
        "presented": lambda session, writer, row: financial_notices.mark_presented(session, writer, row, on),
        "signed": lambda session, writer, row: financial_notices.mark_signed(session, writer, row, on, _choice(form)),
        "refused": lambda session, writer, row: financial_notices.mark_refused(session, writer, row, on),
    }
    act = acts.get(form.text("answer"))
    if act is None:
        raise Invalid("Say whether the notice was presented, signed or refused.")
    with practice_session(engine_of(request), viewer.practice_id) as session:
        notice = financial_notices.locked(session, notice_id)
        act(session, _writer(session, viewer), notice)
        encounter_id = notice.encounter_id
    return _back(form, f"/encounters/{encounter_id}")


@router.get("/financial-notices/{notice_id}")
def show(request: Request, viewer: Person, notice_id: UUID) -> HTMLResponse:
    """The notice on paper, without menus."""
    require(viewer, WORK)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        notice = fork.printed(session, notice_id)
        if notice is None:
            raise NotFound
        record_view(session, viewer, f"financial-notice/{notice_id}")
        about = fork.patient_named(session, notice)
        context = {"subject": notice.subject, "body": notice.body, "practice": viewer.practice_name, "about": about}
    return templating.page("letter.html", context)


@router.post("/encounters/{encounter_id}/benefit-report")
def tell(request: Request, viewer: Person, form: Posted, encounter_id: UUID) -> Response:
    """What other clinics used of a limit."""
    require(viewer, WORK)
    told = Told(form.text("limit_id"), _amount(form), _day(form, "as_of"), _source(form), viewer.name)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        row = _visible(session, viewer, encounter_id)
        enter_report(session, session.get_one(PracticeRow, viewer.practice_id), row, told, viewer.today)
    return _back(form, f"/encounters/{encounter_id}")


def _writer(session: Session, viewer: Viewer) -> Writer:
    return Writer(session.get_one(PracticeRow, viewer.practice_id), viewer.name, viewer.now)


def _visible(session: Session, viewer: Viewer, encounter_id: UUID) -> EncounterRow:
    row = session.get(EncounterRow, encounter_id)
    if row is None or viewer.own_visits_only:
        raise NotFound
    return row


def _back(form: Form, otherwise: str) -> Response:
    """To where the form stood, as a fresh page."""
    return RedirectResponse(own_path(form.text("back") or otherwise), status_code=303)


def _day(form: Form, name: str) -> date:
    found = fork.parsed_day(form.text(name))
    if found is None:
        raise Invalid("Choose a day.")
    return found


def _amount(form: Form) -> Decimal:
    try:
        amount = Decimal(form.text("used_elsewhere").lstrip("$").replace(",", ""))
    except InvalidOperation as error:
        raise Invalid("What was used elsewhere must be a number like 12, or 250.00 for dollars.") from error
    if not amount.is_finite() or amount != round(amount, 2):
        raise Invalid("What was used elsewhere must be a number like 12, or 250.00 for dollars.")
    return amount


def _source(form: Form) -> LimitSource:
    try:
        return LimitSource(form.text("source", LimitSource.ENTERED.value))
    except ValueError as error:
        raise Invalid("Say how it is known: entered, 271, or 835 remark.") from error


def _choice(form: Form) -> BeneficiaryChoice | None:
    try:
        return BeneficiaryChoice(form.text("choice")) if form.text("choice") else None
    except ValueError as error:
        raise Invalid("Choose one of the three options of the ABN.") from error
