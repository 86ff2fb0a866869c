"""What people may decide about an authorization that runs out."""

from collections.abc import Callable, Mapping

from sqlalchemy import select

from activities.case import Case
from activities.encounter_decisions import new_grant
from billing.vocabulary import Discipline
from models.tables.authorizations import AuthorizationRow


def record_authorization(case: Case) -> str:
    """The next authorization is there: recorded, in the old one's place."""
    row = _authorization(case)
    disciplines = tuple(Discipline(name) for name in row.disciplines)
    grant = new_grant(case, row.patient_external_id, row.plan_id, disciplines)
    row.replaced_by = case.session.scalars(
        select(AuthorizationRow.id).where(AuthorizationRow.external_id == grant.authorization_id)
    ).one()
    row.status = "replaced"
    return f"Authorization {grant.number} recorded in place of {row.number}; held visits are being checked again."


def not_continuing(case: Case) -> str:
    """Care ends; nothing more is asked for."""
    _authorization(case).status = "not_continued"
    return "Noted: care ends, no further authorization is asked for."


DECISIONS: Mapping[str, Callable[[Case], str]] = {
    function.__name__: function for function in (record_authorization, not_continuing)
}


def _authorization(case: Case) -> AuthorizationRow:
    return case.session.scalars(
        select(AuthorizationRow).where(AuthorizationRow.id == case.item.authorization_id).with_for_update()
    ).one()
