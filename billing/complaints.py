"""What is wrong with an object that does not fit its model, as places and words a person can follow."""

from typing import NamedTuple

from pydantic import ValidationError


class Complaint(NamedTuple):
    """Where (``timing.services.0.code``; blank for the whole object), and what."""

    where: str
    what: str


def complaints(error: ValidationError) -> list[Complaint]:
    """Pydantic's findings in their order; never the value, which may name a patient.

    Of a list with a refused item pydantic also says that too few are left; that is no complaint of its own.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    inside = {item["loc"][:depth] for item in found for depth in range(len(item["loc"]))}
    return [
        Complaint(".".join(str(part) for part in item["loc"]), item["msg"].removeprefix("Value error, "))
        for item in found
        if item["type"] != "too_short" or item["loc"] not in inside
    ]
