"""Whatever comes in ends in records, findings or one clear error, in every reader, within bounded time and memory."""

import contextlib
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edi.acks import read_277ca, read_999, read_ta1
from edi.describe import tree
from edi.findings import ERROR
from edi.identify import kinds
from edi.interchanges import read_interchanges
from edi.report import era_report
from edi.tokens import UnreadableFile
from edi.x271 import read_271
from edi.x277 import read_277
from edi.x835 import Remittance, balance, read_835
from edi.x835_reader import MAX_CLAIM_SEGMENTS
from edi.x837p import read_837p
from embedded import ROOT
from tests.edi.examples import ERA

READERS: dict[str, Callable[[bytes], object]] = {
    "kinds": kinds,
    "interchanges": lambda data: list(read_interchanges(data)),
    "tree": tree,
    "835": lambda data: [balance(era) for era in read_835(data)],
    "report": lambda data: era_report("file", data),
    "837P": read_837p,
    "TA1": read_ta1,
    "999": read_999,
    "277CA": read_277ca,
    "271": read_271,
    "277": read_277,
}


def says_something(data: bytes) -> None:
    """Every reader returns, or refuses in one sentence."""
    for reader in READERS.values():
        with contextlib.suppress(UnreadableFile):
            reader(data)


def meaning(data: bytes) -> object:
    """What a remittance says, without how it was written down."""
    [era] = read_835(data)
    plain = tuple(claim._replace(raw_segments=(), segment_number=0, lines=()) for claim in era.claims)
    lines = tuple(line._replace(segment_number=0) for claim in era.claims for line in claim.lines)
    return plain, lines, era.payment_amount, era.trace_number, era.payment_date, era.payer_name


BARE = ERA.replace("\n", "")
MEANT = meaning(ERA.encode())


@given(
    marks=st.permutations("|!$@=").map(lambda marks: marks[:3]),
    after=st.sampled_from(["", "\n", "\r\n", "\r", " \n"]),
    before=st.sampled_from(["", "\ufeff", "\n\n", "   "]),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16"]),
)
@settings(max_examples=120)
def test_every_dress_of_a_remittance_means_the_same(marks: list[str], after: str, before: str, encoding: str) -> None:
    """Delimiters, line breaks, byte-order mark and encoding change nothing of what is read."""
    if encoding == "latin-1":
        before = before.replace("\ufeff", "")
    dressed = BARE.translate(str.maketrans("*:~", "".join(marks))).replace(marks[2], marks[2] + after)
    assert meaning((before + dressed).encode(encoding)) == MEANT


@given(
    se=st.integers(0, 10**13).map(str) | st.sampled_from(["", "-1", "x", "1E5"]),
    ge=st.sampled_from(["0", "2", "", "~"]),
    iea=st.sampled_from(["0", "9", "", "\u0661"]),
)
@settings(max_examples=60)
def test_wrong_counts_are_findings_and_change_no_claim(se: str, ge: str, iea: str) -> None:
    head, _, _ = BARE.partition("SE*")
    right = f"{BARE.count('~') - 4}"
    data = f"{head}SE*{se}*0001~GE*{ge}*777~IEA*{iea}*000000777~".encode()
    [era] = read_835(data)
    assert len(era.claims) == len(MEANT[0])  # type: ignore[index]
    assert se == right or any(problem.severity == ERROR for problem in era.problems)
    says_something(data)


@given(damage=st.data())
@settings(max_examples=60)
def test_every_reader_survives_every_reader_s_food(damage: st.DataObject) -> None:
    """Segments dropped, repeated, cut and in lower case, under any transaction's name."""
    segments = BARE.split("~")
    for _ in range(damage.draw(st.integers(0, 6))):
        place = damage.draw(st.integers(0, len(segments) - 1))
        one = segments[place]
        cut = one[: damage.draw(st.integers(0, len(one)))]
        segments[place : place + 1] = damage.draw(st.sampled_from([[], [one] * 3, [cut], [one.lower()], [one * 20]]))
        segments = segments or [""]
    kind = damage.draw(st.sampled_from(["835", "837", "999", "277", "271", "", "8"]))
    guide = damage.draw(st.sampled_from(["005010X221A1", "005010X222A1", "005010X214", "005010X212", ""]))
    data = "~".join(segments).replace("ST*835", f"ST*{kind}").replace("005010X221A1", guide)
    says_something(data.encode())


@pytest.mark.parametrize(
    "amount", ["1E5", "--", "-", "NaN", "1,000.00", "$5", "\u0661\u0662", "9" * 400, "0x10", "1_0"]
)
def test_what_is_no_amount_is_a_finding(amount: str) -> None:
    [era] = read_835(BARE.replace("SVC*HC:97110:GP*150", f"SVC*HC:97110:GP*{amount}").encode())
    assert {problem.code for problem in era.problems} == {"AMOUNT"}


@pytest.mark.parametrize("zero", ["-0", "-0.00", "-.0", "0", "000.000"])
def test_every_zero_is_zero(zero: str) -> None:
    [era] = read_835(BARE.replace("AMT*B6*111.4", f"AMT*B6*{zero}").encode())
    assert str(era.claims[0].lines[0].allowed_amount) == "0"


def test_lower_case_is_refused_in_one_sentence() -> None:
    with pytest.raises(UnreadableFile, match="not X12"):
        list(read_835(BARE.lower().encode()))
    says_something(BARE.lower().encode())


def test_ten_thousand_adjustments_are_all_counted() -> None:
    cas = "CAS*CO*45*0.01*1*253*0.02*1*59*0.03*1*97*0.04*1*18*0.05*1*22*0.06~" * 1_667
    [era] = read_835(BARE.replace("CAS*CO*45*38.6~", cas).encode())
    first = era.claims[0].lines[0]
    assert len(first.adjustments) == 10_002 + 1
    assert sum(a.amount for a in first.adjustments if a.group_code == "CO") == Decimal("350.07")
    assert "off by" in balance(era)[0].message


@pytest.mark.parametrize(
    ("before", "again", "after"),
    [
        ("ISA", "CAS*CO*45*1~", "DTM*472*20260110~"),
        ("ISA", "LX*1~", "CLP*PT"),
        ("ISA", "PLB*1*20261231*WO*1~", "SE*"),
        ("ISA", "REF*ZZ*" + "9" * 30_000 + "~", "CLP*PT"),
    ],
)
def test_more_of_a_thing_than_any_payer_sends_is_cut_off_and_said(before: str, again: str, after: str) -> None:
    assert BARE.startswith(before)
    many = again * (MAX_CLAIM_SEGMENTS + 10 if len(again) < 100 else 200)
    place = BARE.index(after)
    [era] = read_835((BARE[:place] + many + BARE[place:]).encode())
    assert "TOO_LONG" in {problem.code for problem in era.problems if problem.severity == ERROR}
    assert held_segments(era) < 3 * MAX_CLAIM_SEGMENTS


def held_segments(era: Remittance) -> int:
    """How many raw segments a remittance keeps."""
    return len(era.raw_segments) + sum(len(claim.raw_segments) for claim in era.claims)


NOISE = """
import resource, sys
from edi.report import era_report
from edi.acks import read_999
head, noise, megabytes = sys.argv[1].encode(), sys.argv[2].encode(), int(sys.argv[3])
data = head + noise * (megabytes * 1_000_000 // len(noise))
for reader in (lambda data: era_report("noise", data), read_999):
    reader(data)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - len(data) * 2 // 1_000_000)
"""


@pytest.mark.parametrize(("head", "noise"), [("isa", "CAS*CO*45*1~"), ("st", "A~"), ("isa", "x"), ("isa", "ST*999*1~")])
def test_noise_after_a_good_beginning_holds_no_more_memory_than_its_text(head: str, noise: str) -> None:
    """8 MB of it, in a process whose memory is counted."""
    before = {"isa": BARE[: BARE.index("CLP*PT") + 60], "st": "ISA" + BARE[3 : BARE.index("BPR")]}[head]
    command = [sys.executable, "-c", NOISE, before, noise, "8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) < 900
