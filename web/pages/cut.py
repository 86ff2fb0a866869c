"""Changing or voiding an authorization: what it would leave without one, seen beforehand and confirmed once."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from uuid import UUID

from fastapi import Request
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from activities import cut_authorizations
from activities.receiving import field_errors
from billing.desk import DESK_ROLES
from billing.practice import AuthorizationRecord
from billing.vocabulary import UnitOfMeasure
from models.store.book import book_of
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.practice import PracticeRow
from web import templating
from web.problems import Forbidden, Invalid, NotFound
from web.reads import authorizations, cut
from web.reads.audit import record_view
from web.routes import page_router
from web.security import Form, Person, Posted, engine_of
from web.shell import Shell, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class CutPage:
    """The screen. foreseen: what the change in the form would lose, None before it was asked; now: what is lost."""

    shell: Shell
    balance: authorizations.Balance
    entered: cut.Entered
    per_code: bool
    seen: str
    foreseen: cut.Cut | None
    now: cut.Cut
    notice: tuple[str, str] | None


@router.get("/authorizations/{authorization_id}/change")
def show(request: Request, viewer: Person, authorization_id: UUID) -> HTMLResponse:
    """The grant as it stands, and the visits billed under it that it does not carry."""
    _allow(viewer)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        row = _row(session, authorization_id)
        return _page(request, viewer, session, row, cut.entered_of(row))


@router.post("/authorizations/{authorization_id}/change")
def change(request: Request, viewer: Person, form: Posted, authorization_id: UUID) -> HTMLResponse:
    """First what it would lose; with the confirmation, the change."""
    _allow(viewer)
    entered = _entered(form)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        row, practice = _row(session, authorization_id), session.get_one(PracticeRow, viewer.practice_id)
        cut_authorizations.lock(session, row)
        if form.text("seen") != _seen(row):
            raise Invalid("The authorization was changed meanwhile. Go back, reload the page and look at it again.")
        wanted = _wanted(session, practice, row, entered)
        if form.text("act") != "confirm":
            found = cut_authorizations.foresee(session, practice, row, wanted, viewer.now)
            return _page(request, viewer, session, row, entered, foreseen=cut.cut_of(session, found))
        if not entered.reason:
            raise Invalid("Say why it is changed or voided; the reason is kept with the authorization.")
        lost = cut_authorizations.amend(
            session, practice, row, wanted, viewer.now, actor=viewer.name, reason=entered.reason
        )
        said = cut.cut_of(session, lost).summed
        done = ("good", f"Done: {said}." if said else "Done. No billed visit loses its authorization.")
        return _page(request, viewer, session, row, cut.entered_of(row), notice=done)


def _page(
    request: Request,
    viewer: Viewer,
    session: Session,
    row: AuthorizationRow,
    entered: cut.Entered,
    *,
    foreseen: cut.Cut | None = None,
    notice: tuple[str, str] | None = None,
) -> HTMLResponse:
    session.flush()
    practice = session.get_one(PracticeRow, viewer.practice_id)
    cut_authorizations.lock(session, row)
    lost = cut_authorizations.lost(session, practice, row, viewer.now)
    record_view(session, viewer, f"authorization/{row.id}/change")
    page = CutPage(
        shell=shell(request, viewer),
        balance=authorizations.balances(session, viewer, [row.id])[row.id],
        entered=entered,
        per_code=row.unit_of_measure == UnitOfMeasure.UNITS_PER_CODE.value,
        seen=_seen(row),
        foreseen=foreseen,
        now=cut.cut_of(session, lost),
        notice=notice,
    )
    return templating.page("cut.html", templating.as_context(page))


def _seen(row: AuthorizationRow) -> str:
    """What a person looked at, so that a change in between is noticed."""
    return f"{row.version}/{row.status}/{row.number}/{row.quantity}/{row.effective_from}/{row.effective_to}"


def _row(session: Session, authorization_id: UUID) -> AuthorizationRow:
    row = session.get(AuthorizationRow, authorization_id)
    if row is None:
        raise NotFound
    return row


def _entered(form: Form) -> cut.Entered:
    return cut.Entered(
        number=form.text("number"),
        quantity=form.text("quantity"),
        units=form.text("units"),
        effective_from=form.text("effective_from"),
        effective_to=form.text("effective_to"),
        voided=form.text("voided") == "yes",
        reason=form.text("reason"),
    )


def _wanted(
    session: Session, practice: PracticeRow, row: AuthorizationRow, entered: cut.Entered
) -> AuthorizationRecord:
    per_code = row.unit_of_measure == UnitOfMeasure.UNITS_PER_CODE.value
    try:
        return AuthorizationRecord.model_validate(
            {
                "authorization_id": row.external_id,
                "version": row.version,
                "number": entered.number,
                "kind": row.kind,
                "patient": row.patient_external_id,
                "plan_id": book_of(session, practice).plans[row.plan_id].plan_id,
                "disciplines": row.disciplines,
                "unit_of_measure": row.unit_of_measure,
                "quantity": Decimal(0) if per_code else _quantity(entered),
                "code_quantities": _units(entered) if per_code else {},
                "used_before_firstpass": row.used_before_firstpass,
                "codes": row.codes if not per_code else [],
                "clinician_npis": row.clinician_npis,
                "diagnoses": row.diagnoses,
                "effective_from": entered.effective_from,
                "effective_to": entered.effective_to,
                "status": "voided" if entered.voided else "active",
            }
        )
    except ValidationError as error:
        wrong = "; ".join(f"{found.field}: {found.message}" for found in field_errors(error))
        raise Invalid(f"This cannot be recorded as typed. {wrong}.") from error


def _quantity(entered: cut.Entered) -> Decimal:
    try:
        return Decimal(entered.quantity.lstrip("$").replace(",", ""))
    except InvalidOperation as error:
        raise Invalid("Write the quantity as a number, like 12, or 1250.00 for dollars.") from error


def _units(entered: cut.Entered) -> dict[str, int]:
    pairs = [word.partition("=") for word in entered.units.replace(",", " ").split()]
    if not pairs or not all(code and units.isdigit() for code, _, units in pairs):
        raise Invalid("Write the units per code like 97110=24, 97140=12.")
    return {code.upper(): int(units) for code, _, units in pairs}


def _allow(viewer: Viewer) -> None:
    if viewer.role not in DESK_ROLES:
        raise Forbidden("Changing what a payer granted can pull claims back. Ask a biller to do it.")
