"""Every setting of Firstpass, from the environment, with defaults that run embedded on one machine.

An empty address means "the embedded one": `firstpass up` starts it and writes its address under `var/`, where the
other commands find it. Set the address, and the same processes use yours instead.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

APP_ROLE = "firstpass_app"
OWNER_ROLE = "firstpass_owner"
DATABASE_NAME = "firstpass"
CODEC_KEY_BYTES = 32

PREFIX = "FIRSTPASS_"
# Two variables carry the names every hosting platform already uses.
PLAIN_NAMES = {"database_url": "DATABASE_URL", "temporal_address": "TEMPORAL_ADDRESS"}


class Problem(Exception):  # noqa: N818 - a sentence for a person, not a programming error
    """Something a person can put right: what happened, what it means, what to do. Shown without a traceback."""


def _plain(name: str) -> AliasChoices:
    return AliasChoices(PLAIN_NAMES[name], f"{PREFIX}{PLAIN_NAMES[name]}")


class Settings(BaseSettings):
    """All settings. Field names in capitals behind FIRSTPASS_ are the environment variables."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True
    )

    environment: Literal["embedded", "production"] = Field(
        "embedded", description="production refuses generated secrets and embedded parts, and logs JSON"
    )
    var_dir: Path = Field(Path("var"), description="where the embedded parts keep data, secrets and logs")

    database_url: str = Field(
        "",
        validation_alias=_plain("database_url"),
        description="Postgres as the owner of the tables, for migrations only; empty: the embedded one",
    )
    app_database_url: str = Field(
        "", description=f"Postgres as the role {APP_ROLE}, which owns nothing and obeys row-level security"
    )
    database_pool_size: int = Field(
        20, ge=1, le=200, description="connections per process; the worker runs as many activities at once"
    )

    temporal_address: str = Field(
        "", validation_alias=_plain("temporal_address"), description="host:port of Temporal; empty: the embedded one"
    )
    temporal_port: int = Field(7233, ge=0, le=65535, description="port of the embedded Temporal; 0: any free one")
    temporal_ui_port: int | None = Field(
        None, ge=0, le=65535, description="port of the embedded Temporal's own web page; unset: no such page"
    )
    temporal_namespace: str = Field("default", description="Temporal namespace; also binds every encrypted payload")
    temporal_tls: bool = Field(False, description="talk TLS to Temporal (always so with an API key)")
    temporal_api_key: SecretStr = Field(SecretStr(""), description="API key, for Temporal Cloud")
    codec_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        description='payload keys as JSON, {"2026-11": "<base64 of 32 bytes>"}; keep old ones to read old histories',
    )
    codec_key_id: str = Field("", description="which of codec_keys encrypts; empty: the last one listed")

    sftp_host: str = Field("", description="the clearinghouse's SFTP host; empty: the embedded simulator")
    sftp_port: int = Field(
        2222, ge=0, le=65535, description="the clearinghouse's SFTP port; 0: any free one (embedded)"
    )
    sftp_user: str = Field("firstpass", description="our user name at the clearinghouse")
    sftp_password: SecretStr = Field(SecretStr(""), description="our password there, if it takes passwords")
    sftp_key_path: Path | None = Field(None, description="our private key file, if it takes keys")
    sftp_known_host_key: str = Field(
        "", description="the clearinghouse's public host key, one line as in known_hosts without the host"
    )
    sftp_inbound_dir: str = Field("inbound", description="their directory we put claims and inquiries into")
    sftp_outbound_dir: str = Field("outbound", description="their directory we fetch answers from")

    smtp_host: str = Field("", description="mail server for letters to patients; empty: the embedded one, or none")
    smtp_port: int = Field(2525, ge=0, le=65535, description="its port, often 587; 0: any free one (embedded)")
    smtp_user: str = Field("", description="our user name there, if it wants one")
    smtp_password: SecretStr = Field(SecretStr(""), description="our password there")
    smtp_tls: Literal["none", "starttls", "tls"] = Field("starttls", description="how the connection is encrypted")
    smtp_from: str = Field("", description="the sender's address; required with smtp_host")
    mail_attempts_max: int = Field(
        8, ge=1, le=50, description="how often a letter is offered before it counts as failed"
    )
    mail_unknown_retries: int = Field(
        0, ge=0, le=10, description="how often a letter that may have been sent is sent again; 0: a person looks"
    )
    mail_store: Path | None = Field(None, description="where the embedded mail server keeps letters; set by `up`")

    web_host: str = Field("127.0.0.1", description="address the web server listens on")
    web_port: int = Field(
        8000, ge=0, le=65535, description="port the web server listens on; 0: any free one (embedded)"
    )
    public_url: str = Field("", description="how browsers reach the web server; empty: http://web_host:web_port")
    session_idle_minutes: int = Field(30, ge=1, le=24 * 60, description="a log-in ends after this long without a click")
    undo_seconds: float = Field(
        10, ge=0, le=120, description="how long a decision waits before it is applied, so that it can be taken back"
    )
    session_absolute_minutes: int = Field(12 * 60, ge=1, le=7 * 24 * 60, description="a log-in ends after this long")

    batch_window_seconds: float = Field(
        15 * 60, gt=0, description="how long ready claims wait for company before a batch is sent"
    )
    inbox_poll_seconds: float = Field(60, gt=0, description="how often we look for files at the clearinghouse")
    simulator_listen: str = Field("127.0.0.1", description="address the simulated clearinghouse listens on")
    simulator_world: Path | None = Field(None, description="a file that tells the simulated payers how to behave")
    simulator_seed: int = Field(1, description="the same seed plays the same payers")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="how much is logged")

    @field_validator("codec_keys")
    @classmethod
    def _keys_are_256_bit(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for key_id, secret in keys.items():
            if len(_decoded(secret)) != CODEC_KEY_BYTES:
                raise ValueError(f"key {key_id!r} must be the base64 of exactly {CODEC_KEY_BYTES} random bytes")
        return keys

    @model_validator(mode="after")
    def _current_key_is_in_the_ring(self) -> Self:
        if self.codec_key_id and self.codec_key_id not in self.codec_keys:
            raise ValueError(f"codec_key_id {self.codec_key_id!r} is not among codec_keys")
        return self

    @model_validator(mode="after")
    def _mail_has_a_sender(self) -> Self:
        if self.smtp_host and "@" not in self.smtp_from:
            raise ValueError(
                f"{variable('smtp_host')} needs {variable('smtp_from')}, an address like desk@clinic.example"
            )
        return self

    @model_validator(mode="after")
    def _production_is_explicit(self) -> Self:
        if self.environment == "production":
            wanted = ("app_database_url", "temporal_address", "codec_keys", "sftp_host")
            missing = [variable(name) for name in wanted if not getattr(self, name)]
            if missing:
                raise ValueError(f"production generates no secrets and embeds nothing: set {', '.join(missing)}")
        return self

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def web_url(self) -> str:
        """How a browser reaches us, without a trailing slash."""
        return (self.public_url or f"http://{self.web_host}:{self.web_port}").rstrip("/")

    @property
    def codec_ring(self) -> dict[str, bytes]:
        return {key_id: _decoded(secret) for key_id, secret in self.codec_keys.items()}

    @property
    def current_codec_key(self) -> str:
        return self.codec_key_id or next(reversed(self.codec_keys), "")

    @property
    def log_dir(self) -> Path:
        return self.var_dir / "log"

    def as_environment(self) -> dict[str, str]:
        """The settings that were given (not defaulted) as variables, to hand to a child process."""
        return {variable(name): _as_text(getattr(self, name)) for name in sorted(self.model_fields_set)}


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PLAIN_NAMES.get(field, f"{PREFIX}{field.upper()}")


def secrets_file(var_dir: Path) -> Path:
    """Generated once, kept for ever: the embedded stack's keys and passwords."""
    return var_dir / "secrets" / "embedded.env"


def endpoints_file(var_dir: Path) -> Path:
    """Written while the embedded stack runs: where its parts are."""
    return var_dir / "endpoints.env"


def load_settings(*, use_running: bool = True, **given: Any) -> Settings:
    """Settings from arguments, then the environment, then what the embedded stack keeps under `var/`.

    `use_running=False` is for who starts a stack: the addresses of one that was killed must not count as given.
    """
    var_dir = Path(given.get("var_dir") or os.environ.get("FIRSTPASS_VAR_DIR") or "var")
    production = (given.get("environment") or os.environ.get("FIRSTPASS_ENVIRONMENT")) == "production"
    files = [] if production else [secrets_file(var_dir)]
    if use_running and not production:
        files.append(endpoints_file(var_dir))
    try:
        return Settings(**given, _env_file=files)
    except ValidationError as error:
        raise Problem(_sentence(error)) from error


def _sentence(error: ValidationError) -> str:
    """Names and reasons only: a pydantic message also carries the value, which may be a secret."""
    parts = []
    for item in error.errors(include_input=False, include_url=False):
        name = str(item["loc"][0]) if item["loc"] else ""
        where = name if name.isupper() else variable(name) if name else ""
        parts.append(f"{where}: {item['msg']}" if where else str(item["msg"]).removeprefix("Value error, "))
    return "The settings are not usable, so nothing was started. " + "; ".join(parts)


def _decoded(secret: SecretStr) -> bytes:
    try:
        return base64.b64decode(secret.get_secret_value(), validate=True)
    except binascii.Error:
        return b""


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        import json

        return json.dumps({name: _as_text(secret) for name, secret in value.items()})
    if isinstance(value, Path):
        return str(value.absolute())
    return "" if value is None else str(value)
