"""Certified choice: which candidates may be called good with a bounded share of false ones. Pure.

Sources: conformal selection (cfBH, arXiv 2210.01408) and its optimised form for several scorers (OptCS, 2411.17983,
`choosescore_Jin.py` of Tian-Bai/OptCS). The false discovery rate is at most alpha where calibration and test
candidates are exchangeable; candidates of one prompt are not independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_CANDIDATES: Final = 256
"""OptCS takes time with the square of the candidates."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Labelled candidates of one scorer: their scores, and whether each was good."""

    scores: tuple[float, ...]
    good: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.good):
            raise ValueError("calibration: a label for each score")

    @property
    def bad_scores(self) -> list[float]:
        return [score for score, good in zip(self.scores, self.good, strict=True) if not good]


def p_value(score: float, calibration: Calibration) -> float:
    """(1 + the bad ones of the calibration that score at least as high) / (n + 1)."""
    return (1 + sum(bad >= score for bad in calibration.bad_scores)) / (len(calibration.scores) + 1)


def benjamini_hochberg(p_values: Sequence[float], alpha: float) -> list[int]:
    """The positions of the k smallest p-values, k the largest with p_(k) <= alpha k / m; in order of position."""
    m = len(p_values)
    order = sorted(range(m), key=lambda i: (p_values[i], i))
    reached = [k for k in range(1, m + 1) if p_values[order[k - 1]] <= alpha * k / m * (1 + 1e-12)]
    return sorted(order[: max(reached, default=0)])


def certified(scores: Sequence[float], calibration: Calibration, alpha: float) -> list[int]:
    """cfBH: the candidates that are kept, in order of position; maybe none."""
    return benjamini_hochberg([p_value(score, calibration) for score in scores], alpha)


def certified_by_best(
    tables: Sequence[Sequence[float]], calibrations: Sequence[Calibration], alpha: float
) -> list[int]:
    """OptCS: as `certified` where each candidate may be judged by the scorer that serves it best, without cheating.

    `tables` are the scores of the candidates by each scorer, one row a scorer, and `calibrations` theirs over the same
    labelled candidates. ValueError above MAX_CANDIDATES.
    """
    m = len(tables[0])
    if m > MAX_CANDIDATES:
        raise ValueError(f"at most {MAX_CANDIDATES} candidates can be certified by several scorers; got {m}")
    e_values = []
    for j in range(m):
        sizes = [
            _auxiliary_size(table, calibration, j, alpha)
            for table, calibration in zip(tables, calibrations, strict=True)
        ]
        best = max(range(len(sizes)), key=lambda s: (sizes[s], -s))
        share = alpha * sizes[best] / m
        p = p_value(tables[best][j], calibrations[best])
        e_values.append(1 / share if share > 0 and p <= share * (1 + 1e-12) else 0.0)
    return benjamini_hochberg([1 / e if e > 0 else 2.0 for e in e_values], alpha)


def _auxiliary_size(scores: Sequence[float], calibration: Calibration, j: int, alpha: float) -> int:
    """How many would be kept if candidate j were known to be good: a choice of scorer that j's own label cannot see."""
    n = len(calibration.scores)
    values = [
        (sum(bad >= score for bad in calibration.bad_scores) + (scores[j] >= score)) / (n + 1)
        for score in scores
    ]
    values[j] = 0.0
    return len(benjamini_hochberg(values, alpha))
