"""What people may decide about a visit before it is billed. Each changes facts and returns a sentence for the page."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from sqlalchemy import select

from activities import claims
from activities.account_decisions import refuse_above_limit
from activities.case import Case, refusal
from activities.claim_decisions import keep_corrections
from activities.evaluations import evaluate_visit
from activities.grant_form import typed_grant
from activities.grants import record_grant
from activities.reservations import release_use
from billing import benefits, fork
from billing.authorization_case import disciplines_of
from billing.findings import finding_of
from billing.vocabulary import Discipline
from models.store import ledger, notices
from models.store.book import book_of
from models.store.visits import terms_of
from models.tables.authorizations import AuthorizationRow
from models.tables.claims import ClaimVersionRow


def not_billable(case: Case) -> str:
    """The visit is not billed to anybody. Only while no claim is out."""
    claim = claims.current(case.session, case.row)
    if not claims.inside(claim):
        raise refusal("A claim for this visit is already out; correct it or write it off instead.")
    refuse_above_limit(case, case.item.amount)  # not billing it is giving it up
    claims.withdraw(case.session, case.row, claim, case.today)
    case.row.disposition = "not_billable"
    release_use(case.session, case.row, "visit not billable", case.now)
    return "The visit is closed as not billable."


def override(case: Case) -> str:
    """Findings that allow it are passed over, for this version of the visit; the others stay."""
    codes = [finding["code"] for finding in case.item.findings if finding.get("overridable")]
    if not codes:
        raise refusal(f"None of these findings may be overridden. This clears when: {case.item.clears_when}.")
    keys = [finding_of(finding).key for finding in case.item.findings if finding.get("overridable")]
    case.kept.update(codes=keys, encounter_version=case.row.version)
    stays = [finding["code"] for finding in case.item.findings if not finding.get("overridable")]
    return f"Overridden: {', '.join(codes)}." + (f" Still held by {', '.join(stays)}." if stays else "")


def none_needed(case: Case) -> str:
    """The payer said that no authorization is needed; who said it is the proof for a later denial."""
    reference = case.text("reference", "the payer's reference (who, when, call number)")
    override(case)
    return f"Noted: no authorization needed (reference {reference})."


def exceed_limit(case: Case) -> str:
    """A visit beyond a soft limit goes out because it is necessary; the reason is what a review will read."""
    codes = [finding["code"] for finding in case.item.findings if finding["code"] == benefits.BEYOND_SOFT.id]
    if not codes:
        raise refusal("No soft limit holds this visit. A hard limit yields to nobody: decide the fork.")
    case.kept.update(codes=codes, encounter_version=case.row.version)
    return "Beyond the limit with a reason; the visit is being checked again."


def record_authorization(case: Case) -> str:
    """The payer granted: the authorization is recorded, and every visit it may cover is checked again."""
    row = case.row
    plan = book_of(case.session, case.practice).plans[row.plan_id].plan_id
    grant = typed_grant(case, row.facts["patient"]["patient_id"], plan, _disciplines(case))
    record_grant(case.session, case.practice, grant, case.now, case.user.name)
    return f"Authorization {grant.number} recorded; the visits it covers are being checked again."


def link_authorization(case: Case) -> str:
    """The visit goes out under an authorization already on file."""
    wanted = case.text("authorization_id", "the authorization's number")
    patient = case.row.facts["patient"]["patient_id"]
    row = case.session.scalars(
        select(AuthorizationRow).where(
            AuthorizationRow.practice_id == case.practice.id,
            AuthorizationRow.patient_external_id == patient,
            (AuthorizationRow.number == wanted) | (AuthorizationRow.external_id == wanted),
        )
    ).first()
    if row is None:
        raise refusal("This patient has no authorization with that number; record it first.")
    keep_corrections(case, {"authorization_number": row.number})
    return f"Linked to authorization {row.number}; the check decides whether it covers this visit."


def patient_pay(case: Case) -> str:
    """The patient pays for this visit: the charge moves to the patient, nothing goes to a payer."""
    claim = claims.current(case.session, case.row)
    coded = evaluate_visit(case.session, case.row, case.practice, case.now)[1].claim
    if coded.total_charge == 0:
        raise refusal("The visit cannot be coded yet, so there is no charge to move to the patient.")
    way = fork.patient_pay(_fork_facts(case, claim, coded.total_charge))
    if not way.allowed:
        raise refusal(way.why)
    claims.withdraw(case.session, case.row, claim, case.today)
    charge = coded.total_charge
    legs = [(ledger.PATIENT_RECEIVABLE, charge), (ledger.REVENUE, -charge)]
    case.post("patient_charge", legs, "Patient pays the visit")
    case.row.disposition = "patient_pay"
    release_use(case.session, case.row, "patient pays", case.now)
    return f"The charge of ${charge} is now the patient's."


def _disciplines(case: Case) -> tuple[Discipline, ...]:
    """What the plan grants together with the visit's discipline."""
    terms = book_of(case.session, case.practice).plans[case.row.plan_id].terms_on(case.row.date_of_service)
    return disciplines_of(Discipline(case.row.discipline), terms)


def _fork_facts(case: Case, claim: ClaimVersionRow | None, charge: Decimal) -> fork.ForkFacts:
    row = case.row
    return fork.ForkFacts(
        terms=terms_of(case.session, case.practice, row),
        excess=fork.excess_of(finding["code"] for finding in case.item.findings) or fork.Excess.AUTHORIZATION,
        date_of_service=row.date_of_service,
        charge=charge,
        notice=notices.as_fact(notices.financial_notice_of(case.session, row)),
        claim_is_out=not claims.inside(claim),
    )


DECISIONS: Mapping[str, Callable[[Case], str]] = {
    function.__name__: function
    for function in (
        not_billable,
        override,
        none_needed,
        exceed_limit,
        record_authorization,
        link_authorization,
        patient_pay,
    )
}
