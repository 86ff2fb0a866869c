"""A practice's own words for letters: every change is a new version, and the old ones stay."""

from sqlalchemy.orm import Session

from activities.refusals import Refused
from billing.notices import NoticeKind, problems
from models.store.life import audit
from models.store.notices import template_of
from models.tables.notices import NoticeTemplateRow
from models.tables.practice import PracticeRow


def keep_template(
    session: Session, practice: PracticeRow, author: str, kind: NoticeKind, seen_version: int, words: tuple[str, str]
) -> int:
    """Keep subject and body as the next version, which it returns. Raises Refused."""
    subject, body = words[0].strip(), words[1].replace("\r\n", "\n").rstrip() + "\n"
    found = problems(kind, subject, body)
    if found:
        raise Refused(" ".join(found))
    now = template_of(session, kind)
    if now.version != seen_version:
        raise Refused("Somebody changed these words meanwhile. Compare with the present ones, then save again.")
    if (subject, body) == (now.subject, now.body):
        return now.version
    version = now.version + 1
    session.add(
        NoticeTemplateRow(
            practice_id=practice.id, kind=kind.value, version=version, subject=subject, body=body, author=author
        )
    )
    audit(session, practice.id, author, "notice_template.changed", f"notice-template/{kind.value}/{version}")
    return version
