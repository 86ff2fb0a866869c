"""Claims to a patient's second and third plan: what the plans before them decided, and whose account money moved on.

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-22 08:30:00.000000
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "claim_versions",
        sa.Column("prior_decisions", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.add_column("ledger_transactions", sa.Column("payer_rank", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    op.drop_column("ledger_transactions", "payer_rank")
    op.drop_column("claim_versions", "prior_decisions")
