"""Many items at once, messages to clinicians, days off, and what items share; nothing of it is ever deleted.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-22 08:30:00.000000
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import guards

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ["clinician_messages", "bulk_actions", "bulk_entries", "absences"]
SAID_ONCE = "clinician_messages"


def upgrade() -> None:
    op.add_column("users", sa.Column("daily_capacity", sa.Integer(), nullable=True))
    op.add_column("work_items", sa.Column("cause", sa.Text(), nullable=True))
    op.create_index(
        "ix_work_items_cause",
        "work_items",
        ["practice_id", "queue", "cause"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_audit_log_subject",
        "audit_log",
        ["practice_id", "subject"],
        unique=False,
        postgresql_where=sa.text("action LIKE 'item.%'"),
    )
    op.create_table(
        "clinician_messages",
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinicians.id"], name=op.f("fk_clinician_messages_clinician_id_clinicians")
        ),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounters.id"], name=op.f("fk_clinician_messages_encounter_id_encounters")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_clinician_messages_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_clinician_messages_user_id_users")),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_items.id"], name=op.f("fk_clinician_messages_work_item_id_work_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinician_messages")),
    )
    op.create_index(op.f("ix_clinician_messages_practice_id"), "clinician_messages", ["practice_id"], unique=False)
    op.create_index(
        "ix_clinician_messages_work_item", "clinician_messages", ["work_item_id", "created_at"], unique=False
    )
    op.create_table(
        "bulk_actions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reverted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reverted_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_bulk_actions_practice_id_practices")),
        sa.ForeignKeyConstraint(["reverted_by"], ["users.id"], name=op.f("fk_bulk_actions_reverted_by_users")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_bulk_actions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_actions")),
    )
    op.create_index(op.f("ix_bulk_actions_practice_id"), "bulk_actions", ["practice_id"], unique=False)
    op.create_table(
        "bulk_entries",
        sa.Column("bulk_action_id", sa.Uuid(), nullable=False),
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulk_action_id"], ["bulk_actions.id"], name=op.f("fk_bulk_entries_bulk_action_id_bulk_actions")
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_bulk_entries_practice_id_practices")),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_items.id"], name=op.f("fk_bulk_entries_work_item_id_work_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_entries")),
        sa.UniqueConstraint("practice_id", "command_id", name=op.f("uq_bulk_entries_practice_id_command_id")),
    )
    op.create_index(op.f("ix_bulk_entries_practice_id"), "bulk_entries", ["practice_id"], unique=False)
    op.create_index("ix_bulk_entries_action", "bulk_entries", ["bulk_action_id"], unique=False)
    op.create_index(
        "ix_bulk_entries_waiting",
        "bulk_entries",
        ["practice_id", "work_item_id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "absences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_absences_practice_id_practices")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_absences_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    op.create_index(op.f("ix_absences_practice_id"), "absences", ["practice_id"], unique=False)
    op.create_index("ix_absences_user", "absences", ["user_id", "last_day"], unique=False)
    connection = op.get_bind()
    for table in TABLES:
        for statement in (*guards.row_security(table), *guards.kept_rows([table])[:1]):
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"REVOKE UPDATE ON {SAID_ONCE} FROM {guards.APP_ROLE}")


def downgrade() -> None:
    for table in ("absences", "bulk_entries", "bulk_actions", "clinician_messages"):
        op.drop_table(table)
    op.drop_index("ix_audit_log_subject", table_name="audit_log")
    op.drop_index("ix_work_items_cause", table_name="work_items")
    op.drop_column("work_items", "cause")
    op.drop_column("users", "daily_capacity")
