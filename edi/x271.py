"""Reads the 271 (005010X279A1): what the payer says about coverage, benefit by benefit, in the payer's order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from edi.interchanges import Transaction, read_transactions
from edi.tokens import Segment
from edi.values import day, decimal
from edi.words import word

ACTIVE = frozenset({"1", "2", "3", "4", "5"})
INACTIVE = frozenset({"6", "7", "8"})

INFORMATION: Mapping[str, str] = {
    "1": "active coverage",
    "2": "active, full risk capitation",
    "3": "active, services capitated",
    "4": "active, services capitated to the primary care provider",
    "5": "active, under investigation",
    "6": "inactive",
    "7": "inactive, update pending",
    "8": "inactive, under investigation",
    "A": "coinsurance",
    "B": "copayment",
    "C": "deductible",
    "CB": "basis of coverage",
    "D": "benefit description",
    "E": "exclusion",
    "F": "limit",
    "G": "out-of-pocket maximum",
    "H": "unlimited",
    "I": "not covered",
    "J": "cost containment",
    "L": "primary care provider",
    "MC": "managed care coordinator",
    "N": "restricted to named providers",
    "P": "disclaimer",
    "R": "other or additional payer",
    "U": "ask the named entity",
    "V": "cannot be processed",
    "W": "other source of data",
    "X": "health care facility",
    "Y": "spend-down",
}
"""EB01."""

REJECTIONS: Mapping[str, str] = {
    "15": "required data is missing",
    "33": "the input has errors",
    "41": "no authority to ask this",
    "42": "the payer cannot answer now",
    "43": "provider id is missing or invalid",
    "44": "provider name is missing or invalid",
    "45": "provider specialty is missing or invalid",
    "48": "referring provider id is missing or invalid",
    "49": "the provider is not the primary care provider",
    "50": "the provider may not ask",
    "51": "the provider is not on file",
    "52": "date of service lies outside the provider's enrollment",
    "56": "the date is not suitable",
    "57": "date of service is missing or invalid",
    "58": "birth date is missing or invalid",
    "60": "birth date follows the date of service",
    "62": "date of service lies outside what may be asked",
    "63": "date of service lies in the future",
    "64": "patient id is missing or invalid",
    "65": "patient name is missing or invalid",
    "66": "patient sex is missing or invalid",
    "67": "patient was not found",
    "68": "patient id is not unique",
    "71": "birth date does not match the payer's",
    "72": "member id is missing or invalid",
    "73": "subscriber name is missing or invalid",
    "74": "subscriber sex is missing or invalid",
    "75": "subscriber was not found",
    "76": "member id is not unique",
    "77": "subscriber found, patient not found",
    "78": "subscriber is not in the group named",
    "79": "participant id is invalid",
    "80": "no answer from the payer",
    "T4": "payer name or id is missing",
}
"""AAA03."""

SERVICES: Mapping[str, str] = {
    "1": "medical care",
    "30": "the plan as a whole",
    "33": "chiropractic",
    "35": "dental care",
    "47": "hospital",
    "48": "hospital inpatient",
    "50": "hospital outpatient",
    "86": "emergency",
    "88": "pharmacy",
    "98": "office visit",
    "A4": "psychiatric",
    "AD": "occupational therapy",
    "AE": "physical medicine",
    "AF": "speech therapy",
    "AL": "vision",
    "BF": "pulmonary rehabilitation",
    "BG": "cardiac rehabilitation",
    "MH": "mental health",
    "PT": "physical therapy",
    "UC": "urgent care",
}
"""EB03 service types a therapy practice meets."""


@dataclass(frozen=True, slots=True)
class Benefit:
    """One EB. Amount in dollars, `percent` as a fraction (0.2 is 20 %), `quantity` in `quantity_qualifier` (VS visits).

    `authorization_required` and `in_network` are Y, N, U, W or blank as the payer said; `raw_segments` holds all below.
    """

    information_code: str
    coverage_level: str = ""
    service_types: tuple[str, ...] = ()
    insurance_type: str = ""
    plan: str = ""
    time_period: str = ""
    amount: Decimal | None = None
    percent: Decimal | None = None
    quantity_qualifier: str = ""
    quantity: Decimal | None = None
    authorization_required: str = ""
    in_network: str = ""
    procedure: str = ""
    messages: tuple[str, ...] = ()
    dates: tuple[tuple[str, str], ...] = ()
    related_names: tuple[str, ...] = ()
    raw_segments: tuple[str, ...] = ()
    segment_number: int = 0

    @property
    def message(self) -> str:
        """The benefit in a few words of our own."""
        services = ", ".join(word(SERVICES, code) for code in self.service_types)
        return f"{word(INFORMATION, self.information_code)}{f' for {services}' if services else ''}"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One AAA: who refused (source, receiver, subscriber, dependent), why, and what may be done (AAA04)."""

    level: str
    code: str
    follow_up: str
    message: str


@dataclass(frozen=True, slots=True)
class EligibilityResponse:
    """The answer about one patient. `active` is None when the payer did not say, or refused.

    `trace_number` is ours (TRN01 2), `answered_on` the day of the answer (BHT04).
    Dates of the plan are DTP 291, 346 and 347 as far as given.
    """

    trace_number: str
    active: bool | None
    payer_name: str = ""
    payer_id: str = ""
    provider_npi: str = ""
    last_name: str = ""
    first_name: str = ""
    member_id: str = ""
    birth_date: date | None = None
    sex: str = ""
    group_number: str = ""
    plan_begin: date | None = None
    plan_end: date | None = None
    is_dependent: bool = False
    benefits: tuple[Benefit, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    unread: tuple[str, ...] = ()
    answered_on: date | None = None


def read_271(data: bytes | str) -> list[EligibilityResponse]:
    """Every answer of every 271 in a file; refusals above the patient come as an answer without name."""
    found: list[EligibilityResponse] = []
    for transaction in read_transactions(data, "271"):
        found += _Reader(transaction).read()
    return found


_LEVELS = {"20": "source", "21": "receiver", "22": "subscriber", "23": "dependent"}


class _Reader:
    """Walks one ST..SE by its HL levels."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.level = ""
        self.payer = ("", "")
        self.provider = ""
        self.answered_on: date | None = None
        self.refused: list[Rejection] = []
        self.current: EligibilityResponse | None = None
        self.benefit: Benefit | None = None
        self.done: list[EligibilityResponse] = []

    def read(self) -> list[EligibilityResponse]:
        for segment in self.transaction.segments:
            if segment.id == "HL":
                self._hl(segment)
            elif segment.id == "AAA":
                self._aaa(segment)
            elif self.current is None:
                self._above(segment)
            elif segment.id == "EB":
                self._eb(segment)
            elif segment.id == "SE":
                break
            elif self.benefit is not None:
                self._below_benefit(self.benefit, segment)
            else:
                self.current = self._patient(self.current, segment)
        self._end_patient()
        if not self.done and self.refused:
            self.done.append(EligibilityResponse("", None, *self.payer, self.provider, rejections=tuple(self.refused)))
        return self.done

    def _hl(self, e: Segment) -> None:
        self._end_patient()
        self.level = _LEVELS.get(e.get(3), "")
        if self.level in ("subscriber", "dependent"):
            self.current = EligibilityResponse(
                "", None, *self.payer, self.provider, is_dependent=self.level == "dependent"
            )

    def _above(self, e: Segment) -> None:
        if e.id == "BHT":
            self.answered_on = day(e.get(4))
        elif e.id == "NM1" and self.level == "source":
            self.payer = (e.get(3), e.get(9))
        elif e.id == "NM1" and self.level == "receiver":
            self.provider = e.get(9)

    def _aaa(self, e: Segment) -> None:
        rejection = Rejection(self.level, e.get(3), e.get(4), f"{word(REJECTIONS, e.get(3))} [{e.get(3)}]")
        if self.current is None:
            self.refused.append(rejection)
        else:
            self.current = replace(self.current, rejections=(*self.current.rejections, rejection))

    def _patient(self, answer: EligibilityResponse, e: Segment) -> EligibilityResponse:
        if e.id == "TRN" and (e.get(1) == "2" or not answer.trace_number):
            return replace(answer, trace_number=e.get(2))
        if e.id == "NM1" and e.get(1) in ("IL", "03"):
            return replace(answer, last_name=e.get(3), first_name=e.get(4), member_id=e.get(9))
        if e.id == "DMG":
            return replace(answer, birth_date=day(e.get(2)), sex=e.get(3))
        if e.id == "REF" and e.get(1) in ("6P", "18", "1L") and not answer.group_number:
            return replace(answer, group_number=e.get(2))
        if e.id == "DTP" and e.get(1) in ("291", "346", "347"):
            return _plan_dates(answer, e)
        return replace(answer, unread=(*answer.unread, e.text(self.transaction.delimiters.element)))

    def _eb(self, e: Segment) -> None:
        self._end_benefit()
        marks = self.transaction.delimiters
        self.benefit = Benefit(
            information_code=e.get(1),
            coverage_level=e.get(2),
            service_types=tuple(code for code in e.get(3).split(marks.repetition) if code),
            insurance_type=e.get(4),
            plan=e.get(5),
            time_period=e.get(6),
            amount=decimal(e.get(7)),
            percent=decimal(e.get(8)),
            quantity_qualifier=e.get(9),
            quantity=decimal(e.get(10)),
            authorization_required=e.get(11),
            in_network=e.get(12),
            procedure=e.get(13),
            segment_number=e.number,
        )

    def _below_benefit(self, benefit: Benefit, e: Segment) -> None:
        raw = (*benefit.raw_segments, e.text(self.transaction.delimiters.element))
        benefit = replace(benefit, raw_segments=raw)
        if e.id == "HSD" and benefit.quantity is None:  # some payers say how many here, and not in the EB
            benefit = replace(
                benefit,
                quantity_qualifier=e.get(1),
                quantity=decimal(e.get(2)),
                time_period=benefit.time_period or e.get(5),
            )
        elif e.id == "MSG":
            benefit = replace(benefit, messages=(*benefit.messages, e.get(1)))
        elif e.id == "DTP":
            benefit = replace(benefit, dates=(*benefit.dates, (e.get(1), e.get(3))))
        elif e.id == "NM1":
            benefit = replace(benefit, related_names=(*benefit.related_names, e.get(3)))
        self.benefit = benefit

    def _end_benefit(self) -> None:
        if self.benefit is not None and self.current is not None:
            self.current = replace(self.current, benefits=(*self.current.benefits, self.benefit))
        self.benefit = None

    def _end_patient(self) -> None:
        """A subscriber above a dependent who got neither benefit nor refusal only carries the name; it is no answer."""
        self._end_benefit()
        answer, self.current = self.current, None
        if answer is not None and (answer.benefits or answer.rejections or answer.trace_number):
            self.done.append(replace(answer, active=_active(answer), answered_on=self.answered_on))


def _plan_dates(answer: EligibilityResponse, e: Segment) -> EligibilityResponse:
    first, _, last = e.get(3).partition("-")
    if e.get(1) == "347":
        return replace(answer, plan_end=day(first))
    return replace(answer, plan_begin=day(first) or answer.plan_begin, plan_end=day(last) or answer.plan_end)


def _active(answer: EligibilityResponse) -> bool | None:
    """The plan as a whole (30, or no service named) decides; otherwise any active benefit does."""
    whole = [b for b in answer.benefits if not b.service_types or "30" in b.service_types]
    for benefits in (whole, list(answer.benefits)):
        codes = {benefit.information_code for benefit in benefits}
        if codes & ACTIVE:
            return True
        if codes & INACTIVE:
            return False
    return None
