"""What an 835 says, as records: a payment, its claims, their service lines, and what the payer kept or added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from edi.findings import Problem
from edi.values import ZERO, Adjustment

REVERSAL = "22"


class RemittanceLine(NamedTuple):
    """One SVC: what was charged and paid for a service, in dollars; units as the payer counted them.

    A named tuple, like the claim: one is made six times faster than a frozen dataclass, and an 835 holds thousands.
    """

    procedure_code: str
    modifiers: tuple[str, ...]
    charge: Decimal
    paid: Decimal
    units: Decimal
    original_code: str = ""
    original_modifiers: tuple[str, ...] = ()
    original_units: Decimal | None = None
    service_date: date | None = None
    service_date_end: date | None = None
    line_control_number: str = ""
    allowed_amount: Decimal | None = None
    adjustments: tuple[Adjustment, ...] = ()
    remark_codes: tuple[str, ...] = ()
    qualifier: str = "HC"
    revenue_code: str = ""
    segment_number: int = 0


class RemittanceClaim(NamedTuple):
    """One CLP and all that belongs to it. Amounts in dollars; `raw_segments` are the segments as received."""

    patient_control_number: str
    status_code: str
    charge: Decimal
    paid: Decimal
    patient_responsibility: Decimal
    payer_claim_control_number: str = ""
    filing_indicator: str = ""
    place_of_service: str = ""
    frequency_code: str = ""
    patient_last_name: str = ""
    patient_first_name: str = ""
    member_id: str = ""
    corrected_member_id: str = ""
    rendering_npi: str = ""
    service_date_from: date | None = None
    service_date_to: date | None = None
    received_date: date | None = None
    adjustments: tuple[Adjustment, ...] = ()
    remark_codes: tuple[str, ...] = ()
    interest_amount: Decimal | None = None
    coverage_amount: Decimal | None = None
    lines: tuple[RemittanceLine, ...] = ()
    crossover: bool = False
    crossover_payer_name: str = ""
    crossover_payer_id: str = ""
    raw_segments: tuple[str, ...] = ()
    segment_number: int = 0

    @property
    def is_reversal(self) -> bool:
        """CLP02 22: takes an earlier posting back."""
        return self.status_code == REVERSAL

    @property
    def all_adjustments(self) -> tuple[Adjustment, ...]:
        """Claim-level and line-level adjustments together."""
        return self.adjustments + tuple(a for line in self.lines for a in line.adjustments)


@dataclass(frozen=True, slots=True)
class ProviderAdjustment:
    """One pair out of a PLB. A positive amount lowers the payment, a negative one raises it (dollars)."""

    provider_id: str
    fiscal_date: date | None
    reason_code: str
    reference: str
    amount: Decimal
    segment_number: int = 0


@dataclass(frozen=True, slots=True)
class Remittance:
    """One ST..SE of an 835: one payment. Amounts in dollars, dates as the payer wrote them."""

    payer_name: str = ""
    payer_id: str = ""
    payee_name: str = ""
    payee_npi: str = ""
    payee_tax_id: str = ""
    trace_number: str = ""
    payer_trace_id: str = ""
    payment_method: str = ""
    handling_code: str = ""
    credit_debit: str = ""
    payment_amount: Decimal = ZERO
    payment_date: date | None = None
    production_date: date | None = None
    claims: tuple[RemittanceClaim, ...] = ()
    provider_adjustments: tuple[ProviderAdjustment, ...] = ()
    sender_id: str = ""
    receiver_id: str = ""
    usage_indicator: str = ""
    interchange_control_number: str = ""
    group_control_number: str = ""
    transaction_control_number: str = ""
    version: str = ""
    claim_count: int = 0
    line_count: int = 0
    claims_paid: Decimal = ZERO
    raw_segments: tuple[str, ...] = ()
    segment_number: int = 0
    problems: tuple[Problem, ...] = ()
