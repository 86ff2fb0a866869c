"""Checks of an 837P claim that a guide validator does not make: sums, pointers, identifiers, therapy billing.

Each check is a small generator of problems; none needs the clock, a payer's rules or a code list. Sources: 005010X222A1
as implemented (pyx12 4.0 maps), HIPAA's 20 characters of CLM01, CMS NPI check digit, ICD-10-CM and HCPCS code shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from edi.findings import WARN, Problem
from edi.values import ZERO, npi_is_valid, wire
from edi.x837p_records import (
    Address,
    Attachment,
    Batch837,
    Claim837,
    LineAdjudication,
    OtherPayer,
    PatientRecord,
    Person,
    Provider,
    ServiceLine,
)
from edi.x837p_writer import MAX_DIAGNOSES, MAX_LINES, PCN_CHARS

MAX_POINTERS = 4
MAX_MODIFIERS = 4
MAX_OTHER_PAYERS = 10
LINE_CONTROL_CHARS = 30
"""REF*6R longer than this is cut or refused downstream (X12 allows 50)."""
NOTE_CHARS = 80
MIN_ID_CHARS = 2
"""NM109 has 2 to 80 characters (005010)."""
FREQUENCIES = ("1", "7", "8")
FILING_INDICATORS = frozenset(
    {"11", "12", "13", "14", "15", "16", "17", "AM", "BL", "CH", "CI", "DS"}
    | {"FI", "HM", "LM", "MA", "MB", "MC", "OF", "TV", "VA", "WC", "ZZ"}
)
RELATIONSHIPS = frozenset({"01", "19", "20", "21", "39", "40", "53", "G8"})
DELAY_REASONS = frozenset({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "15"})
RANKS = frozenset("PSTABCDEFGHU")
SPECIAL_PROGRAMS = frozenset({"02", "03", "05", "09"})
AUTHORIZATION_EXCEPTIONS = frozenset("1234567")
EPSDT_CONDITIONS = frozenset({"AV", "NU", "S2", "ST"})
MAX_EPSDT = 3
MAX_ATTACHMENTS = 10
ON_REQUEST = "AA"
TRANSMISSIONS = frozenset({ON_REQUEST, "BM", "EL", "EM", "FT", "FX"})
ACCIDENT_TYPES = frozenset({"AA", "EM", "OA"})
_DIAGNOSIS = re.compile(r"[A-Z]\d[0-9A-Z][0-9A-Z]{0,4}")
_PROCEDURE = re.compile(r"[A-Z0-9]\d{3}[A-Z0-9]")
_TAXONOMY = re.compile(r"[0-9A-Z]{9}X")
_PO_BOX = re.compile(r"\b(P\.? ?O\.?|POST OFFICE) ?BOX\b", re.IGNORECASE)
_REPORT_TYPE = re.compile(r"[0-9A-Z]{2}")
_PLACE = re.compile(r"\d\d")
_DIGITS = re.compile(r"\d+", re.ASCII)
MEDICARE_PART_B = "MB"
_LETTER = "AC-HJKMNP-RT-Y"  # none of S, L, O, I, B, Z
_MBI = re.compile(f"[1-9][{_LETTER}][{_LETTER}0-9][0-9][{_LETTER}][{_LETTER}0-9][0-9][{_LETTER}]{{2}}[0-9]{{2}}")
_UNDER_A_PLAN = frozenset({"GP", "GO", "GN"})


def check_claim(claim: Claim837) -> list[Problem]:
    """What is wrong with this claim before it is sent; empty when nothing is. Errors block, warnings are advice."""
    checks = (
        _identity,
        _money,
        _frequency,
        _providers,
        _billing_address,
        _programs,
        _subscriber,
        _medicare,
        _patient,
        _diagnoses,
        _dates,
        _line_control,
        _lines,
        _characters,
        _coordination,
    )
    return [problem for check in checks for problem in check(claim)]


def check_batch(batch: Batch837) -> list[Problem]:
    """Every claim's problems, and those of the file: the same control number twice, envelope ids that do not fit."""
    problems = [problem for claim in batch.claims for problem in check_claim(claim)]
    seen: set[str] = set()
    for claim in batch.claims:
        if claim.patient_control_number in seen:
            problems.append(_p(claim, "CLAIM_ID_TWICE", "The same patient control number stands twice in this file."))
        seen.add(claim.patient_control_number)
    for name, value in (("sender", batch.sender_id), ("receiver", batch.receiver_id)):
        if not 1 <= len(value) <= 15:
            problems.append(Problem("ENVELOPE_ID", f"The {name} id must have 1 to 15 characters; it reads {value!r}."))
    if not 1 <= batch.interchange_control_number <= 999_999_999:
        problems.append(Problem("CONTROL_NUMBER", "The interchange control number must have 1 to 9 digits."))
    if batch.usage_indicator not in ("T", "P"):
        problems.append(Problem("USAGE", "The usage indicator must be T (test) or P (production)."))
    if not batch.claims:
        problems.append(Problem("NO_CLAIMS", "This file holds no claim."))
    return problems


def _p(claim: Claim837, code: str, message: str, segment: str = "CLM", amount: Decimal | None = None) -> Problem:
    return Problem(code, message, 0, segment, claim.patient_control_number, amount)


def _advice(claim: Claim837, code: str, message: str, segment: str) -> Problem:
    return Problem(code, message, 0, segment, claim.patient_control_number, None, WARN)


def _identity(claim: Claim837) -> Iterator[Problem]:
    pcn = claim.patient_control_number
    if not pcn.strip():
        yield _p(claim, "CLAIM_ID_BLANK", "The claim has no patient control number (CLM01).")
    if len(pcn) > PCN_CHARS:
        message = f"The patient control number has {len(pcn)} characters; payers return only {PCN_CHARS}."
        yield _p(claim, "CLAIM_ID_LONG", message)
    if not _PLACE.fullmatch(claim.place_of_service):
        yield _p(claim, "PLACE_OF_SERVICE", f"Place of service {claim.place_of_service!r} is not two digits.")
    if len(claim.payer.identifier.strip()) < MIN_ID_CHARS:
        yield _p(claim, "PAYER_ID", "The payer has no identifier of two characters or more (2010BB NM109).", "NM1")
    if claim.subscriber.payer_responsibility not in RANKS:
        yield _p(claim, "PAYER_SEQUENCE", "Payer responsibility (SBR01) must be P, S or T.", "SBR")
    if claim.delay_reason and claim.delay_reason not in DELAY_REASONS:
        yield _p(claim, "DELAY_REASON", f"Delay reason {claim.delay_reason} is not a code for CLM20.")


def _money(claim: Claim837) -> Iterator[Problem]:
    total = sum((line.charge for line in claim.lines), ZERO)
    if total != claim.charge:
        off = claim.charge - total
        message = f"The claim charges {claim.charge}, its lines charge {total} together: off by {off}."
        yield _p(claim, "CHARGE_TOTAL", message, "CLM", off)
    amounts = [("claim charge", claim.charge), *((f"charge of line {n}", x.charge) for n, x in _numbered(claim))]
    if claim.patient_paid is not None:
        amounts.append(("amount the patient paid", claim.patient_paid))
        if claim.patient_paid > claim.charge:
            yield _p(claim, "PATIENT_PAID", "The patient paid more than the claim charges.", "AMT")
    for name, amount in amounts:
        if not amount.is_finite() or amount < 0:
            yield _p(claim, "NEGATIVE", f"The {name} is {amount}; it must not be below zero.", "CLM", amount)
        elif amount != round(amount, 2):
            yield _p(claim, "CENTS", f"The {name} is {amount}; dollars have two decimals.", "CLM", amount)


def _numbered(claim: Claim837) -> Iterator[tuple[int, ServiceLine]]:
    return iter(enumerate(claim.lines, start=1))


def _frequency(claim: Claim837) -> Iterator[Problem]:
    code = claim.frequency_code
    if code not in FREQUENCIES:
        yield _p(claim, "FREQUENCY", f"Frequency code {code!r} is not 1 (original), 7 (replace) or 8 (void).")
    if code in ("7", "8") and not claim.original_claim_number:
        message = f"Frequency {code} needs the payer's own number of the earlier claim (REF*F8)."
        yield _p(claim, "ORIGINAL_REFERENCE", message, "REF")
    if code == "1" and claim.original_claim_number:
        message = "An original claim carries no earlier claim number (REF*F8); is frequency 7 meant?"
        yield _advice(claim, "ORIGINAL_REFERENCE_UNUSED", message, "REF")


def _providers(claim: Claim837) -> Iterator[Problem]:
    named: list[tuple[str, Provider | None]] = [
        ("billing provider", claim.billing),
        ("rendering provider", claim.rendering),
        ("referring provider", claim.referring),
        ("primary care provider", claim.primary_care),
        ("supervising provider", claim.supervising),
        ("service facility", claim.service_facility),
        *(named for n, line in _numbered(claim) for named in _line_providers(n, line)),
    ]
    for role, provider in named:
        if provider is not None:
            yield from _provider(claim, role, provider)
    if len(claim.billing.tax_id.replace("-", "")) != 9 or not _DIGITS.fullmatch(claim.billing.tax_id.replace("-", "")):
        yield _p(claim, "TAX_ID", "The billing provider's tax id (REF*EI) must have nine digits.", "REF")


def _line_providers(n: int, line: ServiceLine) -> Iterator[tuple[str, Provider | None]]:
    yield f"rendering provider of line {n}", line.rendering
    yield f"service facility of line {n}", line.service_facility
    yield f"supervising provider of line {n}", line.supervising
    yield f"ordering provider of line {n}", line.ordering
    yield f"referring provider of line {n}", line.referring


def _provider(claim: Claim837, role: str, provider: Provider) -> Iterator[Problem]:
    if not provider.npi and not role.startswith("service facility"):
        yield _p(claim, "NPI_MISSING", f"The {role} has no NPI.", "NM1")
    if provider.npi and not npi_is_valid(provider.npi):
        message = f"The NPI of the {role}, {provider.npi}, is wrong: ten digits with a check digit are needed."
        yield _p(claim, "NPI_INVALID", message, "NM1")
    if provider.taxonomy and not _TAXONOMY.fullmatch(provider.taxonomy):
        message = f"Taxonomy {provider.taxonomy} of the {role} is not ten characters ending in X."
        yield _p(claim, "TAXONOMY", message, "PRV")
    if not provider.name.strip():
        yield _p(claim, "NAME_MISSING", f"The {role} has no name.", "NM1")
    if provider.is_person and not provider.first_name.strip():
        yield _advice(claim, "FIRST_NAME", f"The {role} is a person without first name.", "NM1")


def _billing_address(claim: Claim837) -> Iterator[Problem]:
    address = claim.billing.address
    if address is None:
        yield _p(claim, "BILLING_ADDRESS", "The billing provider has no address.", "N3")
        return
    if not _DIGITS.fullmatch(address.zip_code.replace("-", "")) or len(address.zip_code.replace("-", "")) != 9:
        yield _p(claim, "BILLING_ZIP", "The billing provider's ZIP code must have nine digits.", "N4")
    if _PO_BOX.search(address.street):
        message = "The billing address must be a street, not a PO box; a PO box goes to the pay-to address."
        yield _p(claim, "BILLING_PO_BOX", message, "N3")
    facilities = [("service facility", claim.service_facility)]
    facilities += [(f"service facility of line {n}", line.service_facility) for n, line in _numbered(claim)]
    for name, facility in facilities:
        if facility is not None and facility.address is None:
            yield _p(claim, "FACILITY_ADDRESS", f"The {name} has no address.", "N3")
        elif facility is not None and facility.address and len(facility.address.zip_code.replace("-", "")) != 9:
            yield _p(claim, "FACILITY_ZIP", f"The {name}'s ZIP code must have nine digits.", "N4")


def _programs(claim: Claim837) -> Iterator[Problem]:
    """Codes that few plans ask for: special programmes, EPSDT, exceptions from authorization, attachments."""
    coded = (
        ("SPECIAL_PROGRAM", "CLM12", {claim.special_program}, SPECIAL_PROGRAMS),
        ("AUTHORIZATION_EXCEPTION", "REF*4N", {claim.service_authorization_exception}, AUTHORIZATION_EXCEPTIONS),
        ("EPSDT", "CRC*ZZ", set(claim.epsdt_conditions), EPSDT_CONDITIONS),
    )
    for code, place, given, allowed in coded:
        for value in sorted(given - allowed - {""}):
            yield _p(claim, code, f"{value} is not a code for {place}.")
    if len(claim.epsdt_conditions) > MAX_EPSDT or ("NU" in claim.epsdt_conditions and len(claim.epsdt_conditions) > 1):
        yield _p(claim, "EPSDT", "CRC*ZZ holds one to three conditions, and NU (not used) stands alone.", "CRC")
    for what, attachments in (("The claim", claim.attachments), *_line_attachments(claim)):
        if len(attachments) > MAX_ATTACHMENTS:
            yield _p(claim, "ATTACHMENT_COUNT", f"{what} has more than {MAX_ATTACHMENTS} attachments (PWK).", "PWK")
        for one in attachments:
            yield from _attachment(claim, what, one)


def _line_attachments(claim: Claim837) -> Iterator[tuple[str, tuple[Attachment, ...]]]:
    for n, line in _numbered(claim):
        yield f"Line {n}", line.attachments


def _attachment(claim: Claim837, what: str, one: Attachment) -> Iterator[Problem]:
    if one.transmission not in TRANSMISSIONS:
        message = f"{what} has an attachment sent by {one.transmission or '(blank)'}, which is not a code for PWK02."
        yield _p(claim, "ATTACHMENT", message, "PWK")
    elif (one.transmission == ON_REQUEST) == bool(one.control_number):
        message = f"{what} has an attachment that needs a control number unless it is available on request (AA)."
        yield _p(claim, "ATTACHMENT", message, "PWK")
    if not _REPORT_TYPE.fullmatch(one.report_type):
        yield _p(claim, "ATTACHMENT", f"{what}: {one.report_type or '(blank)'} is no report type (PWK01).", "PWK")


def _subscriber(claim: Claim837) -> Iterator[Problem]:
    subscriber = claim.subscriber
    if len(subscriber.member_id.strip()) < MIN_ID_CHARS:
        yield _p(claim, "MEMBER_ID", "The subscriber has no member id of two characters or more.", "NM1")
    if subscriber.claim_filing_indicator not in FILING_INDICATORS:
        code = subscriber.claim_filing_indicator or "blank"
        yield _p(claim, "FILING_INDICATOR", f"Claim filing indicator {code} is not an SBR09 code.", "SBR")
    if not subscriber.person.last_name.strip():
        yield _p(claim, "NAME_MISSING", "The subscriber has no name.", "NM1")
    if claim.patient is None:
        yield from _demographics(claim, "The subscriber, who is the patient,", subscriber.person)


def _medicare(claim: Claim837) -> Iterator[Problem]:
    """What Part B returns at the door: a number that is no MBI (CMS, Understanding the MBI; 277CA A7/164), and therapy
    without the one referring provider who certifies the plan of care (Noridian JE, therapy certification).
    """
    if claim.subscriber.claim_filing_indicator != MEDICARE_PART_B:
        return
    if not _MBI.fullmatch(claim.subscriber.member_id.strip().upper()):
        message = (
            "The member id is no Medicare beneficiary identifier: eleven characters like 1EG4TE5MK73, without dashes."
        )
        yield _p(claim, "MBI", message, "NM1")
    therapy = any(not _UNDER_A_PLAN.isdisjoint(line.modifiers) for line in claim.lines)
    if therapy and claim.referring is None:
        message = "Medicare wants therapy claims to name who certifies the plan of care as referring provider (NM1*DN)."
        yield _p(claim, "REFERRING_MISSING", message, "NM1")


def _patient(claim: Claim837) -> Iterator[Problem]:
    patient: PatientRecord | None = claim.patient
    if patient is None:
        return
    if patient.relationship not in RELATIONSHIPS:
        yield _p(claim, "RELATIONSHIP", f"Relationship {patient.relationship!r} is not a PAT01 code.", "PAT")
    if not patient.person.last_name.strip():
        yield _p(claim, "NAME_MISSING", "The patient has no name.", "NM1")
    yield from _demographics(claim, "The patient", patient.person)


def _demographics(claim: Claim837, who: str, person: Person) -> Iterator[Problem]:
    if person.birth_date is None:
        yield _p(claim, "BIRTH_DATE", f"{who} has no birth date.", "DMG")
    elif any(line.service_date < person.birth_date for line in claim.lines):
        yield _p(claim, "BIRTH_DATE", f"{who} was born after a date of service.", "DMG")
    if person.sex not in ("F", "M", "U") or not person.sex:
        yield _p(claim, "SEX", f"{who} needs sex F, M or U for DMG03.", "DMG")
    yield from _address(claim, who, person.address)


def _address(claim: Claim837, who: str, address: Address | None) -> Iterator[Problem]:
    if address is None or not (address.street.strip() and address.city.strip()):
        yield _p(claim, "ADDRESS", f"{who} has no address.", "N3")
        return
    digits = address.zip_code.replace("-", "")
    if address.state and (not _DIGITS.fullmatch(digits) or len(digits) not in (5, 9)):
        yield _p(claim, "ZIP", f"{who} needs a ZIP code of five or nine digits.", "N4")


def _diagnoses(claim: Claim837) -> Iterator[Problem]:
    if not 1 <= len(claim.diagnoses) <= MAX_DIAGNOSES:
        message = f"The claim has {len(claim.diagnoses)} diagnoses; 1 to {MAX_DIAGNOSES} are possible."
        yield _p(claim, "DIAGNOSIS_COUNT", message, "HI")
    plain = [code.replace(".", "") for code in claim.diagnoses]
    for code in plain:
        if not _DIAGNOSIS.fullmatch(code):
            yield _p(claim, "DIAGNOSIS_FORMAT", f"{code or 'A blank'} has not the shape of an ICD-10-CM code.", "HI")
    for code in sorted({code for code in plain if plain.count(code) > 1}):
        yield _p(claim, "DIAGNOSIS_TWICE", f"Diagnosis {code} stands twice on the claim.", "HI")


def _dates(claim: Claim837) -> Iterator[Problem]:
    kind = claim.accident_type
    if kind and kind not in ACCIDENT_TYPES:
        yield _p(claim, "ACCIDENT_TYPE", f"Accident type {kind} is not AA, EM or OA.")
    if kind and claim.accident_date is None:
        yield _p(claim, "ACCIDENT_DATE", "A claim for an accident needs the accident date (DTP*439).", "DTP")
    if kind == "AA" and not claim.accident_state:
        yield _p(claim, "ACCIDENT_STATE", "An auto accident needs the state where it happened (CLM11-4).")
    if claim.accident_date is not None and not kind:
        yield _p(claim, "ACCIDENT_TYPE", "There is an accident date but no accident type (CLM11).")
    if not claim.lines:
        return
    first = min(line.service_date for line in claim.lines)
    onset = claim.onset_date or claim.accident_date
    if onset is not None and onset > first:
        yield _p(claim, "ONSET_DATE", "The onset or accident lies after the first date of service.", "DTP")
    for n, line in _numbered(claim):
        if line.service_date_end is not None and line.service_date_end < line.service_date:
            yield _p(claim, "DATE_RANGE", f"Line {n} ends before it begins.", "DTP")


def _line_control(claim: Claim837) -> Iterator[Problem]:
    seen: set[str] = set()
    for n, line in _numbered(claim):
        control = line.line_control_number
        if control and control in seen:
            yield _p(claim, "LINE_CONTROL_TWICE", f"Line control number {control} of line {n} was used before.", "REF")
        seen.add(control)
        if len(control) > LINE_CONTROL_CHARS:
            message = f"The control number of line {n} has {len(control)} characters, {LINE_CONTROL_CHARS} are safe."
            yield _p(claim, "LINE_CONTROL_LONG", message, "REF")
        if not control:
            message = f"Line {n} has no control number (REF*6R); its payment will be harder to match."
            yield _advice(claim, "LINE_CONTROL_BLANK", message, "REF")


def _lines(claim: Claim837) -> Iterator[Problem]:
    if not 1 <= len(claim.lines) <= MAX_LINES:
        message = f"The claim has {len(claim.lines)} lines; 1 to {MAX_LINES} fit on one claim."
        yield _p(claim, "LINE_COUNT", message, "LX")
    for n, line in _numbered(claim):
        yield from _line(claim, n, line)


def _line(claim: Claim837, n: int, line: ServiceLine) -> Iterator[Problem]:
    if not _PROCEDURE.fullmatch(line.procedure_code):
        yield _p(claim, "PROCEDURE_FORMAT", f"Line {n}: {line.procedure_code!r} has not the shape of a code.", "SV1")
    if line.units <= 0 or line.units != line.units.to_integral_value():
        yield _p(claim, "UNITS", f"Line {n} has {line.units} units; whole units above zero are needed.", "SV1")
    if line.place_of_service and not _PLACE.fullmatch(line.place_of_service):
        yield _p(claim, "PLACE_OF_SERVICE", f"Line {n}: place of service must be two digits.", "SV1")
    if len(line.note) > NOTE_CHARS:
        yield _p(claim, "NOTE_LONG", f"The note of line {n} has more than {NOTE_CHARS} characters.", "NTE")
    yield from _modifiers(claim, n, line)
    yield from _pointers(claim, n, line)


def _modifiers(claim: Claim837, n: int, line: ServiceLine) -> Iterator[Problem]:
    if len(line.modifiers) > MAX_MODIFIERS:
        yield _p(claim, "MODIFIER_COUNT", f"Line {n} has {len(line.modifiers)} modifiers; four fit.", "SV1")
    for modifier in sorted({m for m in line.modifiers if line.modifiers.count(m) > 1}):
        yield _p(claim, "MODIFIER_TWICE", f"Line {n} carries modifier {modifier} twice.", "SV1")
    for modifier in line.modifiers:
        if len(modifier) != 2 or not modifier.isalnum() or not modifier.isascii():
            yield _p(claim, "MODIFIER_FORMAT", f"Line {n}: {modifier!r} is no modifier.", "SV1")


def _pointers(claim: Claim837, n: int, line: ServiceLine) -> Iterator[Problem]:
    pointers = line.diagnosis_pointers
    if not 1 <= len(pointers) <= MAX_POINTERS:
        yield _p(claim, "POINTER_COUNT", f"Line {n} points to {len(pointers)} diagnoses; 1 to 4 are possible.", "SV1")
    for pointer in pointers:
        if not 1 <= pointer <= len(claim.diagnoses):
            message = f"Line {n} points to diagnosis {pointer}; the claim has {len(claim.diagnoses)}."
            yield _p(claim, "POINTER", message, "SV1")
    if len(set(pointers)) != len(pointers):
        yield _p(claim, "POINTER_TWICE", f"Line {n} points to the same diagnosis twice.", "SV1")


def _characters(claim: Claim837) -> Iterator[Problem]:
    """Identifiers must travel unchanged; words may lose an accent, which is worth a remark."""
    identifiers = {
        "patient control number": claim.patient_control_number,
        "member id": claim.subscriber.member_id,
        "payer id": claim.payer.identifier,
        "authorization number": claim.prior_authorization_number,
        "referral number": claim.referral_number,
        "original claim number": claim.original_claim_number,
        **{f"control number of line {n}": line.line_control_number for n, line in _numbered(claim)},
    }
    for name, value in identifiers.items():
        if value and wire(value) != value:
            message = f"The {name} {value!r} cannot travel as it is: it would be sent as {wire(value)!r}."
            yield _p(claim, "CHARSET", message, "REF")
    words = {"note": claim.note, "billing name": claim.billing.name, "payer name": claim.payer.name}
    for name, value in words.items():
        if wire(value) != " ".join(value.upper().split()):
            yield _advice(claim, "CHARSET_WORDS", f"The {name} will be sent as {wire(value)!r}.", "NM1")
    if len(claim.note) > NOTE_CHARS:
        yield _p(claim, "NOTE_LONG", f"The claim note has more than {NOTE_CHARS} characters.", "NTE")


def _coordination(claim: Claim837) -> Iterator[Problem]:
    others = claim.other_payers
    if claim.subscriber.payer_responsibility in ("S", "T") and not others:
        yield _p(claim, "OTHER_PAYER", "A secondary claim needs the other payer's decision (2320).", "SBR")
    if len(others) > MAX_OTHER_PAYERS:
        yield _p(claim, "OTHER_PAYER_COUNT", f"{len(others)} other payers; {MAX_OTHER_PAYERS} fit.", "SBR")
    ranks = [claim.subscriber.payer_responsibility, *(other.payer_responsibility for other in others)]
    if len(set(ranks)) != len(ranks):
        yield _p(claim, "PAYER_SEQUENCE", "Two payers of the claim have the same rank (SBR01).", "SBR")
    for other in others:
        yield from _other_payer(claim, other)


def _other_payer(claim: Claim837, other: OtherPayer) -> Iterator[Problem]:
    name = other.payer.name or other.payer.identifier
    if not other.payer.identifier:
        yield _p(claim, "PAYER_ID", f"Other payer {name or '(no name)'} has no identifier.", "NM1")
    if other.adjustments and any(line.adjustments for line in other.lines):
        message = f"{name}: adjustments at claim and at line level; the same dollar must not stand twice."
        yield _advice(claim, "COB_BOTH_LEVELS", message, "CAS")
    for number in sorted({decision.line_number for decision in other.lines}):
        yield from _decisions(claim, name, number, [line for line in other.lines if line.line_number == number])
    if other.lines and other.paid_amount is not None:
        paid = sum((line.paid for line in other.lines), ZERO)
        if paid - sum((a.amount for a in other.adjustments), ZERO) != other.paid_amount:
            off = other.paid_amount - paid
            message = f"{name} paid {other.paid_amount}, its line payments add up to {paid}: off by {off}."
            yield _p(claim, "COB_PAID", message, "AMT", off)


def _decisions(claim: Claim837, name: str, number: int, decisions: Sequence[LineAdjudication]) -> Iterator[Problem]:
    """A payer may have split our line; its parts together account for the whole charge."""
    if not 1 <= number <= len(claim.lines):
        yield _p(claim, "COB_LINE", f"{name} decided on line {number}, which is not there.", "SVD")
        return
    charge = claim.lines[number - 1].charge
    paid = sum((decision.paid for decision in decisions), ZERO)
    adjusted = sum((a.amount for decision in decisions for a in decision.adjustments), ZERO)
    off = charge - paid - adjusted
    if off:
        message = (
            f"Line {number}: charge {charge} less {name}'s adjustments {adjusted} is not its payment {paid}: off by "
            f"{off}."
        )
        yield _p(claim, "COB_BALANCE", message, "SVD", off)
