"""What early rejection would have cost and saved, for any checkpoints and share, from answers written to the end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation

from strategies.base.ranking import is_number
from strategies.search.pruning import decide, survivors_of_share

Checkpoints = tuple[int, ...]
"""Tokens at which answers are judged, rising; one alone is what `tau` says."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One answer: its score at each checkpoint that it reached unfinished, its length, its score when finished.

    `answer` is the key of what it states as its final answer, if anything.
    """

    partial: dict[int, float | None]
    tokens: int
    final: float | None = None
    is_valid: bool = True
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One schedule and one share, over `prompts` prompts.

    `lost` is how often the winner is rejected, `changed` how often the best of those left states another answer (so
    that losing one of several equal winners does not count), `saved` the part of the tokens that is not generated.
    `correlation` is Pearson's r between the scores at the last checkpoint and at the end; None where they do not vary.
    """

    checkpoints: Checkpoints
    keep_ratio: float
    lost: float
    changed: float
    saved: float
    correlation: float | None
    prompts: int


def curve(
    prompts: Sequence[Sequence[Trace]], schedules: Sequence[Checkpoints], keeps: Sequence[float]
) -> list[Point]:
    """A point for each schedule and share, schedules first; a prompt without any scored valid answer is left out."""
    counted = [traces for traces in prompts if winner(traces) is not None]
    return [_point(counted, schedule, keep) for schedule in schedules for keep in keeps]


def calibrated(points: Sequence[Point], tolerance: float) -> Point | None:
    """The point that saves most among those that change the answer of at most a share `tolerance` of the prompts.

    Of equal ones the one that changes less, then the first. None where every point changes more.
    """
    allowed = [point for point in points if point.changed <= tolerance]
    return max(allowed, key=lambda point: (point.saved, -point.changed), default=None)


def winner(traces: Sequence[Trace], without: Iterable[int] = ()) -> int | None:
    """The position of the valid answer with the highest final score, of equal ones the first; `without` some."""
    gone = set(without)
    scored = [i for i, t in enumerate(traces) if t.is_valid and is_number(t.final) and i not in gone]
    return max(scored, key=lambda i: (traces[i].final, -i), default=None)


def rejected(traces: Sequence[Trace], schedule: Checkpoints, keep: float) -> dict[int, int]:
    """The positions that the checkpoints would reject, each with the tokens it had; who has finished is safe."""
    gone: dict[int, int] = {}
    for tokens in schedule:
        rivals = [i for i, trace in enumerate(traces) if tokens in trace.partial and i not in gone]
        if not rivals:
            break
        decision = decide([traces[i].partial[tokens] for i in rivals], survivors_of_share(len(rivals), keep))
        gone |= {rivals[i]: tokens for i in decision.rejected}
    return gone


def _point(prompts: Sequence[Sequence[Trace]], schedule: Checkpoints, keep: float) -> Point:
    gone = [rejected(traces, schedule, keep) for traces in prompts]
    pairs = list(zip(prompts, gone, strict=True))
    lost = sum(winner(traces) in out for traces, out in pairs)
    changed = sum(_changes(traces, out) for traces, out in pairs)
    saved = sum(traces[i].tokens - tokens for traces, out in pairs for i, tokens in out.items())
    spent = sum(trace.tokens for traces in prompts for trace in traces)
    return Point(
        schedule,
        keep,
        lost=lost / max(len(prompts), 1),
        changed=changed / max(len(prompts), 1),
        saved=saved / max(spent, 1),
        correlation=_correlation(prompts, schedule[-1]),
        prompts=len(prompts),
    )


def _changes(traces: Sequence[Trace], out: Mapping[int, int]) -> bool:
    """Whether what is returned differs: an answer that is not stated is equal to itself alone."""
    best, left = winner(traces), winner(traces, out)
    if best is None or best == left:
        return False
    return left is None or traces[left].answer is None or traces[left].answer != traces[best].answer


def _correlation(prompts: Sequence[Sequence[Trace]], tau: int) -> float | None:
    pairs = [
        (partial, trace.final)
        for traces in prompts
        for trace in traces
        if (partial := trace.partial.get(tau)) is not None
        and trace.final is not None
        and is_number(partial)
        and is_number(trace.final)
    ]
    try:
        return correlation([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    except StatisticsError:
        return None
