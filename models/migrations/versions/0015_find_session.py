"""A session is found together with who holds it: one question where every request asked two.

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-22 11:50:00.000000
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# What was answered before stands first, so that processes of the version before go on.
WITH_THE_PERSON = """
CREATE FUNCTION find_session(wanted text)
  RETURNS TABLE (session_id uuid, practice_id uuid, user_id uuid, csrf_token text, last_seen_at timestamptz,
                 expires_at timestamptz, revoked_at timestamptz, name text, email text, role text, clinician_id uuid,
                 practice_name text, practice_revision integer, time_zone text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT s.id, s.practice_id, s.user_id, s.csrf_token, s.last_seen_at, s.expires_at, s.revoked_at,
          u.name, u.email, u.role, u.clinician_id, p.name, p.revision, p.time_zone
   FROM sessions s
   JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL
   JOIN practices p ON p.id = s.practice_id
   WHERE s.token_hash = wanted $$
"""
ALONE = """
CREATE FUNCTION find_session(wanted text)
  RETURNS TABLE (session_id uuid, practice_id uuid, user_id uuid, csrf_token text, last_seen_at timestamptz,
                 expires_at timestamptz, revoked_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT s.id, s.practice_id, s.user_id, s.csrf_token, s.last_seen_at, s.expires_at, s.revoked_at
   FROM sessions s WHERE s.token_hash = wanted $$
"""


def upgrade() -> None:
    op.execute("DROP FUNCTION find_session(text)")
    op.execute(WITH_THE_PERSON)


def downgrade() -> None:
    op.execute("DROP FUNCTION find_session(text)")
    op.execute(ALONE)
