"""Random damage to the public X12 samples, through every reader: no crash, no hang, no hunger.

`python -m benchmarks.fuzz_edi [--minutes 1] [--seed N]` damages samples (bytes changed, cut, doubled, swapped; segments
dropped, repeated, moved between files; delimiters exchanged; numbers and dates replaced) and reads each result with all
readers. Records, findings or `UnreadableFile` are right answers. Anything else is a find, as is an input that takes
longer than it may, or memory that grows beyond its bound. Finds are printed, and kept
under var/; the exit status is 1 when there is any.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from edi.acks import read_277ca, read_999, read_ta1
from edi.describe import tree
from edi.identify import identify, kinds
from edi.interchanges import read_interchanges
from edi.report import era_report, render_era
from edi.tokens import UnreadableFile
from edi.x271 import read_271
from edi.x277 import read_277
from edi.x835 import balance, read_835
from edi.x837p import check_claim, read_837p

SAMPLES = Path(__file__).parents[2] / "shared" / "data" / "x12"
FINDS = Path("var/fuzz-finds")
INPUT_BYTES_MAX = 64 * 1024
SECONDS_FIXED, SECONDS_PER_KB = 2.0, 0.05  # of processor time; reading 64 kB takes some 30 ms in all
MEMORY_GROWTH_MAX = 200 << 20
MEMORY_MAX = 2 << 30
VALUES = (
    b"", b"0", b"-1", b"1E9999", b"NaN", b"Infinity", b"-.", b"99999999999999999999999999", b"20261345", b"00000000",
    b"20260101-20251231", b"\xff\xfe", "\u0661\u0662".encode(), b"HC:97110:GP:59:KX:CQ:XX:YY:ZZ", b":", b"::::::", b" ",
)  # fmt: skip


def _balanced(data: bytes) -> None:
    for remittance in read_835(data):
        balance(remittance)


def _checked(data: bytes) -> None:
    for batch in read_837p(data):
        for claim in batch.claims:
            check_claim(claim)


READERS: dict[str, Callable[[bytes], object]] = {
    "identify": identify,
    "kinds": kinds,
    "interchanges": lambda data: list(read_interchanges(data)),
    "tree": tree,
    "835": _balanced,
    "report": lambda data: render_era(era_report("fuzz", data)),
    "837P": _checked,
    "TA1": read_ta1,
    "999": read_999,
    "277CA": read_277ca,
    "271": read_271,
    "277": read_277,
}


class Late(Exception):  # noqa: N818 - what happened, not an error of the script
    """A reader took longer than it may."""


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise Late


# --- damage -------------------------------------------------------------------------------------------------------


def _bytes(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 12)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data))
    return data[:start] + data[chance.randrange(start, len(data)) :]


def _doubled(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randint(1, 2_000)]
    return data[:start] + piece * chance.randint(2, 40) + data[start:]


def _end(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def _marks(data: bytearray, chance: random.Random) -> bytearray:
    one, other = (chance.choice(b"~*:^|>\n\r +0A\x1c\x00") for _ in range(2))
    return bytearray(bytes(data).translate(bytes.maketrans(bytes([one, other]), bytes([other, one]))))


def _segments(data: bytearray, chance: random.Random) -> bytearray:
    """Some segments dropped, repeated or moved."""
    parts = bytes(data).split(b"~")
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(parts))
        part = parts.pop(place) if chance.random() < 0.6 and len(parts) > 1 else parts[place]
        if chance.random() < 0.7:
            where = chance.randrange(len(parts) + 1)
            parts[where:where] = [part] * chance.choice((1, 1, 2, 50))
    return bytearray(b"~".join(parts))


def _elements(data: bytearray, chance: random.Random) -> bytearray:
    """Some values replaced by what no programmer thinks of."""
    parts = bytes(data).split(b"*")
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(parts))
        _, mark, rest = parts[place].partition(b"~")
        parts[place] = chance.choice(VALUES) * chance.choice((1, 1, 1, 3_000)) + mark + rest
    return bytearray(b"*".join(parts))


DAMAGE: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    _bytes, _cut, _doubled, _end, _marks, _segments, _elements, _elements,
)  # fmt: skip


def damaged(samples: Sequence[bytes], chance: random.Random) -> bytes:
    """One sample (now and then two, one in the other) with one to four kinds of damage."""
    data = bytearray(chance.choice(samples))
    if chance.random() < 0.15:
        other = chance.choice(samples)
        place = chance.randrange(len(data))
        data = data[:place] + other[: chance.randrange(len(other))] + data[place:]
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(DAMAGE)(data[:INPUT_BYTES_MAX], chance) or bytearray(b"ISA")
    return bytes(data[:INPUT_BYTES_MAX])


# --- reading ------------------------------------------------------------------------------------------------------


def read(name: str, data: bytes) -> tuple[str, str]:
    """What became of an input in one reader: ("read" | "refused" | "crash" | "late" | "hungry", details)."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_FIXED + SECONDS_PER_KB * len(data) / 1024)
    try:
        READERS[name](data)
        outcome = "read", ""
    except UnreadableFile:
        outcome = "refused", ""
    except Late:
        outcome = "late", traceback.format_exc(limit=-4)
    except Exception:  # a find, whatever it is
        outcome = "crash", traceback.format_exc(limit=-4)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    return ("hungry", f"{grown >> 20} MB more") if grown > MEMORY_GROWTH_MAX else outcome


def main() -> None:
    """Fuzz until the time is over, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    samples = [path.read_bytes()[:INPUT_BYTES_MAX] for path in sorted(SAMPLES.rglob("*")) if path.is_file()]
    if not samples:
        sys.exit(f"There are no samples in {SAMPLES}.")
    signal.signal(signal.SIGVTALRM, _late)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    counts: Counter[str] = Counter()
    finds: dict[str, str] = {}
    slowest = 0.0
    end = time.monotonic() + given.minutes * 60
    number = given.seed * 1_000_000_000
    while time.monotonic() < end:
        number += 1
        data = damaged(samples, random.Random(number))  # the number alone makes the input again
        for name in READERS:
            began = time.process_time()
            outcome, details = read(name, data)
            slowest = max(slowest, time.process_time() - began)
            counts[outcome] += 1
            if outcome not in ("read", "refused"):
                finds.setdefault(_kept(name, outcome, details, number, data), details)
    inputs = number - given.seed * 1_000_000_000
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{inputs:,} inputs from {len(samples)} samples, {sum(counts.values()):,} readings: {dict(counts)}")
    print(f"slowest reading {slowest:.2f} s of processor time; peak memory {memory} MB; {len(finds)} different finds")
    for where, details in finds.items():
        print(f"\n{where}\n{details}")
    sys.exit(1 if finds else 0)


def _kept(name: str, outcome: str, details: str, number: int, data: bytes) -> str:
    """Keep the input of a find; finds with the same traceback count as one."""
    same = hashlib.sha256(details.encode()).hexdigest()[:10]
    FINDS.mkdir(parents=True, exist_ok=True)
    path = FINDS / f"{name}-{outcome}-{same}.x12"
    if not path.exists():
        path.write_bytes(data)
        (path.with_suffix(".txt")).write_text(f"input {number}\n{details}")
    return str(path)


if __name__ == "__main__":
    main()
