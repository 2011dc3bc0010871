"""What every section of the settings is: frozen, and closed to unknown keys."""

from typing import Final

from pydantic import BaseModel, ConfigDict

EMBEDDED: Final = "embedded"
"""A model path of this word means the embedded model that `nbest embedded build` makes."""


class Section(BaseModel):
    """A part of the configuration; a key that it does not know is an error that names it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
