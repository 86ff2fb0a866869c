"""What people and programs are shown of a file."""

from __future__ import annotations

import json

import pytest

from edi.describe import tree, tree_report
from edi.report import era_report, render_era
from edi.x837p import write_837p
from tests.edi.examples import BATCH, ERA


def test_a_good_remittance() -> None:
    report = era_report("era.835", ERA.encode())
    assert report == {
        "file": "era.835",
        "transactions": [
            {
                "payer": "EXAMPLE HEALTH PLAN",
                "trace": "EFT0012345",
                "payment": "111.40",
                "method": "ACH",
                "date": "2026-02-03",
                "claims": 3,
                "service_lines": 4,
                "balanced": True,
                "problems": [],
            }
        ],
        "error": None,
    }
    assert json.loads(json.dumps(report)) == report


def test_a_remittance_that_does_not_balance_says_which_claim_and_by_how_much() -> None:
    (entry,) = era_report("x", ERA.replace("CAS*CO*45*38.6", "CAS*CO*45*38.5").encode())["transactions"]
    assert entry["balanced"] is False
    assert entry["problems"] == [
        "Claim PT000123-1, line 97110 GP: charge 150 less adjustments 63.5 is 86.5, but the line says 86.4 was paid: "
        "off by 0.1. (segment 18)",
        "Claim PT000123-1: charge 220 less all adjustments 93.5 is 126.5, but the claim says 126.4 was paid: "
        "off by 0.1. (segment 12)",
    ]


@pytest.mark.parametrize("change", [("*126.4*25*", "*126.4*20*"), ("SE*35", "SE*36")])
def test_warnings_and_envelope_faults_do_not_unbalance(change: tuple[str, str]) -> None:
    (entry,) = era_report("x", ERA.replace(*change).encode())["transactions"]
    assert entry["balanced"] is True
    assert len(entry["problems"]) == 1


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "This file is empty; nothing was sent, or the transfer broke off."),
        (b"%PDF-1.4", "This file is a PDF document, not X12."),
        (write_837p(BATCH).encode(), "This file holds a 837P, not an 835."),
    ],
)
def test_a_file_that_is_no_835_says_so(data: bytes, error: str) -> None:
    report = era_report("x", data)
    assert (report["transactions"], report["error"]) == ([], error)
    assert error in render_era(report)


def test_the_page_for_people() -> None:
    bad = ERA.replace("BPR*I*111.4*", "BPR*I*112*").encode()
    assert render_era(era_report("era.835", bad)) == (
        "era.835\n"
        "  EXAMPLE HEALTH PLAN  ACH EFT0012345  2026-02-03  $112.00\n"
        "    3 claims, 4 service lines: DOES NOT BALANCE\n"
        "    - Payment EFT0012345: claims pay 66.4, provider adjustments take -45, which is 111.4, but the payment is "
        "112: off by 0.6. (segment 3)\n"
    )


def test_a_tree_shows_every_segment_once_in_order() -> None:
    for text in (ERA, write_837p(BATCH)):
        lines = tree(text).splitlines()
        assert [int(line[:6]) for line in lines] == list(range(1, text.count("~") + 1))


def test_a_tree_indents_lines_below_their_claim() -> None:
    lines = tree(ERA).splitlines()
    assert "    12          CLP (claim payment) PT000123-1 1 220 126.4 25 12 PAYERICN001 11 1" in lines
    assert "    18            SVC (service payment) HC:97110:GP 150 86.4 - 2" in lines
    assert "    20              CAS (adjustment, contract) CO 45 38.6" in lines


def test_a_tree_of_something_else_is_a_sentence() -> None:
    assert tree(b"hello") == "This file is text without an ISA, GS or ST segment at its beginning: it is not X12.\n"


def test_a_tree_knows_its_limit() -> None:
    assert "more segments" in tree(ERA.replace("LX*1~\n", "LX*1~\n" * 21_000)).splitlines()[-1]


def test_a_tree_for_programs_says_the_same_as_the_page() -> None:
    report = tree_report("era", ERA)
    assert (report["file"], report["error"], report["more"]) == ("era", None, 0)
    assert len(report["segments"]) == tree(ERA).count("\n")
    [claim, *_] = [segment for segment in report["segments"] if segment["id"] == "CLP"]
    assert (claim["depth"], claim["label"], claim["elements"][0]) == (4, "claim payment", "PT000123-1")
    assert tree_report("web", "<html>")["error"] == "This file is XML or HTML, not X12."


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("BPR*I*0*", "BPR*I*A*"),
        ("BPR*I*0*", "BPR*I*1E5*"),
        ("BPR*I*0*", "BPR*I*1,200.00*"),
        ("BPR*I*0*C*NON~", ""),
        ("SE*3*0001~", ""),
        ("SE*3*0001~GE*1*1~IEA*1*000000001~", ""),
    ],
)
def test_a_payment_whose_amount_or_end_is_not_there_is_not_said_to_balance(old: str, new: str) -> None:
    """No claims and nothing paid add up to zero; so would an amount that was not understood."""
    nothing_paid = (
        "ISA*00*          *00*          *ZZ*PAYER          *ZZ*CLINIC         *261101*1200*^*00501*000000001*0*P*:~"
        "GS*HP*PAYER*CLINIC*20261101*1200*1*X*005010X221A1~ST*835*0001~BPR*I*0*C*NON~SE*3*0001~GE*1*1~IEA*1*000000001~"
    )
    assert era_report("x", nothing_paid.encode())["transactions"][0]["balanced"] is True
    assert era_report("x", nothing_paid.replace(old, new).encode())["transactions"][0]["balanced"] is False


def test_a_payment_below_zero_does_not_balance_though_its_claims_add_up_to_it() -> None:
    """What a payer could not take back it carries forward (PLB FB)."""
    (entry,) = era_report(
        "x",
        ERA.replace("BPR*I*111.4*", "BPR*I*-8.6*").replace("PLB*", "PLB*1999990017*20261231*WO:X*120~PLB*").encode(),
    )["transactions"]
    assert entry["balanced"] is False
    assert "never below zero" in entry["problems"][0]
