"""Keys of integrations: shown once when made, kept as a hash."""

import hashlib
import secrets
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert

from models.ids import new_id
from models.store.life import audit
from models.store.session import practice_session
from models.tables.access import ApiKeyRow

KEY_BYTES = 32
PREFIX = "fp_"


def issue_api_key(engine: Engine, practice_id: UUID, name: str, made_by: str) -> str:
    """A new key for the integration of that name; an earlier key of the name stops working. Returns the secret."""
    secret = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    key_hash = hashlib.sha256(secret.encode()).hexdigest()
    with practice_session(engine, practice_id) as session:
        session.execute(
            insert(ApiKeyRow)
            .values(id=new_id(), practice_id=practice_id, name=name, key_hash=key_hash)
            .on_conflict_do_update(
                index_elements=["practice_id", "name"], set_={"key_hash": key_hash, "revoked_at": None}
            )
        )
        audit(session, practice_id, made_by, "api_key.issued", f"integration/{name}")
    return secret
