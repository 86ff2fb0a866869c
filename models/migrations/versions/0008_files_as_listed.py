"""A file in a mailbox is known by name, size and time, and may hold transactions of several kinds.

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-22 08:50:00.000000
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import guards

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "remote_files",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_remote_files_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remote_files")),
        sa.UniqueConstraint(
            "practice_id",
            "connection",
            "file_name",
            "size_bytes",
            "modified_at",
            name=op.f("uq_remote_files_practice_id_connection_file_name_size_bytes_modified_at"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_remote_files_practice_id"), "remote_files", ["practice_id"], unique=False)
    for statement in guards.row_security("remote_files"):
        op.execute(statement)
    for statement in guards.kept_rows(["remote_files"]):
        op.execute(statement)
    # what was fetched by its name alone stays fetched
    columns = "INSERT INTO remote_files (id, practice_id, connection, file_name, size_bytes, fetched, tries) "
    of_files = "SELECT gen_random_uuid(), practice_id, connection, file_name, size_bytes, true, 0 FROM inbound_files"
    of_copies = (
        "SELECT gen_random_uuid(), c.practice_id, c.connection, c.file_name, f.size_bytes, true, 0 "
        "FROM inbound_copies c JOIN inbound_files f ON f.id = c.inbound_file_id"
    )
    for known in (of_files, of_copies):
        op.execute(f"{columns} {known} ON CONFLICT DO NOTHING")
    op.drop_constraint("uq_inbound_files_practice_id_connection_file_name", "inbound_files", type_="unique")
    op.create_index("ix_inbound_files_name", "inbound_files", ["connection", "file_name"], unique=False)
    op.add_column(
        "inbound_files",
        sa.Column("contents", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.alter_column("inbound_files", "contents", server_default=None)
    op.add_column("inbound_files", sa.Column("continues", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("inbound_files", "continues")
    op.drop_column("inbound_files", "contents")
    op.drop_index("ix_inbound_files_name", table_name="inbound_files")
    op.create_unique_constraint(
        "uq_inbound_files_practice_id_connection_file_name",
        "inbound_files",
        ["practice_id", "connection", "file_name"],
    )
    op.drop_table("remote_files")
