"""What a practice's own rule may ask of a visit: every field with its kind and meaning, and the page made from it.

``python -m billing.rule_fields`` rewrites docs/practice-rules.md. No field depends on today's date, so that a rule's
answer changes only when facts do; no field names a patient.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parent.parent / "docs" / "practice-rules.md"
LIST_MARK = "[]."


class Kind(StrEnum):
    """What a field holds, in words; in CEL: string, int, double, bool, list."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    YES_NO = "yes or no"
    TEXTS = "list of texts"


class ViewField(NamedTuple):
    """One field. ``lines[].code`` is the code of each claim line."""

    path: str
    kind: Kind
    meaning: str


T, W, N, Y, L = Kind.TEXT, Kind.WHOLE, Kind.NUMBER, Kind.YES_NO, Kind.TEXTS

VIEW_FIELDS: tuple[ViewField, ...] = tuple(
    ViewField(*field)
    for field in (
        ("visit.date", T, "Date of service, as 2026-03-02; such texts compare like dates."),
        ("visit.year", W, "Year of service."),
        ("visit.weekday", W, "1 Monday to 7 Sunday."),
        ("visit.discipline", T, "PT, OT or SLP."),
        ("visit.kind", T, "evaluation, re_evaluation, treatment or discharge."),
        ("visit.modality", T, "in_person, audio_video or audio_only."),
        ("visit.place_of_service", T, "Place of service as charted, two digits."),
        ("visit.location", T, "The practice's id of the location."),
        ("visit.minutes", W, "Minutes of all services, everybody's counted once."),
        ("patient.age", W, "Full years on the date of service."),
        ("patient.sex", T, "F, M or U."),
        ("patient.state", T, "State of the home address, as TX."),
        ("patient.postal_code", T, "First five digits of the home address's ZIP code."),
        ("plan.payer", T, "Payer id of the plan that pays first."),
        ("plan.plan", T, "Plan id of the plan that pays first."),
        ("plan.coverages", W, "How many plans the visit names."),
        ("plan.secondary", T, "Plan id of the second plan; empty without one."),
        ("plan.unit_method", T, "cms_total_time, per_code_midpoint or per_code_full."),
        ("plan.kx_applies", Y, "Whether the plan's terms have the KX threshold."),
        ("plan.eligibility", T, "active or inactive, as the payer answered; empty where nobody told."),
        ("plan.eligibility_asked_on", T, "Day of that answer; empty where nobody told."),
        ("plan.protected", Y, "Whether the payer said that the patient owes no share (QMB)."),
        ("plan.authorization_need", T, "none, before_evaluation, after_evaluation or after_visits."),
        ("note.signed", Y, "Whether the rendering therapist signed."),
        ("note.signatures", W, "How many signatures the note carries."),
        ("note.co_signed", Y, "Whether a co-signature is among them."),
        ("note.days_to_sign", W, "Days from the visit to the first signature; 0 while unsigned."),
        ("note.primary_diagnosis", T, "ICD-10-CM code of rank 1; empty without one."),
        ("note.diagnoses", L, "ICD-10-CM codes by rank."),
        ("note.goals", W, "How many goals the note states."),
        ("note.measurable_goals", W, "How many of them are measurable."),
        ("note.measures", L, "Names of the objective measures taken."),
        ("note.habilitative", T, "yes or no as the chart says; empty if it does not say."),
        ("note.consent", T, "yes or no to a virtual visit, as the note says; empty if it does not say."),
        ("note.re_evaluation_reason", T, "Why a re-evaluation was done; empty if not said."),
        ("note.timed_minutes", W, "Total timed minutes as documented; 0 if not documented."),
        ("note.treatment_minutes", W, "Total treatment minutes as documented; 0 if not documented."),
        ("note.has_times", Y, "Whether every service has a start and a stop time."),
        ("care.treatment_day", W, "Which treatment day of the episode this is, from 1."),
        ("care.days_since_start", W, "Days since the episode began."),
        ("care.treatments_since_report", W, "Treatment days after the last progress report, this one included."),
        ("care.days_since_report", W, "Days since the last progress report; since the start while there is none."),
        ("care.plan_on_file", Y, "Whether the visit names a plan of care."),
        ("care.plan_ends", T, "Last day of the plan of care; empty if not stated."),
        ("care.certified", Y, "Whether the plan of care is signed by physician or NPP."),
        ("care.certified_on", T, "Day of that signature; empty without one."),
        ("care.referral", Y, "Whether the visit names an order or referral."),
        ("care.referral_ordered_on", T, "Its day; empty if not known."),
        ("care.referral_expires_on", T, "Its last day; empty if not known."),
        ("staff.rendering", T, "The practice's id of the therapist in whose name the claim goes out."),
        ("staff.rendering_role", T, "therapist, assistant or student; empty if unknown."),
        ("staff.supervising", T, "The practice's id of the supervising therapist; empty if none is named."),
        ("staff.therapist_minutes", W, "Minutes that count as the therapist's."),
        ("staff.assistant_minutes", W, "Minutes of assistants alone."),
        ("staff.student", Y, "Whether a student gave any minutes."),
        ("authorization.number", T, "Authorization number as charted; empty without one."),
        ("authorization.on_file", W, "How many on file fit plan, discipline and day; 0 where the plan wants none."),
        ("authorization.left", W, "The most that one of them has left, in its own unit of measure."),
        ("authorization.ends", T, "The last day of the one that ends latest; empty without one."),
        ("history.same_day", W, "Other visits of the patient on that day with a claim."),
        ("history.same_day_disciplines", L, "Disciplines of those."),
        ("history.same_day_codes", L, "Codes billed on those."),
        ("money.accrued", N, "Allowed dollars this year in the visit's Medicare bucket, this visit not counted."),
        ("money.patient_paid", N, "Dollars paid at the desk."),
        ("claim.lines", W, "How many lines the claim has."),
        ("claim.units", W, "Units of all lines."),
        ("claim.codes", L, "Codes billed, each once."),
        ("claim.place_of_service", T, "Place of service as it would be sent."),
        ("claim.charge", N, "Total charge in dollars."),
        ("claim.expected", N, "Expected payment of the plan in dollars."),
        ("lines[].number", W, "Line number, from 1."),
        ("lines[].code", T, "Code as billed."),
        ("lines[].modifiers", L, "Modifiers in the order they are sent."),
        ("lines[].units", W, "Units as billed."),
        ("lines[].minutes", W, "Minutes charted for the line's code."),
        ("lines[].charge", N, "Charge in dollars."),
        ("services[].code", T, "Code as charted."),
        ("services[].minutes", W, "Minutes of everybody."),
        ("services[].mode", T, "individual, group or concurrent."),
        ("services[].modifiers", L, "Modifiers the clinician stated."),
        ("services[].units", W, "Units the chart counted; 0 if it did not."),
        ("services[].separate_block", Y, "Given in its own 15-minute block."),
    )
)

KINDS: dict[str, Kind] = {field.path: field.kind for field in VIEW_FIELDS}
ROOTS: tuple[str, ...] = tuple(dict.fromkeys(field.path.split(".")[0].removesuffix("[]") for field in VIEW_FIELDS))
LISTS: frozenset[str] = frozenset(field.path.split(LIST_MARK)[0] for field in VIEW_FIELDS if LIST_MARK in field.path)

_EMPTY: dict[Kind, Any] = {T: "", W: 0, N: 0.0, Y: False}
_TYPES: dict[Kind, type] = {T: str, W: int, N: float, Y: bool}


def fits(kind: Kind, value: Any) -> bool:
    """Whether a value is of the kind; a yes is no whole number."""
    if kind is Kind.TEXTS:
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    return isinstance(value, _TYPES[kind]) and (kind is Kind.YES_NO or not isinstance(value, bool))


def blank_view() -> dict[str, Any]:
    """A view with every field empty, and one empty line and service: enough to see whether kinds fit."""
    made: dict[str, Any] = {root: [{}] if root in LISTS else {} for root in ROOTS}
    for path, kind in KINDS.items():
        root, _, name = path.replace(LIST_MARK, ".").partition(".")
        target = made[root][0] if root in LISTS else made[root]
        target[name] = [""] if kind is Kind.TEXTS else _EMPTY[kind]
    return made


_HEAD = """# Rules of your own

A practice writes its own if-then rules: a condition in [CEL](https://cel.dev) over the fields below, and what happens
when it is true. The table of fields is made from the code by `python -m billing.rule_fields`.

## From draft to published

Whoever has the right `rules.write` writes a draft (screen *Rules*, *Our own*; or `firstpass import rules.json`, see
`docs/examples/rules.json` with ten worked rules). A second person with `rules.approve` approves it; the last person who
changed it cannot. An approved rule can be published once all its own test cases pass, and it needs at least one.
Changing a published rule makes a draft of the next version; publishing that retires the version before. Each step is
kept with who and why; the author of a rule from a file is the file. Publishing and retiring have the visits in the
rule's scope looked at again that are held, or whose claim is ready but not sent yet (500, the unsent first). A claim
that would be held or look otherwise goes back through the gates; a claim that was sent stays as it was sent. Whoever
overrides a rule's hold overrides that version of the rule: the next version asks again.

## How rules are applied

- After coding and before authorization and scrub, so that every built-in check sees what the rules made.
- A rule runs where its scope (payers, plans, disciplines; empty means every one) and its dates fit the **date of
  service**.
- **Order and conflicts:** higher priority first, then rule id. A later rule sees what an earlier one changed. Where two
  rules would set the same thing differently (units of a line's code, a modifier of a line, the place of service, the
  route), the one that came first keeps it, and the trace names the other.
- A condition that cannot be evaluated, or does not answer yes or no, holds that claim for a supervisor
  ("rule could not be evaluated"); the other rules run all the same.
- The trace of each evaluation keeps every rule that ran: version, the facts its condition names, matched or not, what
  it changed, what it lost to another, or why it failed.
- Limits: 200 published rules, 2,000 characters a condition, 10 actions and 20 test cases a rule; a loop inside a loop
  at most, six loops together, and no `+` beside a loop inside a loop, so that no condition can stall the line.
- Dollars are for comparing only; no action sets an amount. Charge and expected payment follow from units by fee and
  plan terms.

## Actions

| Action | Fields | Effect |
|---|---|---|
| `add_modifier` | `modifier`, `codes` | On the lines of those codes; without codes on every line. |
| `remove_modifier` | `modifier`, `codes` | The reverse. |
| `set_units` | `codes`, `units`, `at_most` | Units of each code over all its lines; with `at_most` only downwards. More units than the minutes come to are also warned of. |
| `set_place_of_service` | `place_of_service` | On the claim and all lines. |
| `hold` | `queue`, `message`, `owner`, `clears_when`, `overridable` | The visit waits in documentation, authorization or scrub. |
| `warn` | `queue`, `message`, `owner` | Shown there, stops nothing. |
| `route` | `queue`, `owner` | If anything holds the visit, it waits in that queue, as that owner's move. What is held for want of an authorization stays in the authorization queue, where it can be recorded. |

## Test cases

Each begins with a clean visit (97110 for 30 and 97140 for 15 minutes, within the rule's scope and dates) and says what
differs: `visit` (fields of the visit as sent through the API), `terms` (plan terms), `facts` (fields of the table below,
for the condition only). `expect` says whether the rule matches, and may name claim lines (`97110 GP KX x2`), the place
of service, the queue of a hold, and part of a message.

## Conditions

`lines.exists(line, line.code == "97110" && line.units > 2)`, `"KX" in lines[0].modifiers`,
`visit.discipline == "PT" && patient.age < 21`, `note.goals == 0 || !note.signed`, `plan.payer in ["TXMCD", "60054"]`,
`visit.date >= "2026-07-01"`, `note.primary_diagnosis.startsWith("M54")`, `claim.charge > 300.0`. Loops: `exists`, `all`,
`exists_one`, `filter`, `map`; also `size`, `contains`, `startsWith`, `endsWith`, `matches`, `has`. Whole numbers and
numbers are not mixed in sums.

## Fields

| Field | Kind | Meaning |
|---|---|---|
"""  # noqa: E501 - rows of tables


def page() -> str:
    """docs/practice-rules.md as it should stand."""
    return _HEAD + "".join(f"| `{field.path}` | {field.kind} | {field.meaning} |\n" for field in VIEW_FIELDS)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
