"""Every public 835 sample through posting on a real database: no crash, and never posted by half.

None of the claims is ours, so what balances waits claim by claim for a person, and what does not is held as a whole.
`pytest -s` prints the counts.
"""

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, func, select

from activities.files import FileActivities
from activities.practice_file import load_practice
from billing.practice import Practice
from edi.identify import identify
from models.messages import LookAtFile
from models.store.session import practice_session
from models.tables.desk import WorkItemRow
from models.tables.ledger import LedgerEntryRow, LedgerTransactionRow
from models.tables.remittances import InboundFileRow, RemittanceClaimRow, RemittanceRow
from simulator.clinic import practice
from tests.edi.examples import SAMPLES
from tests.line import TODAY

HEAD_BYTES = 64 * 1024

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the public sample files are not here")


@cache
def _remittances() -> tuple[Path, ...]:
    """Every sample that calls itself an 835, and all that is named so."""
    files = sorted(path for path in SAMPLES.rglob("*") if path.is_file() and path.name != "MANIFEST.tsv")
    return tuple(path for path in files if "835" in path.name or identify(path.read_bytes()[:HEAD_BYTES]) == "835")


def _keep(engine: Engine, practice_id: UUID, path: Path) -> LookAtFile:
    content, file_id = path.read_bytes(), uuid4()
    name = str(path.relative_to(SAMPLES))
    with practice_session(engine, practice_id) as session:
        session.add(
            InboundFileRow(
                id=file_id,
                practice_id=practice_id,
                connection="samples",
                file_name=name,
                content=content,
                size_bytes=len(content),
                sha256=name,
                kind=identify(content[:HEAD_BYTES]),
                status="received",
                problems=[],
            )
        )
    return LookAtFile(practice_id=practice_id, inbound_file_id=file_id, now=datetime.now(UTC))


def test_every_sample_is_posted_whole_or_not_at_all(engine: Engine) -> None:
    practice_id = load_practice(
        engine, Practice.model_validate(practice(TODAY)), batch_window_seconds=1, inbox_poll_seconds=1
    )
    files = FileActivities(engine)
    counts: Counter[str] = Counter()
    unreadable: list[str] = []
    for path in _remittances():
        look = _keep(engine, practice_id, path)
        opened = files.read_file(look).open_items
        assert files.read_file(look).open_items == opened, f"{path.name}: a second reading changes nothing"
        with practice_session(engine, practice_id) as session:
            file = session.get_one(InboundFileRow, look.inbound_file_id)
            counts[f"files {file.kind} {file.status}"] += 1
            if file.status != "read" or file.kind != "835":
                assert opened >= 1 or file.kind != "unknown", f"{path.name}: nobody is told"
                unreadable.append(f"{path.name} ({file.kind}): {[p['message'] for p in file.problems]}")
            for row in session.scalars(select(RemittanceRow).where(RemittanceRow.inbound_file_id == file.id)):
                _is_whole(engine, practice_id, row, counts)
    _nothing_was_posted_to_an_encounter(engine, practice_id)
    print("\n" + "\n".join([*(f"{count:5} {what}" for what, count in sorted(counts.items())), *unreadable]))
    assert counts["files 835 read"] >= 20


def _is_whole(engine: Engine, practice_id: UUID, row: RemittanceRow, counts: Counter[str]) -> None:
    """Held or a duplicate: nothing posted, one item. Posted: an item for each claim, and no claim lost."""
    with practice_session(engine, practice_id) as session:
        claims = Counter(
            session.scalars(select(RemittanceClaimRow.status).where(RemittanceClaimRow.remittance_id == row.id))
        )
        of_claims = (
            select(func.count())
            .select_from(WorkItemRow)
            .join(RemittanceClaimRow, RemittanceClaimRow.id == WorkItemRow.remittance_claim_id)
            .where(RemittanceClaimRow.remittance_id == row.id)
        )
        items_of_claims = session.scalar(of_claims)
        of_whole = select(WorkItemRow.kind).where(WorkItemRow.subject == f"remittance/{row.id}")
        items_of_whole = session.scalars(of_whole).all()
        prefix = f"835/{row.business_key}/"
        posted = session.scalars(
            select(LedgerTransactionRow.business_key).where(LedgerTransactionRow.business_key.startswith(prefix))
        ).all()
    counts[f"remittances {'balanced' if row.balanced else 'unbalanced'}, {row.status}"] += 1
    counts.update({f"claims {status}": count for status, count in claims.items()})
    if row.status == "posted":
        assert row.balanced
        assert claims == Counter({"unmatched": row.claim_count} if row.claim_count else {})
        assert items_of_claims == row.claim_count
        assert set(posted) <= {f"{prefix}plb"}, "only what the payer adjusted for the provider needs no claim"
    elif row.status == "held":
        assert not row.balanced
        assert items_of_whole == ["unbalanced_remittance"]
        assert posted == []
    else:
        assert (row.status, items_of_whole) == ("duplicate", ["duplicate_remittance"])
        assert claims == Counter()


def _nothing_was_posted_to_an_encounter(engine: Engine, practice_id: UUID) -> None:
    with practice_session(engine, practice_id) as session:
        entries = session.scalars(select(LedgerEntryRow)).all()
    assert all(entry.encounter_id is None for entry in entries)
    assert sum(entry.amount for entry in entries) == 0
