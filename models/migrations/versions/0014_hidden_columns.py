"""Which columns of a queue somebody does not want to see; row-level security.

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-22 11:50:00.000000
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import guards

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hidden_columns",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_hidden_columns_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_hidden_columns_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hidden_columns")),
        sa.UniqueConstraint("user_id", "queue", name=op.f("uq_hidden_columns_user_id_queue")),
    )
    op.create_index(op.f("ix_hidden_columns_practice_id"), "hidden_columns", ["practice_id"], unique=False)
    connection = op.get_bind()
    for statement in (*guards.row_security("hidden_columns"), *guards.kept_rows(["hidden_columns"])):
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.drop_table("hidden_columns")
