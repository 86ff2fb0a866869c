"""Terms of the queue's text language (web.grammar) as SQL conditions on work items, each complete in itself."""

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, not_, or_, select

from billing.vocabulary import Stage
from models.store.desk import leased_at_present
from models.tables.access import UserRow
from models.tables.authorizations import AuthorizationCaseRow, AuthorizationRow
from models.tables.desk import WorkItemAttachmentRow, WorkItemNoteRow, WorkItemPauseRow, WorkItemRow
from models.tables.encounters import EncounterRow
from models.tables.patients import PatientRow
from models.tables.practice import LocationRow, PayerRow, PlanRow
from web.grammar import Term
from web.viewer import Viewer

NOBODY = "nobody"
ME = "me"
# What people say, and what stands in reasons
SAID_AS: Mapping[str, str] = {
    "poc": "plan of care",
    "auth": "authorization",
    "cosign": "co-sign",
    "npi": "NPI",
    "kx": "KX",
    "pr": "progress report",
}
COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {">": gt, "<": lt, ">=": ge, "<=": le}


def condition(term: Term, viewer: Viewer) -> ColumnElement[bool]:
    """What a term means; several values mean any of them, a minus means none of them."""
    made = _NUMBERS[term.key](term, viewer) if term.key in _NUMBERS else _any_of(term, viewer)
    # what is not known is not so: an item without an owner is not mine
    return not_(func.coalesce(made, False)) if term.negated else made


def _any_of(term: Term, viewer: Viewer) -> ColumnElement[bool]:
    return or_(*(_TEXTS[term.key](value, viewer) for value in term.values))


def _payer(value: str, viewer: Viewer) -> ColumnElement[bool]:
    plans = (
        select(PlanRow.id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .where(
            or_(
                PayerRow.name.icontains(value, autoescape=True),
                PayerRow.external_id.icontains(value, autoescape=True),
                PlanRow.name.icontains(value, autoescape=True),
            )
        )
    )
    return _about(lambda table: table.plan_id.in_(plans), lambda table: table.plan_id.in_(plans))


def _discipline(value: str, viewer: Viewer) -> ColumnElement[bool]:
    of = value.upper()
    return _about(lambda table: table.discipline == of, lambda table: table.disciplines.contains([of]))


def _site(value: str, viewer: Viewer) -> ColumnElement[bool]:
    named = or_(
        LocationRow.external_id.icontains(value, autoescape=True), LocationRow.name.icontains(value, autoescape=True)
    )
    places = select(LocationRow.external_id).where(named)
    return WorkItemRow.encounter_id.in_(
        select(EncounterRow.id).where(EncounterRow.facts["administrative"]["location_id"].astext.in_(places))
    )


def _case(value: str, viewer: Viewer) -> ColumnElement[bool]:
    """Open cases of asking a payer in that state, and the held visits that wait for them."""
    cases, state = AuthorizationCaseRow, AuthorizationCaseRow.state == value
    waiting = (
        select(EncounterRow.id)
        .join(PatientRow, PatientRow.id == EncounterRow.patient_id)
        .join(
            cases,
            and_(
                cases.patient_external_id == PatientRow.external_id,
                cases.plan_id == EncounterRow.plan_id,
                EncounterRow.discipline == func.any(cases.disciplines),
            ),
        )
        .where(state, cases.closed_at.is_(None), EncounterRow.stage == Stage.AUTHORIZATION)
    )
    own = select(cases.id).where(state, cases.closed_at.is_(None))
    return or_(WorkItemRow.authorization_case_id.in_(own), WorkItemRow.encounter_id.in_(waiting))


def _about(of_visit: Callable[[Any], Any], of_paper: Callable[[Any], Any]) -> ColumnElement[bool]:
    """Items whose visit, or where there is none whose authorization or case, is so."""
    visits = select(EncounterRow.id).where(of_visit(EncounterRow))
    held = select(AuthorizationRow.id).where(of_paper(AuthorizationRow))
    cases = select(AuthorizationCaseRow.id).where(of_paper(AuthorizationCaseRow))
    on_paper = or_(WorkItemRow.authorization_id.in_(held), WorkItemRow.authorization_case_id.in_(cases))
    return or_(WorkItemRow.encounter_id.in_(visits), and_(WorkItemRow.encounter_id.is_(None), on_paper))


def _gate(value: str, viewer: Viewer) -> ColumnElement[bool]:
    words = SAID_AS.get(value, value)
    return or_(WorkItemRow.kind.icontains(value, autoescape=True), WorkItemRow.reason.icontains(words, autoescape=True))


def _rule(value: str, viewer: Viewer) -> ColumnElement[bool]:
    return _has_code(value.replace("%", "").replace("_", r"\_"))


def _carc(value: str, viewer: Viewer) -> ColumnElement[bool]:
    """A claim adjustment reason, whoever bears it: the code stands behind a group code of two letters."""
    return _has_code(f"__-{value.replace('%', '').replace('_', '')}")


def _has_code(pattern: str) -> ColumnElement[bool]:
    return cast(WorkItemRow.findings, Text).ilike(f'%"code": "{pattern}"%')


def _owner(value: str, viewer: Viewer) -> ColumnElement[bool]:
    if value == ME:
        return WorkItemRow.owner_id == viewer.user_id
    if value == NOBODY:
        return WorkItemRow.owner_id.is_(None)
    named = or_(UserRow.name.icontains(value, autoescape=True), UserRow.email.istartswith(value, autoescape=True))
    return and_(WorkItemRow.owner_id.is_not(None), WorkItemRow.owner_id.in_(select(UserRow.id).where(named)))


def _waiting(value: str, viewer: Viewer) -> ColumnElement[bool]:
    paused = _with(WorkItemPauseRow.work_item_id).where(
        WorkItemPauseRow.waiting_on == value, WorkItemPauseRow.ended_at.is_(None)
    )
    return or_(WorkItemRow.whose_move == value, WorkItemRow.id.in_(paused))


def _is(value: str, viewer: Viewer) -> ColumnElement[bool]:
    made: Mapping[str, ColumnElement[bool]] = {
        "escalated": WorkItemRow.escalated.is_(True),
        "leased": leased_at_present(viewer.now),
        "noted": WorkItemRow.id.in_(_with(WorkItemNoteRow.work_item_id).where(WorkItemNoteRow.withdrawn_at.is_(None))),
        "attached": WorkItemRow.id.in_(
            _with(WorkItemAttachmentRow.work_item_id).where(WorkItemAttachmentRow.removed_at.is_(None))
        ),
    }
    return made[value]


def _with(column: Any) -> Select[UUID]:
    return select(column)


def _age(term: Term, viewer: Viewer) -> ColumnElement[bool]:
    days = timedelta(days=float(term.number or 0))
    if term.operator == ":":
        return WorkItemRow.opened_at.between(viewer.now - days - timedelta(days=1), viewer.now - days)
    turned = {">": lt, "<": gt, ">=": le, "<=": ge}[term.operator]  # older means opened earlier
    return _sql(turned(WorkItemRow.opened_at, viewer.now - days))


def _due(term: Term, viewer: Viewer) -> ColumnElement[bool]:
    if term.number is None:
        return _due_word(term.values[0], viewer)
    at = viewer.now + timedelta(days=float(term.number))
    if term.operator == ":":
        day = viewer.today + timedelta(days=int(term.number))
        return WorkItemRow.due_at.between(_midnight(viewer, day), _midnight(viewer, day + timedelta(days=1)))
    return and_(WorkItemRow.due_at.is_not(None), COMPARE[term.operator](WorkItemRow.due_at, at))


def _due_word(word: str, viewer: Viewer) -> ColumnElement[bool]:
    if word == "none":
        return WorkItemRow.due_at.is_(None)
    limit = viewer.now if word == "overdue" else _midnight(viewer, viewer.today + timedelta(days=1))
    return and_(WorkItemRow.due_at.is_not(None), WorkItemRow.due_at < limit)


def _midnight(viewer: Viewer, day: Any) -> datetime:
    return datetime.combine(day, time.min, tzinfo=viewer.zone)


def _amount(term: Term, viewer: Viewer) -> ColumnElement[bool]:
    dollars = term.number or Decimal(0)
    if term.operator == ":":
        return WorkItemRow.amount == dollars
    return _sql(COMPARE[term.operator](WorkItemRow.amount, dollars))


def _sql(made: Any) -> ColumnElement[bool]:
    compared: ColumnElement[bool] = made
    return compared


_NUMBERS: Mapping[str, Callable[[Term, Viewer], ColumnElement[bool]]] = {"age": _age, "due": _due, "amount": _amount}
_TEXTS: Mapping[str, Callable[[str, Viewer], ColumnElement[bool]]] = {
    "payer": _payer,
    "gate": _gate,
    "rule": _rule,
    "carc": _carc,
    "site": _site,
    "owner": _owner,
    "discipline": _discipline,
    "waiting": _waiting,
    "is": _is,
    "case": _case,
}
