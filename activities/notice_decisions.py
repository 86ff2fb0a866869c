"""What people may decide about a letter that could not be sent."""

from collections.abc import Callable, Mapping
from uuid import UUID

from activities import notices
from activities.case import Case
from models.tables.notices import NoticeRow


def printed(case: Case) -> str:
    """The letter was printed and given to the patient."""
    return notices.mark_printed(case.session, _notice(case), case.user.name, case.now)


def told_otherwise(case: Case) -> str:
    """The patient knows already; nothing more is needed."""
    _notice(case).settled_at = case.now
    return "Noted: the patient was told otherwise."


DECISIONS: Mapping[str, Callable[[Case], str]] = {function.__name__: function for function in (printed, told_otherwise)}


def _notice(case: Case) -> NoticeRow:
    return notices.locked(case.session, UUID(case.item.subject.rpartition("/")[2]))
