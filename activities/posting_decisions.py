"""What people may decide about a file or a payment that could not be posted by itself."""

from collections.abc import Callable, Mapping
from uuid import UUID

from sqlalchemy import select

from activities import claim_postings
from activities.case import Case, refusal
from activities.look import lock_encounter
from edi.x835 import RemittanceClaim, stream_835_claims
from models.store.desk import finish
from models.tables.claims import ClaimVersionRow
from models.tables.remittances import InboundFileRow, RemittanceClaimRow, RemittanceRow


def post_anyway(case: Case) -> str:
    """Post a remittance that does not balance, as it is. The claims are matched and posted like any other's."""
    remittance_id = UUID(case.item.subject.removeprefix("remittance/"))
    row = case.session.scalars(select(RemittanceRow).where(RemittanceRow.id == remittance_id).with_for_update()).one()
    if row.status != "held":
        raise refusal("This remittance is not waiting to be posted any more.")
    row.status = "posting"
    finish(case.item, "posted anyway", case.now)
    return f"Payment {row.trace_number} is being posted as received, out of balance as it is."


def match_claim(case: Case) -> str:
    """Name the claim a payment belongs to; it is posted there."""
    number = case.text("claim_id", "our claim number").upper()
    version = case.session.scalars(
        select(ClaimVersionRow).where(ClaimVersionRow.patient_control_number == number)
    ).one_or_none()
    if version is None:
        raise refusal("No claim of ours has that number; it stands on the visit's Claim tab.")
    row = _unmatched(case)
    remittance, claim = _as_read(case, row)
    lock_encounter(case.session, version.encounter_id)
    row.matched_by = case.user.name
    claim_postings.post_claims(case.session, remittance, [claim_postings.Answered(row, claim, version)], case.now)
    finish(case.item, "matched", case.now)
    return f"Posted to claim {number}."


def dismiss(case: Case) -> str:
    """Nothing is to be posted from this."""
    subject = case.item.subject
    if subject.startswith("remittance/"):
        remittance = case.session.get_one(RemittanceRow, UUID(subject.removeprefix("remittance/")))
        if remittance.status == "held":
            remittance.status = "dismissed"
    elif subject.startswith("remittance-claim/"):
        _unmatched(case).status = "dismissed"
    finish(case.item, "dismissed", case.now)
    return "Dismissed; nothing was posted."


DECISIONS: Mapping[str, Callable[[Case], str]] = {
    function.__name__: function for function in (post_anyway, match_claim, dismiss)
}


def _unmatched(case: Case) -> RemittanceClaimRow:
    row = case.session.scalars(
        select(RemittanceClaimRow).where(RemittanceClaimRow.id == case.item.remittance_claim_id).with_for_update()
    ).one()
    if row.status != "unmatched":
        raise refusal("This payment found its claim meanwhile.")
    return row


def _as_read(case: Case, row: RemittanceClaimRow) -> tuple[RemittanceRow, RemittanceClaim]:
    """The remittance's row, and the claim read again from the bytes we kept."""
    remittance = case.session.get_one(RemittanceRow, row.remittance_id)
    file = case.session.get_one(InboundFileRow, remittance.inbound_file_id)
    ordinal, place = 1, 0
    for _, claim in stream_835_claims(file.content):
        if claim is None:
            ordinal, place = ordinal + 1, 0
            continue
        place += 1
        if (ordinal, place) == (remittance.ordinal, row.ordinal):
            return remittance, claim
    raise LookupError(f"claim {row.ordinal} of remittance {remittance.ordinal} is not in file {file.id}")
