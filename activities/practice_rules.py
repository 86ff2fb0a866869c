"""The life of a practice's own rule: draft, approved by a second person, published, retired; each with who and why.

Each function runs in the caller's transaction: effect and audit line together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from activities.clock import practice_day
from activities.desk import Actor
from activities.nudges import nudge
from activities.refusals import Refused
from billing.corrections import corrected
from billing.desk import RULES_APPROVE, RULES_WRITE, rights
from billing.practice_rules import RULES_MAX, CompiledRule, PracticeRule, RuleProblem, compile_rule
from billing.rule_set import RuleSet
from billing.rule_trials import TrialResult, run_tests
from billing.trace import Evaluation, evaluate
from billing.vocabulary import Role
from models.store import life
from models.store.rules import (
    APPROVED,
    DRAFT,
    PUBLISHED,
    RETIRED,
    changed,
    readable_rule,
    version_of,
    versions,
)
from models.store.visits import context_of
from models.tables.access import UserRow
from models.tables.claims import ClaimRow, ClaimVersionRow
from models.tables.encounters import EncounterRow
from models.tables.practice import PayerRow, PlanRow, PracticeRow
from models.tables.rules import PracticeRuleRow

RECHECKS_MAX = 500
DRAFTS_MAX = 1_000
IMPORTER = "import"


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule on one visit, nothing changed: how the visit stands without it and with it."""

    encounter_id: UUID
    without: Evaluation
    with_it: Evaluation


def save_draft(session: Session, actor: Actor, rule: PracticeRule, now: datetime) -> PracticeRuleRow:
    """Keep a rule as a draft: the open draft as changed, or the next version of a published or retired rule."""
    _require(session, actor, RULES_WRITE)
    return _save(session, actor.practice_id, rule, actor.user_id, actor.name, actor.email, now)


def load_drafts(
    session: Session, practice_id: UUID, rules: Sequence[PracticeRule], file_name: str
) -> tuple[int, list[str]]:
    """Rules of a file as drafts; one whose newest version says the same is left alone. How many are new; refusals.

    Nobody is logged in at a command line, so the author is the file; whoever approves a rule answers for it.
    """
    now, new, refused = datetime.now(UTC), 0, []
    author = f"imported from file {file_name}"
    for rule in rules:
        newest = next(iter(versions(session, practice_id, rule.rule_id)), None)
        if newest is not None and newest.body == _body(rule):
            continue
        try:
            _save(session, practice_id, rule, None, author, IMPORTER, now)
        except Refused as why:
            refused.append(f"{rule.rule_id}: {why}")
        else:
            new += 1
    return new, refused


def approve(session: Session, actor: Actor, rule_id: str, version: int, now: datetime) -> str:
    """A second person takes responsibility: whoever changed the draft last cannot."""
    _require(session, actor, RULES_APPROVE)
    row = _row(session, actor.practice_id, rule_id, version, DRAFT)
    if row.author_id == actor.user_id:
        raise Refused("You wrote this version, so somebody else has to approve it.")
    row.state, row.approver_id, row.approver, row.approved_at = APPROVED, actor.user_id, actor.name, now
    row.updated_at = now
    _audit(session, actor.practice_id, actor.email, "rule.approved", row)
    return f"Version {version} is approved and can be published."


def publish(session: Session, actor: Actor, rule_id: str, version: int, now: datetime) -> str:
    """Have an approved rule applied from now on; the version before it retires with that. Visits look again."""
    _require(session, actor, RULES_APPROVE)
    changed(session, actor.practice_id)  # locks the practice's row first: two publications follow one another
    row = _row(session, actor.practice_id, rule_id, version, APPROVED)
    rule = readable(row)
    _refuse_unproven(rule)
    before = _published(session, actor.practice_id, rule_id)
    if before is None and _published_count(session, actor.practice_id) >= RULES_MAX:
        raise Refused(f"There are {RULES_MAX} published rules, the most there can be. Retire one first.")
    if before is not None:
        _retire(before, actor, f"replaced by version {version}", now)
        session.flush()
    row.state, row.publisher, row.published_at, row.updated_at = PUBLISHED, actor.name, now, now
    told = look_again(session, actor.practice_id, rule)
    _audit(session, actor.practice_id, actor.email, "rule.published", row)
    return f"Version {version} is published. {told}"


def retire(session: Session, actor: Actor, rule_id: str, version: int, why: str, now: datetime) -> str:
    """Take a rule out of use, or a draft off the list. Visits it may have judged look again."""
    row = version_of(session, actor.practice_id, rule_id, version)
    if row is None or row.state == RETIRED:
        raise Refused("This version is retired already, or was never there. Reload the page.")
    _require(session, actor, RULES_APPROVE if row.state == PUBLISHED else RULES_WRITE)
    if not why.strip():
        raise Refused("Say why it retires.")
    was_published = row.state == PUBLISHED
    _retire(row, actor, why.strip(), now)
    told = ""
    if was_published:
        changed(session, actor.practice_id)
        told = " " + look_again(session, actor.practice_id, readable_rule(row))
    _audit(session, actor.practice_id, actor.email, "rule.retired", row)
    return f"Version {version} is retired.{told}"


def try_on(session: Session, practice: PracticeRow, row: EncounterRow, rule: PracticeRule, now: datetime) -> Trial:
    """The visit without the rule and with it, beside the other published ones. Writes nothing."""
    compiled = compile_rule(rule)
    if not isinstance(compiled, CompiledRule):
        raise Refused(compiled[0].message)
    encounter = corrected(row.facts, row.corrections)
    context = context_of(session, practice, row, encounter, practice_day(now, practice.time_zone))
    others = [one for one in context.practice_rules.rules if one.rule.rule_id != rule.rule_id]
    plain = replace(context, practice_rules=RuleSet(others))
    ruled = replace(context, practice_rules=RuleSet([*others, compiled]))
    return Trial(row.id, evaluate(encounter, plain), evaluate(encounter, ruled))


def problems_of(rule: PracticeRule) -> tuple[RuleProblem, ...]:
    """What is wrong with a rule's condition."""
    compiled = compile_rule(rule)
    return () if isinstance(compiled, CompiledRule) else compiled


# --- inside ---------------------------------------------------------------------------------------------------------


def _require(session: Session, actor: Actor, right: str) -> None:
    user = session.get(UserRow, actor.user_id)
    if user is None or user.disabled_at is not None or right not in rights(Role(user.role)):
        raise Refused("Your role does not include this. A supervisor or administrator can help.")


def _body(rule: PracticeRule) -> dict[str, object]:
    return rule.model_dump(mode="json", exclude={"rule_id", "version"})


def _save(
    session: Session,
    practice_id: UUID,
    rule: PracticeRule,
    author_id: UUID | None,
    author: str,
    email: str,
    now: datetime,
) -> PracticeRuleRow:
    if problems := problems_of(rule):
        raise Refused(problems[0].message)
    newest = next(iter(versions(session, practice_id, rule.rule_id)), None)
    if newest is None and _rule_count(session, practice_id) >= DRAFTS_MAX:
        raise Refused(f"There are {DRAFTS_MAX} rules, the most that are kept.")
    if newest is not None and newest.state in (DRAFT, APPROVED):
        row = _row(session, practice_id, rule.rule_id, newest.version, newest.state)
        row.approver_id = row.approver = row.approved_at = None
    else:
        row = PracticeRuleRow(
            practice_id=practice_id, rule_id=rule.rule_id, version=newest.version + 1 if newest else 1
        )
        session.add(row)
    row.state, row.body, row.why, row.updated_at = DRAFT, _body(rule), rule.why, now
    row.author_id, row.author = author_id, author
    session.flush()
    _audit(session, practice_id, email, "rule.drafted", row)
    return row


def _row(session: Session, practice_id: UUID, rule_id: str, version: int, state: str) -> PracticeRuleRow:
    row = version_of(session, practice_id, rule_id, version)
    if row is None:
        raise Refused("There is no such version of this rule. Reload the page.")
    if row.state != state:
        raise Refused(f"This version is {row.state}, not {state}. Reload the page.")
    return row


def readable(row: PracticeRuleRow) -> PracticeRule:
    """The rule of a row. Raises Refused for one that cannot be read any more."""
    rule = readable_rule(row)
    if rule is None:
        raise Refused("This version was written for an earlier Firstpass and cannot be read; write the rule anew.")
    return rule


def _refuse_unproven(rule: PracticeRule) -> None:
    if problems := problems_of(rule):
        raise Refused(problems[0].message)
    results: tuple[TrialResult, ...] = run_tests(rule)
    if not results:
        raise Refused("The rule has no test case. Give it at least one, so that it is known to do what it should.")
    failed = [result for result in results if not result.passed]
    if failed:
        raise Refused(f"{len(failed)} of {len(results)} test cases fail: {failed[0].name} ({failed[0].wrong[0]}).")


def _published(session: Session, practice_id: UUID, rule_id: str) -> PracticeRuleRow | None:
    return session.scalars(
        select(PracticeRuleRow)
        .where(
            PracticeRuleRow.practice_id == practice_id,
            PracticeRuleRow.rule_id == rule_id,
            PracticeRuleRow.state == PUBLISHED,
        )
        .with_for_update()
    ).one_or_none()


def _published_count(session: Session, practice_id: UUID) -> int:
    counted = select(func.count()).select_from(PracticeRuleRow)
    return session.scalar(counted.where(PracticeRuleRow.state == PUBLISHED)) or 0


def _rule_count(session: Session, practice_id: UUID) -> int:
    counted = select(func.count(func.distinct(PracticeRuleRow.rule_id)))
    return session.scalar(counted.where(PracticeRuleRow.practice_id == practice_id)) or 0


def _retire(row: PracticeRuleRow, actor: Actor, why: str, now: datetime) -> None:
    row.state, row.retirer, row.retired_at, row.retired_why = RETIRED, actor.name, now, why
    row.updated_at = now


def look_again(session: Session, practice_id: UUID, rule: PracticeRule | None, *, unsent: bool = True) -> str:
    """Held visits the rule may be about (without one: all) look again, and visits whose claim has not left yet.

    The unsent come first, then the oldest. What is sent stays as it was sent.
    """
    ready = (
        exists()
        .where(ClaimRow.encounter_id == EncounterRow.id)
        .where(ClaimVersionRow.claim_id == ClaimRow.id, ClaimVersionRow.version == ClaimRow.current_version)
        .where(ClaimVersionRow.status == "ready")
    )
    held = EncounterRow.held_by.is_not(None)
    wanted = (
        select(EncounterRow)
        .join(PlanRow, PlanRow.id == EncounterRow.plan_id)
        .join(PayerRow, PayerRow.id == PlanRow.payer_id)
        .where(
            EncounterRow.practice_id == practice_id,
            EncounterRow.closed_at.is_(None),
            or_(held, ready) if unsent else held,
        )
    )
    if rule is not None:
        wanted = wanted.where(*_in_scope(rule))
    ordered = wanted.order_by(held, EncounterRow.date_of_service, EncounterRow.id).limit(RECHECKS_MAX + 1)
    found = session.scalars(ordered).all()
    rows = found[:RECHECKS_MAX]
    for row in rows:
        nudge(session, row)
    told = f"{sum(row.held_by is not None for row in rows)} held visits"
    told += f" and {sum(row.held_by is None for row in rows)} claims not yet sent" if unsent else ""
    return f"{told} are being checked again" + ("; the others keep waiting." if len(found) > len(rows) else ".")


def _in_scope(rule: PracticeRule) -> list[ColumnElement[bool]]:
    """Conditions on visits, plans and payers that leave those the rule is meant for."""
    scope, last = rule.scope, rule.effective_to
    conditions = [EncounterRow.date_of_service >= rule.effective_from]
    conditions += [EncounterRow.date_of_service <= last] if last is not None else []
    conditions += [PayerRow.external_id.in_(scope.payer_ids)] if scope.payer_ids else []
    conditions += [PlanRow.external_id.in_(scope.plan_ids)] if scope.plan_ids else []
    disciplines = [one.value for one in scope.disciplines]
    return [*conditions, EncounterRow.discipline.in_(disciplines)] if disciplines else conditions


def _audit(session: Session, practice_id: UUID, email: str, action: str, row: PracticeRuleRow) -> None:
    detail = {"version": row.version, "why": row.retired_why if row.state == RETIRED else row.why}
    life.audit(session, practice_id, email, action, f"rule/{row.rule_id}", detail)
