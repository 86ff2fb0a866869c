"""Reads an 837P back into the records: our own files, and anybody else's as far as the records reach.

Here are the file, its batches, and who stands above a claim; the claim itself is read by `edi.x837p_claim_reader`.
"""

from __future__ import annotations

from dataclasses import replace

from edi.findings import MAX_PROBLEMS, Problem
from edi.interchanges import Transaction, read_interchanges
from edi.tokens import Segment
from edi.values import moment
from edi.x837p_claim_reader import (
    EPOCH,
    NO_PARTY,
    NOBODY,
    NOWHERE,
    ClaimReader,
    Values,
    party_of,
    person_of,
    provider_of,
)
from edi.x837p_records import Address, Batch837, Claim837, PatientRecord, Provider, Subscriber

_NO_PROVIDER = Provider("", "")
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
        created = moment(envelope.interchange_date, envelope.interchange_time) or EPOCH
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


class _Reader:
    """Walks one ST..SE. `level` is where we are above the claims, `who` the last one named by NM1."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.values = Values(transaction.delimiters, transaction.problems)
        self.claims: list[Claim837] = []
        self.level = "header"
        self.who = ""
        self.billing = _NO_PROVIDER
        self.pay_to: Address | None = None
        self.subscriber = Subscriber(NOBODY, "")
        self.payer = NO_PARTY
        self.patient: PatientRecord | None = None
        self.property_casualty = ""
        self.claim: ClaimReader | None = None
        self.header: dict[str, str] = {}

    def read(self, batch: Batch837) -> Batch837:
        """The batch with this transaction's claims, submitter and receiver added."""
        handlers = {
            "HL": self._hl, "CLM": self._clm, "PRV": self._prv, "NM1": self._nm1, "N3": self._n3, "N4": self._n4,
            "REF": self._ref, "SBR": self._sbr, "DMG": self._dmg, "PAT": self._pat, "PER": self._per,
        }  # fmt: skip
        for segment in self.transaction.segments:
            if self.claim is not None and segment.id not in ("HL", "CLM"):
                self.claim.take(segment)
            elif segment.id in handlers:
                handlers[segment.id](segment)
        self._end_claim()
        said = self.header
        return replace(
            batch,
            claims=batch.claims + tuple(self.claims),
            problems=batch.problems + tuple(self.values.problems[:MAX_PROBLEMS]),
            submitter_name=said.get("41") or batch.submitter_name,
            receiver_name=said.get("40") or batch.receiver_name,
            contact_name=said.get("IC") or batch.contact_name,
            contact_phone=said.get("TE") or batch.contact_phone,
            contact_email=said.get("EM") or batch.contact_email,
        )

    def _hl(self, e: Segment) -> None:
        self._end_claim()
        kind = e.get(3)
        if kind == "20":
            self.level, self.billing, self.pay_to = "billing", _NO_PROVIDER, None
        elif kind == "22":
            self.level, self.subscriber, self.payer = "subscriber", Subscriber(NOBODY, ""), NO_PARTY
            self.patient, self.property_casualty = None, ""
        elif kind == "23":
            self.level, self.patient = "patient", PatientRecord(NOBODY, "")
        self.who = ""

    # --- who is who

    def _prv(self, e: Segment) -> None:
        if self.level == "billing":
            self.billing = replace(self.billing, taxonomy=e.get(3))

    def _nm1(self, e: Segment) -> None:
        self.who = who = e.get(1)
        if self.level == "header" and who in ("40", "41"):
            self.header[who] = e.get(3)
        elif who == "IL":
            self.subscriber = replace(
                self.subscriber, person=person_of(e), member_id=e.get(9), is_organization=e.get(2) == "2"
            )
        elif who == "PR":
            self.payer = party_of(e)
        elif who == "QC" and self.patient is not None:
            self.patient = replace(self.patient, person=person_of(e))
        elif who == "87":
            self.pay_to = NOWHERE
        elif who == "85":
            self.billing = replace(provider_of(e), taxonomy=self.billing.taxonomy)

    def _per(self, e: Segment) -> None:
        if self.level == "header" and self.who == "41":
            self.header["IC"] = e.get(2)
            for position in (3, 5, 7):
                if e.get(position) in ("TE", "EM"):
                    self.header[e.get(position)] = e.get(position + 1)

    def _address_here(self) -> Address | None:
        if self.who == "IL":
            return self.subscriber.person.address
        if self.who == "PR":
            return self.payer.address
        if self.who == "QC" and self.patient is not None:
            return self.patient.person.address
        return self.pay_to if self.who == "87" else self.billing.address

    def _set_address(self, address: Address) -> None:
        if self.who == "IL":
            self.subscriber = replace(self.subscriber, person=replace(self.subscriber.person, address=address))
        elif self.who == "PR":
            self.payer = replace(self.payer, address=address)
        elif self.who == "QC" and self.patient is not None:
            self.patient = replace(self.patient, person=replace(self.patient.person, address=address))
        elif self.who == "87":
            self.pay_to = address
        elif self.who == "85":
            self.billing = replace(self.billing, address=address)

    def _n3(self, e: Segment) -> None:
        self._set_address(replace(self._address_here() or NOWHERE, street=e.get(1), street2=e.get(2)))

    def _n4(self, e: Segment) -> None:
        here = self._address_here() or NOWHERE
        self._set_address(replace(here, city=e.get(1), state=e.get(2), zip_code=e.get(3)))

    def _dmg(self, e: Segment) -> None:
        born, sex = self.values.day(e, e.get(2)), e.get(3)
        if self.level == "patient" and self.patient is not None:
            self.patient = replace(self.patient, person=replace(self.patient.person, birth_date=born, sex=sex))
        elif self.level == "subscriber":
            self.subscriber = replace(self.subscriber, person=replace(self.subscriber.person, birth_date=born, sex=sex))

    def _sbr(self, e: Segment) -> None:
        self.subscriber = replace(
            self.subscriber,
            payer_responsibility=e.get(1),
            group_number=e.get(3),
            group_name=e.get(4),
            medicare_secondary_reason=e.get(5),
            claim_filing_indicator=e.get(9),
        )

    def _pat(self, e: Segment) -> None:
        if self.patient is not None:
            self.patient = replace(self.patient, relationship=e.get(1))

    def _ref(self, e: Segment) -> None:
        kind, value = e.get(1), e.get(2)
        if kind == "Y4":
            self.property_casualty = value
        elif self.who == "85" and kind in ("EI", "SY"):
            self.billing = replace(self.billing, tax_id=value, tax_id_qualifier=kind)
        elif self.who == "85":
            self.billing = replace(self.billing, secondary_ids=(*self.billing.secondary_ids, (kind, value)))
        elif self.who == "PR":
            self.payer = replace(self.payer, secondary_ids=(*self.payer.secondary_ids, (kind, value)))

    # --- the claim

    def _clm(self, e: Segment) -> None:
        self._end_claim()
        self.values.claim = e.get(1)
        place, accident = [*self.values.parts(e, 5), "", "", ""], [*self.values.parts(e, 11), "", "", "", ""]
        claim = Claim837(
            patient_control_number=e.get(1),
            charge=self.values.amount(e, 2),
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
        self.claim = ClaimReader(claim, self.values)

    def _end_claim(self) -> None:
        if self.claim is not None:
            self.claims.append(self.claim.finish())
        self.claim, self.values.claim = None, ""
