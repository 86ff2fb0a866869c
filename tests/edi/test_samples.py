"""The public sample files: every one is read, or refused with a reason. Skipped where the samples are not at hand."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import pytest

from edi.acks import read_277ca, read_999, read_ta1
from edi.describe import tree
from edi.findings import ERROR
from edi.identify import identify
from edi.interchanges import read_interchanges
from edi.report import era_report, render_era
from edi.tokens import UnreadableFile, read_segments
from edi.x835 import balance, read_835
from edi.x837p import read_837p
from tests.edi.examples import SAMPLES
from tests.edi.sample_table import READERS, table

MANIFEST = SAMPLES / "MANIFEST.tsv"
pytestmark = pytest.mark.skipif(not MANIFEST.exists(), reason="the public sample files are not here")


@dataclass(frozen=True)
class Sample:
    """A row of the manifest: what independent counting found in the file."""

    file: str
    transaction: str
    transactions: int
    claims: int
    segments: int
    unbalanced: int

    def data(self) -> bytes:
        return (SAMPLES / self.file).read_bytes()

    def __str__(self) -> str:
        return self.file


def _samples() -> list[Sample]:
    if not MANIFEST.exists():
        return []
    with MANIFEST.open() as rows:
        return [
            Sample(
                row["file"],
                row["transaction"],
                int(row["n_st"] or 0),
                int(row["n_claims"] or 0),
                int(row["segments"] or 0),
                int(row["unbalanced"] or 0),
            )
            for row in csv.DictReader(rows, delimiter="\t")
        ]


ALL = _samples()
REMITTANCES = [sample for sample in ALL if sample.transaction == "835"]
CLAIMS = [sample for sample in ALL if sample.transaction == "837P"]


def test_the_samples_are_all_there() -> None:
    assert (len(ALL), len(REMITTANCES), len(CLAIMS)) >= (140, 20, 30)


@pytest.mark.parametrize("sample", ALL, ids=str)
def test_every_sample_is_cut_identified_and_shown(sample: Sample) -> None:
    data = sample.data()
    assert sum(len(interchange.transactions) for interchange in read_interchanges(data)) == sample.transactions
    segments = list(read_segments(data))
    # one public file has a line break inside IEA02, which the manifest counted as no segment of its own
    assert abs(len(segments) - sample.segments) <= 1
    assert identify(data) == sample.transaction
    assert tree(data).count("\n") == len(segments)


@pytest.mark.parametrize("sample", REMITTANCES, ids=str)
def test_every_remittance_is_read_and_balanced_like_the_reference_did(sample: Sample) -> None:
    eras = list(read_835(sample.data()))
    assert len(eras) == sample.transactions
    assert sum(len(era.claims) for era in eras) == sample.claims
    errors = [problem for era in eras for problem in balance(era) if problem.severity == ERROR]
    assert len(errors) == sample.unbalanced
    assert all("off by" in problem.message for problem in errors)


@pytest.mark.parametrize("sample", REMITTANCES, ids=str)
def test_every_remittance_is_reported(sample: Sample) -> None:
    report = era_report(sample.file, sample.data())
    assert report["error"] is None
    assert len(report["transactions"]) == sample.transactions
    unbalanced = sum(not entry["balanced"] for entry in report["transactions"])
    unread = any("no plain number" in problem for entry in report["transactions"] for problem in entry["problems"])
    assert bool(unbalanced) == bool(sample.unbalanced or unread)
    assert render_era(report).startswith(sample.file)


@pytest.mark.parametrize("sample", CLAIMS, ids=str)
def test_every_claim_file_is_read(sample: Sample) -> None:
    batches = read_837p(sample.data())
    claims = [claim for batch in batches for claim in batch.claims]
    assert len(claims) == sample.claims
    reasons = [problem.message for batch in batches for problem in batch.problems]
    for claim in claims:
        whole = claim.lines and claim.charge and claim.billing.name and claim.subscriber.person.last_name
        assert whole or reasons or claim.unread or claim.patient_control_number, "lost without a word"


@pytest.mark.parametrize("sample", [s for s in ALL if s.transaction in ("999", "997", "277CA", "TA1")], ids=str)
def test_every_acknowledgement_is_read(sample: Sample) -> None:
    data = sample.data()
    if sample.transaction == "277CA":
        assert {"receiver", "claim"} <= {answer.level for answer in read_277ca(data)}
    elif sample.transaction == "TA1":
        assert read_ta1(data)
    else:
        assert len(read_999(data)) == sample.transactions


def test_the_table_of_samples_has_every_supported_transaction_read() -> None:
    """`python -m tests.edi.sample_table` prints it. What is held is what does not add up, or is damaged."""
    rows = table(SAMPLES)
    assert {row.file for row in rows} >= {sample.file for sample in ALL}
    assert [row for row in rows if row.outcome == "refused"] == []
    assert {row.transaction for row in rows if row.outcome == "kept"}.isdisjoint(READERS)
    held = {row.file for row in rows if row.outcome == "held"}
    assert held >= {sample.file for sample in REMITTANCES if sample.unbalanced}
    mixed = {row.transaction for row in rows if row.file.endswith("x12testdata.py__mult_isa.source.edi")}
    assert mixed == {"278", "837P", "835"}, "each kind of a mixed file has a row"


def test_one_remittance_cut_at_every_byte_gives_records_findings_or_one_refusal() -> None:
    sample = min((s for s in REMITTANCES if s.claims), key=lambda s: len(s.data()))
    data = sample.data()
    for end in range(len(data)):
        try:
            for era in read_835(data[:end]):
                balance(era)
        except UnreadableFile:
            assert end < 200
