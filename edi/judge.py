"""A second opinion on what we send: pyx12 walks the implementation guide (SNIP 1 and 2) and says what it misses.

Used before submission; never as a gate for a payer's file, because its maps are stricter than the world. Its maps
are loaded once (a claim then takes 8 ms instead of 270), two known errors in them are mended in memory, and a lock
keeps its shared nodes to one judgement at a time. A crash of pyx12 is a finding, not an exception.
"""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyx12.errors
import pyx12.map_if
import pyx12.params
import pyx12.x12n_document

from edi.findings import MAX_PROBLEMS, Problem
from edi.tokens import UnreadableFile, decode

_lock = threading.Lock()
_maps: dict[tuple[object, ...], Any] = {}
_load_map_file: Callable[..., Any] = pyx12.map_if.load_map_file
_MAP_835 = "835.5010.X221"
_MAP_277CA = "277.5010.X214"


_EMPTY_CLAIM_FILE = (
    "ISA*00*          *00*          *ZZ*A              *ZZ*B              *260101*0000*^*00501*000000001*0*T*:~"
    "GS*HC*A*B*20260101*0000*1*X*005010X222A1~ST*837*0001*005010X222A1~SE*2*0001~GE*1*1~IEA*1*000000001~"
)


def warm() -> None:
    """Load the maps of the 837P now, which takes seconds, rather than while somebody waits."""
    judge(_EMPTY_CLAIM_FILE)


def judge(text: str | bytes) -> list[Problem]:
    """What pyx12 finds wrong in an X12 file (837P, 835, 277CA, 999, 005010); empty when it finds nothing."""
    try:
        # pyx12 answers a byte-order mark or a leading line break with silence; it must not see them
        clean = decode(text).lstrip("\ufeff\r\n\t ")
    except UnreadableFile as unreadable:
        return [Problem("NOT_X12", str(unreadable))]
    with _lock:
        return _judge(clean)


def _judge(text: str) -> list[Problem]:
    findings = io.StringIO()
    pyx12.map_if.load_map_file = _cached_map
    logging.getLogger("pyx12").setLevel(logging.CRITICAL)
    try:
        valid = pyx12.x12n_document.x12n_document(
            param=_parameters(),
            src_file=io.StringIO(text),
            fd_997=None,
            fd_html=None,
            fd_xmldoc=None,
            fd_json=findings,
            map_path=None,
        )
    except pyx12.errors.EngineError as error:
        return [Problem("NO_MAP", f"pyx12 knows no guide for this transaction: {error}")]
    except Exception as error:  # pyx12 crashes on some invalid files; what crashes it is not fit to send
        _maps.clear()
        return [Problem("JUDGE_CRASHED", f"pyx12 could not finish ({type(error).__name__}: {error}).")]
    finally:
        pyx12.map_if.load_map_file = _load_map_file
    problems = list(_problems(findings.getvalue()))[:MAX_PROBLEMS]
    if not valid and not problems:
        problems.append(Problem("REFUSED", "pyx12 refuses this file without saying why."))
    return problems


def _parameters() -> Any:
    parameters = pyx12.params.params()
    parameters.set("exclude_external_codes", None)
    parameters.set("charset", "E")
    return parameters


# --- maps -----------------------------------------------------------------------------------------------------------


def _cached_map(map_file: str, param: Any, map_path: str | None = None) -> Any:
    key = (map_file, param.get("exclude_external_codes"), param.get("charset"), map_path)
    if key not in _maps:
        loaded = _load_map_file(map_file, param, map_path)
        _mend(loaded, map_file)
        _maps[key] = loaded
    return _maps[key]


def _mend(loaded: Any, map_file: str) -> None:
    """The two errors of the shipped maps that refuse good files: a second PLB, and a 277CA without 2200C."""
    if map_file.startswith(_MAP_835):
        for node in _nodes(loaded):
            if node.id == "FOOTER":
                node.max_use = node.repeat = ">1"
    elif map_file.startswith(_MAP_277CA):
        for node in _nodes(loaded):
            if node.id in ("2000C", "2200C", "2000D"):
                node.usage = "S"
            if node.id == "HL04" and "0" not in node.valid_codes:
                node.valid_codes.append("0")
                node._valid_codes_set = frozenset(node.valid_codes)


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    children = list(getattr(node, "children", None) or [])
    for group in (getattr(node, "pos_map", None) or {}).values():
        children += group
    for child in children:
        yield from _nodes(child)


# --- findings -------------------------------------------------------------------------------------------------------


def _problems(text: str) -> Iterator[Problem]:
    if not text:
        return
    for interchange in json.loads(text).get("interchanges", []):
        yield from _envelope_errors(interchange, "ISA")
        for group in interchange.get("groups", []):
            yield from _envelope_errors(group, "GS")
            for transaction in group.get("transactions", []):
                yield from _envelope_errors(transaction, "ST")
                for segment in transaction.get("segments", []):
                    yield from _segment_errors(segment)


def _envelope_errors(level: dict[str, Any], segment: str) -> Iterator[Problem]:
    for error in level.get("errors", []):
        yield Problem(f"PYX12_{error.get('err_cde', '')}", str(error.get("err_str", "")), 0, segment)


def _segment_errors(segment: dict[str, Any]) -> Iterator[Problem]:
    line, name = segment.get("cur_line") or 0, segment.get("seg_id") or ""
    for error in segment.get("errors", []):
        yield Problem(f"PYX12_{error.get('err_cde', '')}", str(error.get("err_str", "")), line, name)
    for element in segment.get("elements", []):
        place = f"{name}{int(element.get('ele_pos') or 0):02d}"
        for error in element.get("errors", []):
            yield Problem(f"PYX12_{error.get('err_cde', '')}", f"{place}: {error.get('err_str', '')}", line, name)
