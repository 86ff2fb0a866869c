"""CMS's quarterly edits as imported, and visits found by their day.

Revision ID: 0011
Revises: 0010
Create Date: 2026-11-22 09:10:00.000000
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import guards

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "edit_tables",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("edition", sa.Date(), nullable=False),
        sa.Column("files", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("entries", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_edit_tables_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edit_tables")),
        sa.UniqueConstraint("practice_id", "kind", "edition", name=op.f("uq_edit_tables_practice_id_kind_edition")),
    )
    op.create_index(op.f("ix_edit_tables_practice_id"), "edit_tables", ["practice_id"], unique=False)
    connection = op.get_bind()
    for statement in (*guards.row_security("edit_tables"), *guards.kept_rows(["edit_tables"])[:1]):
        connection.exec_driver_sql(statement)
    op.create_index("ix_encounters_day", "encounters", ["practice_id", "date_of_service"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_encounters_day", table_name="encounters")
    op.drop_index(op.f("ix_edit_tables_practice_id"), table_name="edit_tables")
    op.drop_table("edit_tables")
