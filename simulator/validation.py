"""The guide's validator, pyx12, in a process of its own: it is slow, it holds the interpreter, and it may crash.

Run as `python -m simulator.validation` it reads one path per line and writes one JSON report per line. It ends when its
input ends, so that a killed simulator leaves no orphan behind.
"""

import asyncio
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulator.findings import (
    SET_HAS_SEGMENT_ERRORS,
    ElementFinding,
    FileReport,
    SegmentFinding,
    SetReport,
    check_envelope,
)
from simulator.x12 import Interchange, decode, read

REPORT_LIMIT_BYTES = 64 * 1024 * 1024
VALIDATION_LIMIT_SECONDS = 900
ATTEMPTS = 2
PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)
MAX_FINDINGS_PER_SET = 50


class Validator:
    """The parent's end: one child, one file at a time, started when first needed and again when it died."""

    def __init__(self, level: str) -> None:
        self.level = level
        self.child: asyncio.subprocess.Process | None = None

    async def check(self, path: Path, interchange: Interchange) -> FileReport:
        """The report of one archived upload whose envelope was readable."""
        if self.level == "envelope":
            return check_envelope(interchange)
        for _ in range(ATTEMPTS):
            report = await self._ask(path)
            if report is not None:
                return report
        return _refuse_all(check_envelope(interchange))

    async def start(self) -> None:
        """Start the child before it is needed, so that the first upload does not wait for its imports."""
        if self.level == "pyx12" and self.child is None:
            inherited = os.environ.get("PYTHONPATH")
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [PACKAGE_PARENT, inherited]))}
            self.child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "simulator.validation",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                env=environment, limit=REPORT_LIMIT_BYTES, start_new_session=True,
            )  # fmt: skip

    async def _ask(self, path: Path) -> FileReport | None:
        await self.start()
        if self.child is None or self.child.stdin is None or self.child.stdout is None:
            return None
        try:
            self.child.stdin.write(json.dumps(str(path)).encode() + b"\n")
            await self.child.stdin.drain()
            answer = await asyncio.wait_for(self.child.stdout.readline(), VALIDATION_LIMIT_SECONDS)
        except (OSError, ValueError, TimeoutError):
            answer = b""
        if answer:
            return FileReport.model_validate_json(answer)
        await self.stop()
        return None

    async def stop(self) -> None:
        child, self.child = self.child, None
        if child and child.returncode is None:
            child.kill()
            await child.wait()


def _refuse_all(report: FileReport) -> FileReport:
    for group in report.groups:
        for item in group.sets:
            item.add(SET_HAS_SEGMENT_ERRORS)
    return report


def examine(text: str) -> FileReport:
    """Envelope and guide together. What makes pyx12 crash is narrowed down to the set that does it."""
    interchange = read(text)
    report = check_envelope(interchange)
    if not any(group.accepted for group in report.groups):
        return report
    documents = _run_pyx12(text)
    if documents is None:
        _examine_one_by_one(text, report)
    else:
        _merge(report, documents)
    return report


def _examine_one_by_one(text: str, report: FileReport) -> None:
    """After a crash: every set in an envelope of its own, so that one bad claim does not reject its neighbours."""
    for index, single in enumerate(_singles(text)):
        documents = _run_pyx12(single)
        target = _all_sets(report)[index]
        if documents is None:
            target.add(SET_HAS_SEGMENT_ERRORS)
        else:
            for found in _pyx12_sets(documents):
                _copy_findings(target, found)


def _singles(text: str) -> Iterator[str]:
    """Each transaction set of an interchange, wrapped alone in the same header and group."""
    separator, terminator = text[3], text[105]
    isa = text[:106]
    gs = st = ""
    held: list[str] = []
    for piece in (part.strip() for part in text[106:].split(terminator)):
        name = piece.split(separator)[0]
        if name == "GS":
            gs = piece
        elif name == "ST":
            st, held = piece, [piece]
        elif name == "SE" and st:
            number, control = gs.split(separator)[6], isa.split(separator)[13]
            tail = [piece, separator.join(["GE", "1", number]), separator.join(["IEA", "1", control]), ""]
            yield isa + terminator.join([gs, *held, *tail])
        elif name not in ("GE", "IEA", ""):
            held.append(piece)


def _all_sets(report: FileReport) -> list[SetReport]:
    return [item for group in report.groups for item in group.sets]


def _pyx12_sets(document: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [group for interchange in document["interchanges"] for group in interchange["groups"]]
    return [item for group in groups for item in group["transactions"]]


def _merge(report: FileReport, document: dict[str, Any]) -> None:
    """Both walk the file in order, so the sets pair up; a set pyx12 never reached stays refused."""
    found = _pyx12_sets(document)
    for index, target in enumerate(_all_sets(report)):
        if index < len(found):
            _copy_findings(target, found[index])
        else:
            target.add(SET_HAS_SEGMENT_ERRORS)


def _copy_findings(target: SetReport, found: dict[str, Any]) -> None:
    for error in found["errors"]:
        target.add(str(error["err_cde"]))
    for segment in found["segments"]:
        finding = _segment_finding(segment)
        if finding and len(target.segments) < MAX_FINDINGS_PER_SET:
            target.segments.append(finding)
    if target.segments:
        target.add(SET_HAS_SEGMENT_ERRORS)


def _segment_finding(segment: dict[str, Any]) -> SegmentFinding | None:
    codes = [str(error["err_cde"]) for error in segment["errors"]]
    elements = [_element_finding(item, error) for item in segment["elements"] for error in item["errors"]]
    if not codes and not elements:
        return None
    if elements and "8" not in codes:
        codes.append("8")
    return SegmentFinding(
        segment=segment["seg_id"] or "",
        position=segment["seg_count"] or 0,
        loop=segment["ls_id"] or "",
        codes=codes,
        elements=elements,
    )


def _element_finding(item: dict[str, Any], error: dict[str, Any]) -> ElementFinding:
    places = [item["ele_pos"], item["subele_pos"]]
    return ElementFinding(
        position=":".join(str(place) for place in places if place),
        reference=str(item["ele_ref_num"] or ""),
        code=str(error["err_cde"]),
        value=str(error["err_val"] or "")[:99],
    )


def _run_pyx12(text: str) -> dict[str, Any] | None:
    """The validator's findings; None when it crashed, which it does on some malformed composites."""
    import pyx12.params
    import pyx12.x12n_document

    parameters = pyx12.params.params()
    parameters.set("exclude_external_codes", None)
    parameters.set("charset", "E")
    findings = io.StringIO()
    try:
        pyx12.x12n_document.x12n_document(
            param=parameters, src_file=io.StringIO(text), fd_997=None, fd_html=None, fd_xmldoc=None, fd_json=findings
        )
        document: dict[str, Any] = json.loads(findings.getvalue())
    except Exception:  # pyx12 raises IndexError, AttributeError and more on bad data; all mean "not valid"
        return None
    return document


def cache_maps() -> None:
    """Parse each implementation guide once: reading its XML costs a quarter of a second, walking a claim five ms."""
    import pyx12.map_if

    original = pyx12.map_if.load_map_file
    loaded: dict[tuple[Any, ...], Any] = {}

    def cached(map_file: Any, param: Any, map_path: Any = None) -> Any:
        key = (map_file, param.get("exclude_external_codes"), param.get("charset"), map_path)
        if key not in loaded:
            loaded[key] = original(map_file, param, map_path)
        return loaded[key]

    pyx12.map_if.load_map_file = cached


def main() -> None:
    """The child: a path in, a report out, until the parent is gone."""
    logging.disable(logging.CRITICAL)  # pyx12 logs the offending values, which may be names
    cache_maps()
    for line in sys.stdin:
        text = decode(Path(json.loads(line)).read_bytes())
        sys.stdout.write(examine(text).model_dump_json() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
