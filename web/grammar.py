"""The one text language of a queue: ``payer:bcbs age>5 owner:me kim``. Its terms are also the address of the list.

Words without a key are searched for among names and reasons; they never stand in an address, because they may be a
patient's name. What cannot be understood is said, with what may be written instead, and the rest still counts.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from billing.vocabulary import AuthorizationCaseState

LENGTH_MAX = 300
TERMS_MAX = 20
OPERATORS = (">=", "<=", ">", "<", ":")
TERM = re.compile(r'(-?)([A-Za-z_]+)(>=|<=|>|<|:|=)((?:"[^"]*"|[^\s"])+)$')
TOKEN = re.compile(r'(?:[^\s"]|"[^"]*"?)+')

# key -> the values a closed set allows; empty: any text
TEXTS: Mapping[str, tuple[str, ...]] = {
    "payer": (),
    "gate": (),
    "rule": (),
    "carc": (),
    "site": (),
    "owner": (),
    "discipline": ("pt", "ot", "slp"),
    "waiting": ("clinician", "front_desk", "biller", "supervisor", "payer", "patient", "system"),
    "is": ("escalated", "leased", "noted", "attached"),
    "case": tuple(AuthorizationCaseState),
}
# key -> what its number counts
NUMBERS: Mapping[str, str] = {"age": "days since it came", "due": "days until it is due", "amount": "dollars"}
DUE_WORDS = ("overdue", "today", "none")
EXAMPLES: Mapping[str, str] = {
    "payer": "payer:bcbs",
    "gate": "gate:poc",
    "rule": "rule:S12",
    "carc": "carc:197",
    "site": "site:main",
    "owner": "owner:me, owner:nobody, owner:ana",
    "discipline": "discipline:pt",
    "waiting": "waiting:payer",
    "is": "is:escalated",
    "case": "case:sent (of asking a payer)",
    "age": "age>5 (days), age<12h",
    "due": "due<3 (days), due:today, due:overdue",
    "amount": "amount>100",
}


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. values: lower case, any of them; a number key has one, in days or dollars (or a word of due)."""

    key: str
    operator: str
    values: tuple[str, ...]
    negated: bool = False

    @property
    def number(self) -> Decimal | None:
        """The number of a number key; None where a word stands."""
        try:
            return Decimal(self.values[0])
        except InvalidOperation:
            return None

    def __str__(self) -> str:
        said = ",".join(f'"{value}"' if re.search(r"[\s,]", value) else value for value in self.values)
        return f"{'-' if self.negated else ''}{self.key}{self.operator}{said}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed, understood. words: to be searched for. problems: sentences about what was not understood."""

    terms: tuple[Term, ...]
    words: str
    problems: tuple[str, ...]

    @property
    def address(self) -> str:
        """The terms written; parsed again they are the same."""
        return written(self.terms)


def written(terms: Iterable[Term]) -> str:
    """Terms as they stand in an address and in the box."""
    return " ".join(str(term) for term in terms)


def parse(typed: str) -> Asked:
    """Read what somebody typed."""
    terms: list[Term] = []
    words: list[str] = []
    problems: list[str] = []
    for token in TOKEN.findall(typed[:LENGTH_MAX]):
        found = TERM.match(token)
        if found is None:
            words.append(token.replace('"', ""))
            continue
        term = _term(token, *found.groups())
        if isinstance(term, str):
            problems.append(term)
        elif len(terms) < TERMS_MAX:
            terms.append(term)
    return Asked(tuple(dict.fromkeys(terms)), " ".join(word for word in words if word), tuple(dict.fromkeys(problems)))


def _term(token: str, minus: str, key: str, operator: str, said: str) -> Term | str:
    key, operator = key.lower(), ":" if operator == "=" else operator
    values = tuple(dict.fromkeys(value for value in _values(said.lower()) if value))
    if key not in EXAMPLES:
        return f"“{token}”: there is no “{key}”. Write one of {', '.join(EXAMPLES)}."
    if not values:
        return f"“{token}”: nothing stands behind it. For example {EXAMPLES[key]}."
    if key in NUMBERS:
        return _number(token, minus, key, operator, values)
    if operator != ":":
        return f"“{token}”: {key} is compared with a colon, for example {EXAMPLES[key]}."
    unknown = [value for value in values if TEXTS[key] and value not in TEXTS[key]]
    if unknown:
        return f"“{token}”: {key} is one of {', '.join(TEXTS[key])}, not “{unknown[0]}”."
    return Term(key, operator, values, bool(minus))


def _values(said: str) -> list[str]:
    """The parts between commas outside quotes."""
    return [part.replace('"', "").strip() for part in re.findall(r'(?:"[^"]*"|[^,"])+', said)]


def _number(token: str, minus: str, key: str, operator: str, values: tuple[str, ...]) -> Term | str:
    value = values[0]
    if key == "due" and operator == ":" and value in DUE_WORDS:
        return Term(key, operator, (value,), bool(minus))
    number = _read_number(key, value)
    if number is None or len(values) > 1:
        return f"“{token}”: {key} counts {NUMBERS[key]}, for example {EXAMPLES[key]}."
    return Term(key, operator, (number,), bool(minus))


def _read_number(key: str, value: str) -> str | None:
    """Days (``5``, ``5d``, ``12h``) or dollars (``$1284.50``), as plain digits."""
    unit = value[-1] if key != "amount" and value[-1] in "dh" else ""
    digits = value.removeprefix("$") if key == "amount" else value.removesuffix(unit)
    if not re.fullmatch(r"\d{1,7}(\.\d{1,2})?", digits):
        return None
    number = Decimal(digits) / 24 if unit == "h" else Decimal(digits)
    return f"{number.quantize(Decimal('0.01')).normalize():f}"
