"""The list of checks and the page made from it."""

import ast
from pathlib import Path

from billing import catalog
from billing.catalog import PAGE, RULES, page

BILLING = Path(catalog.__file__).parent


def test_docs_rules_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m billing.catalog"


def test_ids_are_unique_and_every_rule_says_all() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    for rule in RULES:
        assert rule.title
        assert rule.source
        assert rule.what.endswith(".")
        assert rule.why.endswith(".")


def test_functions_stay_small() -> None:
    lengths = []
    for path in BILLING.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                lengths.append((node.end_lineno or 0) - node.lineno + 1)
    lengths.sort()
    assert lengths[-1] <= 70
    assert lengths[len(lengths) // 2] <= 10


def test_billing_knows_no_clock_no_database_and_no_other_room() -> None:
    forbidden = {"os", "random", "time", "sqlalchemy", "temporalio", "fastapi", "models", "activities", "edi", "web"}
    for path in BILLING.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not forbidden & {name.split(".")[0] for name in names}, path
        assert ".today()" not in source, path
        assert ".now(" not in source, path
