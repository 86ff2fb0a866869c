"""Which modifiers a line carries, and in which order."""

from itertools import permutations

import pytest

from billing import modifiers
from billing.modifiers import base, kind, ordered
from billing.vocabulary import Discipline, Modality
from tests.billing.builders import terms

PT, OT, SLP = Discipline.PT, Discipline.OT, Discipline.SLP
IN_PERSON, VIDEO, AUDIO = Modality.IN_PERSON, Modality.AUDIO_VIDEO, Modality.AUDIO_ONLY


@pytest.mark.parametrize(
    ("modifier", "family"),
    [
        *((one, "discipline") for one in ("GP", "GO", "GN")),
        *((one, "assistant") for one in ("CQ", "CO")),
        *((one, "kx") for one in ("KX", "GA", "GX", "GY", "GZ")),
        *((one, "distinct") for one in ("59", "XE", "XS", "XP", "XU")),
        *((one, "telehealth") for one in ("95", "93", "GT")),
        *((one, "other") for one in ("96", "97", "52", "76", "RT")),
    ],
)
def test_every_modifier_of_the_catalogue_has_its_family(modifier: str, family: str) -> None:
    assert kind(modifier) == family


def test_order_is_the_plans_whatever_the_order_they_came_in() -> None:
    for given in permutations(("59", "KX", "GP", "CQ")):
        assert ordered(given, terms()) == ("GP", "CQ", "KX", "59")
        assert ordered(given, terms(modifier_order=("distinct", "discipline"))) == ("59", "GP", "CQ", "KX")


def test_what_the_plan_does_not_order_comes_last_and_by_name() -> None:
    few = terms(modifier_order=("discipline",))
    assert ordered(("KX", "59", "CQ", "GP", "GP"), few) == ("GP", "59", "CQ", "KX")


def test_four_fit() -> None:
    assert modifiers.LIMIT == 4


@pytest.mark.parametrize(
    ("stated", "discipline", "way", "plan", "expected"),
    [
        ((), PT, IN_PERSON, {}, {"GP"}),
        ((), OT, IN_PERSON, {}, {"GO"}),
        ((), SLP, IN_PERSON, {}, {"GN"}),
        (("GO", "RT"), PT, IN_PERSON, {}, {"GP", "RT"}),
        (("GO",), PT, IN_PERSON, {"discipline_modifier_required": False}, {"GO"}),
        (("CQ",), PT, IN_PERSON, {"assistant_modifier_required": True}, {"GP"}),  # derived from the minutes instead
        (("CQ",), PT, IN_PERSON, {}, {"GP", "CQ"}),
        ((), PT, VIDEO, {}, {"GP", "95"}),
        ((), PT, AUDIO, {}, {"GP", "93"}),
        ((), PT, VIDEO, {"telehealth_modifier_required": False}, {"GP"}),
        ((), PT, IN_PERSON, {"required_modifiers": {"97110": "U5"}}, {"GP", "U5"}),
        ((), PT, IN_PERSON, {"required_modifiers": {"97140": "U5"}}, {"GP"}),
    ],
)
def test_what_a_line_carries_before_money_and_pairs_are_known(
    stated: tuple[str, ...], discipline: Discipline, way: Modality, plan: dict[str, object], expected: set[str]
) -> None:
    assert base(stated, "97110", discipline, way, terms(**plan)) == expected
