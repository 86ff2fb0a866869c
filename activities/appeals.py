"""Appeals: the deadline at receipt, the letter at the decision. The letter is kept as drafted."""

from datetime import date

from activities import proofs
from activities.case import Case
from activities.clock import practice_day
from billing import appeals
from billing.practice import PlanTerms
from billing.vocabulary import DenialCategory
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.practice import ClinicianRow, PayerRow, PlanRow
from models.tables.remittances import AppealRow, DenialRow


def appeal_deadline(denied_on: date, terms: PlanTerms | None) -> date | None:
    """The last day for an appeal, or None when the plan has no terms."""
    return appeals.deadline(denied_on, terms) if terms is not None else None


def draft_appeal(case: Case, refused: DenialRow) -> AppealRow:
    """Draft and keep the letter for a denial."""
    appeal = AppealRow(
        practice_id=case.practice.id,
        denial_id=refused.id,
        deadline=refused.appeal_deadline,
        letter=appeals.draft(_facts(case, refused)),
        state="drafted",
    )
    case.session.add(appeal)
    return appeal


def _facts(case: Case, refused: DenialRow) -> appeals.AppealFacts:
    session, row = case.session, case.row
    version = session.get_one(ClaimVersionRow, refused.claim_version_id)
    claim = session.get_one(ClaimRow, version.claim_id)
    plan = session.get_one(PlanRow, claim.plan_id)
    clinician = session.get_one(ClinicianRow, row.clinician_id)
    address = case.practice.profile["address"]
    patient = version.facts["patient"]
    coverage = next(one for one in version.facts["administrative"]["coverages"] if one["rank"] == claim.rank)
    return appeals.AppealFacts(
        written_on=case.today,
        practice_name=case.practice.name,
        practice_address=(
            address["line1"],
            f"{address['city']}, {address['state']} {appeals.zip_code(address['postal_code'])}",
        ),
        practice_npi=case.practice.profile["npi"],
        payer_name=session.get_one(PayerRow, plan.payer_id).name,
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
    )
