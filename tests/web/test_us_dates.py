"""Days in sentences read as the trade writes them, wherever a person reads; what is sent back stays as it was."""

import re

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError

from billing.vocabulary import Role
from models.store.life import record
from models.store.session import practice_session
from models.tables.encounters import EvaluationRow
from tests.web.conftest import Browse, House
from web.templating import TEMPLATES, environment
from web.us_dates import UsDates, us_dates


def rendered(template: str, **context: object) -> str:
    made = Environment(
        loader=DictLoader({"one.html": template}), autoescape=True, extensions=[UsDates], undefined=StrictUndefined
    )
    return made.get_template("one.html").render(context)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("The filing limit passed on 2026-03-02.", "The filing limit passed on 03/02/2026."),
        ("2026-01-01 to 2026-12-31", "01/01/2026 to 12/31/2026"),
        ("(2026-03-02, 2026-03-04): two", "(03/02/2026, 03/04/2026): two"),
        ("written 2026-03-02 14:05", "written 03/02/2026 14:05"),
        ("due 2026-03-02: call", "due 03/02/2026: call"),
        ("2026-03-02T14:05:00Z", "2026-03-02T14:05:00Z"),
        ("era-2026-03-02.835", "era-2026-03-02.835"),
        ("2026-03-02.835", "2026-03-02.835"),
        ("out/2026-03-02/a", "out/2026-03-02/a"),
        ("visit V-2026-03-02-7", "visit V-2026-03-02-7"),
        ("2026-13-02 and 2026-00-10 and 2026-01-32", "2026-13-02 and 2026-00-10 and 2026-01-32"),
        ("12026-03-02 and 2026-03-021", "12026-03-02 and 2026-03-021"),
        ("+1-555-01-02", "+1-555-01-02"),
    ],
)
def test_whole_days_change_and_nothing_else(said: str, read: str) -> None:
    assert us_dates(said) == read


@pytest.mark.parametrize(
    "template",
    [
        "<p>{{ day }}</p>",
        '<p title="Due {{ day }}">x</p>',
        '<a aria-label="{{ day }}" href="/">x</a>',
        "<p>{{ 'Due ' ~ day if day else 'never' }}</p>",
        "{% macro notice(text) %}<p>{{ text }}</p>{% endmacro %}{{ notice(day) }}",
        '<p{% if day %} class="a > b"{% endif %}>{% for one in [day] %}{{ one }}{% endfor %}</p>',
    ],
)
def test_what_a_person_reads_is_a_us_date(template: str) -> None:
    shown = rendered(template, day="2026-03-02")
    assert "03/02/2026" in shown
    assert "2026-03-02" not in shown


@pytest.mark.parametrize(
    "template",
    [
        '<input type="date" value="{{ day }}">',
        '<a href="/queues?from={{ day }}">x</a>',
        '<p data-title="{{ day }}">x</p>',
        "<textarea>{{ day }}</textarea>",
        "<code>{{ day }}</code>",
        "<pre>{{ day|as_written }}</pre>",
        '{% macro field(v) %}<input value="{{ v }}">{% endmacro %}<form>{{ field(day) }}</form>',
    ],
)
def test_what_is_sent_back_or_is_code_stays(template: str) -> None:
    assert "2026-03-02" in rendered(template, day="2026-03-02")


def test_text_stays_escaped_and_a_missing_name_an_error() -> None:
    assert rendered("<p>{{ said }}</p>", said="<b>2026-03-02") == "<p>&lt;b&gt;03/02/2026</p>"
    assert rendered("<pre>{{ said|as_written }}</pre>", said="a < b") == "<pre>a &lt; b</pre>"
    with pytest.raises(UndefinedError):
        rendered("<p>{{ nothing }}</p>")


def test_every_template_of_ours_still_compiles() -> None:
    made = environment()
    for path in TEMPLATES.rglob("*.html"):
        assert made.get_template(str(path.relative_to(TEMPLATES)))


def test_the_engines_sentences_read_the_same_on_every_screen(house: House, browse: Browse) -> None:
    limit = "The filing limit passed on 2026-03-02."
    encounter = house.encounter()
    finding = {
        "code": "S18",
        "severity": "hold",
        "owner": "biller",
        "message": limit,
        "clears_when": "the claim is sent by 2026-03-04",
        "evidence": {"limit": "2026-03-02"},
    }
    item = house.item(encounter_id=encounter, reason=limit, findings=[finding])
    with practice_session(house.engine, house.practice_id) as session:
        record(
            session, house.practice_id, "x", "Held since 2026-03-02", encounter_id=encounter, detail={"a": "2026-03-03"}
        )
        session.add(
            EvaluationRow(
                practice_id=house.practice_id,
                encounter_id=encounter,
                encounter_version=1,
                rulebook_version="2026.1",
                gate="scrub",
                trace={
                    "documentation": [],
                    "authorization": {"findings": []},
                    "scrub": [finding],
                    "steps": [{"subject": "limit", "text": "2026-01-01 and 60 days: 2026-03-02"}],
                    "look_again_on": "2026-12-01",
                },
                sha256="ef" * 32,
            )
        )
    browser = browse(Role.SUPERVISOR)
    pane = f"/queues/documentation/{item}"
    for path in (
        "/queues/documentation?view=unassigned",
        pane,
        *(f"{pane}?tab={tab}" for tab in ("why", "timeline")),
        f"/encounters/{encounter}",
    ):
        shown = browser.get(path).text
        assert "03/02/2026" in shown, path
        assert not re.search(r"2026-03-0\d", shown), path
