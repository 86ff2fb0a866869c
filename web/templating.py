"""Jinja2 as the house uses it: strict about missing names, escaping always on, whole pages or one named block."""

from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web import formats
from web.us_dates import UsDates

TEMPLATES = Path(__file__).parent / "templates"
ROWS_KEPT = 5_000  # some 15 MB


def environment() -> Environment:
    """Templates get rows that are ready to print; three helpers cover what is only grammar."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=[UsDates],
    )
    made.filters |= {
        "words": formats.words,
        "plural": formats.plural,
        "initials": formats.initials,
        "with_plan": formats.same_once,
    }
    # globals, so that a block alone has them too; a row is a macro, because an include of each is twice the work
    made.globals["ui"] = made.get_template("macros.html").module
    made.globals["list_row"] = list_row
    return made


@lru_cache(maxsize=ROWS_KEPT)
def list_row(row: Any, chosen: bool) -> str:
    """One line of a list: drawn once for all who are shown the very same, because most of a list's time is its rows.

    row: frozen.
    """
    rows: Any = _environment.get_template("parts/row.html").module
    drawn: str = rows.line(row, chosen)
    return drawn


_environment = environment()


def load() -> None:
    """Make every template ready, so that nobody's first click waits for one."""
    for name in _environment.list_templates():
        _environment.get_template(name)


def as_context(page: Any) -> dict[str, Any]:
    """A page's dataclass as template names, one level deep."""
    if not is_dataclass(page) or isinstance(page, type):
        raise TypeError("a template is given one frozen dataclass")
    return {field.name: getattr(page, field.name) for field in fields(page)}


def render_text(name: str, context: dict[str, Any], block: str = "") -> str:
    """A whole template, or one of its blocks."""
    template = _environment.get_template(name)
    if not block:
        return template.render(context)
    return "".join(template.blocks[block](template.new_context(context)))


def wanted_region(request: Request) -> str:
    """The id of the region htmx wants to fill; empty when a whole page is wanted."""
    if request.headers.get("HX-Request-Type") != "partial" or "HX-History-Restore-Request" in request.headers:
        return ""
    return request.headers.get("HX-Target", "").partition("#")[2]


def page(name: str, context: dict[str, Any], *, status: int = 200, block: str = "") -> HTMLResponse:
    """Render to a response."""
    return HTMLResponse(render_text(name, context, block), status_code=status)
