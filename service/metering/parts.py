"""The parts of a candidate that was broken off: what its deltas said of each, which is what a client has seen."""

from collections.abc import Sequence

from strategies.base.ports import Delta
from strategies.base.types import Parts


def joined(deltas: Sequence[Delta]) -> Parts:
    """The deltas of one candidate put together; of a delta that thinks and speaks the tokens count as thought."""
    thoughts = [delta for delta in deltas if delta.reasoning is not None]
    return Parts(
        content="".join(delta.content for delta in deltas),
        reasoning="".join(delta.reasoning or "" for delta in thoughts) if thoughts else None,
        tool_calls=tuple(call for delta in deltas for call in delta.tool_calls),
        reasoning_tokens=sum(delta.tokens for delta in thoughts),
    )
