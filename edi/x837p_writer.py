"""Writes the 837P (005010X222A1) from our records. It writes what it is given; `check_claim` judges it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from edi.envelope import Outgoing, clock, composite, file_text, segment
from edi.values import CENT, ZERO, Adjustment, d8, digits, number, wire
from edi.x837p_records import (
    Address,
    Attachment,
    Batch837,
    Claim837,
    LineAdjudication,
    OtherPayer,
    Party,
    Person,
    Provider,
    ServiceLine,
)

GUIDE = "005010X222A1"
MAX_LINES = 50
"""LX loops per claim (2400, 005010X222A1)."""
MAX_DIAGNOSES = 12
CAS_TRIPLETS = 6
MAX_REMARKS = 5
"""MOA03 to MOA07."""
NOT_REFERRED = "NU"
"""CRC03 of an EPSDT screening that led to no referral (CRC02 is N then)."""
PCN_CHARS = 20
"""Characters of CLM01 that payers must return (HIPAA; X12 itself allows 38)."""


def batch_reference(batch: Batch837, index: int) -> str:
    """BHT03 of the claim at `index` (from 0): control number and ST02. A 277CA returns it in 2200B TRN02."""
    return f"{batch.interchange_control_number:09d}{index + 1:04d}"


def write_837p(batch: Batch837) -> str:
    """The whole file: one ISA, one GS, one ST per claim, segments ended by "~" and a line break."""
    out = Outgoing(
        sender_id=batch.sender_id,
        receiver_id=batch.receiver_id,
        usage_indicator=batch.usage_indicator,
        interchange_control_number=batch.interchange_control_number,
        group_control_number=batch.group_control_number,
        created=batch.created,
        sender_qualifier=batch.sender_qualifier,
        receiver_qualifier=batch.receiver_qualifier,
        application_sender=batch.application_sender,
        application_receiver=batch.application_receiver,
    )
    bodies = (_transaction(batch, claim, index) for index, claim in enumerate(batch.claims))
    return file_text(out, "HC", GUIDE, bodies)


def _transaction(batch: Batch837, claim: Claim837, index: int) -> Iterator[str]:
    yield f"BHT*0019*00*{batch_reference(batch, index)}*{d8(batch.created)}*{clock(batch.created)}*CH"
    yield segment("NM1", "41", "2", wire(batch.submitter_name), "", "", "", "", "46", wire(batch.sender_id))
    yield _contact(batch)
    yield segment("NM1", "40", "2", wire(batch.receiver_name), "", "", "", "", "46", wire(batch.receiver_id))
    yield from _billing(claim)
    yield from _subscriber(claim)
    yield from _patient(claim)
    yield from _claim(claim)
    for position, line in enumerate(claim.lines, start=1):
        yield from _line(claim, line, position)


def _contact(batch: Batch837) -> str:
    ways = []
    if digits(batch.contact_phone):
        ways += ["TE", digits(batch.contact_phone)]
    if batch.contact_email:
        ways += ["EM", wire(batch.contact_email)]
    return segment("PER", "IC", wire(batch.contact_name), *ways)


# --- people and places ----------------------------------------------------------------------------------------------


def _address(address: Address | None) -> Iterator[str]:
    if address is None:
        return
    yield segment("N3", wire(address.street), wire(address.street2))
    yield segment("N4", wire(address.city), wire(address.state), digits(address.zip_code))


def _demographics(person: Person) -> Iterator[str]:
    if person.birth_date is not None:
        yield segment("DMG", "D8", d8(person.birth_date), person.sex)


def person_name(entity: str, person: Person, qualifier: str = "", identifier: str = "", kind: str = "1") -> str:
    return segment(
        "NM1",
        entity,
        kind,
        wire(person.last_name),
        wire(person.first_name),
        wire(person.middle_name),
        "",
        wire(person.suffix),
        qualifier if identifier else "",
        wire(identifier),
    )


def party_name(entity: str, party: Party) -> str:
    qualifier = party.identifier_qualifier if party.identifier else ""
    return segment("NM1", entity, "2", wire(party.name), "", "", "", "", qualifier, wire(party.identifier))


def provider_name(entity: str, provider: Provider) -> str:
    """NM1 of a provider. An organisation has no first or middle name and no suffix (NM102 is 2)."""
    of_person = (provider.first_name, provider.middle_name, "", provider.suffix) if provider.is_person else ("",) * 4
    return segment(
        "NM1",
        entity,
        "1" if provider.is_person else "2",
        wire(provider.name),
        *(wire(part) for part in of_person),
        "XX" if provider.npi else "",
        provider.npi,
    )


def references(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for qualifier, value in pairs:
        if value:
            yield segment("REF", qualifier, wire(value))


def _billing(claim: Claim837) -> Iterator[str]:
    provider = claim.billing
    yield "HL*1**20*1"
    if provider.taxonomy:
        yield f"PRV*BI*PXC*{wire(provider.taxonomy)}"
    yield provider_name("85", provider)
    yield from _address(provider.address)
    yield from references([(provider.tax_id_qualifier, digits(provider.tax_id)), *provider.secondary_ids])
    if claim.pay_to is not None:
        yield "NM1*87*2"
        yield from _address(claim.pay_to)


def _subscriber(claim: Claim837) -> Iterator[str]:
    subscriber = claim.subscriber
    own = claim.patient is None
    yield f"HL*2*1*22*{0 if own else 1}"
    yield segment(
        "SBR",
        subscriber.payer_responsibility,
        "18" if own else "",
        wire(subscriber.group_number),
        wire(subscriber.group_name),
        subscriber.medicare_secondary_reason,
        "",
        "",
        "",
        subscriber.claim_filing_indicator,
    )
    kind = "2" if subscriber.is_organization else "1"
    yield person_name("IL", subscriber.person, "MI", subscriber.member_id, kind)
    yield from _address(subscriber.person.address)
    yield from _demographics(subscriber.person)
    if own:
        yield from references([("Y4", claim.property_casualty_claim_number)])
    yield party_name("PR", claim.payer)
    yield from _address(claim.payer.address)
    yield from references(claim.payer.secondary_ids)


def _patient(claim: Claim837) -> Iterator[str]:
    if claim.patient is None:
        return
    person = claim.patient.person
    yield "HL*3*2*23*0"
    yield segment("PAT", claim.patient.relationship)
    yield person_name("QC", person)
    yield from _address(person.address)
    yield from _demographics(person)
    yield from references([("Y4", claim.property_casualty_claim_number)])


# --- the claim ------------------------------------------------------------------------------------------------------


def _claim(claim: Claim837) -> Iterator[str]:
    yield _clm(claim)
    yield from _claim_dates(claim)
    yield from _attachments(claim.attachments)
    if claim.patient_paid is not None:
        yield f"AMT*F5*{number(claim.patient_paid)}"
    yield from references(
        (
            ("4N", claim.service_authorization_exception),
            ("9F", claim.referral_number),
            ("G1", claim.prior_authorization_number),
            ("F8", claim.original_claim_number),
            ("D9", claim.clearinghouse_trace_number),
            ("EA", claim.medical_record_number),
        )
    )
    if claim.note:
        yield f"NTE*ADD*{wire(claim.note)}"
    if claim.epsdt_conditions:
        referred = "N" if claim.epsdt_conditions == (NOT_REFERRED,) else "Y"
        yield segment("CRC", "ZZ", referred, *claim.epsdt_conditions)
    yield from _diagnoses(claim.diagnoses)
    yield from _claim_providers(claim)
    for other in claim.other_payers:
        yield from _other_payer(other)


def _clm(claim: Claim837) -> str:
    accident = composite(claim.accident_type, "", "", wire(claim.accident_state))
    return segment(
        "CLM",
        wire(claim.patient_control_number),
        number(claim.charge),
        "",
        "",
        composite(claim.place_of_service, "B", claim.frequency_code),
        claim.provider_signature,
        claim.assignment,
        claim.benefits_assigned,
        claim.release_of_information,
        "",
        accident,
        claim.special_program,
        *([""] * 7),
        claim.delay_reason,
    )


def _claim_dates(claim: Claim837) -> Iterator[str]:
    yield from _days(
        (
            ("431", claim.onset_date),
            ("454", claim.initial_treatment_date),
            ("304", claim.last_seen_date),
            ("453", claim.acute_manifestation_date),
            ("439", claim.accident_date),
        )
    )
    first, last = claim.disability_from, claim.disability_to
    if first is not None and last is not None:
        yield f"DTP*314*RD8*{d8(first)}-{d8(last)}"
    else:
        yield from _days((("360", first), ("361", last)))
    yield from _days((("297", claim.last_worked_date), ("296", claim.return_to_work_date)))


def _days(dates: Iterable[tuple[str, date | None]]) -> Iterator[str]:
    for qualifier, value in dates:
        if value is not None:
            yield f"DTP*{qualifier}*D8*{d8(value)}"


def _attachments(attachments: tuple[Attachment, ...]) -> Iterator[str]:
    for one in attachments:
        number = wire(one.control_number)
        yield segment("PWK", one.report_type, one.transmission, "", "", "AC" if number else "", number)


def _diagnoses(codes: tuple[str, ...]) -> Iterator[str]:
    if codes:
        plain = [wire(code.replace(".", "")) for code in codes]
        yield segment("HI", *[f"{'ABF' if at else 'ABK'}:{code}" for at, code in enumerate(plain)])


def _claim_providers(claim: Claim837) -> Iterator[str]:
    yield from _named("DN", claim.referring)
    yield from _named("P3", claim.primary_care)
    if claim.rendering is not None:
        yield from _rendering(claim.rendering)
    yield from _named("77", claim.service_facility)
    yield from _named("DQ", claim.supervising)


def _named(entity: str, provider: Provider | None) -> Iterator[str]:
    """A provider by name; an address only where it has one (service facility, ordering provider)."""
    if provider is not None:
        yield provider_name(entity, provider)
        yield from _address(provider.address)
        yield from references(provider.secondary_ids)


def _rendering(provider: Provider) -> Iterator[str]:
    yield provider_name("82", provider)
    if provider.taxonomy:
        yield f"PRV*PE*PXC*{wire(provider.taxonomy)}"
    yield from references(provider.secondary_ids)


def cas_segments(adjustments: tuple[Adjustment, ...]) -> Iterator[str]:
    """CAS segments in the order given: neighbours of one group share a segment, at most six to one."""
    open_group, elements = "", list[str]()
    for adjustment in adjustments:
        if elements and (adjustment.group_code != open_group or len(elements) >= 2 + 3 * CAS_TRIPLETS):
            yield segment(*elements)
            elements = []
        if not elements:
            open_group = adjustment.group_code
            elements = ["CAS", open_group]
        quantity = "" if adjustment.quantity is None else number(adjustment.quantity)
        elements += [adjustment.reason_code, number(adjustment.amount), quantity]
    if elements:
        yield segment(*elements)


def _other_payer(other: OtherPayer) -> Iterator[str]:
    yield segment(
        "SBR",
        other.payer_responsibility,
        other.relationship,
        wire(other.group_number),
        wire(other.group_name),
        other.medicare_secondary_reason,
        "",
        "",
        "",
        other.claim_filing_indicator,
    )
    yield from cas_segments(other.adjustments)
    if other.paid_amount is not None:
        yield f"AMT*D*{number(other.paid_amount)}"
    if other.remaining_patient_liability is not None:
        yield f"AMT*EAF*{number(other.remaining_patient_liability)}"
    yield segment("OI", "", "", other.benefits_assigned, "", "", other.release_of_information)
    if other.remark_codes:
        yield segment("MOA", "", "", *other.remark_codes[:MAX_REMARKS])
    yield person_name("IL", other.subscriber, "MI", other.member_id)
    yield from _address(other.subscriber.address)
    yield party_name("PR", other.payer)
    yield from _address(other.payer.address)
    if other.adjudication_date is not None:
        yield f"DTP*573*D8*{d8(other.adjudication_date)}"
    yield from references([*other.payer.secondary_ids, ("F8", other.payer_claim_control_number)])


# --- lines ----------------------------------------------------------------------------------------------------------


def _line(claim: Claim837, line: ServiceLine, position: int) -> Iterator[str]:
    yield f"LX*{position}"
    yield _sv1(line)
    yield from _attachments(line.attachments)
    yield _service_date(line)
    numbers = (line.prior_authorization_number, line.line_control_number, line.referral_number)
    yield from references(zip(("G1", "6R", "9F"), numbers, strict=True))
    if line.note:
        yield f"NTE*ADD*{wire(line.note)}"
    if line.rendering is not None:
        yield from _rendering(line.rendering)
    yield from _named("77", line.service_facility)
    yield from _named("DQ", line.supervising)
    yield from _named("DK", line.ordering)
    yield from _named("DN", line.referring)
    for other in claim.other_payers:
        for adjudication in other.lines:
            if adjudication.line_number == position:
                yield from _adjudication(other.payer.identifier, adjudication)


def _sv1(line: ServiceLine) -> str:
    modifiers = [*map(wire, line.modifiers[:4]), "", "", "", ""][:4]
    return segment(
        "SV1",
        composite("HC", wire(line.procedure_code), *modifiers, wire(line.description)),
        number(line.charge),
        "UN",
        number(line.units),
        line.place_of_service,
        "",
        composite(*map(str, line.diagnosis_pointers)),
        "",
        "",
        "",
        "Y" if line.epsdt else "",
    )


def _service_date(line: ServiceLine) -> str:
    if line.service_date_end is None:
        return f"DTP*472*D8*{d8(line.service_date)}"
    return f"DTP*472*RD8*{d8(line.service_date)}-{d8(line.service_date_end)}"


def _adjudication(payer_id: str, adjudication: LineAdjudication) -> Iterator[str]:
    procedure = composite("HC", wire(adjudication.procedure_code), *map(wire, adjudication.modifiers))
    yield segment("SVD", wire(payer_id), number(adjudication.paid), procedure, "", number(adjudication.units))
    yield from cas_segments(adjudication.adjustments)
    if adjudication.adjudication_date is not None:
        yield f"DTP*573*D8*{d8(adjudication.adjudication_date)}"
    if adjudication.remaining_patient_liability is not None:
        yield f"AMT*EAF*{number(adjudication.remaining_patient_liability)}"


# --- more than fifty lines ------------------------------------------------------------------------------------------


def split_claim(claim: Claim837, max_lines: int = MAX_LINES) -> tuple[Claim837, ...]:
    """The claim as parts of at most `max_lines` lines; itself, alone, when it fits.

    Each part gets its own control number (the old one cut to fit, "-1", "-2", ...), the charge of its lines and its
    share of the other payers' line decisions. What the patient paid stays on the first part.
    """
    if len(claim.lines) <= max_lines:
        return (claim,)
    starts = range(0, len(claim.lines), max_lines)
    return tuple(_part(claim, start, start + max_lines, index) for index, start in enumerate(starts, start=1))


def _part(claim: Claim837, start: int, end: int, index: int) -> Claim837:
    lines = claim.lines[start:end]
    suffix = f"-{index}"
    return replace(
        claim,
        patient_control_number=claim.patient_control_number[: PCN_CHARS - len(suffix)] + suffix,
        charge=sum((line.charge for line in lines), ZERO),
        lines=lines,
        patient_paid=claim.patient_paid if index == 1 else None,
        other_payers=tuple(_payer_part(other, start, end, index) for other in claim.other_payers),
    )


def _payer_part(other: OtherPayer, start: int, end: int, index: int) -> OtherPayer:
    """Line decisions go with their lines; a claim-level decision cannot be divided and stays on the first part."""
    if not other.lines:
        return other if index == 1 else replace(other, adjustments=(), paid_amount=_none_or_zero(other.paid_amount))
    mine = tuple(
        replace(line, line_number=line.line_number - start) for line in other.lines if start < line.line_number <= end
    )
    paid = sum((line.paid for line in mine), ZERO) if other.paid_amount is not None else None
    return replace(other, lines=mine, paid_amount=paid)


def _none_or_zero(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else ZERO.quantize(CENT)
