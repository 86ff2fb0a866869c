"""Which modifiers a line carries, and in which order.

Derived: discipline (GP, GO, GN), assistant (CQ, CO), KX, distinct service, telehealth, and what the plan wants for a
code. Stated by the clinician: kept, unless Firstpass derives that kind itself. Order is a plan term; four fit on a line
(837P).
"""

from collections.abc import Iterable

from billing.ncci import BYPASS
from billing.practice import PlanTerms
from billing.vocabulary import Discipline, Modality

DISCIPLINE = {Discipline.PT: "GP", Discipline.OT: "GO", Discipline.SLP: "GN"}
ASSISTANT = frozenset({"CQ", "CO"})
TELEHEALTH = {Modality.AUDIO_VIDEO: "95", Modality.AUDIO_ONLY: "93"}
LIABILITY = frozenset({"GA", "GX", "GY", "GZ"})
CARE = {True: "96", False: "97"}  # habilitative, rehabilitative
LIMIT = 4  # SV101-3 to SV101-6 (005010X222A1)
# Not a therapist's: chiropractic active care, teaching physicians, evaluation and management, behavioural audio-only.
FOREIGN = frozenset({"AT", "GC", "GE", "25", "57", "FQ"})

_KINDS: dict[str, str] = {
    **dict.fromkeys(DISCIPLINE.values(), "discipline"),
    **dict.fromkeys(ASSISTANT, "assistant"),
    **dict.fromkeys(LIABILITY | {"KX"}, "kx"),
    **dict.fromkeys(BYPASS, "distinct"),
    **dict.fromkeys(("95", "93", "GT"), "telehealth"),
}


def kind(modifier: str) -> str:
    """The family of a modifier, as ``modifier_order`` of the plan terms names it."""
    return _KINDS.get(modifier, "other")


def ordered(modifiers: Iterable[str], terms: PlanTerms) -> tuple[str, ...]:
    """Each once, in the plan's order of families, then by name."""
    place = {family: number for number, family in enumerate(terms.modifier_order)}
    return tuple(sorted(set(modifiers), key=lambda modifier: (place.get(kind(modifier), len(place)), modifier)))


def base(
    stated: Iterable[str], code: str, discipline: Discipline, modality: Modality, terms: PlanTerms
) -> frozenset[str]:
    """The line's modifiers before money and pairs are known: stated, discipline, telehealth, wanted by the plan."""
    derived = {terms.required_modifiers[code]} if code in terms.required_modifiers else set()
    replaced: set[str] = set()
    if terms.discipline_modifier_required:
        derived.add(DISCIPLINE[discipline])
        replaced.update(DISCIPLINE.values())
    if terms.assistant_modifier_required:
        replaced.update(ASSISTANT)
    if terms.telehealth_modifier_required and modality in TELEHEALTH:
        derived.add(TELEHEALTH[modality])
    return frozenset({modifier for modifier in stated if modifier not in replaced} | derived)
