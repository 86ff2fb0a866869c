"""Reads a claim of an 837P, CLM and all below it: its providers, dates, other payers, lines and their decisions.

Segments without a field here are kept in `Claim837.unread`; values that cannot be read become problems.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from edi.findings import MAX_PROBLEMS, Problem
from edi.tokens import Delimiters, Segment
from edi.values import ZERO, Adjustment, day, decimal, last_day
from edi.x837p_records import (
    Address,
    Attachment,
    Claim837,
    LineAdjudication,
    OtherPayer,
    Party,
    Person,
    Provider,
    ServiceLine,
)

NOBODY = Person("")
NO_PARTY = Party("", identifier_qualifier="")
NOWHERE = Address("", "", "", "")
EPOCH = datetime(1900, 1, 1)  # noqa: DTZ001 - X12 states no zone
"""Stands for a date that cannot be read; a problem says so."""
CLAIM_PROVIDERS = frozenset({"82", "DN", "P3", "DQ", "77"})
"""NM101 of loop 2310; `ClaimReader.finish` says which is who."""
LINE_PROVIDERS = frozenset({"82", "77", "DQ", "DK", "DN"})
"""NM101 of loop 2420."""
CLAIM_DATES = frozenset({"431", "454", "304", "453", "439", "360", "361", "297", "296"})
"""DTP01 of loop 2300."""
CLAIM_REFERENCES = frozenset({"4N", "9F", "G1", "F8", "D9", "EA"})
"""REF01 of loop 2300."""


class Values:
    """Takes values out of the segments of a transaction, and keeps what is wrong with them."""

    def __init__(self, marks: Delimiters, problems: tuple[Problem, ...]) -> None:
        self.marks = marks
        self.problems = list(problems)
        self.claim = ""
        """The patient control number of the claim that is being read."""

    def problem(self, code: str, message: str, segment: Segment | None) -> None:
        """One more, unless there are enough."""
        number, text = (segment.number, segment.text()[:200]) if segment else (0, "")
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(code, message, number, text, self.claim))

    def amount(self, segment: Segment, position: int) -> Decimal:
        """An amount or a quantity; what is none is reported and counts as 0."""
        value = decimal(segment.get(position))
        if value is None:
            said = f'{segment.id}{position:02d} reads "{segment.get(position)[:30]}"; counted as 0.'
            self.problem("AMOUNT", said, segment)
        return ZERO if value is None else value

    def day(self, segment: Segment, text: str) -> date | None:
        """A day, or the first of a range; what is none is reported."""
        value = day(text)
        if value is None:
            self.problem("DATE", f'{segment.id} holds "{text[:30]}", which is no date.', segment)
        return value

    def parts(self, segment: Segment, position: int) -> list[str]:
        """The components of an element."""
        return segment.get(position).split(self.marks.component)


class ClaimReader:
    """Collects a claim. `level` is where we are in it, `who` the last one named by NM1."""

    def __init__(self, claim: Claim837, values: Values) -> None:
        self.claim = claim
        """What CLM says and who stands above it; the rest is put in by `finish`."""
        self.values = values
        self.level = "claim"
        self.who = ""
        self.providers: dict[str, Provider] = {}
        self.dates: dict[str, date | None] = {}
        self.references: dict[str, str] = {}
        self.diagnoses: list[str] = []
        self.attachments: list[Attachment] = []
        self.others: list[OtherPayer] = []
        self.lines: list[ServiceLine] = []
        self.unread: list[str] = []
        self.other: OtherPayer | None = None
        self.line: ServiceLine | None = None
        self.line_providers: dict[str, Provider] = {}
        self.decision: LineAdjudication | None = None
        self.decision_payer = ""
        self._handlers = {
            "PRV": self._prv, "NM1": self._nm1, "N3": self._n3, "N4": self._n4, "REF": self._ref, "SBR": self._sbr,
            "DTP": self._dtp, "AMT": self._amt, "NTE": self._nte, "HI": self._hi, "CAS": self._cas, "OI": self._oi,
            "LX": self._lx, "SV1": self._sv1, "SVD": self._svd, "PWK": self._pwk, "CRC": self._crc, "MOA": self._moa,
        }  # fmt: skip

    def take(self, segment: Segment) -> None:
        """One segment below CLM."""
        handler = self._handlers.get(segment.id)
        known = handler(segment) if handler else segment.id in ("ST", "SE", "BHT")
        if not known:
            self.unread.append(segment.text(self.values.marks.element))

    def finish(self) -> Claim837:
        """The claim, when nothing more belongs to it."""
        self._end_line()
        self._end_other()
        provider, day_of, reference = self.providers.get, self.dates.get, self.references.get
        return replace(
            self.claim,
            diagnoses=tuple(self.diagnoses),
            lines=tuple(self.lines),
            rendering=provider("82"),
            referring=provider("DN"),
            primary_care=provider("P3"),
            supervising=provider("DQ"),
            service_facility=provider("77"),
            service_authorization_exception=reference("4N", ""),
            referral_number=reference("9F", ""),
            prior_authorization_number=reference("G1", ""),
            original_claim_number=reference("F8", ""),
            clearinghouse_trace_number=reference("D9", ""),
            medical_record_number=reference("EA", ""),
            onset_date=day_of("431"),
            initial_treatment_date=day_of("454"),
            last_seen_date=day_of("304"),
            acute_manifestation_date=day_of("453"),
            accident_date=day_of("439"),
            disability_from=day_of("360"),
            disability_to=day_of("361"),
            last_worked_date=day_of("297"),
            return_to_work_date=day_of("296"),
            attachments=tuple(self.attachments),
            other_payers=tuple(self.others),
            unread=tuple(self.unread),
        )

    # --- closing loops

    def _end_decision(self) -> None:
        if self.decision is not None:
            for index, other in enumerate(self.others):
                if other.payer.identifier == self.decision_payer:
                    self.others[index] = replace(other, lines=(*other.lines, self.decision))
                    break
            else:
                message = f"A line decision names payer {self.decision_payer or '(blank)'}, who is not on the claim."
                self.values.problem("UNKNOWN_PAYER", message, None)
        self.decision = None

    def _end_line(self) -> None:
        self._end_decision()
        if self.line is not None:
            provider = self.line_providers.get
            self.lines.append(
                replace(
                    self.line,
                    rendering=provider("82"),
                    service_facility=provider("77"),
                    supervising=provider("DQ"),
                    ordering=provider("DK"),
                    referring=provider("DN"),
                )
            )
        self.line, self.line_providers = None, {}

    def _end_other(self) -> None:
        if self.other is not None:
            self.others.append(self.other)
        self.other = None

    # --- who is who

    def _prv(self, e: Segment) -> bool:
        provider = self._provider_here()
        if self.who != "82" or provider is None:
            return False
        return self._set_provider(replace(provider, taxonomy=e.get(3)))

    def _provider_here(self) -> Provider | None:
        if self.line is not None:
            return self.line_providers.get(self.who)
        return None if self.level == "other" else self.providers.get(self.who)

    def _set_provider(self, provider: Provider) -> bool:
        if self.line is not None and self.who in LINE_PROVIDERS:
            self.line_providers[self.who] = provider
        elif self.line is None and self.who in CLAIM_PROVIDERS:
            self.providers[self.who] = provider
        else:
            return False
        return True

    def _nm1(self, e: Segment) -> bool:
        self.who = e.get(1)
        return self._nm1_other(e) if self.level == "other" else self._set_provider(provider_of(e))

    def _nm1_other(self, e: Segment) -> bool:
        if self.other is None:
            return False
        if e.get(1) == "IL":
            self.other = replace(self.other, subscriber=person_of(e), member_id=e.get(9))
        elif e.get(1) == "PR":
            self.other = replace(self.other, payer=party_of(e))
        else:
            return False
        return True

    def _address_here(self) -> Address:
        if self.level == "other" and self.other is not None:
            found = self.other.subscriber.address if self.who == "IL" else self.other.payer.address
        else:
            provider = self._provider_here()
            found = provider.address if provider is not None else None
        return found or NOWHERE

    def _set_address(self, address: Address) -> bool:
        if self.level == "other":
            return self._set_other_address(address)
        provider = self._provider_here()
        return provider is not None and self._set_provider(replace(provider, address=address))

    def _set_other_address(self, address: Address) -> bool:
        if self.other is None or self.who not in ("IL", "PR"):
            return False
        if self.who == "IL":
            self.other = replace(self.other, subscriber=replace(self.other.subscriber, address=address))
        else:
            self.other = replace(self.other, payer=replace(self.other.payer, address=address))
        return True

    def _n3(self, e: Segment) -> bool:
        return self._set_address(replace(self._address_here(), street=e.get(1), street2=e.get(2)))

    def _n4(self, e: Segment) -> bool:
        return self._set_address(replace(self._address_here(), city=e.get(1), state=e.get(2), zip_code=e.get(3)))

    def _sbr(self, e: Segment) -> bool:
        self._end_other()
        self.level = "other"
        self.other = OtherPayer(
            payer=NO_PARTY,
            subscriber=NOBODY,
            member_id="",
            payer_responsibility=e.get(1),
            relationship=e.get(2),
            claim_filing_indicator=e.get(9),
            group_number=e.get(3),
            group_name=e.get(4),
            medicare_secondary_reason=e.get(5),
            benefits_assigned="",
            release_of_information="",
        )
        return True

    # --- the claim

    def _dtp(self, e: Segment) -> bool:
        kind = e.get(1)
        if kind == "472" and self.line is not None:
            start, end = self.values.day(e, e.get(3)), last_day(e.get(3))
            self.line = replace(self.line, service_date=start or EPOCH.date(), service_date_end=end)
        elif kind == "573" and self.decision is not None:
            self.decision = replace(self.decision, adjudication_date=self.values.day(e, e.get(3)))
        elif kind == "573" and self.other is not None:
            self.other = replace(self.other, adjudication_date=self.values.day(e, e.get(3)))
        elif self.level == "claim" and kind == "314":
            self.dates["360"], self.dates["361"] = self.values.day(e, e.get(3)), last_day(e.get(3))
        elif self.level == "claim" and kind in CLAIM_DATES:
            self.dates[kind] = self.values.day(e, e.get(3))
        else:
            return False
        return True

    def _amt(self, e: Segment) -> bool:
        kind = e.get(1)
        if self.decision is not None and kind == "EAF":
            self.decision = replace(self.decision, remaining_patient_liability=self.values.amount(e, 2))
        elif self.line is None and self.other is not None and kind == "D":
            self.other = replace(self.other, paid_amount=self.values.amount(e, 2))
        elif self.line is None and self.other is not None and kind == "EAF":
            self.other = replace(self.other, remaining_patient_liability=self.values.amount(e, 2))
        elif self.level == "claim" and kind == "F5":
            self.claim = replace(self.claim, patient_paid=self.values.amount(e, 2))
        else:
            return False
        return True

    def _ref(self, e: Segment) -> bool:
        kind, value = e.get(1), e.get(2)
        if self.line is not None:
            return self._ref_of_line(kind, value)
        if self.level == "other":
            return self._ref_of_other(kind, value)
        provider = self._provider_here()
        if provider is not None:
            return self._set_provider(replace(provider, secondary_ids=(*provider.secondary_ids, (kind, value))))
        if kind not in CLAIM_REFERENCES:
            return False
        self.references[kind] = value
        return True

    def _ref_of_line(self, kind: str, value: str) -> bool:
        assert self.line is not None
        provider = self._provider_here() if self.decision is None else None
        if provider is not None:
            return self._set_provider(replace(provider, secondary_ids=(*provider.secondary_ids, (kind, value))))
        if kind == "6R":
            self.line = replace(self.line, line_control_number=value)
        elif kind == "G1" and not self.line.prior_authorization_number:
            self.line = replace(self.line, prior_authorization_number=value)
        elif kind == "9F" and not self.line.referral_number:
            self.line = replace(self.line, referral_number=value)
        else:
            return False
        return True

    def _ref_of_other(self, kind: str, value: str) -> bool:
        if self.other is None or self.who != "PR":
            return False
        if kind == "F8":
            self.other = replace(self.other, payer_claim_control_number=value)
        else:
            payer = self.other.payer
            self.other = replace(self.other, payer=replace(payer, secondary_ids=(*payer.secondary_ids, (kind, value))))
        return True

    def _nte(self, e: Segment) -> bool:
        if self.line is not None and not self.line.note:
            self.line = replace(self.line, note=e.get(2))
        elif self.line is None and not self.claim.note:
            self.claim = replace(self.claim, note=e.get(2))
        else:
            return False
        return True

    def _pwk(self, e: Segment) -> bool:
        attachment = Attachment(e.get(1), e.get(2), e.get(6))
        if self.line is not None:
            self.line = replace(self.line, attachments=(*self.line.attachments, attachment))
        elif self.level == "claim":
            self.attachments.append(attachment)
        else:
            return False
        return True

    def _crc(self, e: Segment) -> bool:
        """The EPSDT referral; other conditions (ambulance, vision, homebound) are none of therapy's."""
        if self.level != "claim" or e.get(1) != "ZZ":
            return False
        codes = tuple(code for code in (e.get(3), e.get(4), e.get(5)) if code)
        self.claim = replace(self.claim, epsdt_conditions=codes)
        return True

    def _moa(self, e: Segment) -> bool:
        """Remarks are kept as such; a MOA with more (rates, ESRD) stays raw."""
        if self.other is None or self.line is not None or e.get(1) or e.get(2) or e.get(8) or e.get(9):
            return False
        self.other = replace(self.other, remark_codes=tuple(e.get(n) for n in range(3, 8) if e.get(n)))
        return True

    def _hi(self, e: Segment) -> bool:
        codes = []
        for position in range(1, len(e.elements) + 1):
            parts = self.values.parts(e, position)
            if parts[0] not in ("ABK", "ABF", "BK", "BF") or len(parts) < 2:
                return False
            codes.append(parts[1])
        self.diagnoses += codes
        return True

    # --- other payers and lines

    def _cas(self, e: Segment) -> bool:
        if self.decision is None and (self.other is None or self.line is not None):
            return False
        found = []
        for position in range(2, len(e.elements) + 1, 3):
            if e.get(position):
                quantity = decimal(e.get(position + 2)) if e.get(position + 2) else None
                found.append(Adjustment(e.get(1), e.get(position), self.values.amount(e, position + 1), quantity))
        if self.decision is not None:
            self.decision = replace(self.decision, adjustments=self.decision.adjustments + tuple(found))
        elif self.other is not None:
            self.other = replace(self.other, adjustments=self.other.adjustments + tuple(found))
        return True

    def _oi(self, e: Segment) -> bool:
        if self.other is None:
            return False
        self.other = replace(self.other, benefits_assigned=e.get(3), release_of_information=e.get(6))
        return True

    def _lx(self, e: Segment) -> bool:
        self._end_line()
        self._end_other()
        self.level, self.who = "line", ""
        self.line = ServiceLine("", ZERO, ZERO, EPOCH.date(), diagnosis_pointers=())
        return True

    def _sv1(self, e: Segment) -> bool:
        if self.line is None:
            return False
        procedure = [*self.values.parts(e, 1), *[""] * 7]
        pointers = [int(p) for p in self.values.parts(e, 7) if p.isascii() and p.isdigit() and len(p) < 4]
        self.line = replace(
            self.line,
            procedure_code=procedure[1],
            modifiers=tuple(m for m in procedure[2:6] if m),
            description=procedure[6],
            charge=self.values.amount(e, 2),
            units=self.values.amount(e, 4),
            place_of_service=e.get(5),
            diagnosis_pointers=tuple(pointers),
            epsdt=e.get(11) == "Y",
        )
        if e.get(3) != "UN":
            self.values.problem(
                "UNIT_BASIS", f"SV103 is {e.get(3) or 'blank'}, not UN: the units are not counted ones.", e
            )
        return True

    def _svd(self, e: Segment) -> bool:
        if self.line is None:
            return False
        self._end_decision()
        procedure = [*self.values.parts(e, 3), *[""] * 7]
        self.decision_payer = e.get(1)
        self.decision = LineAdjudication(
            line_number=len(self.lines) + 1,
            paid=self.values.amount(e, 2),
            procedure_code=procedure[1],
            modifiers=tuple(m for m in procedure[2:6] if m),
            units=self.values.amount(e, 5) if e.get(5) else Decimal(1),
        )
        return True


def person_of(e: Segment) -> Person:
    """Who an NM1 names."""
    return Person(e.get(3), e.get(4), e.get(5), e.get(7))


def party_of(e: Segment) -> Party:
    """The payer an NM1 names."""
    return Party(e.get(3), e.get(9), e.get(8))


def provider_of(e: Segment) -> Provider:
    """The provider an NM1 names."""
    return Provider(
        npi=e.get(9) if e.get(8) == "XX" else "",
        name=e.get(3),
        first_name=e.get(4),
        middle_name=e.get(5),
        suffix=e.get(7),
        is_person=e.get(2) == "1",
    )
