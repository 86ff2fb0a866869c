"""Appeals: the deadline at receipt, the letter at the decision, and whether it was sent. It is kept as drafted."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import proofs
from activities.case import Case, refusal
from activities.clock import practice_day
from activities.secondary import MEDICARE
from billing import appeals
from billing.practice import PlanTerms
from billing.vocabulary import DenialCategory
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.practice import ClinicianRow, PayerRow, PlanRow
from models.tables.remittances import AppealRow, DenialRow

DRAFTED, SENT, DROPPED = "drafted", "sent", "dropped"


def appeal_deadline(denied_on: date, terms: PlanTerms | None) -> date | None:
    """The last day for an appeal, or None when the plan has no terms."""
    return appeals.deadline(denied_on, terms) if terms is not None else None


def draft_appeal(case: Case, refused: DenialRow, late_because: str = "") -> AppealRow:
    """Draft and keep the letter for a denial. late_because: the good cause it states, after its deadline."""
    appeal = AppealRow(
        practice_id=case.practice.id,
        denial_id=refused.id,
        deadline=refused.appeal_deadline,
        late_because=late_because or None,
        letter=appeals.draft(_facts(case, refused, late_because)),
        state=DRAFTED,
    )
    case.session.add(appeal)
    return appeal


def letter_of(session: Session, claim: ClaimVersionRow) -> tuple[AppealRow, DenialRow] | None:
    """The appeal of this filing that the payer has not answered, with its denial; one still to be sent comes first."""
    found = session.execute(
        select(AppealRow, DenialRow)
        .join(DenialRow, DenialRow.id == AppealRow.denial_id)
        .where(
            DenialRow.claim_version_id == claim.id,
            DenialRow.state == "appealed",
            AppealRow.state.in_((DRAFTED, SENT)),
        )
        .order_by((AppealRow.state == DRAFTED).desc(), AppealRow.sent_on.desc().nulls_last())
        .limit(1)
    ).one_or_none()
    return None if found is None else (found.AppealRow, found.DenialRow)


def letter_to_send(case: Case) -> tuple[AppealRow, DenialRow]:
    """The drafted letter the item asks to send, with its denial; refused where none waits any more."""
    found = case.session.execute(
        select(AppealRow, DenialRow)
        .join(DenialRow, DenialRow.id == AppealRow.denial_id)
        .where(DenialRow.id == case.item.denial_id, DenialRow.state == "appealed", AppealRow.state == DRAFTED)
    ).one_or_none()
    if found is None:
        raise refusal("No letter waits to be sent here any more; reload the page.")
    return found.AppealRow, found.DenialRow


def drafted_on(case: Case, letter: AppealRow, refused: DenialRow) -> date:
    """The practice's day on which the letter was drafted: that of the decision to appeal."""
    return practice_day(refused.decided_at or letter.created_at, case.practice.time_zone)


def _facts(case: Case, refused: DenialRow, late_because: str) -> appeals.AppealFacts:
    session, row = case.session, case.row
    version = session.get_one(ClaimVersionRow, refused.claim_version_id)
    claim = session.get_one(ClaimRow, version.claim_id)
    plan = session.get_one(PlanRow, claim.plan_id)
    clinician = session.get_one(ClinicianRow, row.clinician_id)
    address = case.practice.profile["address"]
    patient = version.facts["patient"]
    payer = session.get_one(PayerRow, plan.payer_id)
    coverage = next(one for one in version.facts["administrative"]["coverages"] if one["rank"] == claim.rank)
    return appeals.AppealFacts(
        written_on=case.today,
        practice_name=case.practice.name,
        practice_address=(
            address["line1"],
            f"{address['city']}, {address['state']} {appeals.zip_code(address['postal_code'])}",
        ),
        practice_npi=case.practice.profile["npi"],
        payer_name=payer.name,
        patient_name=f"{patient['first_name']} {patient['last_name']}",
        member_id=coverage["member_id"],
        claim_number=version.patient_control_number,
        payer_claim_control_number=claim.payer_claim_control_number or "",
        date_of_service=row.date_of_service,
        denied_on=practice_day(refused.created_at, case.practice.time_zone),
        amount=refused.amount,
        category=DenialCategory(refused.category),
        reason_codes=(refused.reason.split("-")[-1],),
        remark_codes=tuple(refused.remark_codes),
        diagnoses=tuple(version.coded["diagnoses"]),
        clinician_name=f"{clinician.first_name} {clinician.last_name}",
        authorization_number=version.prior_authorization_number or "",
        evidence=proofs.against(session, case.practice, row, refused),
        arguments=case.decision.fields.get("arguments", "").strip(),
        deadline=refused.appeal_deadline,
        late_because=late_because,
        of_medicare=payer.claim_filing_indicator in MEDICARE,
    )
