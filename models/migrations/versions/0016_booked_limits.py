"""Bookings say which benefit limit of the plan they pass.

Revision ID: 0016
Revises: 0015
Create Date: 2026-11-22 12:30:00.000000
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("benefit_excess", "beyond_benefit"):
        op.add_column("bookings", sa.Column(name, sa.Text(), server_default="", nullable=False))
        op.alter_column("bookings", name, server_default=None)


def downgrade() -> None:
    for name in ("benefit_excess", "beyond_benefit"):
        op.drop_column("bookings", name)
