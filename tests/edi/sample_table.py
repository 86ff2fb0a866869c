"""Every public X12 sample: read, or refused, and why. `python -m tests.edi.sample_table [folder]` prints the table.

"held" is read as well: a remittance that does not add up, of which nothing would be posted. What is of no supported
transaction is told apart by name and kept.
"""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from edi.acks import read_277ca, read_999, read_ta1
from edi.findings import ERROR
from edi.identify import UNKNOWN, kinds
from edi.tokens import UnreadableFile
from edi.x271 import read_271
from edi.x277 import read_277
from edi.x835 import balance, read_835
from edi.x837p import read_837p
from tests.edi.examples import SAMPLES


class Verdict(NamedTuple):
    """What became of the transactions of one kind in a file."""

    file: str
    transaction: str
    outcome: str  # read, held, refused, kept
    why: str


def _835(data: bytes) -> tuple[str, str]:
    remittances = list(read_835(data))
    claims = sum(len(remittance.claims) for remittance in remittances)
    errors = [
        str(problem)
        for remittance in remittances
        for problem in (*balance(remittance), *remittance.problems)
        if problem.severity == ERROR
    ]
    said = f"{len(remittances)} payments, {claims} claims"
    return ("held", f"{said}; {len(errors)} problems: {errors[0]}") if errors else ("read", said)


def _837p(data: bytes) -> tuple[str, str]:
    batches = read_837p(data)
    problems = [problem.message for batch in batches for problem in batch.problems]
    said = f"{sum(len(batch.claims) for batch in batches)} claims"
    return "read", f"{said}; {len(problems)} remarks: {problems[0]}" if problems else said


def _counted(reader: Callable[[bytes], Sequence[object]], what: str) -> Callable[[bytes], tuple[str, str]]:
    def read(data: bytes) -> tuple[str, str]:
        found = reader(data)
        return ("read", f"{len(found)} {what}") if found else ("refused", f"none of its {what} could be told")

    return read


READERS: Mapping[str, Callable[[bytes], tuple[str, str]]] = {
    "835": _835,
    "837P": _837p,
    "999": _counted(read_999, "groups answered"),
    "997": _counted(read_999, "groups answered"),
    "TA1": _counted(read_ta1, "interchanges answered"),
    "277CA": _counted(read_277ca, "claims and batches answered"),
    "271": _counted(read_271, "answers"),
    "277": _counted(read_277, "claims answered"),
}


def verdicts(path: Path, data: bytes) -> list[Verdict]:
    """What we make of a file, kind of transaction by kind; never an exception."""
    try:
        return [Verdict(str(path), kind, *_read(kind, count, data)) for kind, count in kinds(data).items()] or [
            Verdict(str(path), UNKNOWN, "refused", "it holds no transaction")
        ]
    except UnreadableFile as unreadable:
        return [Verdict(str(path), UNKNOWN, "refused", str(unreadable))]


def _read(kind: str, count: int, data: bytes) -> tuple[str, str]:
    reader = READERS.get(kind)
    return reader(data) if reader is not None else ("kept", f"{count} of a transaction that is not read")


def table(folder: Path) -> list[Verdict]:
    """Every file of the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "MANIFEST.tsv")
    return [found for path in files for found in verdicts(path.relative_to(folder), path.read_bytes())]


if __name__ == "__main__":
    rows = table(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES)
    for row in sorted(rows, key=lambda row: (row.transaction, row.outcome, row.file)):
        print(f"{row.transaction:8}{row.outcome:9}{row.file}\n{'':17}{row.why}")
    counts = Counter((row.transaction, row.outcome) for row in rows)
    print("\n" + "\n".join(f"{count:5}  {kind:8}{outcome}" for (kind, outcome), count in sorted(counts.items())))
