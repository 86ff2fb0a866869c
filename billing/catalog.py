"""Every built-in check in one list, and the page made from it: ``python -m billing.catalog`` rewrites docs/rules.md."""

from pathlib import Path

from billing import documentation, scrub
from billing.authorization import AUTHORIZATION
from billing.benefits import BENEFITS
from billing.checks import Rule
from billing.coding import CODING

PAGE = Path(__file__).parent.parent / "docs" / "rules.md"

GATES: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("Documentation", documentation.rules()),
    ("Authorization", (*AUTHORIZATION.rules, *BENEFITS.rules)),
    ("Scrub", tuple(sorted((*CODING.rules, *scrub.rules()), key=lambda rule: rule.id))),
)
RULES: tuple[Rule, ...] = tuple(rule for _, rules in GATES for rule in rules)

_HEAD = """# Rules

Every check Firstpass makes by itself, in the order of the gates. Made from the code by `python -m billing.catalog`; do
not edit it by hand. *hold* and *block* stop the claim until a re-check passes; a hold marked "may be overridden" also
yields to a person with a reason. *warn* stops nothing, *repair* is done by the machine and recorded.
"""


def _entry(rule: Rule) -> str:
    override = ", may be overridden" if rule.overridable else ""
    return (
        f"### {rule.id} {rule.title}\n\n"
        f"{rule.what}\n\n"
        f"- Why: {rule.why}\n"
        f"- Answer: {rule.severity.value}{override}; usually the move of the {rule.owner.value.replace('_', ' ')}\n"
        f"- Source: {rule.source}\n"
    )


def page() -> str:
    """docs/rules.md as it should stand."""
    sections = [f"## {gate}\n\n" + "\n".join(_entry(rule) for rule in rules) for gate, rules in GATES]
    return _HEAD + "\n" + "\n".join(sections)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
