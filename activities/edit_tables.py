"""Taking in CMS's quarterly edits: code pairs (PTP) and units a day (MUE)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.practice_rules import look_again
from activities.refusals import Refused
from billing import codes, ncci
from billing.cms_files import CmsRows
from models.store import life
from models.store.edits import PAIRS, UNITS
from models.store.rules import changed
from models.tables.edits import EditTableRow

# Fewer than this share of what we ship, and the file is a part of a quarter: CMS cuts the pairs into four files.
WHOLE_FROM_PERCENT = 50


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import changed. kind: pairs or units; replaced: whether this edition was there before."""

    kind: str
    edition: date
    entries: int
    replaced: bool


def take_edits(
    session: Session, practice_id: UUID, rows: CmsRows, edition: date, files: Sequence[str]
) -> tuple[list[Taken], str]:
    """Keep the rows as an edition and have held visits look again, in the caller's transaction.

    Raises Refused, before anything is kept, when the rows are too few to be a whole quarter's.
    """
    _refuse_a_part(rows, edition)
    taken = []
    if rows.pairs:
        pairs = [
            [pair.column1, pair.column2, pair.indicator, pair.effective_from.isoformat(), pair.effective_to.isoformat()]
            for pair in rows.pairs
        ]
        taken.append(_keep(session, practice_id, PAIRS, edition, pairs, files))
    if rows.units:
        units = [[code, edit.units, edit.indicator] for code, edit in sorted(rows.units.items())]
        taken.append(_keep(session, practice_id, UNITS, edition, units, files))
    changed(session, practice_id)
    for one in taken:
        detail = {"edition": edition.isoformat(), "entries": one.entries, "files": list(files)}
        life.audit(session, practice_id, "import", "edits.loaded", f"edits/{one.kind}", detail)
    return taken, look_again(session, practice_id, None, unsent=False)


def _refuse_a_part(rows: CmsRows, edition: date) -> None:
    if not rows.pairs and not rows.units:
        raise Refused("There is no row of pairs or of units in it that speaks of a therapy code.")
    pairs, shipped = ncci.PairTable(rows.pairs).in_force(edition), ncci.TABLE.in_force(ncci.SHIPPED)
    if rows.pairs and pairs * 100 < shipped * WHOLE_FROM_PERCENT:
        raise Refused(
            f"Only {pairs} pairs among therapy codes are in force on {edition}, where there were {shipped}. "
            "CMS cuts a quarter's practitioner pairs into four files; give all of them at once."
        )
    known = sum(1 for entry in codes.every() if entry.mue is not None)
    if rows.units and len(rows.units) * 100 < known * WHOLE_FROM_PERCENT:
        raise Refused(
            f"Only {len(rows.units)} therapy codes have a unit edit in it, where there were {known}. "
            "Give the whole practitioner file."
        )


def _keep(
    session: Session, practice_id: UUID, kind: str, edition: date, entries: list[Any], files: Iterable[str]
) -> Taken:
    wanted = select(EditTableRow).where(
        EditTableRow.practice_id == practice_id, EditTableRow.kind == kind, EditTableRow.edition == edition
    )
    row = session.scalars(wanted.with_for_update()).one_or_none()
    replaced = row is not None
    if row is None:
        row = EditTableRow(practice_id=practice_id, kind=kind, edition=edition)
        session.add(row)
    row.entries, row.files, row.loaded_at = entries, list(files), datetime.now(UTC)
    session.flush()
    return Taken(kind, edition, len(entries), replaced)
