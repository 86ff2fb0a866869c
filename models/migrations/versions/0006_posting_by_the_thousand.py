"""What posting a large remittance and finding its claims asks of Postgres.

The index on the practice alone goes from the tables that grow with every claim: until they are analyzed, Postgres
answered the check of each ledger transaction by it, reading all entries the practice ever had. The check itself keeps
its plan for as long as a connection lives, so it is told never to read the whole table. Each step of the matching
ladder (activities/matching.py) gets the index it asks for.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-22 08:40:00.000000
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BY_THE_THOUSAND = ("ledger_transactions", "ledger_entries", "remittance_claims", "adjustments", "outbox")


def upgrade() -> None:
    for table in BY_THE_THOUSAND:
        op.drop_index(f"ix_{table}_practice_id", table_name=table)
    op.execute("ALTER FUNCTION check_ledger_transaction() SET enable_seqscan = off")
    op.create_index("ix_claims_payer_number", "claims", ["payer_claim_control_number"])
    op.create_index("ix_remittance_claims_payer_number", "remittance_claims", ["payer_claim_control_number"])
    op.create_index("ix_remittance_claims_encounter", "remittance_claims", ["encounter_id"])
    key = sa.Computed("upper(translate(member_id, ' -', ''))", persisted=True)
    op.add_column("coverages", sa.Column("member_key", sa.Text(), key, nullable=False))
    op.create_index("ix_coverages_member_key", "coverages", ["member_key"])


def downgrade() -> None:
    op.drop_index("ix_coverages_member_key", table_name="coverages")
    op.drop_column("coverages", "member_key")
    op.drop_index("ix_remittance_claims_encounter", table_name="remittance_claims")
    op.drop_index("ix_remittance_claims_payer_number", table_name="remittance_claims")
    op.drop_index("ix_claims_payer_number", table_name="claims")
    op.execute("ALTER FUNCTION check_ledger_transaction() RESET enable_seqscan")
    for table in BY_THE_THOUSAND:
        op.create_index(f"ix_{table}_practice_id", table, ["practice_id"])
