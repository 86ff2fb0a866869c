"""What the database itself refuses, whatever the code forgets: SQL used by the first migration.

Kept apart from the generated table statements, because this is the part worth reading.
"""

import re

# Rows without a patient or a secret in them; the relay reads them for all practices at once.
WITHOUT_ROW_SECURITY = frozenset({"outbox"})

# History only grows. Corrections are new rows.
APPEND_ONLY = (
    "events",
    "audit_log",
    "ledger_transactions",
    "ledger_entries",
    "authorization_uses",
    "encounter_versions",
    "decisions",
    "evaluations",
    "adjustments",
    "acknowledgements",
    "benefit_reports",
    "notice_templates",
)

APP_ROLE = "firstpass_app"
SET_PRACTICE = "nullif(current_setting('app.practice_id', true), '')::uuid"


def row_security(table: str) -> list[str]:
    """A session sees and writes the rows of the practice it named, and none if it named none."""
    if table in WITHOUT_ROW_SECURITY:
        return []
    column = "id" if table == "practices" else "practice_id"
    own = f"{column} = {SET_PRACTICE}"
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY of_practice ON {table} USING ({own}) WITH CHECK ({own})",
    ]


def kept_rows(tables: list[str]) -> list[str]:
    """Nothing is deleted but messages already delivered; history is not even updated."""
    kept = [f"REVOKE DELETE ON {table} FROM {APP_ROLE}" for table in tables if table != "outbox"]
    return kept + [f"REVOKE UPDATE ON {table} FROM {APP_ROLE}" for table in APPEND_ONLY if table in tables]


LEDGER_BALANCES = """
CREATE FUNCTION check_ledger_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT coalesce(sum(amount), 0) FROM ledger_entries WHERE transaction_id = NEW.transaction_id) <> 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation',
      MESSAGE = 'ledger transaction does not balance: ' || NEW.transaction_id;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON ledger_entries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_transaction();
"""

# The id is drawn under the lock, so that the order of ids is the order of the chain.
AUDIT_CHAIN = """
CREATE SEQUENCE audit_log_id_seq OWNED BY audit_log.id;
CREATE FUNCTION audit_hash(
  previous bytea, practice uuid, at timestamptz, actor text, action text, subject text, detail jsonb
) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(coalesce(previous, ''::bytea) || convert_to(concat_ws('|', practice::text,
    to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), actor, action, subject, detail::text), 'UTF8'))
$$;
CREATE FUNCTION chain_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('audit' || NEW.practice_id::text, 0));
  NEW.id := nextval('audit_log_id_seq');
  NEW.previous_hash := (SELECT hash FROM audit_log WHERE practice_id = NEW.practice_id ORDER BY id DESC LIMIT 1);
  NEW.hash := audit_hash(NEW.previous_hash, NEW.practice_id, NEW.at, NEW.actor, NEW.action, NEW.subject, NEW.detail);
  RETURN NEW;
END $$;
CREATE TRIGGER audit_chain BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION chain_audit();
CREATE FUNCTION audit_breaks() RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT id FROM (
    SELECT *, lag(hash) OVER (PARTITION BY practice_id ORDER BY id) AS before FROM audit_log
  ) chained
  WHERE previous_hash IS DISTINCT FROM before
     OR hash <> audit_hash(previous_hash, practice_id, at, actor, action, subject, detail)
  ORDER BY id
$$;
"""

# Names of what changed only: the listener looks the rest up with its own rights.
NOTIFICATIONS = """
CREATE FUNCTION notify_desk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('desk', NEW.practice_id::text || ':' || NEW.queue);
  RETURN NULL;
END $$;
CREATE TRIGGER desk_changed AFTER INSERT OR UPDATE ON work_items FOR EACH ROW EXECUTE FUNCTION notify_desk();
"""

# Before a practice is known, the app may ask these questions and no others.
DOORS = """
CREATE FUNCTION list_practices() RETURNS TABLE (practice_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT id FROM practices $$;
CREATE FUNCTION find_practice(wanted text) RETURNS TABLE (practice_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT id FROM practices WHERE external_id = wanted $$;
CREATE FUNCTION find_login(wanted text)
  RETURNS TABLE (user_id uuid, practice_id uuid, password_hash text, role text, name text, disabled boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT u.id, u.practice_id, u.password_hash, u.role, u.name, u.disabled_at IS NOT NULL
   FROM users u WHERE u.email = lower(wanted) $$;
CREATE FUNCTION find_session(wanted text)
  RETURNS TABLE (session_id uuid, practice_id uuid, user_id uuid, csrf_token text, last_seen_at timestamptz,
                 expires_at timestamptz, revoked_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT s.id, s.practice_id, s.user_id, s.csrf_token, s.last_seen_at, s.expires_at, s.revoked_at
   FROM sessions s WHERE s.token_hash = wanted $$;
CREATE FUNCTION find_api_key(wanted text) RETURNS TABLE (api_key_id uuid, practice_id uuid, name text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT k.id, k.practice_id, k.name FROM api_keys k WHERE k.key_hash = wanted AND k.revoked_at IS NULL $$;
"""


def statements(tables: list[str]) -> list[str]:
    """Everything above for the given tables, in order."""
    secured = [statement for table in tables for statement in row_security(table)]
    scripts = "".join((LEDGER_BALANCES, AUDIT_CHAIN, NOTIFICATIONS, DOORS))
    # the driver takes one statement a call; in these scripts each begins a line with CREATE
    return [*secured, *kept_rows(tables), *re.split(r"(?m)^(?=CREATE )", scripts)[1:]]


TO_DROP = """
DROP FUNCTION IF EXISTS list_practices, find_practice, find_login, find_session, find_api_key, audit_breaks,
  notify_desk, chain_audit, audit_hash, check_ledger_transaction CASCADE;
"""
