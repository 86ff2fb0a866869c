"""Imported code pairs and units a day, read once per process until the practice's revision changes."""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.mue import UnitEdit, UnitTable
from billing.ncci import Pair, PairTable
from models.tables.edits import EditTableRow
from models.tables.practice import PracticeRow

PAIRS, UNITS = "pairs", "units"


class EditTables(NamedTuple):
    """What the practice imported; None where it uses what is shipped."""

    pairs: PairTable | None
    units: UnitTable | None


_KEPT: dict[UUID, tuple[int, EditTables]] = {}


def edit_tables(session: Session, practice: PracticeRow) -> EditTables:
    """The tables as of the practice's present revision. Each file of pairs tells the whole past: the newest counts."""
    kept = _KEPT.get(practice.id)
    if kept is None or kept[0] != practice.revision:
        rows = session.scalars(
            select(EditTableRow).where(EditTableRow.practice_id == practice.id).order_by(EditTableRow.edition)
        ).all()
        pairs = [row for row in rows if row.kind == PAIRS]
        units = [(row.edition, _units(row)) for row in rows if row.kind == UNITS]
        tables = EditTables(_pairs(pairs[-1]) if pairs else None, UnitTable(units) if units else None)
        kept = (practice.revision, tables)
        _KEPT[practice.id] = kept
    return kept[1]


def _pairs(row: EditTableRow) -> PairTable:
    return PairTable(
        (
            Pair(column1, column2, indicator, date.fromisoformat(begins), date.fromisoformat(ends))
            for column1, column2, indicator, begins, ends in row.entries
        ),
        row.edition,
    )


def _units(row: EditTableRow) -> dict[str, UnitEdit]:
    return {code: UnitEdit(units, indicator) for code, units, indicator in row.entries}
