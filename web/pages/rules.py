"""Every built-in check on one page, so that a finding's code can be looked up."""

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import HTMLResponse

from billing.catalog import GATES
from billing.desk import RULES
from billing.trace import RULEBOOK_VERSION
from web import formats, templating
from web.formats import Chip
from web.reads.items import SEVERITY_CHIPS
from web.routes import page_router
from web.security import Person, require
from web.shell import Shell, shell

router = page_router()


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One check."""

    code: str
    title: str
    what: str
    why: str
    severity: Chip
    overridable: bool
    whose_move: str
    source: str


@dataclass(frozen=True, slots=True)
class GateRules:
    """The checks of one gate."""

    title: str
    rules: tuple[RuleLine, ...]


@dataclass(frozen=True, slots=True)
class RulesPage:
    """The catalog."""

    shell: Shell
    version: str
    gates: tuple[GateRules, ...]


@router.get("/rules")
def show(request: Request, viewer: Person) -> HTMLResponse:
    """What is checked, why, and on whose word."""
    require(viewer, RULES)
    gates = tuple(
        GateRules(
            gate,
            tuple(
                RuleLine(
                    code=rule.id,
                    title=rule.title,
                    what=rule.what,
                    why=rule.why,
                    severity=SEVERITY_CHIPS[rule.severity.value],
                    overridable=rule.overridable,
                    whose_move=formats.words(rule.owner.value),
                    source=rule.source,
                )
                for rule in rules
            ),
        )
        for gate, rules in GATES
    )
    return templating.page(
        "rules.html", templating.as_context(RulesPage(shell(request, viewer), RULEBOOK_VERSION, gates))
    )
