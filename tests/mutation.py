"""Does a test fail when a boundary moves by one? ``python -m tests.mutation [MODULE ...]`` asks it of every boundary.

Each mutant differs from a module in one place: a whole number one more or one less, a comparison taken a step farther
or turned round, a plus for a minus. It is put in the module's place in a process of its own, and the module's unit
tests run there. A mutant that no test kills is named; the exit status is 1 if one is left that EQUIVALENT does not
explain.
"""

import ast
import importlib.abc
import importlib.util
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from importlib.machinery import ModuleSpec
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
TESTS = {
    "billing.units": ("tests/billing/test_units.py",),
    "billing.assistants": ("tests/billing/test_assistants.py",),
    "billing.modifiers": ("tests/billing/test_modifiers.py", "tests/billing/test_coding.py"),
}
TIMEOUT_SECONDS = 120
KILLED, SURVIVED = 0, 1

# Mutants that behave as the original does, each with the reason; (module, the mutant as it is named).
EQUIVALENT: dict[tuple[str, str], str] = {
    ("billing.units", "line 21: 20000 -> 20001"): "how many shapes are kept changes no answer",
    ("billing.units", "line 21: 20000 -> 19999"): "how many shapes are kept changes no answer",
    ("billing.units", "line 111: 0 -> -1"): "of -1, the floor of its division by the period is -1: 2 - 1 = 1 as well",
}

FARTHER: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OTHER_WAY: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}


class Mutant(NamedTuple):
    """One changed place, told as ``line 97: minutes < first -> minutes <= first``."""

    name: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse(source)
    places = [
        node for node in ast.walk(tree) if isinstance(node, ast.Compare | ast.Constant | ast.BinOp | ast.AugAssign)
    ]
    for node in places:
        for change in range(_changes(node)):
            mutated = deepcopy(tree)
            place = [one for one in ast.walk(mutated) if isinstance(one, type(node)) and _at(one) == _at(node)]
            target = place[0]
            before = ast.unparse(target)
            _change(target, change)
            yield Mutant(f"line {node.lineno}: {before} -> {ast.unparse(target)}", mutated)


def _at(node: ast.AST) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0  # type: ignore[attr-defined]  # every node that is mutated has a place


def _changes(node: ast.AST) -> int:
    if isinstance(node, ast.Compare):
        return len(FARTHER[type(node.ops[0])]) if len(node.ops) == 1 else 0
    if isinstance(node, ast.Constant):
        return 2 if type(node.value) is int else 0
    if isinstance(node, ast.BinOp | ast.AugAssign):
        return 1 if type(node.op) in OTHER_WAY else 0
    return 0


def _change(node: ast.AST, change: int) -> None:
    if isinstance(node, ast.Compare):
        node.ops = [FARTHER[type(node.ops[0])][change]()]
    elif isinstance(node, ast.Constant):
        node.value = int(str(node.value)) + (1, -1)[change]
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        node.op = OTHER_WAY[type(node.op)]()


class _InPlaceOf(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads a mutant when its module is imported."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self.path))

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)


def _run(module: str, path: Path, tree: ast.Module, tests: Sequence[str]) -> int:
    """In a child: the tests against the mutant. Killed by a failing test, by an error, or by taking for ever."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.alarm(TIMEOUT_SECONDS)
    status = KILLED
    try:
        import pytest

        sys.meta_path.insert(0, _InPlaceOf(module, path, tree))
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            wanted = ["-x", "-q", "--noconftest", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
            status = SURVIVED if pytest.main(wanted) == 0 else KILLED
    finally:
        os._exit(status)


def ask(module: str) -> tuple[int, list[str]]:
    """How many mutants a module has, and those that no test kills and nothing explains."""
    path = ROOT / f"{module.replace('.', '/')}.py"
    source = path.read_text(encoding="utf-8")
    tests = [str(ROOT / test) for test in TESTS[module]]
    if _run(module, path, ast.parse(source), tests) != SURVIVED:
        raise SystemExit(f"{module}: its tests fail as it is")
    made, alive = list(mutants(source)), []
    for mutant in made:
        if _run(module, path, mutant.tree, tests) == SURVIVED and (module, mutant.name) not in EQUIVALENT:
            alive.append(mutant.name)
            print(f"  alive: {module}, {mutant.name}", flush=True)
    return len(made), alive


def main(modules: Sequence[str]) -> int:
    """Ask all modules, or those named."""
    import hypothesis
    import pydantic
    import pytest

    del pydantic, pytest  # imported once here, so that no child has to
    hypothesis.settings.register_profile("mutation", max_examples=30, derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutation")
    left = 0
    for module in modules or list(TESTS):
        start = perf_counter()
        count, alive = ask(module)
        explained = sum(1 for name, _ in EQUIVALENT if name == module)
        left += len(alive)
        print(
            f"{module}: {count} mutants, {count - explained - len(alive)} killed, {explained} equivalent, "
            f"{len(alive)} alive ({perf_counter() - start:.0f} s)"
        )
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
