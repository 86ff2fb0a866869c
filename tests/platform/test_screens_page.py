"""docs/screens.md shows every picture, and every picture is taken by a test, so that all can be taken anew."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
TOGETHER_MAX = 4_000_000


def test_every_picture_is_shown_told_in_a_sentence_and_taken_by_a_test() -> None:
    kept = {path.stem for path in IMAGES.iterdir()}
    page = (ROOT / "docs" / "screens.md").read_text()
    told = re.findall(r"!\[\]\(images/([a-z0-9-]+)\.webp\) [^|]+\. \|", page)
    taken = set[str]()
    for path in (ROOT / "tests" / "journeys").glob("test_*.py"):
        taken |= set(re.findall(r'"([a-z0-9-]+)"', path.read_text()))
    assert sorted(kept) == sorted(told)
    assert not kept - taken, "no test takes these"


def test_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in IMAGES.iterdir()) < TOGETHER_MAX
