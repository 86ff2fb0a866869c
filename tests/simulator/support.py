"""A billing desk in miniature: writes 837Ps, talks SFTP, and reads answers with its own few lines of code."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import asyncssh
import pyx12
import pyx12.map_if
import pyx12.params
import pyx12.x12n_document

from simulator.config import SimulatorConfig, World
from simulator.validation import cache_maps

USER, PASSWORD = "desk", "correct horse"
PATIENCE_SECONDS = 20


# --- writing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """One claim as the little desk knows it."""

    number: str
    member: str
    lines: tuple[tuple[str, str, str], ...] = (("97110:GP", "150", "2"), ("97140:GP:59", "70", "1"))
    dos: str = "20260110"
    frequency: str = "1"
    original: str = ""
    payer: str = "60054"
    filing: str = "CI"

    @property
    def charge(self) -> Decimal:
        return sum((Decimal(charge) for _, charge, _ in self.lines), Decimal(0))

    def again(self, number: str, **changes: Any) -> Claim:
        return replace(self, number=number, **changes)


def write_837(claims: list[Claim], control: int, sender: str = "SUBMITTERID") -> str:
    """One interchange, one group, one transaction set per claim."""
    head = f"ISA*00*          *00*          *ZZ*{sender:15}*ZZ*RECEIVERID     *260115*1200*^*00501*{control:09d}*0*T*:"
    whole = [head, f"GS*HC*{sender}*RECEIVERID*20260115*1200*{control}*X*005010X222A1"]
    for ordinal, claim in enumerate(claims, start=1):
        body = _set(claim, control)
        whole += [f"ST*837*{ordinal:04d}*005010X222A1", *body, f"SE*{len(body) + 2}*{ordinal:04d}"]
    whole += [f"GE*{len(claims)}*{control}", f"IEA*1*{control:09d}"]
    return "~".join(whole) + "~"


def _set(claim: Claim, control: int) -> list[str]:
    body = [
        f"BHT*0019*00*BATCH{control}*20260115*1200*CH",
        "NM1*41*2*CEDAR THERAPY BILLING*****46*SUBMITTERID", "PER*IC*BILLING OFFICE*TE*5125550100",
        "NM1*40*2*EXAMPLE CLEARINGHOUSE*****46*RECEIVERID",
        "HL*1**20*1", "PRV*BI*PXC*261QP2000X", "NM1*85*2*CEDAR PHYSICAL THERAPY LLC*****XX*1234567893",
        "N3*100 MAIN ST STE 4", "N4*AUSTIN*TX*787010000", "REF*EI*742345678",
        "HL*2*1*22*0", f"SBR*P*18*******{claim.filing}", f"NM1*IL*1*QUILLFEATHER*JANE*Q***MI*{claim.member}",
        "N3*22 OAK LN", "N4*AUSTIN*TX*78702", "DMG*D8*19800214*F", f"NM1*PR*2*EXAMPLE PLAN*****PI*{claim.payer}",
        f"CLM*{claim.number}*{claim.charge}***11:B:{claim.frequency}*Y*A*Y*Y",
    ]  # fmt: skip
    body += [f"REF*F8*{claim.original}"] if claim.original else []
    body += ["HI*ABK:M545", "NM1*82*1*LEE*CHRIS****XX*1679576722", "PRV*PE*PXC*225100000X"]
    for ordinal, (procedure, charge, units) in enumerate(claim.lines, start=1):
        body += [f"LX*{ordinal}", f"SV1*HC:{procedure}*{charge}*UN*{units}***1", f"DTP*472*D8*{claim.dos}"]
        body += [f"REF*6R*{claim.number}L{ordinal}"]
    return body


# --- talking ------------------------------------------------------------------------------------------------------


def world_config(root: Path, **changes: Any) -> SimulatorConfig:
    """A quick world in which every claim is paid and no file comes twice, unless the test says otherwise."""
    calm = {"mix": {"paid": 1, "partial": 0, "denied": 0, "rejected": 0, "lost": 0, "late": 0, "reversed": 0}}
    world = {**calm, "duplicate_share": 0, **changes.pop("world", {})}
    quick: dict[str, Any] = {
        "answer_seconds": 0.05, "adjudicate_seconds": 0.1, "gather_seconds": 0.1, "late_seconds": 0.6, "port": 0,
    }  # fmt: skip
    login = {"authorized_user": USER, "password": PASSWORD}
    return SimulatorConfig.model_validate({"root": root, **login, **quick, **changes, "world": World(**world)})


class Desk:
    """An SFTP client with the habits of a careful one."""

    def __init__(self, port: int, **login: Any) -> None:
        self.port = port
        self.login = login or {"username": USER, "password": PASSWORD}
        self.fetched: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        options: dict[str, Any] = {"known_hosts": None, "config": None, "agent_path": None, **self.login}
        options.setdefault("client_keys", None)
        self.connection = await asyncssh.connect("127.0.0.1", self.port, **options)
        self.sftp = await self.connection.start_sftp_client()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.abort()

    async def upload(self, name: str, content: str) -> None:
        async with self.sftp.open(f"/inbound/{name}.part", "wb") as file:
            await file.write(content.encode("latin-1"))
        await self.sftp.rename(f"/inbound/{name}.part", f"/inbound/{name}")

    async def fetch(self, remove: bool = False) -> dict[str, str]:
        """Everything in /outbound that is not here yet."""
        for name in await self.sftp.listdir("/outbound"):
            path = f"/outbound/{name}"
            if name in (".", "..") or name in self.fetched:
                continue
            async with self.sftp.open(path, "rb") as file:
                content: Any = await file.read()
                self.fetched[str(name)] = content.decode("latin-1")
            if remove:
                await self.sftp.remove(path)
        return self.fetched

    def of(self, kind: str) -> list[str]:
        """The answers of one kind, oldest first."""
        return [text for name, text in sorted(self.fetched.items()) if name.endswith(f".{kind}")]

    async def until(self, done: Callable[[Desk], bool], remove: bool = False) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            await self.fetch(remove)
            if done(self):
                return
            assert time.monotonic() < deadline, f"waited in vain; fetched {sorted(self.fetched)}"
            await asyncio.sleep(0.05)

    def payments(self) -> list[Paid]:
        return [paid for text in self.of("835") for paid in read_835(text).claims]


# --- reading ------------------------------------------------------------------------------------------------------


def segments(text: str) -> list[list[str]]:
    return [piece.strip().split("*") for piece in text.split("~") if piece.strip()]


@dataclass
class Paid:
    """One CLP with all that must add up below it."""

    number: str
    status: str
    charge: Decimal
    paid: Decimal
    share: Decimal
    payer_number: str
    adjustments: list[tuple[str, str, Decimal]] = field(default_factory=list)
    lines: list[tuple[Decimal, Decimal, Decimal]] = field(default_factory=list)
    line_numbers: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def reasons(self) -> set[str]:
        return {f"{group}-{reason}" for group, reason, _ in self.adjustments}


@dataclass
class Remittance:
    total: Decimal
    trace: str
    claims: list[Paid]
    provider_level: list[tuple[str, Decimal]]


def read_835(text: str) -> Remittance:
    found = Remittance(Decimal(0), "", [], [])
    for segment in segments(text):
        name, claim = segment[0], found.claims[-1] if found.claims else None
        if name == "BPR":
            found.total = Decimal(segment[2])
        elif name == "TRN":
            found.trace = segment[2]
        elif name == "CLP":
            charge, paid, share = Decimal(segment[3]), Decimal(segment[4]), Decimal(segment[5] or 0)
            found.claims.append(Paid(segment[1], segment[2], charge, paid, share, segment[7]))
        elif name == "PLB":
            for at in range(3, len(segment), 2):
                found.provider_level.append((segment[at].split(":")[0], Decimal(segment[at + 1])))
        elif claim:
            _below_claim(claim, segment)
    return found


def _below_claim(claim: Paid, segment: list[str]) -> None:
    if segment[0] == "SVC":
        claim.lines.append((Decimal(segment[2]), Decimal(segment[3]), Decimal(0)))
    elif segment[0] == "CAS":
        for at in range(2, len(segment), 3):
            value = Decimal(segment[at + 1])
            claim.adjustments.append((segment[1], segment[at], value))
            charge, paid, taken = claim.lines[-1]
            claim.lines[-1] = (charge, paid, taken + value)
    elif segment[:2] == ["REF", "6R"]:
        claim.line_numbers.append(segment[2])
    elif segment[0] == "LQ":
        claim.remarks.append(segment[2])


def assert_balanced(text: str) -> None:
    """The guide's equations: line, claim and transaction."""
    remittance = read_835(text)
    for claim in remittance.claims:
        for charge, paid, taken in claim.lines:
            assert charge - taken == paid, claim
        assert sum(charge for charge, _, _ in claim.lines) == claim.charge
        assert sum(paid for _, paid, _ in claim.lines) == claim.paid
        if claim.status != "22":
            assert sum(value for group, _, value in claim.adjustments if group == "PR") == claim.share
    plb = sum((value for _, value in remittance.provider_level), Decimal(0))
    assert sum((claim.paid for claim in remittance.claims), Decimal(0)) - plb == remittance.total
    assert remittance.total >= 0


@cache
def _maps() -> TemporaryDirectory[str]:
    """pyx12's maps with its one known error on the 835 mended: a remittance may hold several PLB segments."""
    folder = TemporaryDirectory(prefix="pyx12-maps-")
    shipped = Path(pyx12.__file__ or "").parent / "map"
    shutil.copytree(shipped, folder.name, dirs_exist_ok=True)
    path = Path(folder.name) / "835.5010.X221.A1.xml"
    once = r'(<loop xid="FOOTER" type="wrapper">.*?<repeat>)1(</repeat>)'
    path.write_text(re.sub(once, r"\g<1>&gt;1\g<2>", path.read_text(), count=1, flags=re.DOTALL))
    return folder


_cache_maps = cache(cache_maps)


def guide_problems(text: str) -> list[str]:
    """What the guide's validator has against a file."""
    _cache_maps()
    parameters = pyx12.params.params()
    parameters.set("exclude_external_codes", None)
    parameters.set("charset", "E")
    report = io.StringIO()
    valid = pyx12.x12n_document.x12n_document(
        param=parameters, src_file=io.StringIO(text), fd_997=None, fd_html=None, fd_xmldoc=None, fd_json=report,
        map_path=_maps().name,
    )  # fmt: skip
    return [] if valid else re.findall(r'"err_str": "(.*?)",', report.getvalue()) or ["not valid"]
