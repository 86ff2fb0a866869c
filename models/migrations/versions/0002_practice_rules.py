"""A practice's own rules, one row per version; row-level security, and nothing is ever deleted.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-22 06:52:00.000000
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import guards

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ["practice_rules"]


def upgrade() -> None:
    op.create_table(
        "practice_rules",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("approver_id", sa.Uuid(), nullable=True),
        sa.Column("approver", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("publisher", sa.Text(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retirer", sa.Text(), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_why", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["approver_id"], ["users.id"], name=op.f("fk_practice_rules_approver_id_users")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_practice_rules_author_id_users")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_practice_rules_practice_id_practices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_rules")),
        sa.UniqueConstraint(
            "practice_id", "rule_id", "version", name=op.f("uq_practice_rules_practice_id_rule_id_version")
        ),
    )
    op.create_index(op.f("ix_practice_rules_practice_id"), "practice_rules", ["practice_id"], unique=False)
    op.create_index(
        "uq_practice_rules_published",
        "practice_rules",
        ["practice_id", "rule_id"],
        unique=True,
        postgresql_where=sa.text("state = 'published'"),
    )
    connection = op.get_bind()
    for table in TABLES:
        for statement in (*guards.row_security(table), *guards.kept_rows([table])[:1]):
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.drop_index(
        "uq_practice_rules_published",
        table_name="practice_rules",
        postgresql_where=sa.text("state = 'published'"),
    )
    op.drop_index(op.f("ix_practice_rules_practice_id"), table_name="practice_rules")
    op.drop_table("practice_rules")
