"""Code pairs that may not both be paid on one day (CMS National Correct Coding Initiative, procedure to procedure).

The shipped table holds the pairs among our own code set, as of 2024-07-01 (practitioner table), numbers only. CMS
issues new ones every quarter, each with the whole history of every pair: a practice brings them with ``firstpass ncci``
(billing.cms_files reads them), and the newest file judges all dates of service.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from billing import tables

BYPASS = frozenset({"59", "XE", "XS", "XP", "XU"})  # modifiers that say "distinct service"
NEVER, WITH_MODIFIER, DELETED = 0, 1, 9
SHIPPED = date(2024, 7, 1)
REISSUED = date(2020, 1, 1)  # the table was re-issued that day; older starts are not told by the file


@dataclass(frozen=True, slots=True)
class Pair:
    """column1 is paid; column2 only when the indicator is 1 and a modifier says it was distinct."""

    column1: str
    column2: str
    indicator: int
    effective_from: date
    effective_to: date


class PairTable:
    """Pairs, found by either order of the two codes. edition: the first day of the quarter CMS issued them for."""

    def __init__(self, pairs: Iterable[Pair], edition: date = SHIPPED) -> None:
        self.edition = edition
        self._pairs: dict[tuple[str, str], tuple[Pair, ...]] = {}
        for pair in pairs:
            if pair.indicator != DELETED:
                key = (pair.column1, pair.column2)
                self._pairs[key] = (*self._pairs.get(key, ()), pair)

    def __len__(self) -> int:
        return sum(len(periods) for periods in self._pairs.values())

    def in_force(self, on: date) -> int:
        """How many pairs hold that day."""
        periods = (period for pair in self._pairs.values() for period in pair)
        return sum(1 for period in periods if period.effective_from <= on <= period.effective_to)

    def active(self, code: str, other: str, on: date) -> Pair | None:
        """The pair in force that day between two codes, in whichever order CMS lists them."""
        for key in ((code, other), (other, code)):
            for pair in self._pairs.get(key, ()):
                if pair.effective_from <= on <= pair.effective_to:
                    return pair
        return None


def _shipped(row: Mapping[str, str]) -> Pair:
    return Pair(
        row["column1"],
        row["column2"],
        int(row["modifier_indicator"]),
        tables.day(row["effective_from"], date.min),
        tables.day(row["effective_to"], date.max),
    )


TABLE = PairTable(_shipped(row) for row in tables.rows("ncci.csv"))
