"""What somebody has, and what came on a day, each found by an index of its own; an index nobody asks is gone.

Mine was found by reading a whole queue, a day's inflow by reading all items the practice ever had. The index by queue,
closing and deadline is of the first day: every question about a queue is about its open items, which have smaller
indexes since, so it only cost writes.

Revision ID: 0021
Revises: 0020
Create Date: 2026-11-23 01:30:00.000000
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_work_items_owned",
        "work_items",
        ["practice_id", "owner_id", "queue"],
        postgresql_where=sa.text("closed_at IS NULL AND owner_id IS NOT NULL"),
    )
    op.create_index("ix_work_items_arrived", "work_items", ["practice_id", "opened_at"])
    op.drop_index("ix_work_items_queue", table_name="work_items")


def downgrade() -> None:
    op.create_index("ix_work_items_queue", "work_items", ["practice_id", "queue", "closed_at", "due_at", "id"])
    op.drop_index("ix_work_items_arrived", table_name="work_items")
    op.drop_index("ix_work_items_owned", table_name="work_items")
