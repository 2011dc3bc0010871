"""Something that the figures must show, and whether they do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A sentence with its figures; `holds` is what the command's exit status tells."""

    text: str
    holds: bool
