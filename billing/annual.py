"""Figures Congress and CMS set anew every year. A year we do not know answers with the last one we do, and says so."""

from datetime import date
from decimal import Decimal

from billing import codes

# Therapy threshold per beneficiary and calendar year, for PT with SLP and for OT alike (42 USC 1395l(g); CMS by year).
KX_THRESHOLDS = {
    2018: Decimal(2010),
    2019: Decimal(2040),
    2020: Decimal(2080),
    2021: Decimal(2110),
    2022: Decimal(2150),
    2023: Decimal(2230),
    2024: Decimal(2330),
    2025: Decimal(2410),
    2026: Decimal(2480),
}
KX_SOURCE = "42 USC 1395l(g); CMS KX thresholds 2018-2026"
REVIEW_THRESHOLD = Decimal(3000)  # targeted medical review through 2027 (BBA 2018)

# Dollars per relative value unit (CMS physician fee schedule), from each day on.
CONVERSION_FACTORS = (
    (date(2022, 1, 1), Decimal("34.6062")),
    (date(2023, 1, 1), Decimal("33.8872")),
    (date(2024, 1, 1), Decimal("32.7442")),
    (date(2024, 3, 9), Decimal("33.2875")),
    (date(2025, 1, 1), Decimal("32.3465")),
    (date(2026, 1, 1), Decimal("33.4009")),
)


def kx_threshold(year: int) -> tuple[Decimal, bool]:
    """Dollars above which KX is due in that year, and whether the figure is that year's own."""
    if year in KX_THRESHOLDS:
        return KX_THRESHOLDS[year], True
    nearest = min(KX_THRESHOLDS) if year < min(KX_THRESHOLDS) else max(KX_THRESHOLDS)
    return KX_THRESHOLDS[nearest], False


def conversion_factor(on: date) -> Decimal:
    """Dollars per relative value unit on that day; the first known factor for earlier days."""
    return next((factor for start, factor in reversed(CONVERSION_FACTORS) if start <= on), CONVERSION_FACTORS[0][1])


def fee_schedule_amount(code: str, on: date) -> Decimal | None:
    """National Medicare amount of one unit, in dollars (all geographic indices 1, 2024 relative values), or None."""
    entry = codes.find(code, on)
    if entry is None or entry.work is None or entry.practice_expense is None or entry.malpractice is None:
        return None
    units = entry.work + entry.practice_expense + entry.malpractice
    return (units * conversion_factor(on)).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
