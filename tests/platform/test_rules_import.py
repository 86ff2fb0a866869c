"""`firstpass import` takes rules in as drafts, once."""

from tests.conftest import Database
from tests.platform.test_cli import firstpass


def test_the_worked_rules_become_drafts_once(database: Database) -> None:
    where = {"FIRSTPASS_APP_DATABASE_URL": database.app_url}
    first = firstpass("import", "docs/examples/practice.json", "docs/examples/rules.json", **where)
    assert first.returncode == 0, first.stderr
    assert "10 rules taken in as drafts, 0 known already" in first.stdout
    again = firstpass("import", "docs/examples/rules.json", **where)
    assert "0 rules taken in as drafts, 10 known already" in again.stdout
    wrong = firstpass("import", "-", stdin='{"schema": "firstpass/rules/1", "rules": []}', **where)
    assert wrong.returncode == 2
    assert "the rules are not complete" in wrong.stderr
