"""What must not leave the building: our own checks of each claim, and the judge's of the whole file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edi.findings import ERROR
from edi.judge import judge
from edi.x837p_check import check_claim
from edi.x837p_records import Batch837, Claim837
from edi.x837p_writer import write_837p


def refusals(around: Batch837, claims: Sequence[Claim837]) -> list[list[str]]:
    """Per claim, why it must not leave. The judge sees the whole file first, and single claims only if it objects."""
    own = [[str(problem) for problem in check_claim(claim) if problem.severity == ERROR] for claim in claims]
    if not _objections(around, claims):
        return own
    return [found or _objections(around, [claim]) for found, claim in zip(own, claims, strict=True)]


def _objections(around: Batch837, claims: Sequence[Claim837]) -> list[str]:
    text = write_837p(replace(around, claims=tuple(claims)))
    return [str(problem) for problem in judge(text) if problem.severity == ERROR]
