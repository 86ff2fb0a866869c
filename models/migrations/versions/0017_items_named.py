"""News of the desk names the item, so that a screen that shows another one does not look.

A web process of the version before does not read the new form, so until its restart its screens look every 30 seconds,
as they do whenever the live connection is lost.

Revision ID: 0017
Revises: 0016
Create Date: 2026-11-22 12:30:00.000000
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NOTIFY = """
CREATE OR REPLACE FUNCTION notify_desk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.leased_until IS DISTINCT FROM OLD.leased_until
     AND NEW.leased_by IS NOT DISTINCT FROM OLD.leased_by THEN
    RETURN NULL;
  END IF;
  PERFORM pg_notify('desk', {payload});
  RETURN NULL;
END $$
"""
QUEUE = "NEW.practice_id::text || ':' || NEW.queue"


def upgrade() -> None:
    op.execute(NOTIFY.format(payload=f"{QUEUE} || ':' || NEW.id::text"))


def downgrade() -> None:
    op.execute(NOTIFY.format(payload=QUEUE))
