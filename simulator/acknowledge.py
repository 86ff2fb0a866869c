"""The first two answers: TA1 or 999 for the file, 277CA for each claim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from simulator.claims import ZERO, Party, SubmittedClaim
from simulator.denials import Rejection
from simulator.findings import FileReport, GroupReport, SegmentFinding, SetReport
from simulator.x12 import Address, Header, d8, money, segment, write_group, write_interchange

GUIDE_999 = "005010X231A1"
GUIDE_277CA = "005010X214"


def write_ta1(address: Address, header: Header | None, control: int, now: datetime, code: str) -> str:
    """The whole interchange is refused and `code` says why; without a readable ISA the number answered is zero."""
    number = header.control if header and header.control.isdigit() else "000000000"
    date = header.date if header else now.strftime("%y%m%d")
    time = header.time if header else now.strftime("%H%M")
    return write_interchange(address, control, now, [segment("TA1", number, date, time, "R", code)], groups=0)


def write_999(address: Address, report: FileReport, control: int, now: datetime) -> str:
    """One 999 per group of the upload, saying which transaction sets pass the guide."""
    return write_group(address, control, now, "FA", GUIDE_999, [list(_acknowledge(group)) for group in report.groups])


def _acknowledge(group: GroupReport) -> Iterator[str]:
    yield segment("AK1", group.kind, group.control, group.version)
    for item in group.sets:
        yield from _acknowledge_set(item, refused=bool(group.codes))
    accepted, received = len(group.accepted), len(group.sets)
    verdict = "R" if accepted == 0 else "A" if accepted == received else "P"
    yield segment("AK9", verdict, group.claimed, str(received), str(accepted), *group.codes[:5])


def _acknowledge_set(item: SetReport, refused: bool) -> Iterator[str]:
    yield segment("AK2", item.number, item.control, item.guide)
    for finding in item.segments:
        yield from _finding(finding)
    accepted = item.accepted and not refused
    yield segment("IK5", "A" if accepted else "R", *item.codes[:5])


def _finding(finding: SegmentFinding) -> Iterator[str]:
    for code in dict.fromkeys(finding.codes):
        yield segment("IK3", finding.segment, str(finding.position), finding.loop, code)
    for item in finding.elements:
        position, _, component = item.position.partition(":")
        yield segment("IK4", (position, component), item.reference, item.code, item.value)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One claim at the payer's door: taken in under a number of the payer's, or turned away."""

    claim: SubmittedClaim
    payer_control_number: str
    category: str
    rejection: Rejection | None


def write_277ca(address: Address, receipts: Sequence[Receipt], control: int, now: datetime) -> str:
    """One set per batch and payer, for a set names one source and traces one batch."""
    ordered = sorted(receipts, key=_batch_and_payer)
    sets = [list(_claim_acknowledgement(list(batch), control, now)) for _, batch in groupby(ordered, _batch_and_payer)]
    return write_group(address, control, now, "HN", GUIDE_277CA, sets)


def _batch_and_payer(receipt: Receipt) -> tuple[str, str]:
    return receipt.claim.batch_reference, receipt.claim.payer_id


def _claim_acknowledgement(receipts: list[Receipt], control: int, now: datetime) -> Iterator[str]:
    first, today = receipts[0].claim, d8(now)
    yield segment("BHT", "0085", "08", f"CA{control:09d}", today, now.strftime("%H%M"), "TH")
    yield segment("HL", "1", "", "20", "1")
    yield segment("NM1", "PR", "2", first.payer_name or "PAYER", "", "", "", "", "PI", first.payer_id or "UNKNOWN")
    yield segment("TRN", "1", f"CA{control:09d}")
    yield segment("DTP", "050", "D8", today)
    yield segment("DTP", "009", "D8", today)
    yield segment("HL", "2", "1", "21", "1")
    yield _name("41", first.submitter, "46", person=bool(first.submitter.first))
    yield segment("TRN", "2", first.batch_reference)
    yield segment("STC", ("A1", "19", "PR"), today, "WQ", money(_charges(receipts)))
    yield from _totals(receipts, "90", "AA", "YU", "YY")
    level = 2
    for _, of_provider in groupby(sorted(receipts, key=_provider), _provider):
        patients = list(of_provider)
        level += 1
        provider_level = level
        yield segment("HL", str(level), "2", "19", "1")
        yield from _provider_receipt(patients)
        for receipt in patients:
            level += 1
            yield segment("HL", str(level), str(provider_level), "PT")
            yield from _patient_receipt(receipt, today)


def _provider(receipt: Receipt) -> str:
    return receipt.claim.billing.identifier


def _provider_receipt(receipts: list[Receipt]) -> Iterator[str]:
    """2200C is optional in the guide, but some readers insist on it, so it is always there."""
    billing = receipts[0].claim.billing
    yield _name("85", billing, "XX", person=bool(billing.first))
    yield segment("TRN", "1", "0")
    yield segment("STC", ("A1", "19", "PR"), "", "WQ", money(_charges(receipts)))
    yield from _totals(receipts, "QA", "QC", "YU", "YY")


def _totals(receipts: list[Receipt], taken: str, refused: str, taken_sum: str, refused_sum: str) -> Iterator[str]:
    accepted = [receipt for receipt in receipts if not receipt.rejection]
    rejected = [receipt for receipt in receipts if receipt.rejection]
    if accepted:
        yield segment("QTY", taken, str(len(accepted)))
    if rejected:
        yield segment("QTY", refused, str(len(rejected)))
    if accepted:
        yield segment("AMT", taken_sum, money(_charges(accepted)))
    if rejected:
        yield segment("AMT", refused_sum, money(_charges(rejected)))


def _charges(receipts: list[Receipt]) -> Decimal:
    return sum((receipt.claim.charge for receipt in receipts), ZERO)


def _patient_receipt(receipt: Receipt, today: str) -> Iterator[str]:
    claim, rejection = receipt.claim, receipt.rejection
    patient = claim.patient
    known = Party(patient.last or "UNKNOWN", patient.first, patient.middle, claim.subscriber.identifier)
    yield _name("QC", known, "MI", person=True)
    yield segment("TRN", "2", claim.control_number)
    if rejection:
        status = (rejection.category, rejection.status, rejection.entity)
        yield segment("STC", status, today, "U", money(claim.charge))
    else:
        yield segment("STC", (receipt.category, "20", "PR"), today, "WQ", money(claim.charge))
        yield segment("REF", "1K", receipt.payer_control_number)
    if claim.trace:
        yield segment("REF", "D9", claim.trace)
    first, last = claim.dates[0], claim.dates[-1]
    yield segment("DTP", "472", "D8" if first == last else "RD8", first if first == last else f"{first}-{last}")


def _name(role: str, party: Party, qualifier: str, person: bool) -> str:
    kind = "1" if person else "2"
    tail = (qualifier, party.identifier) if party.identifier else ()
    return segment("NM1", role, kind, party.last or "UNKNOWN", party.first, party.middle, "", "", *tail)
