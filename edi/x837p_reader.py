"""Reads an 837P back into the records: our own files, and anybody else's as far as the records reach.

A claim's segments without a field here are kept in `Claim837.unread`; values that cannot be read become problems.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from edi.findings import MAX_PROBLEMS, Problem
from edi.interchanges import Transaction, read_interchanges
from edi.tokens import Delimiters, Segment
from edi.values import ZERO, Adjustment, day, decimal, last_day, moment
from edi.x837p_records import (
    Address,
    Attachment,
    Batch837,
    Claim837,
    LineAdjudication,
    OtherPayer,
    Party,
    PatientRecord,
    Person,
    Provider,
    ServiceLine,
    Subscriber,
)

_NOBODY = Person("")
_NO_PARTY = Party("", identifier_qualifier="")
_NO_PROVIDER = Provider("", "")
_NOWHERE = Address("", "", "", "")
_EPOCH = datetime(1900, 1, 1)  # noqa: DTZ001 - X12 states no zone
"""Stands for a date that cannot be read; a problem says so."""
_NOT_PROFESSIONAL = ("X223", "X224", "X096", "X097")


def read_837p(data: bytes | str) -> list[Batch837]:
    """One batch per functional group, claims in file order. Raises `UnreadableFile` for what is not X12."""
    batches: list[Batch837] = []
    key: tuple[object, ...] = ()
    for number, interchange in enumerate(read_interchanges(data)):
        for transaction in interchange.transactions:
            if transaction.id != "837" or any(guide in transaction.version for guide in _NOT_PROFESSIONAL):
                continue
            envelope = transaction.envelope
            if key != (number, envelope) or not batches:
                batches.append(_empty_batch(transaction, interchange.problems))
                key = (number, envelope)
            batches[-1] = _Reader(transaction).read(batches[-1])
    return batches


def _empty_batch(transaction: Transaction, problems: tuple[Problem, ...]) -> Batch837:
    envelope = transaction.envelope
    created = moment(envelope.group_date, envelope.group_time)
    if created is None:
        created = moment(envelope.interchange_date, envelope.interchange_time) or _EPOCH
    return Batch837(
        sender_id=envelope.sender_id,
        receiver_id=envelope.receiver_id,
        receiver_name="",
        submitter_name="",
        contact_name="",
        contact_phone="",
        usage_indicator=envelope.usage_indicator,
        interchange_control_number=_control(envelope.interchange_control_number),
        group_control_number=_control(envelope.group_control_number),
        created=created,
        application_sender="" if envelope.group_sender == envelope.sender_id else envelope.group_sender,
        application_receiver="" if envelope.group_receiver == envelope.receiver_id else envelope.group_receiver,
        problems=problems,
    )


def _control(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


CLAIM_PROVIDERS = {
    "82": "rendering",
    "DN": "referring",
    "P3": "primary_care",
    "DQ": "supervising",
    "77": "service_facility",
}
LINE_PROVIDERS = {
    "82": "rendering",
    "77": "service_facility",
    "DQ": "supervising",
    "DK": "ordering",
    "DN": "referring",
}
CLAIM_DATES = {
    "431": "onset_date",
    "454": "initial_treatment_date",
    "304": "last_seen_date",
    "453": "acute_manifestation_date",
    "439": "accident_date",
    "360": "disability_from",
    "361": "disability_to",
    "297": "last_worked_date",
    "296": "return_to_work_date",
}


class _Reader:
    """Walks one ST..SE. `level` is where we are, `who` the last one named by NM1."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.marks: Delimiters = transaction.delimiters
        self.problems: list[Problem] = list(transaction.problems)
        self.claims: list[Claim837] = []
        self.level = "header"
        self.who = ""
        self.billing = _NO_PROVIDER
        self.pay_to: Address | None = None
        self.subscriber = Subscriber(_NOBODY, "")
        self.payer = _NO_PARTY
        self.patient: PatientRecord | None = None
        self.property_casualty = ""
        self.claim: Claim837 | None = None
        self.line: ServiceLine | None = None
        self.other: OtherPayer | None = None
        self.decision: LineAdjudication | None = None
        self.decision_payer = ""
        self.header: dict[str, str] = {}

    def read(self, batch: Batch837) -> Batch837:
        """The batch with this transaction's claims, submitter and receiver added."""
        handlers = {
            "HL": self._hl, "PRV": self._prv, "NM1": self._nm1, "N3": self._n3, "N4": self._n4, "REF": self._ref,
            "SBR": self._sbr, "DMG": self._dmg, "PAT": self._pat, "CLM": self._clm, "DTP": self._dtp, "AMT": self._amt,
            "NTE": self._nte, "HI": self._hi, "CAS": self._cas, "OI": self._oi, "LX": self._lx, "SV1": self._sv1,
            "SVD": self._svd, "PER": self._per, "PWK": self._pwk, "CRC": self._crc, "MOA": self._moa,
        }  # fmt: skip
        for segment in self.transaction.segments:
            handler = handlers.get(segment.id)
            known = handler(segment) if handler else segment.id in ("ST", "SE", "BHT")
            if not known and self.claim is not None:
                self.claim = replace(self.claim, unread=(*self.claim.unread, segment.text(self.marks.element)))
        self._end_claim()
        return replace(
            batch,
            claims=batch.claims + tuple(self.claims),
            problems=batch.problems + tuple(self.problems[:MAX_PROBLEMS]),
            **{name: value for name, value in self.header.items() if value},  # type: ignore[arg-type]
        )

    # --- closing loops

    def _end_decision(self) -> None:
        if self.decision is not None and self.claim is not None:
            others = list(self.claim.other_payers)
            for index, other in enumerate(others):
                if other.payer.identifier == self.decision_payer:
                    others[index] = replace(other, lines=(*other.lines, self.decision))
                    break
            else:
                message = f"A line decision names payer {self.decision_payer or '(blank)'}, who is not on the claim."
                self._problem("UNKNOWN_PAYER", message, None)
            self.claim = replace(self.claim, other_payers=tuple(others))
        self.decision = None

    def _end_line(self) -> None:
        self._end_decision()
        if self.line is not None and self.claim is not None:
            self.claim = replace(self.claim, lines=(*self.claim.lines, self.line))
        self.line = None

    def _end_other(self) -> None:
        if self.other is not None and self.claim is not None:
            self.claim = replace(self.claim, other_payers=(*self.claim.other_payers, self.other))
        self.other = None

    def _end_claim(self) -> None:
        self._end_line()
        self._end_other()
        if self.claim is not None:
            self.claims.append(self.claim)
        self.claim = None

    # --- values

    def _problem(self, code: str, message: str, segment: Segment | None) -> None:
        claim = self.claim.patient_control_number if self.claim else ""
        number, text = (segment.number, segment.text()[:200]) if segment else (0, "")
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(code, message, number, text, claim))

    def _amount(self, segment: Segment, position: int) -> Decimal:
        value = decimal(segment.get(position))
        if value is None:
            self._problem(
                "AMOUNT", f'{segment.id}{position:02d} reads "{segment.get(position)[:30]}"; counted as 0.', segment
            )
        return ZERO if value is None else value

    def _day(self, segment: Segment, text: str) -> date | None:
        value = day(text)
        if value is None:
            self._problem("DATE", f'{segment.id} holds "{text[:30]}", which is no date.', segment)
        return value

    def _parts(self, segment: Segment, position: int) -> list[str]:
        return segment.get(position).split(self.marks.component)

    # --- who is who

    def _hl(self, e: Segment) -> bool:
        self._end_claim()
        kind = e.get(3)
        if kind == "20":
            self.level, self.billing, self.pay_to = "billing", _NO_PROVIDER, None
        elif kind == "22":
            self.level, self.subscriber, self.payer = "subscriber", Subscriber(_NOBODY, ""), _NO_PARTY
            self.patient, self.property_casualty = None, ""
        elif kind == "23":
            self.level, self.patient = "patient", PatientRecord(_NOBODY, "")
        self.who = ""
        return True

    def _prv(self, e: Segment) -> bool:
        if self.level == "billing":
            self.billing = replace(self.billing, taxonomy=e.get(3))
            return True
        provider = self._provider_here()
        if self.who == "82" and provider is not None:
            self._set_provider(replace(provider, taxonomy=e.get(3)))
            return True
        return False

    def _provider_here(self) -> Provider | None:
        if self.who == "85":
            return self.billing
        if self.line is not None:
            place = LINE_PROVIDERS.get(self.who)
            here: Provider | None = getattr(self.line, place) if place else None
            return here
        if self.claim is None or self.level == "other":
            return None
        name = CLAIM_PROVIDERS.get(self.who)
        found: Provider | None = getattr(self.claim, name) if name else None
        return found

    def _set_provider(self, provider: Provider) -> bool:
        if self.who == "85":
            self.billing = provider
        elif self.line is not None and self.who in LINE_PROVIDERS:
            self.line = replace(self.line, **{LINE_PROVIDERS[self.who]: provider})  # type: ignore[arg-type]
        elif self.line is None and self.claim is not None and self.who in CLAIM_PROVIDERS:
            self.claim = replace(self.claim, **{CLAIM_PROVIDERS[self.who]: provider})  # type: ignore[arg-type]
        else:
            return False
        return True

    def _nm1(self, e: Segment) -> bool:
        self.who = who = e.get(1)
        if self.level == "header":
            name = {"41": "submitter_name", "40": "receiver_name"}.get(who)
            if name:
                self.header[name] = e.get(3)
            return True
        if self.level == "other":
            return self._nm1_other(e)
        if who == "IL":
            person = _person(e)
            self.subscriber = replace(
                self.subscriber, person=person, member_id=e.get(9), is_organization=e.get(2) == "2"
            )
        elif who == "PR":
            self.payer = _party(e)
        elif who == "QC" and self.patient is not None:
            self.patient = replace(self.patient, person=_person(e))
        elif who == "87":
            self.pay_to = _NOWHERE
        else:
            return self._set_provider(replace(_provider(e), taxonomy=self.billing.taxonomy if who == "85" else ""))
        return True

    def _nm1_other(self, e: Segment) -> bool:
        if self.other is None:
            return False
        if e.get(1) == "IL":
            self.other = replace(self.other, subscriber=_person(e), member_id=e.get(9))
        elif e.get(1) == "PR":
            self.other = replace(self.other, payer=_party(e))
        else:
            return False
        return True

    def _address_here(self) -> Address:
        if self.level == "other" and self.other is not None:
            found = self.other.subscriber.address if self.who == "IL" else self.other.payer.address
        elif self.who == "IL":
            found = self.subscriber.person.address
        elif self.who == "PR":
            found = self.payer.address
        elif self.who == "QC" and self.patient is not None:
            found = self.patient.person.address
        elif self.who == "87":
            found = self.pay_to
        else:
            provider = self._provider_here()
            found = provider.address if provider is not None else None
        return found or _NOWHERE

    def _set_address(self, address: Address) -> bool:
        if self.level == "other":
            return self._set_other_address(address)
        if self.who == "IL":
            self.subscriber = replace(self.subscriber, person=replace(self.subscriber.person, address=address))
        elif self.who == "PR":
            self.payer = replace(self.payer, address=address)
        elif self.who == "QC" and self.patient is not None:
            self.patient = replace(self.patient, person=replace(self.patient.person, address=address))
        elif self.who == "87":
            self.pay_to = address
        else:
            provider = self._provider_here()
            return provider is not None and self._set_provider(replace(provider, address=address))
        return True

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

    def _dmg(self, e: Segment) -> bool:
        born, sex = self._day(e, e.get(2)), e.get(3)
        if self.level == "patient" and self.patient is not None:
            self.patient = replace(self.patient, person=replace(self.patient.person, birth_date=born, sex=sex))
        elif self.level == "subscriber":
            self.subscriber = replace(self.subscriber, person=replace(self.subscriber.person, birth_date=born, sex=sex))
        else:
            return False
        return True

    def _sbr(self, e: Segment) -> bool:
        if self.claim is not None:
            self._end_other()
            self.level = "other"
            self.other = OtherPayer(
                payer=_NO_PARTY,
                subscriber=_NOBODY,
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
        self.subscriber = replace(
            self.subscriber,
            payer_responsibility=e.get(1),
            group_number=e.get(3),
            group_name=e.get(4),
            medicare_secondary_reason=e.get(5),
            claim_filing_indicator=e.get(9),
        )
        return True

    def _pat(self, e: Segment) -> bool:
        if self.patient is not None and self.claim is None:
            self.patient = replace(self.patient, relationship=e.get(1))
        return self.claim is None

    def _per(self, e: Segment) -> bool:
        if self.level != "header":
            return False
        if self.who == "41":
            self.header["contact_name"] = e.get(2)
            for position in (3, 5, 7):
                name = {"TE": "contact_phone", "EM": "contact_email"}.get(e.get(position))
                if name:
                    self.header[name] = e.get(position + 1)
        return True

    # --- the claim

    def _clm(self, e: Segment) -> bool:
        self._end_claim()
        place, accident = [*self._parts(e, 5), "", "", ""], [*self._parts(e, 11), "", "", "", ""]
        self.level = "claim"
        self.claim = Claim837(
            patient_control_number=e.get(1),
            charge=ZERO,
            place_of_service=place[0],
            frequency_code=place[2],
            billing=self.billing,
            subscriber=self.subscriber,
            payer=self.payer,
            patient=self.patient,
            pay_to=self.pay_to,
            diagnoses=(),
            lines=(),
            property_casualty_claim_number=self.property_casualty,
            provider_signature=e.get(6),
            assignment=e.get(7),
            benefits_assigned=e.get(8),
            release_of_information=e.get(9),
            accident_type=accident[0],
            accident_state=accident[3],
            special_program=e.get(12),
            delay_reason=e.get(20),
        )
        self.claim = replace(self.claim, charge=self._amount(e, 2))
        return True

    def _dtp(self, e: Segment) -> bool:
        if self.claim is None:
            return False
        kind = e.get(1)
        if kind == "472" and self.line is not None:
            start, end = self._day(e, e.get(3)), last_day(e.get(3))
            self.line = replace(self.line, service_date=start or _EPOCH.date(), service_date_end=end)
        elif kind == "573" and self.decision is not None:
            self.decision = replace(self.decision, adjudication_date=self._day(e, e.get(3)))
        elif kind == "573" and self.other is not None:
            self.other = replace(self.other, adjudication_date=self._day(e, e.get(3)))
        elif self.level == "claim" and kind == "314":
            first, last = self._day(e, e.get(3)), last_day(e.get(3))
            self.claim = replace(self.claim, disability_from=first, disability_to=last)
        elif self.line is None and self.level == "claim" and kind in CLAIM_DATES:
            value = self._day(e, e.get(3))
            self.claim = replace(self.claim, **{CLAIM_DATES[kind]: value})  # type: ignore[arg-type]
        else:
            return False
        return True

    def _amt(self, e: Segment) -> bool:
        if self.claim is None:
            return False
        kind = e.get(1)
        if self.decision is not None and kind == "EAF":
            self.decision = replace(self.decision, remaining_patient_liability=self._amount(e, 2))
        elif self.line is None and self.other is not None and kind == "D":
            self.other = replace(self.other, paid_amount=self._amount(e, 2))
        elif self.line is None and self.other is not None and kind == "EAF":
            self.other = replace(self.other, remaining_patient_liability=self._amount(e, 2))
        elif self.level == "claim" and kind == "F5":
            self.claim = replace(self.claim, patient_paid=self._amount(e, 2))
        else:
            return False
        return True

    def _ref(self, e: Segment) -> bool:
        kind, value = e.get(1), e.get(2)
        if self.claim is None:
            return self._ref_above_claim(kind, value)
        if self.line is not None:
            return self._ref_of_line(kind, value)
        if self.level == "other":
            return self._ref_of_other(kind, value)
        provider = self._provider_here()
        if provider is not None:
            return self._set_provider(replace(provider, secondary_ids=(*provider.secondary_ids, (kind, value))))
        names = {
            "4N": "service_authorization_exception",
            "9F": "referral_number",
            "G1": "prior_authorization_number",
            "F8": "original_claim_number",
            "D9": "clearinghouse_trace_number",
            "EA": "medical_record_number",
        }
        if kind not in names or self.who in CLAIM_PROVIDERS:
            return False
        self.claim = replace(self.claim, **{names[kind]: value})  # type: ignore[arg-type]
        return True

    def _ref_above_claim(self, kind: str, value: str) -> bool:
        if kind == "Y4":
            self.property_casualty = value
        elif self.who == "85" and kind in ("EI", "SY"):
            self.billing = replace(self.billing, tax_id=value, tax_id_qualifier=kind)
        elif self.who == "85":
            self.billing = replace(self.billing, secondary_ids=(*self.billing.secondary_ids, (kind, value)))
        elif self.who == "PR":
            self.payer = replace(self.payer, secondary_ids=(*self.payer.secondary_ids, (kind, value)))
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
        elif self.line is None and self.claim is not None and not self.claim.note:
            self.claim = replace(self.claim, note=e.get(2))
        else:
            return False
        return True

    def _pwk(self, e: Segment) -> bool:
        attachment = Attachment(e.get(1), e.get(2), e.get(6))
        if self.line is not None:
            self.line = replace(self.line, attachments=(*self.line.attachments, attachment))
        elif self.claim is not None and self.level == "claim":
            self.claim = replace(self.claim, attachments=(*self.claim.attachments, attachment))
        else:
            return False
        return True

    def _crc(self, e: Segment) -> bool:
        """The EPSDT referral; other conditions (ambulance, vision, homebound) are none of therapy's."""
        if self.claim is None or self.level != "claim" or e.get(1) != "ZZ":
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
        if self.claim is None:
            return False
        codes = []
        for position in range(1, len(e.elements) + 1):
            parts = self._parts(e, position)
            if parts[0] not in ("ABK", "ABF", "BK", "BF") or len(parts) < 2:
                return False
            codes.append(parts[1])
        self.claim = replace(self.claim, diagnoses=self.claim.diagnoses + tuple(codes))
        return True

    # --- other payers and lines

    def _cas(self, e: Segment) -> bool:
        if self.decision is None and (self.other is None or self.line is not None):
            return False
        found = []
        for position in range(2, len(e.elements) + 1, 3):
            if e.get(position):
                quantity = decimal(e.get(position + 2)) if e.get(position + 2) else None
                found.append(Adjustment(e.get(1), e.get(position), self._amount(e, position + 1), quantity))
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
        if self.claim is None:
            return False
        self._end_line()
        self._end_other()
        self.level, self.who = "line", ""
        self.line = ServiceLine("", ZERO, ZERO, _EPOCH.date(), diagnosis_pointers=())
        return True

    def _sv1(self, e: Segment) -> bool:
        if self.line is None:
            return False
        procedure = [*self._parts(e, 1), *[""] * 7]
        pointers = [int(p) for p in self._parts(e, 7) if p.isascii() and p.isdigit() and len(p) < 4]
        self.line = replace(
            self.line,
            procedure_code=procedure[1],
            modifiers=tuple(m for m in procedure[2:6] if m),
            description=procedure[6],
            charge=self._amount(e, 2),
            units=self._amount(e, 4),
            place_of_service=e.get(5),
            diagnosis_pointers=tuple(pointers),
            epsdt=e.get(11) == "Y",
        )
        if e.get(3) != "UN":
            self._problem("UNIT_BASIS", f"SV103 is {e.get(3) or 'blank'}, not UN: the units are not counted ones.", e)
        return True

    def _svd(self, e: Segment) -> bool:
        if self.claim is None or self.line is None:
            return False
        self._end_decision()
        procedure = [*self._parts(e, 3), *[""] * 7]
        self.decision_payer = e.get(1)
        self.decision = LineAdjudication(
            line_number=len(self.claim.lines) + 1,
            paid=self._amount(e, 2),
            procedure_code=procedure[1],
            modifiers=tuple(m for m in procedure[2:6] if m),
            units=self._amount(e, 5) if e.get(5) else Decimal(1),
        )
        return True


def _person(e: Segment) -> Person:
    return Person(e.get(3), e.get(4), e.get(5), e.get(7))


def _party(e: Segment) -> Party:
    return Party(e.get(3), e.get(9), e.get(8))


def _provider(e: Segment) -> Provider:
    return Provider(
        npi=e.get(9) if e.get(8) == "XX" else "",
        name=e.get(3),
        first_name=e.get(4),
        middle_name=e.get(5),
        suffix=e.get(7),
        is_person=e.get(2) == "1",
    )
