"""What a scorer is shown of a candidate: its content and calls, and its reasoning only where the scorer asks for it."""

from collections.abc import Callable

from strategies.base.ports import ScorerKind
from strategies.base.response import Response
from strategies.base.types import Candidate
from strategies.parts.thinking import CLOSE, OPEN


def content_of(candidate: Candidate) -> str:
    """What the candidate says and calls."""
    return Response.of(candidate.content, candidate.tool_calls)


def reasoning_and_content(candidate: Candidate) -> str:
    """What it thought, in tags, and then what it says and calls."""
    thought = candidate.reasoning
    said = candidate.content if thought is None else f"{OPEN}{thought}{CLOSE}{candidate.content}"
    return Response.of(said, candidate.tool_calls)


def reasoning_of(candidate: Candidate) -> str:
    """What it thought; what it says, where it did not think."""
    return candidate.reasoning or content_of(candidate)


def written_of(candidate: Candidate) -> str:
    """All that it has written so far, thought or said, without tags between."""
    return (candidate.reasoning or "") + candidate.content


def shown(kind: ScorerKind, *, sees_reasoning: bool) -> Callable[[Candidate], str]:
    """What a scorer of a kind reads: of one that sees reasoning, thought and answer, or the steps of the thought."""
    if not sees_reasoning:
        return content_of
    return reasoning_and_content if kind == "outcome" else reasoning_of
