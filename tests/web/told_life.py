"""A visit to which everything happened that a page can tell of."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from sqlalchemy import select

from models.store import ledger, life
from models.store.session import practice_session
from models.tables.authorizations import AuthorizationRow
from models.tables.claims import AcknowledgementRow, BatchRow, ClaimLineRow, ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow, EvaluationRow
from models.tables.practice import PlanRow
from models.tables.remittances import (
    AdjustmentRow,
    AppealRow,
    DenialRow,
    InboundFileRow,
    RemittanceClaimRow,
    RemittanceRow,
)
from tests.web.conftest import House


def told_life(house: House) -> dict[str, UUID]:
    """A visit that has been through everything: claim, batch, answers, denial, appeal, money, authorization."""
    encounter = house.encounter()
    file, batch, claim, version = uuid4(), uuid4(), uuid4(), uuid4()
    payment, answer, denial, authorization, appeal = (uuid4() for _ in range(5))
    practice = {"practice_id": house.practice_id}
    now = datetime.now(UTC)
    with practice_session(house.engine, house.practice_id) as session:
        visit = session.get_one(EncounterRow, encounter)
        visit.stage = "denial"
        plan = session.scalars(select(PlanRow.id).where(PlanRow.id == visit.plan_id)).one()
        session.add(
            BatchRow(
                id=batch,
                **practice,
                connection="clearinghouse",
                interchange_control_number=7,
                file_name="000000007.837",
                content=b"ISA*",
                sha256="ab" * 32,
                claim_count=1,
                total_charge=Decimal("214.00"),
                status="acknowledged",
                attempts=1,
                sent_at=now,
                acknowledged_at=now,
            )
        )
        session.add(ClaimRow(id=claim, **practice, encounter_id=encounter, plan_id=plan, rank=1, current_version=1))
        session.flush()
        session.add(
            ClaimVersionRow(
                id=version,
                **practice,
                claim_id=claim,
                encounter_id=encounter,
                encounter_version=1,
                version=1,
                frequency_code="1",
                patient_control_number="CLM000001",
                status="denied",
                total_charge=Decimal("214.00"),
                expected_payment=Decimal("96.10"),
                connection="clearinghouse",
                facts={},
                coded={},
                batch_id=batch,
                sent_at=now,
            )
        )
        session.flush()
        session.add(
            ClaimLineRow(
                **practice,
                claim_version_id=version,
                line_number=1,
                line_control_number="CLM000001L1",
                code="97110",
                modifiers=["GP", "KX"],
                units=2,
                charge=Decimal("124.00"),
                service_date=date(2026, 11, 16),
                expected_allowed=Decimal("61.20"),
            )
        )
        session.add(
            InboundFileRow(
                id=file,
                **practice,
                connection="clearinghouse",
                file_name="era-1.835",
                content=b"ISA*",
                size_bytes=2_048,
                sha256="cd" * 32,
                kind="835",
                status="read",
                problems=[{"message": "The payer's name is missing.", "where": "N1*PR"}],
                contents=[
                    {"kind": "835", "count": 1, "outcome": "read"},
                    {"kind": "271", "count": 2, "outcome": "kept"},
                ],
            )
        )
        session.flush()
        session.add(
            RemittanceRow(
                id=payment,
                **practice,
                inbound_file_id=file,
                ordinal=1,
                business_key="k",
                payer_name="MEDICARE",
                payer_identifier="MCR",
                trace_number="EFT-77",
                payment_method="ACH",
                payment_amount=Decimal("0.00"),
                payment_date=date(2026, 11, 20),
                claim_count=1,
                balanced=True,
                status="posted",
            )
        )
        session.add(
            AcknowledgementRow(
                **practice,
                inbound_file_id=file,
                batch_id=batch,
                claim_version_id=None,
                kind="999",
                accepted=True,
                code="A",
                message="Accepted.",
            )
        )
        session.flush()
        session.add(
            RemittanceClaimRow(
                id=answer,
                **practice,
                remittance_id=payment,
                ordinal=1,
                claim_version_id=version,
                encounter_id=encounter,
                patient_control_number="CLM000001",
                payer_claim_control_number="ICN9",
                status_code="4",
                charge=Decimal("214.00"),
                paid=Decimal("0.00"),
                patient_responsibility=Decimal("0.00"),
                content={},
                status="posted",
                matched_by="control number",
            )
        )
        session.flush()
        session.add(
            AdjustmentRow(
                **practice,
                remittance_claim_id=answer,
                line_control_number="CLM000001L1",
                procedure_code="97110",
                claim_adjustment_group_code="CO",
                claim_adjustment_reason_code="197",
                amount=Decimal("214.00"),
                remark_codes=["N54"],
            )
        )
        session.add(
            DenialRow(
                id=denial,
                **practice,
                encounter_id=encounter,
                claim_version_id=version,
                remittance_claim_id=answer,
                category="authorization",
                reason="CO-197",
                remark_codes=["N54"],
                amount=Decimal("214.00"),
                explanation="The payer found no authorization.",
                decisions=["appeal"],
                patient_may_be_billed=False,
                appeal_deadline=date(2027, 3, 1),
                state="appealed",
            )
        )
        session.flush()
        session.add(AppealRow(id=appeal, **practice, denial_id=denial, level=1, letter="Dear payer", state="sent"))
        session.add(
            AuthorizationRow(
                id=authorization,
                **practice,
                external_id="AU-1",
                number="PA-1",
                patient_external_id="P-1",
                plan_id=plan,
                disciplines=["PT"],
                unit_of_measure="visits",
                quantity=12,
                used_before_firstpass=10,
                codes=[],
                effective_from=date(2026, 10, 1),
                effective_to=date(2026, 12, 31),
                status="active",
                replaced_by=None,
                flags=["2 left"],
            )
        )
        session.add(
            EvaluationRow(
                **practice,
                encounter_id=encounter,
                encounter_version=1,
                rulebook_version="2026.1",
                gate=None,
                trace={
                    "documentation": [],
                    "authorization": {"findings": [{"code": "A2", "severity": "warn", "message": "Two left."}]},
                    "scrub": [],
                    "steps": [{"subject": "units", "text": "45 min -> 3 units (38-52)"}],
                    "look_again_on": "2026-12-01",
                },
                sha256="ef" * 32,
                expected_payment=Decimal("96.10"),
            )
        )
        legs = [(ledger.PAYER_RECEIVABLE, Decimal("214.00")), (ledger.REVENUE, Decimal("-214.00"))]
        ledger.post(session, house.practice_id, "charge/1", "charge", date(2026, 11, 16), legs, encounter_id=encounter)
        life.record(session, house.practice_id, "auth.flag", "Two visits left", authorization_id=authorization)
    item = house.item(queue="denials", encounter_id=encounter, denial_id=denial, reason="CO-197: no authorization")
    return {
        "encounter": encounter,
        "file": file,
        "batch": batch,
        "authorization": authorization,
        "item": item,
        "appeal": appeal,
    }
