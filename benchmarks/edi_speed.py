"""How fast X12 is read, balanced and written here, beside pyx12 and a bare split, on the same generated file.

`python -m benchmarks.edi_speed [claims]` makes an 835 and an 837P with therapy lines and random cents, then runs every
contender in a process of its own (peak memory is its own, too) and prints a table with ratios. Three bare splits make
lists of texts and nothing else: one keeps them, as every reader of whole files does; one keeps them with Python's
garbage collector off; one forgets each at once, which no program that says anything about the file can. pyx12
validates, which is more work than reading; it is the only other maintained library that knows the guide, and it gets a
smaller file of the same kind (its time per byte does not depend on size). openx12 and x12sdk are the fastest other
readers on PyPI; they are measured where they are installed (`pip install openx12 x12sdk`), and are no dependency.
Times are processor seconds, because the machines this runs on are shared.
"""

from __future__ import annotations

import gc
import io
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

from edi.values import DECIMALS
from edi.x835 import balance, balance_claim, balance_transaction, read_835, stream_835_claims
from edi.x835_claim import cutter_of
from edi.x837p import (
    Address,
    Batch837,
    Claim837,
    Party,
    Person,
    Provider,
    ServiceLine,
    Subscriber,
    check_claim,
    read_837p,
    write_837p,
)

CLAIMS = 5_000
PYX12_CLAIMS = 300
REPEATS = 5
CODES = ("97110", "97140", "97530", "97112", "97161", "92507", "97116", "97535")


# --- files ----------------------------------------------------------------------------------------------------------


def generate_835(claims: int) -> str:
    """One ST with `claims` claims of three therapy lines and random cents, six CAS each; it balances."""
    chance = random.Random(835)
    total, body = 0, list[str]()
    for index in range(claims):
        paid, segments = _claim_835(chance, index)
        total += paid
        body += segments
    head = [
        "ISA*00*          *00*          *ZZ*PAYERID        *ZZ*CEDARPT        *260201*0900*^*00501*000000777*0*P*:",
        "GS*HP*PAYERID*CEDARPT*20260201*0900*777*X*005010X221A1",
        "ST*835*0001",
        f"BPR*I*{_dollars(total)}*C*ACH*CCP*01*999999992*DA*123456*1512345678**01*999988880*DA*98765*20260203",
        "TRN*1*EFT0012345*1512345678",
        "DTM*405*20260201",
        "N1*PR*EXAMPLE HEALTH PLAN",
        "N3*PO BOX 1",
        "N4*HARTFORD*CT*06101",
        "PER*BL*EDI SUPPORT*TE*8005551212",
        "N1*PE*CEDAR PHYSICAL THERAPY LLC*XX*1234567893",
        "REF*TJ*742345678",
        "LX*1",
    ]
    tail = [f"SE*{len(head) + len(body) - 1}*0001", "GE*1*777", "IEA*1*000000777"]
    return "~\n".join([*head, *body, *tail]) + "~\n"


def _dollars(cents: int) -> str:
    return f"{Decimal(cents) / 100:f}"


def _claim_835(chance: random.Random, index: int) -> tuple[int, list[str]]:
    day = (date(2026, 1, 5) + timedelta(days=index % 25)).strftime("%Y%m%d")
    charges = paid_total = share_total = 0
    lines = []
    for position in range(1, 4):
        charge, contract, share = (
            chance.randrange(6000, 18000),
            chance.randrange(500, 4000),
            chance.randrange(100, 1500),
        )
        paid = charge - contract - share
        charges, paid_total, share_total = charges + charge, paid_total + paid, share_total + share
        lines += [
            f"SVC*HC:{chance.choice(CODES)}:GP*{_dollars(charge)}*{_dollars(paid)}**{chance.randrange(1, 5)}",
            f"DTM*472*{day}",
            f"CAS*CO*45*{_dollars(contract)}",
            f"CAS*PR*{chance.randrange(1, 4)}*{_dollars(share)}",
            f"REF*6R*{index}-{position}",
            f"AMT*B6*{_dollars(charge - contract)}",
        ]
    amounts = "*".join(map(_dollars, (charges, paid_total, share_total)))
    clp = f"CLP*PT{index:06d}-1*1*{amounts}*12*ICN{index:07d}*11*1"
    names = [f"NM1*QC*1*DOE{index}*JANE*Q***MI*ABC{index:09d}", "NM1*82*1*LEE*CHRIS****XX*1679576722"]
    return paid_total, [clp, *names, f"DTM*232*{day}", *lines]


def generate_batch(claims: int) -> Batch837:
    """A batch of ordinary therapy claims with three lines each."""
    chance = random.Random(837)
    return Batch837(
        sender_id="SUBMITTERID",
        receiver_id="RECEIVERID",
        receiver_name="EXAMPLE CLEARINGHOUSE",
        submitter_name="CEDAR THERAPY BILLING",
        contact_name="BILLING OFFICE",
        contact_phone="5125550100",
        usage_indicator="T",
        interchange_control_number=101,
        group_control_number=101,
        created=datetime(2026, 1, 15, 12, 0),  # noqa: DTZ001 - X12 states no zone
        claims=tuple(_claim_837(chance, index) for index in range(claims)),
    )


def _claim_837(chance: random.Random, index: int) -> Claim837:
    lines = tuple(
        ServiceLine(
            procedure_code=chance.choice(CODES),
            charge=Decimal(chance.randrange(6000, 18000)) / 100,
            units=Decimal(chance.randrange(1, 5)),
            service_date=date(2026, 1, 5) + timedelta(days=index % 25),
            modifiers=("GP",),
            line_control_number=f"{index}-{position}",
        )
        for position in range(1, 4)
    )
    home = Address("22 OAK LN", "AUSTIN", "TX", "78702")
    return Claim837(
        patient_control_number=f"PT{index:06d}-1",
        charge=sum((line.charge for line in lines), Decimal(0)),
        place_of_service="11",
        billing=Provider(
            npi="1234567893",
            name="CEDAR PHYSICAL THERAPY LLC",
            taxonomy="261QP2000X",
            tax_id="742345678",
            address=Address("100 MAIN ST STE 4", "AUSTIN", "TX", "787010000"),
        ),
        subscriber=Subscriber(Person(f"DOE{index}", "JANE", "Q", "", date(1980, 2, 14), "F", home), f"ABC{index:09d}"),
        payer=Party("EXAMPLE HEALTH PLAN", "60054"),
        diagnoses=("M5450", "M6281"),
        lines=lines,
        rendering=Provider("1679576722", "LEE", "CHRIS", is_person=True, taxonomy="225100000X"),
    )


# --- contenders -----------------------------------------------------------------------------------------------------


def empty_loop(text: str) -> None:
    """Segments and elements cut and thrown away at once: no program that keeps anything can be this fast."""
    for raw in text.split("~"):
        raw.strip("\n").split("*")


def bare_split(text: str) -> None:
    """The one-liner everybody writes first: lists of texts, no meaning, no checks."""
    assert [raw.strip("\n").split("*") for raw in text.split("~")]


def bare_split_uncollected(text: str) -> None:
    """The same without the garbage collector, which looks at every list kept again and again."""
    gc.disable()
    assert [raw.strip("\n").split("*") for raw in text.split("~")]


def own_whole(text: str) -> None:
    """Every record, then every level of the balance."""
    for remittance in read_835(text.encode()):
        assert not balance(remittance)


def own_stream(text: str) -> None:
    """The same, claim by claim, nothing kept."""
    for remittance, claim in stream_835_claims(text.encode()):
        assert not (balance_claim(claim) if claim is not None else balance_transaction(remittance))


def read_claims(text: str) -> None:
    """Our reader of our 837P."""
    assert read_837p(text)


def pyx12_validate(text: str) -> None:
    """pyx12 with its maps already loaded (`edi.judge`)."""
    from edi.judge import judge

    assert not judge(text)


def pyx12_segments(text: str) -> None:
    """pyx12's own tokenizer, nothing else."""
    import pyx12.x12file

    for segment in pyx12.x12file.X12Reader(io.StringIO(text)):
        segment.get_seg_id()


def openx12_read(text: str) -> None:
    """openx12: dictionaries with floats, several payments as one, no balance."""
    from openx12 import x835

    assert x835.parse(text).claims


def x12sdk_segments(text: str) -> None:
    """x12sdk's own tokenizer, nothing else."""
    from x12sdk.io import X12SegmentReader

    with X12SegmentReader(text) as reader:
        for _ in reader.segments():
            pass


READERS: dict[str, Callable[[str], None]] = {
    "bare split": bare_split,
    "bare split, collector off": bare_split_uncollected,
    "split and forget": empty_loop,
    "own: stream + balance": own_stream,
    "own: records + balance": own_whole,
    "own: read 837P": read_claims,
    "pyx12: segments": pyx12_segments,
    "pyx12: validate": pyx12_validate,
    "openx12: read": openx12_read,
    "x12sdk: segments": x12sdk_segments,
}
OPTIONAL = {"openx12": "openx12: read", "x12sdk": "x12sdk: segments"}


def measure(name: str, path: Path) -> dict[str, float]:
    """Runs in the child: seconds (median of several) and peak memory in MB of one contender."""
    if name in ("own: write 837P", "own: check + write 837P"):
        batch = generate_batch(int(path.name.split("-")[1]))
        run: Callable[[], object] = (
            (lambda: write_837p(batch))
            if name == "own: write 837P"
            else (lambda: ([check_claim(claim) for claim in batch.claims], write_837p(batch)))
        )
    else:
        text = path.read_text()
        run = lambda: READERS[name](text)  # noqa: E731
    slow = name.startswith("pyx12")
    if slow:
        run()  # its maps are loaded once, outside the measurement
    seconds = []
    for _ in range(2 if slow else REPEATS):
        _forget()
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return {"seconds": statistics.median(seconds), "peak": peak_megabytes()}


def _forget() -> None:
    """Nothing of an earlier run is remembered: a file is read once in real life."""
    DECIMALS.clear()
    cutter_of.cache_clear()


def peak_megabytes() -> float:
    """Most memory this process held. Linux lets a child inherit its parent's `ru_maxrss`; VmHWM begins anew."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def child(name: str, path: Path) -> dict[str, float]:
    """One contender in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.edi_speed", "--child", name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    return dict(json.loads(done.stdout))


# --- tables ---------------------------------------------------------------------------------------------------------


def table(title: str, rows: list[tuple[str, Path, int]], baseline: str) -> None:
    """Prints one table; ratios are of throughput, against the bare split and against pyx12's validation."""
    print(f"\n{title}")
    print(f"{'':26}{'claims/s':>10}{'MB/s':>8}{'peak MB':>9}{'of split':>10}{'x pyx12':>9}")
    results = {}
    for name, path, claims in rows:
        result = child(name, path)
        size = path.stat().st_size / 1e6
        results[name] = (claims / result["seconds"], size / result["seconds"], result["peak"])
    for name, (claims_s, mb_s, peak) in results.items():
        split = f"{mb_s / results['bare split'][1]:.0%}"
        times = f"{mb_s / results[baseline][1]:.0f}"
        print(f"{name:26}{claims_s:>10,.0f}{mb_s:>8.1f}{peak:>9.0f}{split:>10}{times:>9}")


def main(claims: int) -> None:
    """Makes the files and prints both tables."""
    with tempfile.TemporaryDirectory() as folder:
        era, small_era = Path(folder, f"era-{claims}"), Path(folder, f"era-{PYX12_CLAIMS}")
        sent, small_sent = Path(folder, f"sent-{claims}"), Path(folder, f"sent-{PYX12_CLAIMS}")
        for path, count in ((era, claims), (small_era, PYX12_CLAIMS)):
            path.write_text(generate_835(count))
        for path, count in ((sent, claims), (small_sent, PYX12_CLAIMS)):
            path.write_text(write_837p(generate_batch(count)))
        table(
            f"835: {claims:,} claims x 3 lines, {era.stat().st_size / 1e6:.1f} MB in one transaction",
            [
                ("bare split", era, claims),
                ("bare split, collector off", era, claims),
                ("split and forget", era, claims),
                ("own: stream + balance", era, claims),
                ("own: records + balance", era, claims),
                ("pyx12: segments", small_era, PYX12_CLAIMS),
                ("pyx12: validate", small_era, PYX12_CLAIMS),
                *((name, era, claims) for package, name in OPTIONAL.items() if find_spec(package)),
            ],
            "pyx12: validate",
        )
        table(
            f"837P: {claims:,} claims x 3 lines, {sent.stat().st_size / 1e6:.1f} MB, one ST per claim",
            [
                ("bare split", sent, claims),
                ("own: write 837P", sent, claims),
                ("own: check + write 837P", sent, claims),
                ("own: read 837P", sent, claims),
                ("pyx12: validate", small_sent, PYX12_CLAIMS),
            ],
            "pyx12: validate",
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else CLAIMS)
