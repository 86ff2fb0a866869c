"""The 835: many claims of one payer to one payee, one payment, every sum in balance."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from simulator.adjudication import Adjustment, RemittedClaim, RemittedLine
from simulator.claims import ZERO
from simulator.x12 import Address, d8, money, segment, write_group

GUIDE_835 = "005010X221A1"
ADJUSTMENTS_PER_CAS = 6
ADJUSTMENTS_PER_PLB = 6
# The 835 knows fewer kinds of plan than the 837: the Blues, commercial and the rest arrive as a PPO.
FILING_CODES = (
    "12",
    "13",
    "14",
    "15",
    "16",
    "17",
    "AM",
    "CH",
    "DS",
    "HM",
    "LM",
    "MA",
    "MB",
    "MC",
    "OF",
    "TV",
    "VA",
    "WC",
)


class Route(BaseModel):
    """From which payer to whose mailbox and bank account: what one remittance has in common."""

    model_config = ConfigDict(frozen=True)

    clearinghouse_qualifier: str
    clearinghouse: str
    receiver_qualifier: str
    receiver: str
    usage: str
    payer_id: str
    payer_name: str
    payee_npi: str
    payee_name: str
    payee_tax_id: str
    payee_tax_qualifier: str

    @property
    def key(self) -> str:
        return f"{self.receiver}|{self.payer_id}|{self.payee_npi}|{self.payee_tax_id}|{self.usage}"

    @property
    def address(self) -> Address:
        return Address(
            self.clearinghouse_qualifier, self.clearinghouse, self.receiver_qualifier, self.receiver, self.usage
        )


class ProviderAdjustment(BaseModel):
    """A PLB pair. Positive takes money from the payment, negative adds to it."""

    model_config = ConfigDict(frozen=True)

    reason: str
    reference: str
    amount: Decimal


def payment_total(claims: Sequence[RemittedClaim], adjustments: Sequence[ProviderAdjustment]) -> Decimal:
    """BPR02 by the guide's rule: what the claims pay, less what the provider level takes."""
    return sum((claim.paid for claim in claims), ZERO) - sum((item.amount for item in adjustments), ZERO)


def write_body(
    route: Route,
    claims: Sequence[RemittedClaim],
    adjustments: Sequence[ProviderAdjustment],
    trace: str,
    now: datetime,
) -> list[str]:
    """BPR to PLB. Kept apart from the envelope, since a payer may send one payment under two interchanges."""
    body = list(_heading(route, payment_total(claims, adjustments), trace, now))
    body.append(segment("LX", "1"))
    for claim in claims:
        body += _claim(claim)
    for start in range(0, len(adjustments), ADJUSTMENTS_PER_PLB):
        body.append(_provider_level(route, adjustments[start : start + ADJUSTMENTS_PER_PLB], now))
    return body


def write_835(route: Route, body: Sequence[str], control: int, now: datetime) -> str:
    """A body in an interchange of its own."""
    return write_group(route.address, control, now, "HP", GUIDE_835, [body])


def origin_of(payer_id: str) -> str:
    """The payer's ten-digit originating company number (TRN03): a 1 and its tax id, here made from the payer id."""
    digits = sum(ord(letter) * 31**place for place, letter in enumerate(payer_id.upper())) % 1_000_000_000
    return f"1{digits:09d}"


def _heading(route: Route, total: Decimal, trace: str, now: datetime) -> Iterator[str]:
    today, origin = d8(now), origin_of(route.payer_id)
    if total > 0:
        bank = ("01", "999999992", "DA", "123456789", origin, "", "01", "999988880", "DA", "98765", today)
        yield segment("BPR", "I", money(total), "C", "ACH", "CCP", *bank)
    else:
        yield segment("BPR", "H", "0", "C", "NON", *[""] * 11, today)
    yield segment("TRN", "1", trace, origin)
    yield segment("REF", "EV", route.receiver)
    yield segment("DTM", "405", today)
    yield segment("N1", "PR", route.payer_name or "PAYER")
    yield segment("N3", "PO BOX 1")
    yield segment("N4", "HARTFORD", "CT", "06101")
    yield segment("REF", "2U", route.payer_id)
    yield segment("PER", "BL", "PROVIDER SERVICES", "TE", "8005550100")
    yield segment("N1", "PE", route.payee_name or "PAYEE", "XX", route.payee_npi)
    if route.payee_tax_id and route.payee_tax_qualifier == "TJ":
        yield segment("REF", "TJ", route.payee_tax_id)


def _claim(claim: RemittedClaim) -> Iterator[str]:
    filing = claim.filing_indicator if claim.filing_indicator in FILING_CODES else "12"
    owed = claim.patient_share if claim.status != "22" else ZERO
    share = money(owed) if owed else ""
    last, first, middle = claim.patient
    yield segment(
        "CLP", claim.control_number, claim.status, money(claim.charge), money(claim.paid), share,
        filing, claim.payer_control_number, claim.place_of_service, claim.frequency,
    )  # fmt: skip
    yield segment("NM1", "QC", "1", last or "UNKNOWN", first, middle, "", "", "MI", claim.member_id)
    last, first, npi = claim.rendering
    if npi:
        yield segment("NM1", "82", "1" if first else "2", last, first, "", "", "", "XX", npi)
    dates = sorted(line.date_of_service for line in claim.lines)
    if dates:
        yield segment("DTM", "232", dates[0])
        yield segment("DTM", "233", dates[-1])
    yield segment("DTM", "050", claim.received)
    for line in claim.lines:
        yield from _line(line)


def _line(line: RemittedLine) -> Iterator[str]:
    yield segment("SVC", line.procedure, money(line.charge), money(line.paid), "", money(line.units))
    yield segment("DTM", "472", line.date_of_service)
    for group in dict.fromkeys(item.group for item in line.adjustments):
        yield from _cas(group, [item for item in line.adjustments if item.group == group])
    if line.control_number:
        yield segment("REF", "6R", line.control_number)
    if line.allowed is not None:
        yield segment("AMT", "B6", money(line.allowed))
    for remark in line.remarks:
        yield segment("LQ", "HE", remark)


def _cas(group: str, items: list[Adjustment]) -> Iterator[str]:
    for start in range(0, len(items), ADJUSTMENTS_PER_CAS):
        fields: list[str] = []
        for item in items[start : start + ADJUSTMENTS_PER_CAS]:
            fields += [item.reason, money(item.amount), ""]
        yield segment("CAS", group, *fields)


def _provider_level(route: Route, items: Sequence[ProviderAdjustment], now: datetime) -> str:
    fields: list[str | tuple[str, ...]] = []
    for item in items:
        fields += [(item.reason, item.reference), money(item.amount)]
    return segment("PLB", route.payee_npi, f"{now.year}1231", *fields)
