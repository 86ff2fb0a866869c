"""The embedded stack's own keys and passwords."""

from __future__ import annotations

import base64
import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from dotenv import dotenv_values

from settings import (
    CODEC_KEY_BYTES,
    Problem,
    secrets_file,
    variable,
)


def ensure_secrets(var_dir: Path) -> dict[str, str]:
    """The embedded stack's keys and passwords: generated once, then only read."""
    file = secrets_file(var_dir)
    if not file.exists():
        if (var_dir / "postgres" / "PG_VERSION").exists():
            raise Problem(
                f"{file} is missing, and without it the data under {var_dir} cannot be opened. "
                "Restore it from your backup, or start afresh in another directory (FIRSTPASS_VAR_DIR)."
            )
        write_private(file, "".join(f"{name}='{value}'\n" for name, value in _new_secrets(var_dir).items()))
    return {name: value or "" for name, value in dotenv_values(file, interpolate=False).items()}


def _new_secrets(var_dir: Path) -> dict[str, str]:
    key_id = f"{datetime.now(UTC):%Y-%m}"
    host_key = Ed25519PrivateKey.generate()
    pem = host_key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = host_key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    write_private(simulator_host_key(var_dir), pem.decode())
    return {
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "OWNER_PASSWORD": secrets.token_urlsafe(24),
        "APP_PASSWORD": secrets.token_urlsafe(24),
        variable("codec_keys"): json.dumps({key_id: base64.b64encode(os.urandom(CODEC_KEY_BYTES)).decode()}),
        variable("sftp_password"): secrets.token_urlsafe(24),
        variable("sftp_known_host_key"): public.decode(),
    }


def simulator_host_key(var_dir: Path) -> Path:
    return var_dir / "secrets" / "simulator_host_key"


def write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
