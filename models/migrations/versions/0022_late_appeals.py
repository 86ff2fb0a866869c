"""Why an appeal is late: the good cause the payer is asked to accept.

Revision ID: 0022
Revises: 0021
Create Date: 2026-11-23 01:30:00.000000
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("appeals", sa.Column("late_because", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("appeals", "late_because")
