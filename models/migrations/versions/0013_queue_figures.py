"""An index from which a queue's numbers are counted without reading its items.

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-22 10:20:00.000000
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_work_items_figures",
        "work_items",
        ["practice_id", "queue", "due_at"],
        unique=False,
        postgresql_include=["snoozed_until", "owner_id", "clinician_id", "opened_at", "amount"],
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_work_items_figures", table_name="work_items")
