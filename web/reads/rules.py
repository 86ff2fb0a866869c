"""The practice's own rules as rows: what each is for, who did what with it, and how often it matched."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from billing.practice_rules import ACTION_LABELS, Action, PracticeRule
from models.store.rules import APPROVED, DRAFT, PUBLISHED, RETIRED, readable_rule
from models.tables.encounters import EncounterRow
from models.tables.practice import PayerRow, PlanRow
from models.tables.rules import PracticeRuleRow
from web import formats
from web.formats import Chip
from web.reads.choices import Choice
from web.viewer import Viewer

HIT_DAYS = 30
RULES_SHOWN_MAX = 1_000
STATE_CHIPS = {
    DRAFT: Chip("calm", "○", "Draft"),
    APPROVED: Chip("info", "◑", "Approved"),
    PUBLISHED: Chip("good", "✓", "Published"),
    RETIRED: Chip("calm", "–", "Retired"),
}
HITS = text(
    "SELECT entry->>'rule' AS rule, count(DISTINCT e.encounter_id) AS visits FROM evaluations e, "
    "jsonb_array_elements(e.trace->'practice_rules') entry "
    "WHERE e.practice_id = :practice AND e.created_at > :since AND entry->>'matched' = 'true' GROUP BY 1"
)


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule in its newest version, with the version in use if that is another."""

    href: str
    rule_id: str
    name: str
    version: int
    state: Chip
    in_use: str
    scope: str
    dates: str
    priority: int
    hits: str
    who: str
    since: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version with its story."""

    href: str
    version: int
    state: Chip
    why: str
    story: tuple[str, ...]
    chosen: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A rule in words."""

    scope: str
    dates: str
    priority: int
    when: str
    actions: tuple[str, ...]
    why: str


def lines(session: Session, viewer: Viewer) -> tuple[RuleLine, ...]:
    """Every rule once: published first, then drafts and approved ones, then retired."""
    rows = session.scalars(
        select(PracticeRuleRow)
        .where(PracticeRuleRow.practice_id == viewer.practice_id)
        .order_by(PracticeRuleRow.rule_id, PracticeRuleRow.version.desc())
    )
    newest: dict[str, PracticeRuleRow] = {}
    published: dict[str, int] = {}
    for row in rows:
        newest.setdefault(row.rule_id, row)
        if row.state == PUBLISHED:
            published[row.rule_id] = row.version
    hits = _hits(session, viewer)
    order = (DRAFT, APPROVED, PUBLISHED, RETIRED)
    shown = sorted(newest.values(), key=lambda row: (order.index(row.state), row.rule_id))[:RULES_SHOWN_MAX]
    return tuple(_line(row, viewer, published.get(row.rule_id), hits.get(row.rule_id, 0)) for row in shown)


def _hits(session: Session, viewer: Viewer) -> dict[str, int]:
    since = viewer.now - timedelta(days=HIT_DAYS)
    found = session.execute(HITS, {"practice": viewer.practice_id, "since": since})
    return {row.rule: int(row.visits) for row in found}


def _line(row: PracticeRuleRow, viewer: Viewer, in_use: int | None, hits: int) -> RuleLine:
    rule = readable_rule(row)
    who, since = _last_step(row, viewer)
    return RuleLine(
        href=f"/rules/own/{row.rule_id}",
        rule_id=row.rule_id,
        name=str(row.body.get("name", row.rule_id)),
        version=row.version,
        state=STATE_CHIPS[row.state],
        in_use=f"version {in_use} in use" if in_use is not None and in_use != row.version else "",
        scope=scope_text(rule) if rule else "cannot be read any more",
        dates=dates_text(rule) if rule else formats.NOTHING,
        priority=rule.priority if rule else 0,
        hits=f"{hits:,}" if hits else formats.NOTHING,
        who=who,
        since=since,
    )


def _last_step(row: PracticeRuleRow, viewer: Viewer) -> tuple[str, str]:
    steps = {
        DRAFT: (row.author, row.updated_at),
        APPROVED: (row.approver, row.approved_at),
        PUBLISHED: (row.publisher, row.published_at),
        RETIRED: (row.retirer, row.retired_at),
    }
    who, at = steps[row.state]
    return who or formats.NOTHING, formats.instant(at, viewer.zone)


def version_line(row: PracticeRuleRow, viewer: Viewer, chosen: int) -> VersionLine:
    """Who wrote, approved, published and retired a version, and when."""
    story = [f"Written by {row.author}"]
    if row.approved_at is not None:
        story.append(f"Approved by {row.approver}, {formats.instant(row.approved_at, viewer.zone)}")
    if row.published_at is not None:
        story.append(f"Published by {row.publisher}, {formats.instant(row.published_at, viewer.zone)}")
    if row.retired_at is not None:
        story.append(f"Retired by {row.retirer}, {formats.instant(row.retired_at, viewer.zone)}: {row.retired_why}")
    return VersionLine(
        href=f"/rules/own/{row.rule_id}?version={row.version}",
        version=row.version,
        state=STATE_CHIPS[row.state],
        why=row.why,
        story=tuple(story),
        chosen=row.version == chosen,
    )


def told(rule: PracticeRule) -> Told:
    """A rule in words."""
    return Told(
        scope=scope_text(rule),
        dates=dates_text(rule),
        priority=rule.priority,
        when=rule.when,
        actions=tuple(action_text(action) for action in rule.actions),
        why=rule.why,
    )


def scope_text(rule: PracticeRule) -> str:
    """Where a rule applies, in a line."""
    scope = rule.scope
    said = [
        f"payer {', '.join(scope.payer_ids)}" if scope.payer_ids else "",
        f"plan {', '.join(scope.plan_ids)}" if scope.plan_ids else "",
        ", ".join(discipline.value for discipline in scope.disciplines),
    ]
    return "; ".join(part for part in said if part) or "every visit"


def dates_text(rule: PracticeRule) -> str:
    """From when until when."""
    return f"{formats.day(rule.effective_from)} – {formats.day(rule.effective_to) if rule.effective_to else 'open'}"


def action_text(action: Action) -> str:
    """An action in a sentence."""
    given = action.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
    codes = given.pop("codes", None)
    said = [f"{formats.words(name).lower()} {'yes' if value is True else value}" for name, value in given.items()]
    return f"{ACTION_LABELS[action.kind]}: {', '.join(said) or 'scrub'}" + (f" on {', '.join(codes)}" if codes else "")


def payers(session: Session, chosen: tuple[str, ...]) -> tuple[Choice, ...]:
    """The practice's payers."""
    found = session.execute(select(PayerRow.external_id, PayerRow.name).order_by(PayerRow.name)).all()
    return _choices([(value, f"{name} ({value})") for value, name in found], chosen)


def plans(session: Session, chosen: tuple[str, ...]) -> tuple[Choice, ...]:
    """The practice's plans."""
    found = session.execute(select(PlanRow.external_id, PlanRow.name).order_by(PlanRow.name)).all()
    return _choices([(value, f"{name} ({value})") for value, name in found], chosen)


def _choices(known: list[tuple[str, str]], chosen: tuple[str, ...]) -> tuple[Choice, ...]:
    """The known ones, and those a rule names that are not (or not yet) in the practice file."""
    strange = [(value, f"{value} (not in the practice file)") for value in chosen if value not in dict(known)]
    return tuple(Choice(value, label, value in chosen) for value, label in [*known, *strange])


def visit_named(session: Session, practice_id: UUID, external_id: str) -> EncounterRow | None:
    """A visit by the chart's id of it."""
    return session.scalars(
        select(EncounterRow).where(EncounterRow.practice_id == practice_id, EncounterRow.external_id == external_id)
    ).one_or_none()
