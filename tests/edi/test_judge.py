"""The second opinion: two errors of its maps are mended, crashes and silence become findings, nothing leaks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import pyx12.map_if

from edi.judge import judge
from edi.x837p import write_837p
from tests.edi.examples import BATCH, ERA
from tests.edi.test_acks import CA_277, TRAILER

GOOD = write_837p(BATCH)
CRASHING = GOOD.replace("SV1*HC:97110:GP", "SV1*HC:97110:GP:A1:A2:A3:D:E:F")


def test_a_second_plb_is_no_error() -> None:
    two = ERA.replace("SE*35", "PLB*1234567893*20261231*L6:X*-1~\nSE*36")
    assert judge(two) == judge(ERA)
    assert not any("FOOTER" in problem.message for problem in judge(two))


def test_a_277ca_may_end_at_the_receiver() -> None:
    text = (
        CA_277[: CA_277.index("HL*3")].replace("21*1", "21*0").replace("A1:19:PR*20260115*WQ", "A8:496:41*20260115*U")
    )
    text = text.replace("DTP*050*D8*20260115~", "DTP*050*D8*20260115~\nDTP*009*D8*20260115~")
    text = text.replace("QTY*90*1~", "QTY*AA*1~\nAMT*YY*220~") + "SE*14*0001~\n" + TRAILER
    assert judge(text) == []


def test_a_crash_is_a_finding() -> None:
    assert [problem.code for problem in judge(CRASHING)] == ["JUDGE_CRASHED"]
    assert judge(GOOD) == []


def test_findings_say_where() -> None:
    (problem,) = judge(GOOD.replace("SBR*P*18*******CI", "SBR*P*18*******ZQ"))
    assert (problem.code, problem.segment, problem.segment_number) == ("PYX12_7", "SBR", 15)
    assert problem.message.startswith("SBR09: ")


def test_judging_from_many_threads_gives_each_its_own_answer() -> None:
    bad = GOOD.replace("SBR*P*18*******CI", "SBR*P*18*******ZQ")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(judge, [GOOD, bad, CRASHING] * 4))
    assert [len(problems) for problems in answers] == [0, 1, 1] * 4


def test_pyx12_itself_is_left_as_it_was() -> None:
    before = pyx12.map_if.load_map_file
    judge(GOOD)
    assert pyx12.map_if.load_map_file is before


@pytest.mark.parametrize("data", ["", "hello", b"\x00\x01"])
def test_what_is_no_x12(data: str | bytes) -> None:
    assert [problem.code for problem in judge(data)] == ["NOT_X12"]
