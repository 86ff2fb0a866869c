"""Which practice a command means."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from settings import Problem

if TYPE_CHECKING:
    from sqlalchemy import Engine


def practice_id_of(engine: Engine, wanted: str) -> UUID:
    """The practice of this id as people write it, or the only one there is. Raises Problem where neither is."""
    from sqlalchemy import text

    from models.store.session import practice_ids

    if wanted:
        with engine.connect() as connection:
            found = connection.scalar(text("SELECT practice_id FROM find_practice(:wanted)"), {"wanted": wanted})
        if found is None:
            raise Problem(f"There is no practice {wanted}, so no visit was taken in. Import its practice file first.")
        return UUID(str(found))
    known = practice_ids(engine)
    if len(known) != 1:
        raise Problem(
            f"There are {len(known)} practices here, so it is not clear whose visits these are. "
            + ("Name one with --practice." if known else "Import the practice file first.")
        )
    return known[0]
