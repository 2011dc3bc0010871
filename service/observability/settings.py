"""What the settings say of how a service is observed."""

from typing import Literal

LogFormat = Literal["auto", "json", "console"]
"""Lines for people, or for machines; `auto` is `console` on a terminal and `json` elsewhere."""
