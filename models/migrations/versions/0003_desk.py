"""The desk's mechanics: rank, leases, skips, pauses, undo, saved views, mentions, attachments, decisions that wait.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-22 08:21:20.300630
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import guards

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = [
    "saved_views",
    "desk_actions",
    "work_item_attachments",
    "work_item_pauses",
    "work_item_presence",
    "work_item_skips",
    "work_item_mentions",
]

# A heartbeat only renews a lease, so nobody needs to look; who has it is news.
NOTIFY_BUT_HEARTBEATS = """
CREATE OR REPLACE FUNCTION notify_desk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.leased_until IS DISTINCT FROM OLD.leased_until
     AND NEW.leased_by IS NOT DISTINCT FROM OLD.leased_by THEN
    RETURN NULL;
  END IF;
  PERFORM pg_notify('desk', NEW.practice_id::text || ':' || NEW.queue);
  RETURN NULL;
END $$
"""
NOTIFY_ALWAYS = """
CREATE OR REPLACE FUNCTION notify_desk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('desk', NEW.practice_id::text || ':' || NEW.queue);
  RETURN NULL;
END $$
"""
# Until its next check an item from before ranks by its deadline alone.
RANK_BY_DEADLINE = """
UPDATE work_items SET rank_at = coalesce(due_at, opened_at + interval '14 days') WHERE closed_at IS NULL
"""


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["users.id"], name=op.f("fk_saved_views_made_by_users")),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_saved_views_practice_id_practices")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_saved_views_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
    )
    op.create_index(op.f("ix_saved_views_practice_id"), "saved_views", ["practice_id"], unique=False)
    op.create_index(
        "uq_saved_views_name",
        "saved_views",
        ["practice_id", "user_id", "queue", "name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "desk_actions",
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("about", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practices.id"], name=op.f("fk_desk_actions_practice_id_practices")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_desk_actions_user_id_users")),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_items.id"], name=op.f("fk_desk_actions_work_item_id_work_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_actions")),
    )
    op.create_index(op.f("ix_desk_actions_practice_id"), "desk_actions", ["practice_id"], unique=False)
    op.create_index("ix_desk_actions_user", "desk_actions", ["practice_id", "user_id", "at"], unique=False)
    op.create_table(
        "work_item_attachments",
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("encounter_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_work_item_attachments_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_work_item_attachments_user_id_users")),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_items.id"], name=op.f("fk_work_item_attachments_work_item_id_work_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item_attachments")),
        sa.UniqueConstraint("work_item_id", "sha256", name=op.f("uq_work_item_attachments_work_item_id_sha256")),
    )
    op.create_index(
        op.f("ix_work_item_attachments_encounter_id"), "work_item_attachments", ["encounter_id"], unique=False
    )
    op.create_index(
        op.f("ix_work_item_attachments_practice_id"), "work_item_attachments", ["practice_id"], unique=False
    )
    op.create_table(
        "work_item_pauses",
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("waiting_on", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_work_item_pauses_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_work_item_pauses_user_id_users")),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_items.id"], name=op.f("fk_work_item_pauses_work_item_id_work_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item_pauses")),
    )
    op.create_index("ix_work_item_pauses_item", "work_item_pauses", ["work_item_id", "started_at"], unique=False)
    op.create_index(op.f("ix_work_item_pauses_practice_id"), "work_item_pauses", ["practice_id"], unique=False)
    op.create_index(
        "uq_work_item_pauses_open",
        "work_item_pauses",
        ["work_item_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "work_item_presence",
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_work_item_presence_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_work_item_presence_user_id_users")),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_items.id"], name=op.f("fk_work_item_presence_work_item_id_work_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item_presence")),
        sa.UniqueConstraint("work_item_id", "user_id", name=op.f("uq_work_item_presence_work_item_id_user_id")),
    )
    op.create_index(op.f("ix_work_item_presence_practice_id"), "work_item_presence", ["practice_id"], unique=False)
    op.create_table(
        "work_item_skips",
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("item_version", sa.Integer(), nullable=False),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_work_item_skips_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_work_item_skips_user_id_users")),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_items.id"], name=op.f("fk_work_item_skips_work_item_id_work_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item_skips")),
        sa.UniqueConstraint("work_item_id", "user_id", "day", name=op.f("uq_work_item_skips_work_item_id_user_id_day")),
    )
    op.create_index(op.f("ix_work_item_skips_day"), "work_item_skips", ["day"], unique=False)
    op.create_index(op.f("ix_work_item_skips_practice_id"), "work_item_skips", ["practice_id"], unique=False)
    op.create_table(
        "work_item_mentions",
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["note_id"], ["work_item_notes.id"], name=op.f("fk_work_item_mentions_note_id_work_item_notes")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practices.id"], name=op.f("fk_work_item_mentions_practice_id_practices")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_work_item_mentions_user_id_users")),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_items.id"], name=op.f("fk_work_item_mentions_work_item_id_work_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item_mentions")),
        sa.UniqueConstraint("note_id", "user_id", name=op.f("uq_work_item_mentions_note_id_user_id")),
    )
    op.create_index(op.f("ix_work_item_mentions_practice_id"), "work_item_mentions", ["practice_id"], unique=False)
    op.create_index(
        "ix_work_item_mentions_user", "work_item_mentions", ["practice_id", "user_id", "seen_at"], unique=False
    )
    op.create_index(op.f("ix_work_item_mentions_work_item_id"), "work_item_mentions", ["work_item_id"], unique=False)
    op.add_column("outbox", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("work_item_notes", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("work_items", sa.Column("snoozed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("work_items", sa.Column("wakes_on", sa.Text(), nullable=True))
    op.add_column(
        "work_items", sa.Column("rank_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    )
    op.add_column(
        "work_items",
        sa.Column(
            "rank_steps", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.add_column("work_items", sa.Column("leased_by", sa.Uuid(), nullable=True))
    op.add_column("work_items", sa.Column("leased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("work_items", sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_work_items_leased",
        "work_items",
        ["practice_id", "leased_by"],
        unique=False,
        postgresql_where=sa.text("leased_by IS NOT NULL"),
    )
    op.create_index(
        "ix_work_items_ranked",
        "work_items",
        ["practice_id", "queue", "rank_at", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_foreign_key(op.f("fk_work_items_leased_by_users"), "work_items", "users", ["leased_by"], ["id"])
    connection = op.get_bind()
    for statement in (RANK_BY_DEADLINE, NOTIFY_BUT_HEARTBEATS):
        connection.exec_driver_sql(statement)
    for table in TABLES:
        for statement in (*guards.row_security(table), *guards.kept_rows([table])[:1]):
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(NOTIFY_ALWAYS)
    op.drop_constraint(op.f("fk_work_items_leased_by_users"), "work_items", type_="foreignkey")
    op.drop_index("ix_work_items_ranked", table_name="work_items", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_index("ix_work_items_leased", table_name="work_items", postgresql_where=sa.text("leased_by IS NOT NULL"))
    op.drop_column("work_items", "leased_until")
    op.drop_column("work_items", "leased_at")
    op.drop_column("work_items", "leased_by")
    op.drop_column("work_items", "rank_steps")
    op.drop_column("work_items", "rank_at")
    op.drop_column("work_items", "wakes_on")
    op.drop_column("work_items", "snoozed_at")
    op.drop_column("work_item_notes", "withdrawn_at")
    op.drop_column("outbox", "not_before")
    op.drop_index(op.f("ix_work_item_mentions_work_item_id"), table_name="work_item_mentions")
    op.drop_index("ix_work_item_mentions_user", table_name="work_item_mentions")
    op.drop_index(op.f("ix_work_item_mentions_practice_id"), table_name="work_item_mentions")
    op.drop_table("work_item_mentions")
    op.drop_index(op.f("ix_work_item_skips_practice_id"), table_name="work_item_skips")
    op.drop_index(op.f("ix_work_item_skips_day"), table_name="work_item_skips")
    op.drop_table("work_item_skips")
    op.drop_index(op.f("ix_work_item_presence_practice_id"), table_name="work_item_presence")
    op.drop_table("work_item_presence")
    op.drop_index(
        "uq_work_item_pauses_open", table_name="work_item_pauses", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_index(op.f("ix_work_item_pauses_practice_id"), table_name="work_item_pauses")
    op.drop_index("ix_work_item_pauses_item", table_name="work_item_pauses")
    op.drop_table("work_item_pauses")
    op.drop_index(op.f("ix_work_item_attachments_practice_id"), table_name="work_item_attachments")
    op.drop_index(op.f("ix_work_item_attachments_encounter_id"), table_name="work_item_attachments")
    op.drop_table("work_item_attachments")
    op.drop_index("ix_desk_actions_user", table_name="desk_actions")
    op.drop_index(op.f("ix_desk_actions_practice_id"), table_name="desk_actions")
    op.drop_table("desk_actions")
    op.drop_index(
        "uq_saved_views_name",
        table_name="saved_views",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_index(op.f("ix_saved_views_practice_id"), table_name="saved_views")
    op.drop_table("saved_views")
