"""Coverage-guided damage to X12: atheris (libFuzzer for Python) looks for bytes that lead readers into unseen code.

`pip install atheris` first: it is no dependency of Firstpass, and has wheels for Python 3.11 to 3.13 on Linux only.
Then `python -m benchmarks.fuzz_atheris [--minutes 10]` begins with the public samples and the readers of `fuzz_edi`.
Records, findings or `UnreadableFile` are right answers; anything else, more than a minute, or more than 2 GB ends
the run with status 77, 70 or 71 and leaves the input under var/.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("This needs atheris, which Firstpass itself does not: pip install atheris (Linux, Python 3.11 to 3.13).")

with atheris.instrument_imports(include=["edi"]):
    from benchmarks.fuzz_edi import FINDS, INPUT_BYTES_MAX, READERS, SAMPLES
    from edi.tokens import UnreadableFile

SECONDS_MAX = 60  # of the clock, which a busy machine stretches; what reading may cost is measured by fuzz_edi
MEMORY_MB_MAX = 2_048


def read_with_all(data: bytes) -> None:
    """Every reader gets the same bytes."""
    for reader in READERS.values():
        try:
            reader(data)
        except UnreadableFile:
            continue


def main() -> None:
    """Seeds from the samples, then libFuzzer until the time is up."""
    parser = argparse.ArgumentParser(description="Coverage-guided fuzzing of the X12 readers")
    parser.add_argument("--minutes", type=float, default=10)
    minutes = parser.parse_args().minutes
    FINDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="firstpass-fuzz-") as directory:
        for number, path in enumerate(sorted(SAMPLES.rglob("*"))):
            if path.is_file() and path.stat().st_size <= INPUT_BYTES_MAX:
                shutil.copy(path, Path(directory, f"seed-{number}"))
        limits = [f"-max_total_time={int(minutes * 60)}", f"-max_len={INPUT_BYTES_MAX}", f"-timeout={SECONDS_MAX}"]
        kept = [f"-rss_limit_mb={MEMORY_MB_MAX}", f"-artifact_prefix={FINDS}/", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *limits, *kept, directory], read_with_all)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
