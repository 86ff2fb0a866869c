"""Plan of care, certification, progress reports and referral, as the Medicare Benefit Policy Manual ch. 15 has them.

Days of certification are calendar days after the first treatment day: day 30 after 2026-03-02 is 2026-04-01, day 90 is
2026-05-31. Whether and with which numbers they bind is a plan term.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from billing.chart.common import (
    CH15,
    DOCUMENTATION,
    is_evaluation,
)
from billing.checks import Problem
from billing.coding import terms_of
from billing.context import VisitContext
from billing.encounter import Encounter, PlanOfCare
from billing.vocabulary import Owner, Severity

ORDER_EXCEPTION_FROM = date(2025, 1, 1)  # 42 CFR 424.24(c), 89 FR 97912: silence of the referrer is assent


TRANSMITTED_WITHIN_DAYS = 30  # of the initial evaluation (42 CFR 424.24(c))


RECERTIFICATION_WARNING_DAYS = 10  # before the end of the certified time (practice default)


LATE_REPORT_DAYS = 7  # a late progress report is written within a week of the period's end (CH15 220.3)


@DOCUMENTATION.check(
    "D7",
    "Plan of care in force",
    why="Therapy outside a plan of care is not covered.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.1.2",
)
def planned(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Where the plan wants one, a plan of care was established on or before the visit; an evaluation only warns."""
    if not terms_of(encounter, context).plan_of_care_required:
        return
    plan = encounter.compliance.plan_of_care
    if plan is None:
        evaluation = is_evaluation(encounter, context)
        yield Problem(
            message="There is no plan of care for this visit.",
            clears_when="the chart sends the plan of care",
            evidence={"visit": encounter.clinical.visit_kind.value},
            severity=Severity.WARN if evaluation else None,
        )
    elif plan.established_on > encounter.date_of_service:
        yield Problem(
            message="The plan of care was established after the visit.",
            clears_when="the plan of care that covered the visit is sent",
            evidence={"established": plan.established_on.isoformat(), "visit": encounter.date_of_service.isoformat()},
        )


def first_day(encounter: Encounter, plan: PlanOfCare, window_days: int) -> date:
    """The day certification counts from: the episode's first, unless a later plan of care has a clock of its own."""
    started = encounter.compliance.episode.started_on
    return plan.established_on if (plan.established_on - started).days > window_days else started


def order_exception(encounter: Encounter, context: VisitContext) -> bool:
    """Whether a signed order on file and timely transmission stand in for the signature (42 CFR 424.24(c), 2025)."""
    plan, referral = encounter.compliance.plan_of_care, encounter.administrative.referral
    if not terms_of(encounter, context).certification_order_exception or plan is None or referral is None:
        return False
    if encounter.date_of_service < ORDER_EXCEPTION_FROM or referral.ordered_on is None:
        return False
    if plan.sent_to_certifier_on is None:
        return False
    start = first_day(encounter, plan, TRANSMITTED_WITHIN_DAYS)
    return plan.sent_to_certifier_on <= start + timedelta(days=TRANSMITTED_WITHIN_DAYS)


@DOCUMENTATION.check(
    "D8",
    "Plan of care certified in time",
    why="Without the physician's certification Medicare takes the money back.",
    severity=Severity.HOLD,
    owner=Owner.FRONT_DESK,
    source="42 CFR 424.24(c); Medicare Benefit Policy Manual ch. 15, 220.1.3 (2025)",
    overridable=True,
)
def certified(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """The plan of care is certified within so many days of the first treatment, or the 2025 order exception holds."""
    terms, plan = terms_of(encounter, context), encounter.compliance.plan_of_care
    if not terms.certification_required or plan is None or order_exception(encounter, context):
        return
    due = first_day(encounter, plan, terms.certification_days) + timedelta(days=terms.certification_days)
    if plan.certified_on is None:
        yield _uncertified(context.today, due)
    elif plan.certified_on > due:
        yield Problem(
            message=f"The plan of care was certified on {plan.certified_on}, after {due}.",
            clears_when="nothing to do; keep the reason of the delay with the chart",
            evidence={"certified": plan.certified_on.isoformat(), "due": due.isoformat()},
            severity=Severity.WARN,
        )


def _uncertified(today: date, due: date) -> Problem:
    if today <= due:
        return Problem(
            message=f"The plan of care is not certified yet; it is due by {due}.",
            clears_when="the physician's signature is recorded",
            evidence={"due": due.isoformat()},
            severity=Severity.WARN,
            look_again_on=due + timedelta(days=1),
        )
    return Problem(
        message=f"The plan of care is not certified; that was due by {due}.",
        clears_when="the physician's signature is recorded, or order and timely transmission are on file",
        evidence={"due": due.isoformat(), "today": today.isoformat()},
    )


def certified_until(encounter: Encounter, plan: PlanOfCare, interval_days: int) -> date:
    """Last day of the certified time: the stated duration, and never more than the interval after its first day."""
    start = plan.recertified_on or first_day(encounter, plan, interval_days)
    limit = start + timedelta(days=interval_days)
    if plan.effective_to is None or (plan.recertified_on is not None and plan.effective_to < plan.recertified_on):
        return limit
    return min(limit, plan.effective_to)


@DOCUMENTATION.check(
    "D9",
    "Visit inside the certified time",
    why="Visits after the certified time need a recertification; silence of the referrer does not stand in for it.",
    severity=Severity.BLOCK,
    owner=Owner.FRONT_DESK,
    source=f"{CH15}, 220.1.3 (90 days); plan terms",
)
def still_certified(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """The visit lies within the stated duration, and where certification is required within its 90 days."""
    terms, plan = terms_of(encounter, context), encounter.compliance.plan_of_care
    if plan is None or not (terms.plan_of_care_required or terms.certification_required):
        return
    if terms.certification_required:
        end: date | None = certified_until(encounter, plan, terms.recertification_days)
    else:
        end = plan.effective_to if plan.recertified_on is None else None
    if end is not None:
        yield from _against(encounter.date_of_service, end)


def _against(visit: date, end: date) -> Iterator[Problem]:
    evidence = {"visit": visit.isoformat(), "ends": end.isoformat()}
    if visit > end:
        yield Problem(
            message=f"The plan of care ran out on {end}, before this visit.",
            clears_when="the recertification is recorded",
            evidence=evidence,
        )
    elif (end - visit).days <= RECERTIFICATION_WARNING_DAYS:
        yield Problem(
            message=f"The plan of care runs out on {end}.",
            clears_when="the recertification is recorded, or the episode ends before",
            evidence=evidence,
            severity=Severity.WARN,
        )


@DOCUMENTATION.check(
    "D10",
    "Progress report",
    why="A report is due at least once every so many treatment days; later visits are not covered without it.",
    severity=Severity.BLOCK,
    owner=Owner.CLINICIAN,
    source=f"{CH15}, 220.3.D (every 10 treatment days); plan terms",
)
def progress_reported(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """No more treatment days than the plan allows lie between the last progress report and this visit."""
    every = terms_of(encounter, context).progress_report_every_days
    if every is None:
        return
    count, last = days_since_report(encounter, context)
    evidence = {
        "treatment days": str(count),
        "allowed": str(every),
        "last report": last.isoformat() if last else "none",
    }
    if count > every and not _written_later(encounter, context):
        yield Problem(
            message=f"This is treatment day {count} since the last progress report; one is due every {every}.",
            clears_when="the therapist's progress report is recorded",
            evidence=evidence,
        )
    elif count > every:
        yield Problem(
            message="The progress report of this period was written late.",
            clears_when=f"nothing to do; a report is due within {LATE_REPORT_DAYS} days of the period's end",
            evidence=evidence,
            severity=Severity.WARN,
        )
    elif count == every:
        yield Problem(
            message=f"A progress report is due with this visit (treatment day {count}).",
            clears_when="the therapist's progress report is recorded",
            evidence=evidence,
            severity=Severity.WARN,
        )


def _reports(encounter: Encounter, context: VisitContext) -> list[date]:
    return sorted({*context.progress_reports, *encounter.compliance.progress_reports})


def _written_later(encounter: Encounter, context: VisitContext) -> bool:
    return any(encounter.date_of_service < report <= context.today for report in _reports(encounter, context))


def days_since_report(encounter: Encounter, context: VisitContext) -> tuple[int, date | None]:
    """Treatment days after the last progress report up to and with this visit, and the report's date."""
    visit = encounter.date_of_service
    past = [report for report in _reports(encounter, context) if report <= visit]
    last = past[-1] if past else None
    seen = {day for day in (*context.treatment_days, visit) if day <= visit}
    days = {day for day in seen if last is None or day > last}
    # Days before we were sent any lie after a report that is older than all we know, and before any other.
    before = last is None or last < min(seen)
    return len(days) + (encounter.compliance.episode.treatment_days_before_firstpass if before else 0), last


@DOCUMENTATION.check(
    "D11",
    "Referral",
    why="Some plans pay only on a physician's referral that was good on the day.",
    severity=Severity.BLOCK,
    owner=Owner.FRONT_DESK,
    source="plan terms",
)
def referred(encounter: Encounter, context: VisitContext) -> Iterator[Problem]:
    """Where the plan wants one, a referral is on file, given on or before the visit and not expired."""
    if not terms_of(encounter, context).referral_required:
        return
    referral, visit = encounter.administrative.referral, encounter.date_of_service
    if referral is None:
        yield Problem("The plan wants a referral and none is on file.", "the referral is recorded")
    elif referral.expires_on is not None and referral.expires_on < visit:
        yield Problem(
            message=f"The referral ran out on {referral.expires_on}.",
            clears_when="a referral that covers the visit is recorded",
            evidence={"expires": referral.expires_on.isoformat(), "visit": visit.isoformat()},
        )
    elif referral.ordered_on is not None and referral.ordered_on > visit:
        yield Problem(
            message=f"The referral was given on {referral.ordered_on}, after the visit.",
            clears_when="a referral that covers the visit is recorded",
            evidence={"ordered": referral.ordered_on.isoformat(), "visit": visit.isoformat()},
        )
