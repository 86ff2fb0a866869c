"""A therapy practice's claim and remittance, and any number of legal variations of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import strategies as st

from edi.values import npi_is_valid
from edi.x837p import (
    Address,
    Adjustment,
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

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "x12"
"""Public sample files, kept outside the project; tests that read them skip where they are absent."""

ERA = """ISA*00*          *00*          *ZZ*PAYERID        *ZZ*CEDARPT        *260201*0900*^*00501*000000777*0*P*:~
GS*HP*PAYERID*CEDARPT*20260201*0900*777*X*005010X221A1~
ST*835*0001~
BPR*I*111.4*C*ACH*CCP*01*999999992*DA*123456*1512345678**01*999988880*DA*98765*20260203~
TRN*1*EFT0012345*1512345678~
DTM*405*20260201~
N1*PR*EXAMPLE HEALTH PLAN~
REF*2U*60054~
N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893~
REF*TJ*742345678~
LX*1~
CLP*PT000123-1*1*220*126.4*25*12*PAYERICN001*11*1~
NM1*QC*1*DOE*JANE*Q***MI*ABC123456789~
NM1*82*1*LEE*CHRIS****XX*1679576722~
MOA***MA01~
DTM*232*20260110~
DTM*050*20260116~
SVC*HC:97110:GP*150*86.4**2~
DTM*472*20260110~
CAS*CO*45*38.6~
CAS*PR*3*25~
REF*6R*123-1-1~
AMT*B6*111.4~
SVC*HC:97140:GP:59*70*40**1~
DTM*472*20260110~
CAS*CO*45*30~
REF*6R*123-1-2~
CLP*PT000124-1*22*-150*-60**12*PAYERICN002*11*1~
SVC*HC:97110:GP*-150*-60**2~
CAS*CO*45*-90~
CLP*PT000124-1*4*150*0**12*PAYERICN003*11*1~
SVC*HC:97110:GP*150*0**2~
DTM*472*20251210~
CAS*CO*197*150~
LQ*HE*M62~
PLB*1234567893*20261231*WO:PAYERICN009*-45~
SE*35*0001~
GE*1*777~
IEA*1*000000777~
"""

BILLING = Provider(
    npi="1234567893",
    name="CEDAR PHYSICAL THERAPY LLC",
    taxonomy="261QP2000X",
    tax_id="742345678",
    address=Address("100 MAIN ST STE 4", "AUSTIN", "TX", "787010000"),
)
JANE = Person("DOE", "JANE", "Q", "", date(1980, 2, 14), "F", Address("22 OAK LN", "AUSTIN", "TX", "78702"))
CLAIM = Claim837(
    patient_control_number="PT000123-1",
    charge=Decimal(220),
    place_of_service="11",
    billing=BILLING,
    subscriber=Subscriber(JANE, "ABC123456789"),
    payer=Party("EXAMPLE HEALTH PLAN", "60054"),
    diagnoses=("M5450", "M6281"),
    lines=(
        ServiceLine("97110", Decimal(150), Decimal(2), date(2026, 1, 10), ("GP",), "", (1, 2), "", "123-1-1"),
        ServiceLine("97140", Decimal(70), Decimal(1), date(2026, 1, 10), ("GP", "59"), "", (1,), "", "123-1-2"),
    ),
    rendering=Provider("1679576722", "LEE", "CHRIS", is_person=True, taxonomy="225100000X"),
    referring=Provider("1245319599", "SMITH", "ROBERT", is_person=True),
    prior_authorization_number="AUTH98765",
    clearinghouse_trace_number="CLM0000000123",
    onset_date=date(2025, 12, 20),
    initial_treatment_date=date(2026, 1, 2),
)
PRIMARY = OtherPayer(
    payer=Party("PRIMARY PLAN", "12345"),
    subscriber=Person("DOE", "JOHN"),
    member_id="P777",
    relationship="01",
    claim_filing_indicator="BL",
    paid_amount=Decimal("126.4"),
    remaining_patient_liability=Decimal(25),
    lines=(
        LineAdjudication(
            1,
            Decimal("86.4"),
            "97110",
            ("GP",),
            Decimal(2),
            (Adjustment("CO", "45", Decimal("38.6")), Adjustment("PR", "3", Decimal(25))),
            date(2026, 2, 1),
        ),
        LineAdjudication(
            2, Decimal(40), "97140", ("GP", "59"), Decimal(1), (Adjustment("CO", "45", Decimal(30)),), date(2026, 2, 1)
        ),
    ),
)
BATCH = Batch837(
    sender_id="SUBMITTERID",
    receiver_id="RECEIVERID",
    receiver_name="EXAMPLE CLEARINGHOUSE",
    submitter_name="CEDAR THERAPY BILLING",
    contact_name="BILLING OFFICE",
    contact_phone="5125550100",
    usage_indicator="T",
    interchange_control_number=101,
    group_control_number=101,
    created=datetime(2026, 1, 15, 12, 0),  # noqa: DTZ001 - X12 states no zone
    claims=(CLAIM,),
)

# --- variations -----------------------------------------------------------------------------------------------------


def with_check_digit(nine: int) -> str:
    """A valid NPI that begins with 1 and these digits."""
    stem = f"1{nine:08d}"
    return next(stem + str(last) for last in range(10) if npi_is_valid(stem + str(last)))


# Few and cheap draws: a claim has a hundred fields, and hypothesis pays for every character it draws.
NAMES = st.sampled_from(["DOE", "O'NEIL", "VAN DER BERG", "LEE", "SMITH-JONES", "XU", "MARTINEZ DE LA CRUZ"])
CODES = st.integers(1, 10**9).map(lambda n: f"A{n:X}")
IDS = st.integers(0, 10**9).map(lambda n: f"PT-{n}")
NOTES = st.sampled_from(["SEE CHART", "RE-EVAL: 2 VISITS".replace(":", ""), "X", "PT/OT SAME DAY, NO OVERLAP"])
NPIS = st.integers(0, 99_999_999).map(with_check_digit)
DOLLARS = st.integers(1, 50_000).map(lambda cents: Decimal(cents) / 100)
DAYS = st.integers(0, 700).map(lambda days: date(2024, 6, 1) + timedelta(days=days))
ADDRESSES = st.builds(
    Address,
    street=st.integers(1, 9999).map(lambda n: f"{n} OAK ST"),
    city=st.sampled_from(["AUSTIN", "SAN JOSE", "NEW YORK"]),
    state=st.sampled_from(["TX", "CA", "NY", "FL", "WA"]),
    zip_code=st.integers(10**8, 10**9 - 1).map(str),
    street2=st.sampled_from(["", "STE 4"]),
)
PERSONS = st.builds(
    Person,
    last_name=NAMES,
    first_name=NAMES,
    middle_name=st.sampled_from(["", "Q"]),
    suffix=st.sampled_from(["", "JR", "III"]),
    birth_date=DAYS.map(lambda day: day.replace(year=day.year - 40, day=1)),
    sex=st.sampled_from("FMU"),
    address=ADDRESSES,
)
CLINICIANS = st.builds(
    Provider,
    npi=NPIS,
    name=NAMES,
    first_name=NAMES,
    is_person=st.just(True),
    taxonomy=st.sampled_from(["", "225100000X", "225X00000X", "235Z00000X"]),
)
REFERRERS = CLINICIANS.map(lambda p: Provider(p.npi, p.name, p.first_name, is_person=True))
ORGANIZATIONS = st.builds(
    Provider,
    npi=NPIS,
    name=NAMES,
    taxonomy=st.sampled_from(["261QP2000X", "225100000X"]),
    address=ADDRESSES,
    tax_id=st.integers(10**8, 10**9 - 1).map(str),
)
FACILITIES = st.builds(Provider, npi=NPIS, name=NAMES, address=ADDRESSES)
ATTACHMENTS = st.lists(
    st.builds(
        Attachment,
        report_type=st.sampled_from(["OZ", "03", "M1", "PN"]),
        transmission=st.sampled_from(["EL", "BM", "FX"]),
        control_number=CODES,
    )
    | st.just(Attachment("OZ", "AA")),
    max_size=2,
).map(tuple)
LINES = st.builds(
    ServiceLine,
    procedure_code=st.sampled_from(["97110", "97140", "97530", "92507", "97161", "G0283"]),
    charge=DOLLARS,
    units=st.integers(1, 8).map(Decimal),
    service_date=DAYS,
    modifiers=st.lists(st.sampled_from(["GP", "GO", "GN", "59", "KX", "CQ", "95"]), max_size=4, unique=True).map(tuple),
    description=st.sampled_from(["", "CUSTOM SPLINT"]),
    diagnosis_pointers=st.just((1,)),
    place_of_service=st.sampled_from(["", "11", "12", "02"]),
    prior_authorization_number=st.just("") | CODES,
    note=st.just("") | NOTES,
    rendering=st.none() | CLINICIANS,
    service_facility=st.none() | FACILITIES,
    supervising=st.none() | REFERRERS,
    ordering=st.none() | REFERRERS,
    referring=st.none() | REFERRERS,
    referral_number=st.just("") | CODES,
    epsdt=st.booleans(),
    attachments=ATTACHMENTS,
)
DIAGNOSES = st.lists(
    st.sampled_from(["M5450", "M6281", "S83511A", "R262", "Z4789", "G8111", "F802", "M25561", "R1310", "I69354"])
    | st.integers(100, 999).map(lambda n: f"M{n}"),
    min_size=1,
    max_size=12,
    unique=True,
).map(tuple)


@st.composite
def claims(draw: st.DrawFn) -> Claim837:
    """A legal claim: whatever it carries, `check_claim` has no error for it and pyx12 accepts it."""
    diagnoses = draw(DIAGNOSES)
    drawn = draw(st.lists(LINES, min_size=1, max_size=4))
    lines = tuple(_line(draw, line, n, len(diagnoses)) for n, line in enumerate(drawn, start=1))
    dependent = draw(st.booleans())
    person = draw(PERSONS)
    others = draw(st.sampled_from([(), ("P",), ("P", "S")]))
    frequency = draw(st.sampled_from(["1", "7", "8"]))
    accident = draw(st.sampled_from(["", "AA", "EM", "OA"]))
    first = min(line.service_date for line in lines)
    charge = sum((line.charge for line in lines), Decimal(0))
    return Claim837(
        patient_control_number=draw(IDS),
        charge=charge,
        place_of_service=draw(st.sampled_from(["11", "12", "02", "10"])),
        billing=draw(ORGANIZATIONS),
        subscriber=Subscriber(
            person=Person(person.last_name, person.first_name) if dependent else person,
            member_id=draw(CODES),
            payer_responsibility="PST"[len(others)],
            claim_filing_indicator=draw(st.sampled_from(["CI", "BL", "MC", "HM"])),
            group_number=draw(st.just("") | CODES),
        ),
        payer=Party(draw(NAMES), draw(CODES), "PI", draw(st.none() | ADDRESSES)),
        diagnoses=diagnoses,
        lines=lines,
        patient=PatientRecord(draw(PERSONS), draw(st.sampled_from(["01", "19", "20", "G8"]))) if dependent else None,
        frequency_code=frequency,
        original_claim_number=draw(CODES) if frequency != "1" else "",
        rendering=draw(st.none() | CLINICIANS),
        referring=draw(REFERRERS) if draw(st.booleans()) else None,
        primary_care=None,
        supervising=draw(st.none() | REFERRERS),
        service_facility=draw(st.none() | FACILITIES),
        pay_to=draw(st.none() | ADDRESSES),
        prior_authorization_number=draw(st.just("") | CODES),
        referral_number=draw(st.just("") | CODES),
        clearinghouse_trace_number=draw(st.just("") | CODES),
        medical_record_number=draw(st.just("") | CODES),
        onset_date=draw(st.none() | st.just(first - timedelta(days=10))),
        initial_treatment_date=draw(st.none() | st.just(first)),
        accident_type=accident,
        accident_date=first - timedelta(days=30) if accident else None,
        accident_state=draw(st.sampled_from(["TX", "CA"])) if accident == "AA" else "",
        delay_reason=draw(st.sampled_from(["", "3", "7"])),
        special_program=draw(st.sampled_from(["", "02", "05"])),
        service_authorization_exception=draw(st.sampled_from(["", "1", "7"])),
        epsdt_conditions=draw(st.sampled_from([(), ("NU",), ("AV",), ("S2", "ST")])),
        attachments=draw(ATTACHMENTS),
        last_seen_date=draw(st.none() | st.just(first)),
        acute_manifestation_date=draw(st.none() | st.just(first)),
        disability_from=draw(st.none() | st.just(first)),
        disability_to=draw(st.none() | st.just(first + timedelta(days=30))),
        last_worked_date=draw(st.none() | st.just(first)),
        return_to_work_date=draw(st.none() | st.just(first)),
        note=draw(st.just("") | NOTES),
        patient_paid=draw(st.none() | st.just(min(charge, Decimal(25)))),
        other_payers=tuple(_other(draw, rank, f"OP{n}{draw(CODES)}", lines) for n, rank in enumerate(others)),
    )


def _line(draw: st.DrawFn, line: ServiceLine, n: int, diagnoses: int) -> ServiceLine:
    pointers = draw(st.lists(st.integers(1, diagnoses), min_size=1, max_size=4, unique=True))
    return replace(line, diagnosis_pointers=tuple(pointers), line_control_number=draw(st.just("") | st.just(f"L{n}")))


def _other(draw: st.DrawFn, rank: str, identifier: str, lines: tuple[ServiceLine, ...]) -> OtherPayer:
    at_line = draw(st.booleans())
    decisions = tuple(_decision(draw, n, line) for n, line in enumerate(lines, start=1)) if at_line else ()
    paid = sum((d.paid for d in decisions), Decimal(0)) if at_line else draw(DOLLARS)
    return OtherPayer(
        payer=Party(draw(NAMES), identifier),
        subscriber=Person(draw(NAMES), draw(NAMES), address=draw(st.none() | ADDRESSES)),
        member_id=draw(CODES),
        payer_responsibility=rank,
        relationship=draw(st.sampled_from(["18", "01", "19"])),
        claim_filing_indicator=draw(st.sampled_from(["CI", "BL"])),
        paid_amount=paid,
        remaining_patient_liability=draw(st.none() | DOLLARS),
        remark_codes=draw(st.sampled_from([(), ("MA01",), ("MA01", "MA18", "N89")])),
        adjustments=() if at_line else (Adjustment("CO", "45", draw(DOLLARS)), Adjustment("PR", "2", draw(DOLLARS))),
        adjudication_date=None if at_line else draw(DAYS),
        payer_claim_control_number=draw(st.just("") | CODES),
        lines=decisions,
    )


def _decision(draw: st.DrawFn, n: int, line: ServiceLine) -> LineAdjudication:
    contract = draw(st.integers(0, int(line.charge * 100))) / Decimal(100)
    adjustments = (Adjustment("CO", "45", contract),) if contract else ()
    paid = line.charge - contract
    return LineAdjudication(
        n, paid, line.procedure_code, line.modifiers, line.units, adjustments, draw(DAYS), draw(st.none() | DOLLARS)
    )


@st.composite
def batches(draw: st.DrawFn) -> Batch837:
    """One to three legal claims in an envelope."""
    return Batch837(
        sender_id=draw(CODES),
        receiver_id=draw(CODES),
        receiver_name=draw(NAMES),
        submitter_name=draw(NAMES),
        contact_name=draw(NAMES),
        contact_phone=str(draw(st.integers(10**9, 10**10 - 1))),
        usage_indicator=draw(st.sampled_from("TP")),
        interchange_control_number=draw(st.integers(1, 999_999_999)),
        group_control_number=draw(st.integers(1, 999_999_999)),
        created=datetime(2026, 1, 15, 12, 0) + timedelta(seconds=draw(st.integers(0, 10**7))),  # noqa: DTZ001
        claims=tuple(draw(st.lists(claims(), min_size=1, max_size=3))),
        contact_email=draw(st.sampled_from(["", "BILLING@CEDAR.EXAMPLE"])),
    )
