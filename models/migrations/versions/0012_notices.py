"""Letters to patients and what became of them; row-level security, nothing is ever deleted.

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-22 09:20:00.000000
"""

import sqlalchemy as sa
from alembic import op

from models.migrations import guards

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ["notices"]


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("authorization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("unknown_outcomes", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_notices_patient_id_patients")),
        sa.ForeignKeyConstraint(
            ["authorization_id"], ["authorizations.id"], name=op.f("fk_notices_authorization_id_authorizations")
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_notices_practice_id_practices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("authorization_id", "kind", name=op.f("uq_notices_authorization_id_kind")),
    )
    op.create_index(op.f("ix_notices_practice_id"), "notices", ["practice_id"], unique=False)
    op.create_index("ix_notices_state", "notices", ["practice_id", "state"], unique=False)
    connection = op.get_bind()
    for table in TABLES:
        for statement in (*guards.row_security(table), *guards.kept_rows([table])):
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.drop_table("notices")
