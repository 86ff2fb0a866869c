"""The practice's own rules: the list, one with its versions, writing one, trying it, and its way to publication."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from activities import practice_rules as life
from activities.refusals import Refused
from billing.desk import RULES, RULES_APPROVE, RULES_WRITE
from billing.practice_rules import ACTION_LABELS, HOLDING_QUEUES, PracticeRule
from billing.rule_apply import RuleTrace, code_of
from billing.rule_fields import VIEW_FIELDS, ViewField
from billing.rule_trials import TrialResult, run_tests
from billing.rule_view import line_text
from billing.trace import Evaluation
from billing.vocabulary import Discipline, Owner
from models.store.rules import APPROVED, DRAFT, PUBLISHED, RETIRED, versions
from models.store.session import practice_session
from models.tables.practice import PracticeRow
from models.tables.rules import PracticeRuleRow
from web import formats, rule_form, templating
from web.pages.items import actor_of
from web.problems import Invalid, NotFound
from web.reads import rules
from web.reads.audit import record_view
from web.reads.choices import Choice
from web.routes import page_router
from web.rule_form import ActionRow, CaseRow, RuleForm, Wrong
from web.security import Person, Posted, engine_of, require
from web.shell import Shell, shell
from web.viewer import Viewer

router = page_router()


@dataclass(frozen=True, slots=True)
class TryOut:
    """What a rule does, or would do, to one visit."""

    visit: str
    href: str
    in_scope: bool
    matched: bool
    error: str
    facts: tuple[tuple[str, str], ...]
    changes: tuple[str, ...]
    lost: tuple[str, ...]
    findings: tuple[str, ...]
    lines_without: tuple[str, ...]
    lines_with: tuple[str, ...]
    stands_without: str
    stands_with: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListPage:
    """All rules."""

    shell: Shell
    rules: tuple[rules.RuleLine, ...]
    may_write: bool
    hit_days: int


@dataclass(frozen=True, slots=True)
class RulePage:
    """One rule in one version."""

    shell: Shell
    rule_id: str
    name: str
    version: int
    state: formats.Chip
    told: rules.Told
    tests: tuple[TrialResult, ...]
    versions: tuple[rules.VersionLine, ...]
    may_edit: bool
    may_approve: bool
    own_draft: bool
    may_publish: bool
    may_retire: bool
    may_try: bool
    notice: str
    try_visit: str
    try_out: TryOut | None


@dataclass(frozen=True, slots=True)
class EditPage:
    """The form."""

    shell: Shell
    form: RuleForm
    is_new: bool
    seen: str
    problems: tuple[str, ...]
    payers: tuple[Choice, ...]
    plans: tuple[Choice, ...]
    disciplines: tuple[Choice, ...]
    kinds: tuple[Choice, ...]
    queues: tuple[Choice, ...]
    owners: tuple[Choice, ...]
    fields: tuple[ViewField, ...]
    tests: tuple[TrialResult, ...]
    try_visit: str
    try_out: TryOut | None


@router.get("/rules/own")
def show_list(request: Request, viewer: Person) -> HTMLResponse:
    """Every rule with its state, scope, hits, who and since when."""
    require(viewer, RULES)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        found = rules.lines(session, viewer)
    page = ListPage(shell(request, viewer), found, viewer.may(RULES_WRITE), rules.HIT_DAYS)
    return templating.page("own_rules.html", templating.as_context(page))


@router.get("/rules/own/new")
def write_new(request: Request, viewer: Person) -> HTMLResponse:
    """An empty form."""
    require(viewer, RULES_WRITE)
    form = RuleForm(effective_from=viewer.today.isoformat(), actions=(ActionRow(),), tests=(CaseRow(),))
    with practice_session(engine_of(request), viewer.practice_id) as session:
        return _form_page(request, viewer, session, form, is_new=True)


@router.get("/rules/own/{rule_id}")
def show(request: Request, viewer: Person, rule_id: str, version: int = 0, said: str = "") -> HTMLResponse:
    """One rule: what it says, whether its tests pass, its versions."""
    require(viewer, RULES)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        return _rule_page(request, viewer, session, rule_id, version, notice=_NOTICES.get(said, ""))


@router.get("/rules/own/{rule_id}/edit")
def edit(request: Request, viewer: Person, rule_id: str) -> HTMLResponse:
    """The newest version in the form; saving makes or changes a draft."""
    require(viewer, RULES_WRITE)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        newest = _newest(session, viewer, rule_id)
        form = rule_form.of_rule(life.readable(newest)).with_blank_rows()
        return _form_page(request, viewer, session, form, seen=newest.updated_at.isoformat())


@router.post("/rules/own/save")
def save(request: Request, viewer: Person, posted: Posted) -> Response:
    """Save a draft, try it on a visit, run its tests, or have more rows; nothing typed is lost."""
    require(viewer, RULES_WRITE)
    form, do = rule_form.read(posted), posted.text("do", "save")
    is_new, seen = posted.text("is_new") == "yes", posted.text("seen")
    with practice_session(engine_of(request), viewer.practice_id) as session:

        def again(
            problems: tuple[str, ...] = (), *, tests: tuple[TrialResult, ...] = (), try_out: TryOut | None = None
        ) -> HTMLResponse:
            status = 422 if problems and do == "save" else 200  # trying and testing refuse nothing
            page = _edit_page(request, viewer, session, form.with_blank_rows(), is_new=is_new, seen=seen)
            page = replace(page, problems=problems, try_visit=posted.text("try_visit"), tests=tests, try_out=try_out)
            return templating.page("own_rule_edit.html", templating.as_context(page), status=status)

        if do == "more":
            form = form.with_blank_rows(2)
            return again()
        try:
            rule = rule_form.to_rule(form)
            if do == "try":
                return again(try_out=_try(session, viewer, rule, posted.text("try_visit")))
            if do == "test":
                problems = tuple(problem.message for problem in life.problems_of(rule))
                return again(problems, tests=() if problems else run_tests(rule))
            _refuse_lost_update(session, viewer, rule, is_new, seen)
            life.save_draft(session, actor_of(viewer), rule, viewer.now)
        except Wrong as wrong:
            return again(wrong.sentences)
        except (Refused, Invalid) as refused:
            return again((str(refused),))
    return RedirectResponse(f"/rules/own/{rule.rule_id}?said=saved", status_code=303)


@router.post("/rules/own/{rule_id}/{version}/try")
def try_out(request: Request, viewer: Person, posted: Posted, rule_id: str, version: int) -> HTMLResponse:
    """A kept version on one visit; nothing changes."""
    require(viewer, RULES_WRITE)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        row = _version(session, viewer, rule_id, version)
        shown = _try(session, viewer, life.readable(row), posted.text("try_visit"))
        return _rule_page(request, viewer, session, rule_id, version, try_out=shown, try_visit=shown.visit)


@router.post("/rules/own/{rule_id}/{version}/approve")
def approve(request: Request, viewer: Person, posted: Posted, rule_id: str, version: int) -> Response:
    """A second person's word."""
    require(viewer, RULES_APPROVE)
    return _done(
        request,
        viewer,
        rule_id,
        version,
        lambda session: life.approve(session, actor_of(viewer), rule_id, version, viewer.now),
    )


@router.post("/rules/own/{rule_id}/{version}/publish")
def publish(request: Request, viewer: Person, posted: Posted, rule_id: str, version: int) -> Response:
    """From now on it is applied."""
    require(viewer, RULES_APPROVE)
    return _done(
        request,
        viewer,
        rule_id,
        version,
        lambda session: life.publish(session, actor_of(viewer), rule_id, version, viewer.now),
    )


@router.post("/rules/own/{rule_id}/{version}/retire")
def retire(request: Request, viewer: Person, posted: Posted, rule_id: str, version: int) -> Response:
    """From now on it is not."""
    require(viewer, RULES_WRITE)
    why = posted.text("why")
    return _done(
        request,
        viewer,
        rule_id,
        version,
        lambda session: life.retire(session, actor_of(viewer), rule_id, version, why, viewer.now),
    )


_NOTICES = {"saved": "The draft is saved. It changes nothing until somebody else approved it and it is published."}


def _done(request: Request, viewer: Viewer, rule_id: str, version: int, act: Callable[[Session], str]) -> HTMLResponse:
    with practice_session(engine_of(request), viewer.practice_id) as session:
        said = act(session)
    with practice_session(engine_of(request), viewer.practice_id) as session:
        return _rule_page(request, viewer, session, rule_id, version, notice=said)


def _newest(session: Session, viewer: Viewer, rule_id: str) -> PracticeRuleRow:
    found = versions(session, viewer.practice_id, rule_id)
    if not found:
        raise NotFound
    return found[0]


def _version(session: Session, viewer: Viewer, rule_id: str, version: int) -> PracticeRuleRow:
    found = versions(session, viewer.practice_id, rule_id)
    row = next((one for one in found if one.version == version), None if version else next(iter(found), None))
    if row is None:
        raise NotFound
    return row


def _refuse_lost_update(session: Session, viewer: Viewer, rule: PracticeRule, is_new: bool, seen: str) -> None:
    newest = next(iter(versions(session, viewer.practice_id, rule.rule_id)), None)
    if is_new and newest is not None:
        raise Invalid(f"There is a rule {rule.rule_id} already. Choose another short name, or open that rule.")
    if not is_new and (newest is None or newest.updated_at.isoformat() != seen):
        raise Invalid("Somebody changed this rule since you opened it. Open it again in another tab and compare.")


def _rule_page(
    request: Request,
    viewer: Viewer,
    session: Session,
    rule_id: str,
    version: int,
    *,
    notice: str = "",
    try_visit: str = "",
    try_out: TryOut | None = None,
) -> HTMLResponse:
    row = _version(session, viewer, rule_id, version)
    rule = life.readable(row)
    found = versions(session, viewer.practice_id, rule_id)
    own = row.author_id == viewer.user_id
    retire_right = RULES_APPROVE if row.state == PUBLISHED else RULES_WRITE
    page = RulePage(
        shell=shell(request, viewer),
        rule_id=rule_id,
        name=rule.name,
        version=row.version,
        state=rules.STATE_CHIPS[row.state],
        told=rules.told(rule),
        tests=run_tests(rule),
        versions=tuple(rules.version_line(one, viewer, row.version) for one in found),
        may_edit=viewer.may(RULES_WRITE) and row.version == found[0].version,
        may_approve=viewer.may(RULES_APPROVE) and row.state == DRAFT and not own,
        own_draft=row.state == DRAFT and own,
        may_publish=viewer.may(RULES_APPROVE) and row.state == APPROVED,
        may_retire=viewer.may(retire_right) and row.state != RETIRED,
        may_try=viewer.may(RULES_WRITE),
        notice=notice,
        try_visit=try_visit,
        try_out=try_out,
    )
    return templating.page("own_rule.html", templating.as_context(page))


def _form_page(
    request: Request, viewer: Viewer, session: Session, form: RuleForm, *, is_new: bool = False, seen: str = ""
) -> HTMLResponse:
    page = _edit_page(request, viewer, session, form, is_new=is_new, seen=seen)
    return templating.page("own_rule_edit.html", templating.as_context(page))


def _edit_page(
    request: Request, viewer: Viewer, session: Session, form: RuleForm, *, is_new: bool, seen: str
) -> EditPage:
    return EditPage(
        shell=shell(request, viewer),
        form=form,
        is_new=is_new,
        seen=seen,
        problems=(),
        payers=rules.payers(session, form.payer_ids),
        plans=rules.plans(session, form.plan_ids),
        disciplines=tuple(Choice(one.value, one.value, one.value in form.disciplines) for one in Discipline),
        kinds=tuple(Choice(kind, label, False) for kind, label in ACTION_LABELS.items()),
        queues=tuple(Choice(queue.value, formats.words(queue.value), False) for queue in HOLDING_QUEUES),
        owners=tuple(Choice(owner.value, formats.words(owner.value), False) for owner in Owner),
        fields=VIEW_FIELDS,
        tests=(),
        try_visit="",
        try_out=None,
    )


# --- trying -----------------------------------------------------------------------------------------------------------


def _try(session: Session, viewer: Viewer, rule: PracticeRule, external_id: str) -> TryOut:
    visit = rules.visit_named(session, viewer.practice_id, external_id) if external_id else None
    if visit is None:
        raise Invalid("There is no visit of that number. Use the visit's number as the list of visits shows it.")
    practice = session.get_one(PracticeRow, viewer.practice_id)
    trial = life.try_on(session, practice, visit, rule, viewer.now)
    record_view(session, viewer, f"encounter/{visit.id}")
    return _told(trial, rule, external_id, visit.id)


def _told(trial: life.Trial, rule: PracticeRule, external_id: str, encounter_id: UUID) -> TryOut:
    entry = next((one for one in trial.with_it.practice_rules if one.rule_id == rule.rule_id), None)
    return TryOut(
        visit=external_id,
        href=f"/encounters/{encounter_id}",
        in_scope=entry is not None,
        matched=entry is not None and entry.matched,
        error=entry.error if entry else "",
        facts=tuple(entry.facts.items()) if entry else (),
        changes=entry.changes if entry else (),
        lost=entry.lost if entry else (),
        findings=tuple(
            f"{formats.words(finding.severity.value)}: {finding.message}"
            for finding in trial.with_it.findings
            if finding.code == code_of(rule.rule_id)
        ),
        lines_without=_lines(trial.without),
        lines_with=_lines(trial.with_it),
        stands_without=_stands(trial.without),
        stands_with=_stands(trial.with_it),
        others=tuple(_ran(one) for one in trial.with_it.practice_rules if one.rule_id != rule.rule_id),
    )


def _lines(evaluation: Evaluation) -> tuple[str, ...]:
    return tuple(line_text(line.code, line.modifiers, line.units) for line in evaluation.claim.lines)


def _stands(evaluation: Evaluation) -> str:
    return f"held in {evaluation.gate.value}" if evaluation.gate else "nothing holds it"


def _ran(entry: RuleTrace) -> str:
    said = entry.error or "; ".join((*entry.changes, *entry.lost)) or ("matched" if entry.matched else "did not match")
    return f"{entry.rule_id}, version {entry.version}: {said}"
