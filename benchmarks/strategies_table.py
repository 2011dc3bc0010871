"""The table of the strategies, and whether Best-of-Majority holds what it promises as N grows."""

from collections.abc import Mapping, Sequence

from benchmarks.claims import Claim
from benchmarks.intervals import difference, markdown, spread, told
from benchmarks.measure import Measured
from benchmarks.strategies_rows import MAJORITY_OF_BEST, Row

HEAD = (
    "strategy",
    "N",
    "right",
    "tokens generated",
    "read by the reward model",
    "GFLOPs",
    "seconds",
    "degraded",
    "problems",
    "measured",
)

Results = Mapping[str, Mapping[str, Measured]]
"""By row, and in it by problem."""


def table(rows: Sequence[Row], results: Results, timed: Results) -> str:
    """A row each; `timed` holds the live requests from which the seconds of replayed rows are told."""
    lines = [_line(row, results[row.name], timed.get(row.name, {})) for row in rows if results.get(row.name)]
    return markdown(HEAD, lines)


def _line(row: Row, found: Mapping[str, Measured], timed: Mapping[str, Measured]) -> list[str]:
    items = list(found.values())
    live = list((found if row.how == "live" else timed).values())
    seconds = told(spread(live, lambda m: m.seconds)) + f" on {len(live)}" if live else "–"
    return [
        f"`{row.label}`",
        str(row.n),
        told(spread(items, lambda m: m.right)),
        told(spread(items, lambda m: m.completion_tokens), ".0f"),
        told(spread(items, lambda m: m.reward_tokens), ".0f"),
        told(spread(items, lambda m: m.flops / 1e9), ".0f"),
        seconds,
        f"{spread(items, lambda m: m.degraded)[0]:.0%}",
        str(len(items)),
        row.how,
    ]


def majority_claims(rows: Sequence[Row], results: Results) -> list[Claim]:
    """Best-of-Majority at each larger N against its smallest, on the same problems."""
    mine = [row for row in rows if row.label == MAJORITY_OF_BEST and results.get(row.name)]
    if len(mine) < 2:
        return []
    smallest = mine[0]
    return [_not_below(smallest, row, results) for row in mine[1:]]


def _not_below(small: Row, large: Row, results: Results) -> Claim:
    one, other = results[small.name], results[large.name]
    pairs = [(one[problem], other[problem]) for problem in one if problem in other]
    gain = difference(pairs, lambda m: m.right)
    holds = gain[0] >= 0
    verb = "is not below" if holds else "IS BELOW"
    text = f"Best-of-Majority at N = {large.n} {verb} N = {small.n}: {told(gain, '+.3f')} on {len(pairs)} problems."
    return Claim(text, holds)
