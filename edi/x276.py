"""Writes the 276 (005010X212): where is this claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from edi.envelope import Outgoing, clock, file_text, segment
from edi.values import d8, number, wire
from edi.x837p_records import Party, PatientRecord, Person, Provider
from edi.x837p_writer import party_name, person_name, provider_name

GUIDE = "005010X212"


@dataclass(frozen=True, slots=True)
class StatusInquiry:
    """One question about one claim. `trace_number` comes back in 277 TRN02; the charge is in dollars.

    `patient` is None when the patient is the subscriber. The payer finds the claim by its own number when it has one,
    otherwise by patient, dates of service and charge.
    """

    trace_number: str
    payer: Party
    receiver: Party
    provider: Provider
    subscriber: Person
    member_id: str
    charge: Decimal
    service_date_from: date
    service_date_to: date
    patient: PatientRecord | None = None
    patient_control_number: str = ""
    payer_claim_control_number: str = ""


def write_276(out: Outgoing, inquiries: tuple[StatusInquiry, ...]) -> str:
    """The whole file, one ST per question."""
    return file_text(out, "HR", GUIDE, (_transaction(out, inquiry) for inquiry in inquiries))


def _transaction(out: Outgoing, inquiry: StatusInquiry) -> Iterator[str]:
    yield f"BHT*0010*13*{wire(inquiry.trace_number)}*{d8(out.created)}*{clock(out.created)}"
    yield "HL*1**20*1"
    yield party_name("PR", inquiry.payer)
    yield "HL*2*1*21*1"
    yield party_name("41", inquiry.receiver)
    yield "HL*3*2*19*1"
    yield provider_name("1P", inquiry.provider)
    yield f"HL*4*3*22*{0 if inquiry.patient is None else 1}"
    if inquiry.patient is None:
        yield from _birth(inquiry.subscriber)
        yield person_name("IL", inquiry.subscriber, "MI", inquiry.member_id)
    else:
        yield person_name("IL", inquiry.subscriber, "MI", inquiry.member_id)
        yield "HL*5*4*23"
        yield from _birth(inquiry.patient.person)
        yield person_name("QC", inquiry.patient.person)
    yield from _claim(inquiry)


def _birth(person: Person) -> Iterator[str]:
    if person.birth_date is not None:
        yield segment("DMG", "D8", d8(person.birth_date), person.sex if person.sex in ("F", "M") else "")


def _claim(inquiry: StatusInquiry) -> Iterator[str]:
    yield f"TRN*1*{wire(inquiry.trace_number)}"
    if inquiry.payer_claim_control_number:
        yield f"REF*1K*{wire(inquiry.payer_claim_control_number)}"
    if inquiry.patient_control_number:
        yield f"REF*EJ*{wire(inquiry.patient_control_number)}"
    yield f"AMT*T3*{number(inquiry.charge)}"
    first, last = d8(inquiry.service_date_from), d8(inquiry.service_date_to)
    yield f"DTP*472*D8*{first}" if first == last else f"DTP*472*RD8*{first}-{last}"
