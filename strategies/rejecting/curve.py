"""What early rejection would have cost and saved, for any tau and share, from answers that were written to the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation

from strategies.base.ranking import is_number
from strategies.rejecting.decide import decide, survivors_of_share


@dataclass(frozen=True, slots=True)
class Trace:
    """One answer: its score at each checkpoint that it reached unfinished, its length, and its score when finished."""

    partial: dict[int, float | None]
    tokens: int
    final: float | None = None
    is_valid: bool = True


@dataclass(frozen=True, slots=True)
class Point:
    """One tau and one share: how often the winner is lost, what part of the tokens is saved, over `prompts` prompts.

    `correlation` is Pearson's r between the scores at tau and at the end; None where they do not vary.
    """

    tau: int
    keep: float
    lost: float
    saved: float
    correlation: float | None
    prompts: int


def curve(prompts: Sequence[Sequence[Trace]], taus: Sequence[int], keeps: Sequence[float]) -> list[Point]:
    """A point for each tau and share, taus first; a prompt without any scored valid answer has no winner to lose."""
    counted = [traces for traces in prompts if winner(traces) is not None]
    return [_point(counted, tau, keep) for tau in taus for keep in keeps]


def winner(traces: Sequence[Trace]) -> int | None:
    """The position of the valid answer with the highest final score, of equal ones the first."""
    scored = [i for i, trace in enumerate(traces) if trace.is_valid and is_number(trace.final)]
    return max(scored, key=lambda i: (traces[i].final, -i), default=None)


def rejected(traces: Sequence[Trace], tau: int, keep: float) -> list[int]:
    """The positions that a single checkpoint at `tau` would reject: those that finish before it are safe."""
    rivals = [i for i, trace in enumerate(traces) if tau in trace.partial]
    if not rivals:
        return []
    decision = decide([traces[i].partial[tau] for i in rivals], survivors_of_share(len(rivals), keep))
    return [rivals[i] for i in decision.rejected]


def _point(prompts: Sequence[Sequence[Trace]], tau: int, keep: float) -> Point:
    gone = [rejected(traces, tau, keep) for traces in prompts]
    lost = sum(winner(traces) in out for traces, out in zip(prompts, gone, strict=True))
    saved = sum(traces[i].tokens - tau for traces, out in zip(prompts, gone, strict=True) for i in out)
    spent = sum(trace.tokens for traces in prompts for trace in traces)
    return Point(
        tau,
        keep,
        lost=lost / max(len(prompts), 1),
        saved=saved / max(spent, 1),
        correlation=_correlation(prompts, tau),
        prompts=len(prompts),
    )


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
