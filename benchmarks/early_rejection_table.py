"""The table of early rejection: each variant beside the plain search, pair by pair, and what must come out of it."""

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.claims import Claim
from benchmarks.early_rejection_variants import CHOSEN, PLAIN
from benchmarks.intervals import Pair, difference, markdown, ratio, spread, told
from benchmarks.measure import Measured

HEAD = (
    "variant",
    "right",
    "tokens generated",
    "read by the PRM",
    "GFLOPs",
    "seconds (median)",
    "times fewer FLOPs",
    "times less time",
    "right, against plain",
)
LEAST_SAVING = 1.4
"""The least saving that arXiv 2508.01969 reports."""

Results = Mapping[str, Mapping[str, Measured]]
"""By variant, and in it by problem."""


def table(results: Results) -> str:
    """A row a variant; what is told against the plain search is told of the problems that both have answered."""
    return markdown(HEAD, [_line(name, results) for name, found in results.items() if found])


def _line(name: str, results: Results) -> list[str]:
    items = list(results[name].values())
    pairs = paired(results, name)
    against = ["–"] * 3
    if pairs and name != PLAIN:
        fewer, less = ratio(pairs, lambda m: m.flops), ratio(pairs, lambda m: m.seconds)
        against = [told(fewer), told(less), told(difference(pairs, lambda m: m.right), "+.2f")]
    return [
        name,
        told(spread(items, lambda m: m.right)),
        told(spread(items, lambda m: m.completion_tokens), ".0f"),
        told(spread(items, lambda m: m.reward_tokens), ".0f"),
        told(spread(items, lambda m: m.flops / 1e9), ".0f"),
        f"{median(item.seconds for item in items):.2f}",
        *against,
    ]


def paired(results: Results, name: str) -> list[Pair]:
    """The plain search and a variant, problem by problem."""
    plain, other = results.get(PLAIN, {}), results.get(name, {})
    return [(plain[problem], other[problem]) for problem in plain if problem in other]


def claims(results: Results) -> list[Claim]:
    """The calibrated setting against the plain search: arithmetic, right answers, time."""
    pairs = paired(results, CHOSEN)
    return [_arithmetic(pairs), _accuracy(pairs), _time(pairs)] if pairs else []


def _arithmetic(pairs: Sequence[Pair]) -> Claim:
    fewer = ratio(pairs, lambda m: m.flops)
    holds = fewer[0] >= LEAST_SAVING
    verb = "saves what it must" if holds else "SAVES TOO LITTLE"
    text = (
        f"The calibrated setting {verb}: {told(fewer)} times fewer FLOPs, where {LEAST_SAVING} are asked for."
    )
    return Claim(text, holds)


def _accuracy(pairs: Sequence[Pair]) -> Claim:
    """Within the interval: no loss that the problems asked could tell from none."""
    plain = spread([one for one, _ in pairs], lambda m: m.right)
    gain = difference(pairs, lambda m: m.right)
    holds = gain[2] >= 0
    verb = "is within the interval" if holds else "IS BELOW THE INTERVAL"
    text = f"Its accuracy {verb}: {told(gain, '+.2f')} against {told(plain)}, on {len(pairs)} problems."
    return Claim(text, holds)


def _time(pairs: Sequence[Pair]) -> Claim:
    less = ratio(pairs, lambda m: m.seconds)
    holds = less[0] > 1
    verb = "takes less time" if holds else "TAKES NO LESS TIME"
    return Claim(f"It {verb}: the plain search takes {told(less)} times as long.", holds)
