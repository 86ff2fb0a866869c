"""Settings of the simulated world: where it lives, how fast it answers, and how its payers behave."""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

Duplicate = Literal["identical", "reissued"]


class SimulatorError(Exception):
    """Something the operator must change; the message is one sentence and is all that is printed."""


class Outcome(StrEnum):
    """What becomes of a claim."""

    PAID = "paid"
    PARTIAL = "partial"
    DENIED = "denied"
    REJECTED = "rejected"
    LOST = "lost"
    LATE = "late"
    REVERSED = "reversed"


class DenialReason(StrEnum):
    """Why a claim or line is denied; `denials.py` holds the codes."""

    AUTHORIZATION = "authorization"
    DOCUMENTATION = "documentation"
    CODING = "coding"
    NECESSITY = "necessity"
    ELIGIBILITY = "eligibility"
    TECHNICAL = "technical"
    BENEFIT_LIMIT = "benefit_limit"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Script(_Frozen):
    """One outcome fixed in advance.

    As text: `paid`, `denied`, `denied:authorization`, `denied:CO-50+N115`, `rejected:A7:164`.
    """

    outcome: Outcome
    reason: str = ""
    line: int | None = Field(default=None, ge=1, description="the line a partial denial hits; else the last")
    duplicate: Duplicate | None = Field(default=None, description="send the remittance that holds this claim twice")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        outcome, _, reason = value.partition(":")
        return {"outcome": outcome, "reason": reason}


class OutcomeMix(_Frozen):
    """Relative weights; they need not add up to a hundred."""

    paid: float = Field(default=78, ge=0)
    partial: float = Field(default=6, ge=0)
    denied: float = Field(default=8, ge=0)
    rejected: float = Field(default=3, ge=0)
    lost: float = Field(default=2, ge=0)
    late: float = Field(default=2, ge=0)
    reversed: float = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if sum(self.weights().values()) <= 0:
            raise ValueError("the outcome mix needs at least one weight above zero")
        return self

    def weights(self) -> dict[Outcome, float]:
        return {outcome: getattr(self, outcome.value) for outcome in Outcome}


class PayerWorld(_Frozen):
    """How one payer behaves. What is None is read off the claim's filing indicator (MB is Medicare Part B)."""

    mix: OutcomeMix | None = None
    denials: dict[DenialReason, float] | None = None
    allowed: dict[str, Decimal] = Field(default={}, description="allowed dollars per unit, by procedure code")
    allowed_fraction: Decimal | None = Field(default=None, gt=0, le=1)
    patient_share: float | None = Field(default=None, ge=0, le=1, description="how often a paid claim has one")
    multiple_procedure_reduction: bool | None = None
    sequestration: bool | None = None
    accepts_replacement: bool | None = None


class World(_Frozen):
    """Everything that decides what the payers answer."""

    mix: OutcomeMix = OutcomeMix()
    denials: dict[DenialReason, float] = dict.fromkeys(DenialReason, 1.0)
    allowed_fraction: Decimal = Field(default=Decimal("0.62"), gt=0, le=1)
    patient_share: float = Field(default=0.75, ge=0, le=1)
    duplicate_share: float = Field(default=0.05, ge=0, le=1, description="how many remittance files arrive twice")
    payers: dict[str, PayerWorld] = {}
    scripted: dict[str, Script | list[Script]] = Field(
        default={}, description="by member id, or member id @ CCYYMMDD; a list is for the first, second ... claim"
    )

    def payer(self, payer_id: str) -> PayerWorld:
        return self.payers.get(payer_id, PayerWorld())


def load_world(path: Path) -> World:
    """Read a world from a JSON file."""
    try:
        return World.model_validate_json(path.read_text("utf-8"))
    except OSError as error:
        raise SimulatorError(f"The world file {path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the top level"
        raise SimulatorError(f"The world file {path} is wrong at {place}: {first['msg']}.") from error


class SimulatorConfig(_Frozen):
    """One clearinghouse. `root` holds inbound/, outbound/, archive/ and state/."""

    root: Path
    host: str = "127.0.0.1"
    port: int = Field(default=2222, ge=0, le=65535)
    seed: int = 1
    host_key: Path | None = Field(default=None, description="made when missing; state/host_key when not given")
    authorized_user: str = "firstpass"
    password: SecretStr | None = None
    authorized_keys: Path | None = Field(default=None, description="public keys, one per line, that may log in")
    answer_seconds: float = Field(default=0.3, ge=0)
    adjudicate_seconds: float = Field(default=1.0, ge=0)
    late_seconds: float = Field(default=20.0, ge=0)
    gather_seconds: float = Field(default=0.4, ge=0, description="how long a payer collects claims for one remittance")
    validation: Literal["pyx12", "envelope"] = "pyx12"
    world: World = World()

    @property
    def inbound(self) -> Path:
        return self.root / "inbound"

    @property
    def outbound(self) -> Path:
        return self.root / "outbound"

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def staged(self) -> Path:
        """Finished answers wait here; the rename into outbound/ is what counts as sending."""
        return self.state / "staged"
