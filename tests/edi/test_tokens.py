"""The tokenizer survives whatever senders do to X12, and refuses only what is none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edi.identify import identify
from edi.interchanges import read_interchanges, read_transactions
from edi.tokens import HEAD_CHARS, Delimiters, UnreadableFile, blocks, decode, delimiters_at, read_segments
from edi.x837p import write_837p
from tests.edi.examples import BATCH, ERA

ISA = ERA[: ERA.index("GS*")].strip()


def ids(data: bytes | str) -> list[str]:
    return [segment.id for segment in read_segments(data)]


EXPECTED = ids(ERA)
ONE_LINE = ERA.replace("\n", "")

DISGUISES: dict[str, bytes] = {
    "as sent": ERA.encode(),
    "one line": ONE_LINE.encode(),
    "byte-order mark": b"\xef\xbb\xbf" + ERA.encode(),
    "UTF-16": ERA.encode("utf-16"),
    "CRLF": ERA.replace("\n", "\r\n").encode(),
    "old Mac": ERA.replace("\n", "\r").encode(),
    "newline is the terminator": ERA.replace("~", "").encode(),
    "CRLF is the terminator": ERA.replace("~\n", "\r\n").encode(),
    "CR is the terminator": ERA.replace("~\n", "\r").encode(),
    "break before the terminator": ERA.replace("~\n", "\n~").encode(),
    "blank lines": ERA.replace("~\n", "~\n\n\n").encode(),
    "doubled terminators": ERA.replace("~\n", "~~\n").encode(),
    "leading blank lines": b"\r\n\r\n  " + ERA.encode(),
    "indented": ERA.replace("~\n", "~\n   ").encode(),
    "tabs": ERA.replace("~\n", "~\n\t").encode(),
    "wrapped at 80": "\n".join(ONE_LINE[i : i + 80] for i in range(0, len(ONE_LINE), 80)).encode(),
    "narrow ISA": ERA.replace("          ", "").replace("PAYERID        ", "PAYERID").encode(),
    "pipes": ERA.replace("*", "|").encode(),
    "other component": ERA.replace(":", ">").encode(),
    "control characters": ERA.replace("*", "\x1d").replace("~\n", "\x1c").replace(":", "\x1f").encode(),
    "no ISA": ERA[ERA.index("GS*") :].encode(),
    "bare ST": ERA[ERA.index("ST*") :].encode(),
    "no last terminator": ERA.rstrip("~\n").encode(),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_the_same_segments_in_every_disguise(disguise: str) -> None:
    found = ids(DISGUISES[disguise])
    assert found == EXPECTED[len(EXPECTED) - len(found) :]
    assert len(found) >= len(EXPECTED) - 2
    (transaction,) = read_transactions(DISGUISES[disguise], "835")
    claim = next(segment for segment in transaction.segments if segment.id == "CLP")
    assert (claim.get(1), claim.get(3), claim.get(99)) == ("PT000123-1", "220", "")
    svc = next(segment for segment in transaction.segments if segment.id == "SVC")
    assert svc.get(1).split(transaction.delimiters.component) == ["HC", "97110", "GP"]
    assert identify(DISGUISES[disguise]) == "835"


@pytest.mark.parametrize("disguise", DISGUISES)
def test_the_fast_lane_sees_the_same(disguise: str) -> None:
    data = DISGUISES[disguise]
    fast = [raw for block in blocks(decode(data)) for raw in block.segments]
    (marks,) = {block.delimiters for block in blocks(decode(data))}
    assert fast == [segment.text(marks.element) for segment in read_segments(data)]


def test_latin_1_names_survive() -> None:
    assert "PEÑA" in [s.get(3) for s in read_segments(ERA.replace("DOE", "PEÑA").encode("latin-1"))]
    assert "PEÑA" in [s.get(3) for s in read_segments(ERA.replace("DOE", "PEÑA").encode())]


def test_number_and_offset_point_into_the_text() -> None:
    for disguise in ("as sent", "CRLF", "indented", "one line"):
        text = decode(DISGUISES[disguise])
        for number, segment in enumerate(read_segments(text), start=1):
            assert segment.number == number
            assert text.startswith(segment.id, segment.offset)


@pytest.mark.parametrize(
    ("isa", "expected"),
    [
        (ISA, Delimiters("~", "*", ":", "^")),
        (ISA.replace("*^*00501", "*U*00401"), Delimiters("~", "*", ":", "^")),
        (ISA.replace("*:~", "*>'"), Delimiters("'", "*", ">", "^")),
        (ISA.replace("*:~", "*~\nGS*HP"), Delimiters("~", "*", ":", "^")),
        (ISA.replace("*0*P*:~", "*P*:~GS*HP*"), Delimiters("~", "*", ":", "^")),
        ("ISA*00*", None),
        ("ISABELLA", None),
    ],
)
def test_delimiters_are_told_by_the_isa(isa: str, expected: Delimiters | None) -> None:
    assert delimiters_at(isa, 0) == expected


def test_interchanges_may_change_their_delimiters() -> None:
    both = ERA + ERA.replace("*", "|").replace("~\n", "'").replace(":", ">").replace("000000777", "000000778")
    found = list(read_interchanges(both))
    assert [i.envelope.interchange_control_number for i in found] == ["000000777", "000000778"]
    assert [i.delimiters.element for i in found] == ["*", "|"]
    assert [len(i.transactions[0].segments) for i in found] == [35, 35]
    assert [i.problems for i in found] == [(), ()]


def test_a_lost_terminator_before_the_next_isa_does_no_harm() -> None:
    assert len(list(read_interchanges(ERA.rstrip("~\n") + "\n" + ERA))) == 2


def test_the_envelope_is_told() -> None:
    (interchange,) = read_interchanges(ERA)
    envelope = interchange.envelope
    assert (envelope.sender_id, envelope.receiver_id, envelope.usage_indicator) == ("PAYERID", "CEDARPT", "P")
    assert (envelope.group_control_number, envelope.version) == ("777", "005010X221A1")


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("SE*35*0001", "SE*34*0001", "SE01 says 34, but there are 35 segments."),
        ("SE*35*0001", "SE*35*0002", "SE02 is 0002, but ST02 is 0001."),
        ("SE*35*0001~\n", "", "This transaction has no SE at its end."),
        ("GE*1*777", "GE*2*777", "GE01 says 2, but there are 1 transactions."),
        ("GE*1*777", "GE*1*778", "GE02 is 778, but GS06 is 777."),
        ("IEA*1*", "IEA*X*", "IEA01 says X, but there are 1 groups."),
        ("IEA*1*000000777", "IEA*1*1", "IEA02 is 1, but ISA13 is 000000777."),
        ("IEA*1*000000777~\n", "", "The file ends without the IEA that closes ISA: it was cut off or badly made."),
    ],
)
def test_a_wrong_trailer_is_a_problem_not_an_end(good: str, bad: str, message: str) -> None:
    assert good in ERA
    (interchange,) = read_interchanges(ERA.replace(good, bad))
    (transaction,) = interchange.transactions
    problems = [problem.message for problem in (*transaction.problems, *interchange.problems)]
    assert message in problems
    assert len(transaction.segments) >= 34


def test_a_stray_segment_is_kept_as_a_problem() -> None:
    (interchange,) = read_interchanges(ERA.replace("GE*1*777~", "XYZ*1~\nGE*1*777~"))
    assert [p.segment for p in interchange.problems] == ["XYZ*1"]


# --- what is not X12 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04....", "ZIP"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"<html>", "XML or HTML"),
        (b'{"a": 1}', "JSON"),
        (b"\x00\x01\x02\x03" * 99, "binary"),
        (b"Dear Sir or Madam, ISABELLA owes you", "not X12"),
        (b"ISA*00*", "delimiters"),
        (b"ISA*" + b"0" * 500, "delimiters"),
    ],
)
def test_what_is_not_x12_is_refused_in_one_sentence(data: bytes, what: str) -> None:
    with pytest.raises(UnreadableFile, match=what) as refused:
        list(read_segments(data))
    assert str(refused.value).endswith(".")
    assert identify(data) == "unknown"


@pytest.mark.parametrize("noise", [b"\x00", b"A", b"~", b"*\n", b"\xff"])
def test_noise_without_end_costs_nothing(noise: bytes) -> None:
    data = noise * (40_000_000 // len(noise))
    start = time.process_time()
    with pytest.raises(UnreadableFile):
        list(read_interchanges(data))
    assert identify(data) == "unknown"
    assert time.process_time() - start < 0.1


def test_an_isa_followed_by_endless_noise_is_bounded() -> None:
    text = ISA + "A" * 3_000_000
    segments = list(read_segments(text))
    assert [s.id[:3] for s in segments] == ["ISA", "AAA"]
    assert len(segments[1].id) < 1 << 16


def test_the_start_is_looked_for_in_the_head_only() -> None:
    assert ids("\n" * 100 + ERA) == EXPECTED
    assert ids("HEADER FROM THE VAN: " + ERA) == EXPECTED
    with pytest.raises(UnreadableFile):
        list(read_segments("x" * HEAD_CHARS + ERA))


@given(data=st.binary(max_size=300))
@settings(max_examples=100)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for candidate in (data, ISA.encode() + data):
        try:
            list(read_interchanges(candidate))
        except UnreadableFile:
            assert candidate is data, "an ISA is enough to be read"


# --- identify -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("st01", "version", "expected"),
    [
        ("835", "005010X221A1", "835"),
        ("837", "005010X222A1", "837P"),
        ("837", "005010X222A2", "837P"),
        ("837", "005010X223A2", "837I"),
        ("837", "005010X224A2", "837D"),
        ("837", "", "837"),
        ("277", "005010X214", "277CA"),
        ("277", "005010X212", "277"),
        ("276", "005010X212", "276"),
        ("270", "005010X279A1", "270"),
        ("271", "005010X279A1", "271"),
        ("999", "005010X231A1", "999"),
        ("278", "005010X217", "278"),
    ],
)
def test_identify(st01: str, version: str, expected: str) -> None:
    assert identify(ERA.replace("ST*835", f"ST*{st01}").replace("005010X221A1", version).encode()) == expected


def test_identify_our_own_and_ta1() -> None:
    assert identify(write_837p(BATCH)) == "837P"
    assert identify(ISA + "TA1*000000101*260115*1200*A*000~IEA*0*000000777~") == "TA1"
