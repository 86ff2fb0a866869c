"""ICD-10-CM codes to full specificity.

The list comes from the package ``simple-icd-10-cm``, loaded on first use because it takes about 1 s and 180 MB. It is
the release of April 2026: a code born since is "not in the list", a code retired since still passes, and the date only
guards the switch to ICD-10. Hence a code that is not listed can be confirmed by a person, one that is cut short cannot.
"""

import gc
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple

ICD10_STARTS = date(2015, 10, 1)  # 45 CFR 162.1002: ICD-10-CM for services from this day
OK = "ok"
RELEASE = "April 2026"
CACHED_CODES = 20_000


# Categories that name an organ or state of one sex (ICD-10-CM chapters 2, 14, 15 and 21).
OF_ONE_SEX = (
    ("C51", "C58", "F"), ("C60", "C63", "M"), ("N40", "N53", "M"), ("N70", "N98", "F"), ("O00", "O9A", "F"),
    ("Z33", "Z34", "F"), ("Z36", "Z37", "F"), ("Z39", "Z3A", "F"),
)  # fmt: skip


class _Book(NamedTuple):
    is_category: Callable[[str], bool]
    is_leaf: Callable[[str], bool]


@lru_cache(maxsize=1)
def _book() -> _Book:
    # Python looks for garbage again and again while 100,000 entries are made that all stay: two thirds of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        package = import_module("simple_icd_10_cm")
        gc.freeze()  # what stays for the life of the process is not looked through again
    finally:
        if collecting:
            gc.enable()
    return _Book(package.is_category_or_subcategory, package.is_leaf)


def load() -> None:
    """Read the list now (about 1 s, 180 MB), so that a worker pays at start and not at its first visit."""
    _book()


@lru_cache(maxsize=CACHED_CODES)
def _validity(code: str) -> str:
    if not _listed(code):
        return f"{code} is not in the ICD-10-CM list of {RELEASE}"
    if not _book().is_leaf(code):
        return f"{code} is not specific enough: the list continues with more characters"
    return OK


def _listed(code: str) -> bool:
    # The package also knows chapters ("1") and blocks ("M00-M99"), which are no codes.
    return code[:1].isalpha() and _book().is_category(code)


def listed(code: str) -> bool:
    """Whether the list has the code, specific enough or not."""
    return _listed(code.strip().upper().replace(".", ""))


def validity(code: str, on: date) -> str:
    """``ok``, or the reason why the code cannot stand on a claim of that day. The dot is optional."""
    if on < ICD10_STARTS:
        return f"ICD-10-CM is not in use before {ICD10_STARTS.isoformat()}"
    return _validity(code.strip().upper().replace(".", ""))


def fits_sex(code: str, sex: str) -> bool:
    """Whether a diagnosis can stand beside a sex (F, M; U fits any)."""
    category = code.strip().upper()[:3]
    of = next((whose for first, last, whose in OF_ONE_SEX if first <= category <= last), sex)
    return sex in (of, "U")


def dotted(code: str) -> str:
    """The code as people write it: ``M25561`` becomes ``M25.561``."""
    bare = code.strip().upper().replace(".", "")
    return bare if len(bare) <= 3 else f"{bare[:3]}.{bare[3:]}"
