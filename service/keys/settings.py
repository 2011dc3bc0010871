"""The `keys:` section of the settings."""

from typing import Literal

from pydantic import Field

from strategies.base.frozen_model import FrozenModel

Scope = Literal["inference", "metrics", "admin"]
"""What a key opens: everything but `/metrics`, `/metrics` alone, or both."""


def _inference() -> list[Scope]:
    return ["inference"]


class KeySettings(FrozenModel):
    """One API key. The key itself is nowhere: `nbest keys new` shows it once, beside its hash."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="Whose key it is; never the key itself."
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the key, in hexadecimal.")
    scopes: list[Scope] = Field(
        default_factory=_inference,
        min_length=1,
        description='`inference`, `metrics` (for `/metrics`), or `admin` for both (default: `["inference"]`).',
    )
    tokens_per_minute: int | None = Field(
        None,
        ge=1,
        description="Cost that may be admitted in a minute, in tokens; what was not used comes back.",
    )
    max_concurrent_requests: int | None = Field(
        None, ge=1, description="Requests of this key that may run or wait at once."
    )
