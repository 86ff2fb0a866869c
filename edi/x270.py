"""Writes the 270 (005010X279A1): is this patient covered, and for which therapy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from edi.envelope import Outgoing, clock, file_text, segment
from edi.values import d8, wire
from edi.x837p_records import Party, PatientRecord, Person, Provider
from edi.x837p_writer import party_name, person_name, provider_name

GUIDE = "005010X279A1"
HEALTH_PLAN = "30"
PHYSICAL_THERAPY = "PT"
OCCUPATIONAL_THERAPY = "AD"
SPEECH_THERAPY = "AF"
"""EQ01 service type codes (005010X279A1) a therapy practice asks for."""


@dataclass(frozen=True, slots=True)
class EligibilityInquiry:
    """One question about one patient. `trace_number` comes back in 271 TRN02, where `originator_id` is given.

    `originator_id` is TRN03, ten characters, which every TRN must have; without it no TRN is sent. `patient` is None
    when the patient is the subscriber; `service_types` are EQ01 codes ("30" is the plan as a whole).
    """

    trace_number: str
    payer: Party
    provider: Provider
    subscriber: Person
    member_id: str
    service_date: date
    originator_id: str = ""
    patient: PatientRecord | None = None
    group_number: str = ""
    service_types: tuple[str, ...] = (HEALTH_PLAN,)


def write_270(out: Outgoing, inquiries: tuple[EligibilityInquiry, ...]) -> str:
    """The whole file, one ST per question."""
    return file_text(out, "HS", GUIDE, (_transaction(out, inquiry) for inquiry in inquiries))


def _transaction(out: Outgoing, inquiry: EligibilityInquiry) -> Iterator[str]:
    yield f"BHT*0022*13*{wire(inquiry.trace_number)}*{d8(out.created)}*{clock(out.created)}"
    yield "HL*1**20*1"
    yield party_name("PR", inquiry.payer)
    yield "HL*2*1*21*1"
    yield provider_name("1P", inquiry.provider)
    yield f"HL*3*2*22*{0 if inquiry.patient is None else 1}"
    if inquiry.patient is None:
        yield from _trace(inquiry)
    yield person_name("IL", inquiry.subscriber, "MI", inquiry.member_id)
    if inquiry.group_number:
        yield segment("REF", "6P", wire(inquiry.group_number))
    yield from _birth(inquiry.subscriber)
    if inquiry.patient is not None:
        yield "HL*4*3*23*0"
        yield from _trace(inquiry)
        yield person_name("03", inquiry.patient.person)
        yield from _birth(inquiry.patient.person)
    yield f"DTP*291*D8*{d8(inquiry.service_date)}"
    for service_type in inquiry.service_types:
        yield f"EQ*{service_type}"


def _trace(inquiry: EligibilityInquiry) -> Iterator[str]:
    if inquiry.originator_id:
        yield segment("TRN", "1", wire(inquiry.trace_number), wire(inquiry.originator_id))


def _birth(person: Person) -> Iterator[str]:
    if person.birth_date is not None:
        yield segment("DMG", "D8", d8(person.birth_date), person.sex if person.sex in ("F", "M") else "")
