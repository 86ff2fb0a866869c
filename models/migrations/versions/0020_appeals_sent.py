"""Whether an appeal's letter was sent: when, how, under which reference, who noted it; or why it was dropped.

A letter drafted before this waits in silence: its visit's workflow is told to look, and asks a person to send it.

Revision ID: 0020
Revises: 0019
Create Date: 2026-11-22 16:25:00.000000
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

LOOK_AT_DRAFTED = """
    INSERT INTO outbox (id, practice_id, workflow_id, workflow_type, message, signal, state, attempts)
    SELECT gen_random_uuid(), e.practice_id,
           'encounter/' || e.id::text || CASE WHEN e.life > 1 THEN '/' || e.life::text ELSE '' END, 'EncounterWorkflow',
           jsonb_build_object('practice_id', e.practice_id, 'encounter_id', e.id), 'recheck', 'pending', 0
    FROM appeals a JOIN denials d ON d.id = a.denial_id JOIN encounters e ON e.id = d.encounter_id
    WHERE a.state = 'drafted' AND d.state = 'appealed' AND e.closed_at IS NULL
    ON CONFLICT DO NOTHING
"""
COLUMNS = ("sent_on", "sent_how", "sent_reference", "sent_by", "dropped_because")


def upgrade() -> None:
    op.add_column("appeals", sa.Column("sent_on", sa.Date(), nullable=True))
    for column in ("sent_how", "sent_reference", "dropped_because"):
        op.add_column("appeals", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("appeals", sa.Column("sent_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_appeals_sent_by_users"), "appeals", "users", ["sent_by"], ["id"])
    op.execute(LOOK_AT_DRAFTED)


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_column("appeals", column)
