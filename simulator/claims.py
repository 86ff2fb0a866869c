"""What a payer's front door understands of an 837P: claims and their lines, nothing it does not need to decide."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from simulator.x12 import Interchange, Segment, element

ZERO = Decimal("0.00")
DISCIPLINES = ("GP", "GO", "GN")


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody named by an NM1."""

    last: str = ""
    first: str = ""
    middle: str = ""
    identifier: str = ""
    tax_id: str = ""
    tax_qualifier: str = "TJ"


@dataclass(slots=True)
class ServiceLine:
    """One SV1 with what must be echoed (REF*6R) and what an earlier payer left to the patient."""

    procedure: tuple[str, ...]
    charge: Decimal
    units: Decimal
    date_of_service: str = ""
    control_number: str = ""
    prior_patient_share: Decimal = ZERO

    @property
    def code(self) -> str:
        return self.procedure[1] if len(self.procedure) > 1 else ""

    @property
    def modifiers(self) -> tuple[str, ...]:
        return self.procedure[2:6]


@dataclass(slots=True)
class SubmittedClaim:
    """One CLM with everything above it in the hierarchy copied in; `transaction` counts the file's STs from 1."""

    transaction: int
    batch_reference: str
    submitter: Party
    control_number: str
    charge: Decimal
    place_of_service: str
    frequency: str
    billing: Party
    subscriber: Party
    patient: Party
    payer_id: str
    payer_name: str
    filing_indicator: str
    payer_sequence: str
    original_reference: str = ""
    trace: str = ""
    rendering: Party = field(default_factory=Party)
    prior_patient_share: Decimal = ZERO
    lines: list[ServiceLine] = field(default_factory=list)

    @property
    def member_id(self) -> str:
        return self.subscriber.identifier.upper()

    @property
    def dates(self) -> list[str]:
        return sorted({line.date_of_service for line in self.lines if line.date_of_service}) or [""]

    @property
    def codes(self) -> str:
        """The procedure codes, in an order that does not depend on the sender's."""
        return ",".join(sorted(line.code for line in self.lines))

    @property
    def discipline(self) -> str:
        """GP, GO or GN: tells two claims of one day apart, because a patient may see two therapists."""
        found = (modifier for line in self.lines for modifier in line.modifiers if modifier in DISCIPLINES)
        return next(found, "")

    @property
    def visit(self) -> str:
        """Same member and same first day: where earlier claims for the same care are looked for."""
        return f"{self.payer_id}|{self.member_id}|{self.dates[0]}"


def amount(text: str) -> Decimal:
    """A money element; nonsense counts as zero, for the guide's validator has already said so."""
    try:
        value = Decimal(text or "0")
    except InvalidOperation:
        return ZERO
    return value.quantize(Decimal("0.01")) if value.is_finite() else ZERO


def parse_claims(interchange: Interchange) -> list[SubmittedClaim]:
    """All claims of an interchange, in file order."""
    reader = _ClaimReader(interchange)
    for segment in interchange.segments:
        reader.take(segment)
    return reader.claims


class _ClaimReader:
    """Walks the segments and remembers which loop it is in; an unknown segment is simply passed over."""

    def __init__(self, interchange: Interchange) -> None:
        self.parts = interchange.parts
        self.claims: list[SubmittedClaim] = []
        self.transaction = 0
        self.batch = self.loop = ""
        self.submitter = self.billing = self.subscriber = self.patient = self.payer = Party()
        self.sequence = self.filing = ""
        self.handlers: dict[str, Callable[[Segment], None]] = {
            "ST": self._st, "BHT": self._bht, "HL": self._hl, "NM1": self._nm1, "SBR": self._sbr, "CLM": self._clm,
            "REF": self._ref, "LX": self._lx, "SV1": self._sv1, "DTP": self._dtp, "CAS": self._cas,
        }  # fmt: skip

    def take(self, segment: Segment) -> None:
        handler = self.handlers.get(segment[0])
        if handler:
            handler(segment)

    @property
    def claim(self) -> SubmittedClaim | None:
        return self.claims[-1] if self.loop in ("claim", "other", "line") else None

    def _st(self, _: Segment) -> None:
        self.transaction += 1
        self.loop = ""

    def _bht(self, segment: Segment) -> None:
        self.batch = element(segment, 3)

    def _hl(self, segment: Segment) -> None:
        self.loop = {"20": "billing", "22": "subscriber", "23": "patient"}.get(element(segment, 3), "")
        if self.loop == "subscriber":
            self.patient = Party()

    def _sbr(self, segment: Segment) -> None:
        if self.loop == "subscriber":
            self.sequence, self.filing = element(segment, 1), element(segment, 9)
        elif self.claim:
            self.loop = "other"  # 2320: names and adjustments that follow are the other payer's, not ours

    def _nm1(self, segment: Segment) -> None:
        party = Party(element(segment, 3), element(segment, 4), element(segment, 5), element(segment, 9))
        role = element(segment, 1)
        if role == "41":
            self.submitter = party
        elif role == "85" and self.loop == "billing":
            self.billing = party
        elif role == "IL" and self.loop == "subscriber":
            self.subscriber = party
        elif role == "QC" and self.loop == "patient":
            self.patient = party
        elif role == "PR" and self.loop == "subscriber":
            self.payer = party
        elif role == "82" and self.loop == "claim":
            self.claims[-1].rendering = party

    def _clm(self, segment: Segment) -> None:
        facility = self.parts(element(segment, 5))
        self.claims.append(
            SubmittedClaim(
                transaction=self.transaction,
                batch_reference=self.batch,
                submitter=self.submitter,
                control_number=element(segment, 1),
                charge=amount(element(segment, 2)),
                place_of_service=facility[0],
                frequency=facility[2] if len(facility) > 2 else "1",
                billing=self.billing,
                subscriber=self.subscriber,
                patient=self.patient if self.patient.last else self.subscriber,
                payer_id=self.payer.identifier,
                payer_name=self.payer.last,
                filing_indicator=self.filing,
                payer_sequence=self.sequence,
            )
        )
        self.loop = "claim"

    def _ref(self, segment: Segment) -> None:
        qualifier, value = element(segment, 1), element(segment, 2)
        if self.loop == "billing" and qualifier in ("EI", "SY"):
            kind = "TJ" if qualifier == "EI" else "SY"
            self.billing = replace(self.billing, tax_id=value, tax_qualifier=kind)
        elif self.loop == "claim" and qualifier == "F8":
            self.claims[-1].original_reference = value
        elif self.loop == "claim" and qualifier == "D9":
            self.claims[-1].trace = value
        elif self.loop == "line" and qualifier == "6R" and self.claims[-1].lines:
            self.claims[-1].lines[-1].control_number = value

    def _lx(self, _: Segment) -> None:
        if self.claim:
            self.loop = "line"

    def _sv1(self, segment: Segment) -> None:
        if self.claim:
            procedure = tuple(self.parts(element(segment, 1)))[:6]
            units = amount(element(segment, 4))
            self.claims[-1].lines.append(ServiceLine(procedure, amount(element(segment, 2)), units))

    def _dtp(self, segment: Segment) -> None:
        if self.loop == "line" and element(segment, 1) == "472" and self.claims[-1].lines:
            self.claims[-1].lines[-1].date_of_service = element(segment, 3)[:8]

    def _cas(self, segment: Segment) -> None:
        """What an earlier payer left to the patient: all a secondary payer wants to know."""
        if not self.claim or element(segment, 1) != "PR":
            return
        share = sum((amount(element(segment, position)) for position in range(3, len(segment), 3)), ZERO)
        if self.loop == "other":
            self.claims[-1].prior_patient_share += share
        elif self.claims[-1].lines:
            self.claims[-1].lines[-1].prior_patient_share += share
