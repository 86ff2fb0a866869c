"""The practice's own rules as kept: versions of each, and the published ones made ready.

Publishing and retiring raise ``practices.revision``; the practice's row is read for every visit anyway, so the rules
kept per process are never stale and cost no query.
"""

from collections.abc import Sequence
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from billing.practice_rules import CompiledRule, PracticeRule, made_ready
from billing.rule_set import RuleSet
from models.tables.practice import PracticeRow
from models.tables.rules import PracticeRuleRow

DRAFT, APPROVED, PUBLISHED, RETIRED = "draft", "approved", "published", "retired"
UNREADABLE = "it was written for an earlier Firstpass and has to be saved anew"

_KEPT: dict[UUID, tuple[int, RuleSet]] = {}


def published_rules(session: Session, practice: PracticeRow) -> RuleSet:
    """The published rules as of the practice's present revision, of whatever dates.

    Which of them fit a date of service is decided where they are applied.
    """
    kept = _KEPT.get(practice.id)
    if kept is None or kept[0] != practice.revision:
        rows = session.scalars(
            select(PracticeRuleRow).where(
                PracticeRuleRow.practice_id == practice.id, PracticeRuleRow.state == PUBLISHED
            )
        )
        kept = (practice.revision, RuleSet(_made_ready(row) for row in rows))
        _KEPT[practice.id] = kept
    return kept[1]


def changed(session: Session, practice_id: UUID) -> None:
    """Have every process read the published rules anew, once this commits."""
    session.execute(update(PracticeRow).where(PracticeRow.id == practice_id).values(revision=PracticeRow.revision + 1))


def rule_of(row: PracticeRuleRow) -> PracticeRule:
    """The rule of a row. Raises pydantic.ValidationError for one that an earlier Firstpass wrote otherwise."""
    return PracticeRule.model_validate({**row.body, "rule_id": row.rule_id, "version": row.version})


def readable_rule(row: PracticeRuleRow) -> PracticeRule | None:
    """The rule of a row; None for one that an earlier Firstpass wrote otherwise."""
    try:
        return rule_of(row)
    except ValidationError:
        return None


def _made_ready(row: PracticeRuleRow) -> CompiledRule:
    """A rule that cannot be read any more still holds what it was for, and no other rule comes to harm."""
    try:
        return made_ready(rule_of(row))
    except ValidationError:
        stand_in = {
            "rule_id": row.rule_id,
            "version": row.version,
            "name": str(row.body.get("name", row.rule_id))[:80],
            "why": row.why or "not known",
            "effective_from": "2000-01-01",
            "when": "true",
            "actions": [{"kind": "hold", "message": UNREADABLE}],
        }
        return CompiledRule(PracticeRule.model_validate(stand_in), None, problem=UNREADABLE)


def versions(session: Session, practice_id: UUID, rule_id: str) -> Sequence[PracticeRuleRow]:
    """All versions of a rule, newest first."""
    return session.scalars(
        select(PracticeRuleRow)
        .where(PracticeRuleRow.practice_id == practice_id, PracticeRuleRow.rule_id == rule_id)
        .order_by(PracticeRuleRow.version.desc())
    ).all()


def version_of(session: Session, practice_id: UUID, rule_id: str, version: int) -> PracticeRuleRow | None:
    """One version, locked until the commit."""
    return session.scalars(
        select(PracticeRuleRow)
        .where(
            PracticeRuleRow.practice_id == practice_id,
            PracticeRuleRow.rule_id == rule_id,
            PracticeRuleRow.version == version,
        )
        .with_for_update()
    ).one_or_none()
