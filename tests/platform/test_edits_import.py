"""`firstpass ncci` takes in CMS's quarterly files, and visits are judged by them."""

import zipfile
from datetime import date
from pathlib import Path

from billing import codes, ncci
from clients import make_engine
from models.store.edits import edit_tables
from models.store.session import practice_ids, practice_session
from models.tables.practice import PracticeRow
from tests.conftest import Database
from tests.platform.test_cli import firstpass


def pairs_file(path: Path, extra: str = "") -> str:
    """What is shipped, written as CMS writes it."""
    rows = [
        f"{pair.column1}\t{pair.column2}\t \t{pair.effective_from:%Y%m%d}\t*\t{pair.indicator}\tMisuse"
        for periods in ncci.TABLE._pairs.values()
        for pair in periods
        if pair.effective_to == date.max
    ]
    path.write_text("\n".join(["CPT only copyright\t\t", *rows, extra]))
    return str(path)


def units_file(path: Path) -> str:
    rows = [
        f'{code},{3},"3 Date of Service Edit: Clinical","x"' for code in dict.fromkeys(e.code for e in codes.every())
    ]
    path.with_suffix(".csv").write_text("\n".join(rows))
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_suffix(".csv"), "units.csv")
        archive.writestr("readme.pdf", b"\x00")
    return str(path)


def test_a_quarter_is_taken_in_and_used(database: Database, tmp_path: Path) -> None:
    where = {"FIRSTPASS_APP_DATABASE_URL": database.app_url}
    assert firstpass("import", "docs/examples/practice.json", **where).returncode == 0
    extra = "97110\t97112\t \t20260701\t*\t1\tinvented"
    pairs = pairs_file(tmp_path / "ccipra-v323r0-f4.txt", extra)
    first = firstpass("ncci", pairs, **where)
    assert first.returncode == 0, first.stderr
    assert "pairs of 2026-10-01: " in first.stdout
    assert "pairs of 2026-10-01 (again): " in firstpass("ncci", pairs, **where).stdout
    units = units_file(tmp_path / "MCR_MUE_PractitionerServices_Eff_10-01-2026.zip")
    assert "units of 2026-10-01: " in firstpass("ncci", units, **where).stdout

    engine = make_engine(database.app_url, pool_size=1)
    (practice_id,) = practice_ids(engine)
    with practice_session(engine, practice_id) as session:
        tables = edit_tables(session, session.get_one(PracticeRow, practice_id))
    engine.dispose()
    assert tables.pairs is not None
    assert tables.units is not None
    assert tables.pairs.edition == date(2026, 10, 1)
    assert tables.pairs.active("97110", "97112", date(2026, 7, 1)) is not None
    assert tables.units.edit("97110", date(2026, 9, 30))[0] == (6, 3)
    assert tables.units.edit("97110", date(2026, 10, 1))[0] == (3, 3)


def test_what_is_no_whole_quarter_is_refused_in_words(database: Database, tmp_path: Path) -> None:
    where = {"FIRSTPASS_APP_DATABASE_URL": database.app_url}
    assert firstpass("import", "docs/examples/practice.json", **where).returncode == 0
    part = tmp_path / "ccipra-v323r0-f1.txt"
    part.write_text("97140\t97124\t \t20200101\t*\t0\tx\n")
    refused = firstpass("ncci", str(part), **where)
    assert refused.returncode == 1
    assert "give all of them at once" in refused.stderr
    nameless = pairs_file(tmp_path / "pairs.txt")
    assert "--effective 2026-10-01" in firstpass("ncci", nameless, **where).stderr
    assert firstpass("ncci", nameless, "--effective", "2026-07-01", **where).returncode == 0
    broken = tmp_path / "ccipra-v323r0-f4.txt"
    broken.write_text("97140\t97124\t \tsoon\t*\t0\tx\n")
    unread = firstpass("ncci", str(broken), **where)
    assert unread.returncode == 2
    assert "line 1" in unread.stderr
    assert "soon is no day" in unread.stderr
