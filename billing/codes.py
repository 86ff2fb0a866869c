"""The therapy code set: what each code is, how it counts, and from when to when.

Numbers with our own paraphrases (no AMA text). Timed or untimed belongs to a code *in a period*, not to the code: the
speech-language codes are due to change from untimed to timed on 2027-01-01. Sources: CMS public files of 2024 (MUE
practitioner 2024-04-01; fee schedule status, therapy indicator and relative value units 2024), start and end dates
from the CPT years they were introduced in (practice default where not confirmed).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from billing import tables
from billing.vocabulary import Discipline

CODES_SOURCE = "CMS PFS indicators and MUE 2024; paraphrases ours"


class CodeKind(StrEnum):
    """What sort of service a code names."""

    EVALUATION = "evaluation"
    RE_EVALUATION = "re_evaluation"
    PROCEDURE = "procedure"
    ATTENDED_MODALITY = "attended_modality"
    SUPERVISED_MODALITY = "supervised_modality"
    GROUP = "group"
    TEST = "test"
    ADD_ON = "add_on"
    UNLISTED = "unlisted"
    COMMUNICATION = "communication"
    REMOTE_MONITORING = "remote_monitoring"


@dataclass(frozen=True, slots=True)
class TherapyCode:
    """One code in one period.

    minutes_per_unit: None when the code is untimed (one unit a day whatever the length).
    full_time_only: no credit at the midpoint; every unit needs its full minutes.
    primary_code: the code this one adds to; it may not stand alone.
    add_on_code: the code that carries the units after the first, which this one cannot.
    always_therapy: GP, GO or GN is due whoever bills it (CMS therapy list); otherwise only under a therapy plan.
    mue: units a practitioner may bill a day (0: never to Medicare); mai: 1 line edit, 2 policy, 3 clinical.
    work, practice_expense, malpractice: relative value units of 2024, non-facility; None when the fee schedule has
    none.
    """

    code: str
    effective_from: date
    effective_to: date
    disciplines: frozenset[Discipline]
    kind: CodeKind
    minutes_per_unit: int | None
    full_time_only: bool
    primary_code: str | None
    add_on_code: str | None
    always_therapy: bool
    sometimes_therapy: bool
    mue: int | None
    mai: int | None
    pfs_status: str
    mppr: bool
    telehealth_from: date | None
    work: Decimal | None
    practice_expense: Decimal | None
    malpractice: Decimal | None
    paraphrase: str

    @property
    def timed(self) -> bool:
        """Whether minutes make its units."""
        return self.minutes_per_unit is not None

    @property
    def is_evaluation(self) -> bool:
        """Whether it opens an episode."""
        return self.kind is CodeKind.EVALUATION

    def telehealth(self, on: date) -> bool:
        """Whether Medicare lists it for telehealth on that day (the waiver itself runs through 2027-12-31)."""
        return self.telehealth_from is not None and self.telehealth_from <= on


def _number(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _integer(text: str) -> int | None:
    return int(text) if text else None


def _read(row: dict[str, str], add_on_of: dict[str, str]) -> TherapyCode:
    return TherapyCode(
        code=row["code"],
        effective_from=tables.day(row["effective_from"], date.min),
        effective_to=tables.day(row["effective_to"], date.max),
        disciplines=frozenset(Discipline(name) for name in row["disciplines"].split()),
        kind=CodeKind(row["kind"]),
        minutes_per_unit=_integer(row["minutes_per_unit"]),
        full_time_only=row["credit"] == "full",
        primary_code=row["primary_code"] or None,
        add_on_code=add_on_of.get(row["code"]),
        always_therapy=row["therapy"] == "always",
        sometimes_therapy=row["therapy"] == "sometimes",
        mue=_integer(row["mue"]),
        mai=_integer(row["mai"]),
        pfs_status=row["pfs_status"],
        mppr=row["mppr"] == "yes",
        telehealth_from=date.fromisoformat(row["telehealth_from"]) if row["telehealth_from"] else None,
        work=_number(row["work_rvu"]),
        practice_expense=_number(row["practice_expense_rvu"]),
        malpractice=_number(row["malpractice_rvu"]),
        paraphrase=row["paraphrase"],
    )


# 0791T rides on 97116 and shares its minutes; it does not continue it, so it is no add-on that takes over units.
_PARALLEL_ADD_ONS = frozenset({"0791T"})


def read(rows: Iterable[dict[str, str]]) -> dict[str, tuple[TherapyCode, ...]]:
    """The periods of each code, from the rows of the table; a code of a new year is a row more."""
    rows = tuple(rows)
    add_on_of = {
        row["primary_code"]: row["code"]
        for row in rows
        if row["primary_code"] and row["minutes_per_unit"] and row["code"] not in _PARALLEL_ADD_ONS
    }
    periods: dict[str, tuple[TherapyCode, ...]] = {}
    for row in rows:
        periods[row["code"]] = (*periods.get(row["code"], ()), _read(row, add_on_of))
    return periods


_PERIODS = read(tables.rows("therapy_codes.csv"))


def find(code: str, on: date) -> TherapyCode | None:
    """The code as it is on that day, or None when the table does not know it then."""
    for entry in _PERIODS.get(code, ()):
        if entry.effective_from <= on <= entry.effective_to:
            return entry
    return None


def known(code: str) -> bool:
    """Whether the table knows the code in any period; tells a retired code from a foreign one."""
    return code in _PERIODS


def every() -> tuple[TherapyCode, ...]:
    """All codes in all periods, in the table's order."""
    return tuple(entry for periods in _PERIODS.values() for entry in periods)


def continues(entry: TherapyCode) -> bool:
    """Whether this add-on takes over its primary's further minutes (97130 after 97129), not merely rides along."""
    return entry.primary_code is not None and entry.code not in _PARALLEL_ADD_ONS
