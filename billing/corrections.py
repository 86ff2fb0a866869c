"""What a biller may correct on the claim's side, laid over the chart's facts without touching them.

The chart stays as it was sent; a correction is kept with who and why, and every later evaluation reads the visit
through the corrections. A newer version from the chart does not lose them.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from billing.encounter import Encounter

# field of the "correct" decision -> what it means
FIELDS = {
    "authorization_number": "prior authorization number to send (REF*G1)",
    "member_id": "member id of the paying plan, as on the card",
    "diagnosis_code": "ICD-10-CM code that replaces the primary diagnosis",
    "line_code": "procedure code the modifier is for",
    "modifier": "modifier to add to that procedure",
    "place_of_service": "two-digit place of service",
}
RANK = "rank"


def corrected(facts: Mapping[str, Any], corrections: Iterable[Mapping[str, str]]) -> Encounter:
    """The visit as the claim should tell it.

    facts: the encounter as JSON; corrections: dicts with keys of FIELDS, oldest first; "rank" beside a member id tells
    which of the patient's plans it is of (1 when it is not there).
    Raises pydantic.ValidationError when a correction makes the visit ill-formed, ValueError for an unknown field.
    """
    changed = deepcopy(dict(facts))
    for correction in corrections:
        unknown = set(correction) - {*FIELDS, RANK}
        if unknown:
            raise ValueError(f"unknown correction {', '.join(sorted(unknown))}")
        _lay_over(changed, correction)
    return Encounter.model_validate(changed)


def _lay_over(facts: dict[str, Any], correction: Mapping[str, str]) -> None:
    if number := correction.get("authorization_number"):
        facts["administrative"]["authorization_number"] = number
    if place := correction.get("place_of_service"):
        facts["administrative"]["place_of_service"] = place
    if member_id := correction.get("member_id"):
        rank = int(correction.get(RANK, "1"))
        for coverage in facts["administrative"]["coverages"]:
            if coverage["rank"] == rank:
                coverage["member_id"] = member_id
    if code := correction.get("diagnosis_code"):
        _replace_primary_diagnosis(facts["clinical"], code)
    if modifier := correction.get("modifier"):
        _add_modifier(facts["timing"]["services"], correction.get("line_code", ""), modifier)


def _replace_primary_diagnosis(clinical: dict[str, Any], code: str) -> None:
    diagnoses = clinical["diagnoses"]
    if not diagnoses:
        diagnoses.append({"code": code, "rank": 1})
        return
    min(diagnoses, key=lambda diagnosis: diagnosis["rank"])["code"] = code


def _add_modifier(services: list[dict[str, Any]], line_code: str, modifier: str) -> None:
    for service in services:
        if service["code"] == line_code.upper() and modifier.upper() not in service["modifiers"]:
            service["modifiers"].append(modifier.upper())
