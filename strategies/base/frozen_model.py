"""The base of settings and of a request's parameters: frozen, and closed to unknown keys."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """Values that do not change; a key that the class does not know is an error that names it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
