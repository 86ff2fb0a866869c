"""Where each of our fields travels in the 837P: the crosswalk as data, one table for people and tests."""

from __future__ import annotations

from typing import NamedTuple

INTRODUCTION = """# From our fields to the 837P

Where each field of a claim (`edi/x837p_records.py`) stands in the 837P (005010X222A1), and when it is sent. How a visit
becomes these fields is in `edi/filing.py`. This page is made from `edi/x837p_crosswalk.py`:
`python -m edi.x837p_crosswalk` writes it anew.

"""


class CrosswalkRow(NamedTuple):
    """Our field, and the loop, segment and element of 005010X222A1 that carry it, and when."""

    field: str
    loop: str
    segment: str
    element: str
    when: str


def _rows(text: str) -> tuple[CrosswalkRow, ...]:
    rows = []
    for line in text.strip().splitlines():
        field, loop, segment, element, when = (cell.strip() for cell in line.split("|"))
        rows.append(CrosswalkRow(field, loop, segment, element, when))
    return tuple(rows)


CROSSWALK = _rows("""
Batch837.sender_id | envelope | ISA, GS, NM1*41 | ISA06, GS02, NM109 | always
Batch837.receiver_id | envelope | ISA, GS, NM1*40 | ISA08, GS03, NM109 | always
Batch837.usage_indicator | envelope | ISA | ISA15 | T test, P production
Batch837.interchange_control_number | envelope | ISA, IEA, BHT | ISA13, IEA02, BHT03 | always; never used twice
Batch837.group_control_number | envelope | GS, GE | GS06, GE02 | always; the 999 returns it in AK102
position of the claim in the batch | envelope | ST, SE | ST02, SE02 | always; the 999 returns it in AK202
Batch837.created | envelope | ISA, GS, BHT | ISA09-10, GS04-05, BHT04-05 | always
Batch837.submitter_name | 1000A | NM1*41 | NM103 | always
Batch837.contact_name, contact_phone, contact_email | 1000A | PER*IC | PER02, PER04, PER06 | always
Batch837.receiver_name | 1000B | NM1*40 | NM103 | always
Claim837.billing.taxonomy | 2000A | PRV*BI | PRV03 | when known
Claim837.billing.name, npi | 2010AA | NM1*85 | NM103-105, NM109 | always
Claim837.billing.address | 2010AA | N3, N4 | N301-302, N401-403 | always; street, ZIP with nine digits
Claim837.billing.tax_id | 2010AA | REF*EI or REF*SY | REF02 | always
Claim837.pay_to | 2010AB | NM1*87, N3, N4 | N301-302, N401-403 | payment goes elsewhere, or a PO box
Subscriber.payer_responsibility | 2000B | SBR | SBR01 | always: P, S, T
patient is the subscriber | 2000B | SBR | SBR02 = 18 | Claim837.patient is None
Subscriber.group_number, group_name | 2000B | SBR | SBR03, SBR04 | when known
Subscriber.medicare_secondary_reason | 2000B | SBR | SBR05 | Medicare is not primary
Subscriber.claim_filing_indicator | 2000B | SBR | SBR09 | always
Subscriber.person, member_id | 2010BA | NM1*IL | NM103-107, NM109 | always
Subscriber.person.address, birth_date, sex | 2010BA | N3, N4, DMG | DMG02, DMG03 | patient is the subscriber
Claim837.payer | 2010BB | NM1*PR, N3, N4 | NM103, NM108-109 | always
PatientRecord.relationship | 2000C | PAT | PAT01 | patient is not the subscriber
PatientRecord.person | 2010CA | NM1*QC, N3, N4, DMG | NM103-107, DMG02-03 | patient is not the subscriber
Claim837.property_casualty_claim_number | 2010BA or 2010CA | REF*Y4 | REF02 | workers' compensation, auto
Claim837.patient_control_number | 2300 | CLM | CLM01 | always; returned in 835 CLP01 and 277CA 2200D TRN02
Claim837.charge | 2300 | CLM | CLM02 | always; sum of the lines
Claim837.place_of_service | 2300 | CLM | CLM05-1 | always
Claim837.frequency_code | 2300 | CLM | CLM05-3 | always: 1, 7, 8
Claim837.provider_signature, assignment | 2300 | CLM | CLM06, CLM07 | always
Claim837.benefits_assigned, release_of_information | 2300 | CLM | CLM08, CLM09 | always
Claim837.accident_type, accident_state | 2300 | CLM | CLM11-1, CLM11-4 | accident; state for auto
Claim837.special_program | 2300 | CLM | CLM12 | Medicaid programme, disability: 02, 03, 05, 09
Claim837.delay_reason | 2300 | CLM | CLM20 | filed late for a reason
Claim837.onset_date | 2300 | DTP*431 | DTP03 | payer wants it
Claim837.initial_treatment_date | 2300 | DTP*454 | DTP03 | payer wants it
Claim837.last_seen_date | 2300 | DTP*304 | DTP03 | payer wants it; rare since 2010
Claim837.acute_manifestation_date | 2300 | DTP*453 | DTP03 | payer wants it
Claim837.accident_date | 2300 | DTP*439 | DTP03 | accident
Claim837.disability_from, disability_to | 2300 | DTP*314, or DTP*360 or 361 | DTP03 | workers' compensation
Claim837.last_worked_date, return_to_work_date | 2300 | DTP*297, DTP*296 | DTP03 | workers' compensation
Claim837.attachments | 2300 | PWK | PWK01, PWK02, PWK06 | records go beside the claim; up to ten
Claim837.patient_paid | 2300 | AMT*F5 | AMT02 | the patient paid something
Claim837.service_authorization_exception | 2300 | REF*4N | REF02 | payer excepted it: 1 to 7
Claim837.referral_number | 2300 | REF*9F | REF02 | payer gave one
Claim837.prior_authorization_number | 2300 | REF*G1 | REF02 | authorized
Claim837.original_claim_number | 2300 | REF*F8 | REF02 | frequency 7 and 8
Claim837.clearinghouse_trace_number | 2300 | REF*D9 | REF02 | clearinghouse wants it
Claim837.medical_record_number | 2300 | REF*EA | REF02 | payer wants it
Claim837.note | 2300 | NTE*ADD | NTE02 | payer wants words
Claim837.epsdt_conditions | 2300 | CRC*ZZ | CRC03-05 | Medicaid, after a child's screening
Claim837.diagnoses | 2300 | HI | HI01 ABK, HI02-12 ABF | always; 1 to 12
Claim837.referring | 2310A | NM1*DN | NM103-105, NM109 | Medicare therapy: who certified the plan of care
Claim837.primary_care | 2310A | NM1*P3 | NM103-105, NM109 | payer wants the family doctor besides
Claim837.rendering | 2310B | NM1*82, PRV*PE | NM103-105, NM109, PRV03 | differs from the billing provider
Claim837.service_facility | 2310C | NM1*77, N3, N4 | NM103, NM109 | place differs from the billing address
Claim837.supervising | 2310D | NM1*DQ | NM103-105, NM109 | payer wants the supervisor of an assistant
OtherPayer.payer_responsibility, relationship | 2320 | SBR | SBR01, SBR02 | another payer
OtherPayer.adjustments | 2320 | CAS | CAS01-19 | decided at claim level
OtherPayer.paid_amount | 2320 | AMT*D | AMT02 | decided
OtherPayer.remaining_patient_liability | 2320 | AMT*EAF | AMT02 | decided
OtherPayer.benefits_assigned, release_of_information | 2320 | OI | OI03, OI06 | another payer
OtherPayer.remark_codes | 2320 | MOA | MOA03-07 | decided, with remarks on the claim
OtherPayer.subscriber, member_id | 2330A | NM1*IL, N3, N4 | NM103-105, NM109 | another payer
OtherPayer.payer | 2330B | NM1*PR, N3, N4 | NM103, NM108-109 | another payer
OtherPayer.adjudication_date | 2330B | DTP*573 | DTP03 | decided, and no line dates
OtherPayer.payer_claim_control_number | 2330B | REF*F8 | REF02 | decided
position of the line | 2400 | LX | LX01 | always
ServiceLine.procedure_code, modifiers | 2400 | SV1 | SV101-2, SV101-3 to -6 | always; up to four modifiers
ServiceLine.description | 2400 | SV1 | SV101-7 | unlisted codes
ServiceLine.charge, units | 2400 | SV1 | SV102, SV103 = UN, SV104 | always
ServiceLine.place_of_service | 2400 | SV1 | SV105 | differs from the claim
ServiceLine.diagnosis_pointers | 2400 | SV1 | SV107-1 to -4 | always; the first is primary
ServiceLine.epsdt | 2400 | SV1 | SV111 = Y | Medicaid, after a child's screening
ServiceLine.attachments | 2400 | PWK | PWK01, PWK02, PWK06 | records for one line
ServiceLine.service_date | 2400 | DTP*472 | DTP03 | always; D8, or RD8 with an end
ServiceLine.prior_authorization_number | 2400 | REF*G1 | REF02 | differs from the claim
ServiceLine.line_control_number | 2400 | REF*6R | REF02 | always; the 835 returns it in 2110 REF*6R
ServiceLine.referral_number | 2400 | REF*9F | REF02 | differs from the claim
ServiceLine.note | 2400 | NTE*ADD | NTE02 | payer wants words
ServiceLine.rendering | 2420A | NM1*82, PRV*PE | NM103-105, NM109, PRV03 | differs from the claim
ServiceLine.service_facility | 2420C | NM1*77, N3, N4 | NM103, NM109 | differs from the claim
ServiceLine.supervising | 2420D | NM1*DQ | NM103-105, NM109 | differs from the claim
ServiceLine.ordering | 2420E | NM1*DK | NM103-105, NM109 | tests and equipment; not therapy under a plan of care
ServiceLine.referring | 2420F | NM1*DN | NM103-105, NM109 | differs from the claim
LineAdjudication.paid, procedure_code, modifiers, units | 2430 | SVD | SVD02, SVD03, SVD05 | decided at line level
LineAdjudication.adjustments | 2430 | CAS | CAS01-19 | decided at line level
LineAdjudication.adjudication_date | 2430 | DTP*573 | DTP03 | decided at line level
LineAdjudication.remaining_patient_liability | 2430 | AMT*EAF | AMT02 | decided at line level
start and stop times, minutes | none | none | none | they stay in the chart; the 837P has no home for them
plan of care and its certification | none | none | none | internal gate; no segment carries it
supervision, licence, progress reports | none | none | none | internal gates
""")


def render_crosswalk() -> str:
    """The crosswalk as a Markdown table."""
    head = ["| our field | loop | segment | element | when |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in CROSSWALK)]) + "\n"


def render_page() -> str:
    """docs/crosswalk.md."""
    return INTRODUCTION + render_crosswalk()


if __name__ == "__main__":
    from pathlib import Path

    (Path(__file__).parents[1] / "docs" / "crosswalk.md").write_text(render_page())
