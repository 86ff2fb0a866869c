"""One shape for everything the X12 room has to say about a file, a transaction or a claim."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

ERROR = "error"
WARN = "warn"
MAX_PROBLEMS = 500
"""Findings kept per transaction; a file that is wrong everywhere needs no million sentences."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong, where, and by how much, in words.

    `code` is ours and stable (UPPER_SNAKE); `segment_number` counts from 1 at the first segment of the file (0: the
    whole file); `segment` is the segment id or the raw segment; `claim` is the patient control number; `amount` is
    the difference in dollars where there is one; `severity` is "error" or "warn".
    """

    code: str
    message: str
    segment_number: int = 0
    segment: str = ""
    claim: str = ""
    amount: Decimal | None = None
    severity: str = ERROR

    def __str__(self) -> str:
        place = f" (segment {self.segment_number})" if self.segment_number else ""
        return f"{self.message}{place}"
