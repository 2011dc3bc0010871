"""Diverse choice of k: how many different things a pool holds, and k of them that are good and unlike. Pure.

Sources: the Vendi score (arXiv 2210.02410; order q in 2310.12952); maximal marginal relevance (Carbonell and Goldstein
1998); determinantal point processes by greedy maximisation (arXiv 1709.05135); the partition of DARLING (2509.02534).
"""

import math
from collections.abc import Sequence
from typing import Literal

from strategies.selection.similarity import Matrix

DiverseRule = Literal["vendi", "mmr", "partition", "dpp"]


def vendi(similarity: Matrix, q: float = 1.0) -> float:
    """The effective number of different items: exp of the Renyi entropy of order q of the eigenvalues of K / n.

    `similarity` is symmetric with ones on its diagonal, [n, n]; negative eigenvalues are rounding and count as 0.
    1 where all are alike, n where none are; 0 of nothing. q = 1 is Shannon's entropy, infinity looks at the largest.
    """
    n = len(similarity)
    if n == 0:
        return 0.0
    import numpy as np

    values = np.clip(np.linalg.eigvalsh(np.asarray(similarity, dtype=np.float64) / n), 0, None)
    shares = values[values > 1e-12]
    if math.isinf(q):
        return float(1 / shares.max())
    if q == 1:
        return float(np.exp(-(shares * np.log(shares)).sum()))
    return float((shares**q).sum() ** (1 / (1 - q)))


def diverse(
    rule: DiverseRule,
    quality: Sequence[float],
    similarity: Matrix,
    k: int,
    *,
    weight: float = 0.5,
    q: float = 1.0,
) -> list[int]:
    """`k` positions, in the order of choice: good ones that are unlike. `weight` 0 is the plain top k.

    `quality` is higher for better, [n]; ties go to the lower index. `weight` trades quality, as z-scores, against the
    gain in diversity (`vendi`, `mmr`); `partition` and `dpp` have no use for it.
    """
    k = min(k, len(quality))
    if rule == "partition":
        return _partition(quality, similarity, k)
    if rule == "dpp":
        return _dpp(quality, similarity, k)
    scaled = _standardised(quality)
    chosen: list[int] = []
    while len(chosen) < k:
        rest = [i for i in range(len(quality)) if i not in chosen]
        gain = _vendi_gain if rule == "vendi" else _unlikeness
        chosen.append(max(rest, key=lambda i: (scaled[i] + weight * gain(similarity, chosen, i, q), -i)))
    return chosen


def classes(similarity: Matrix, threshold: float = 0.5) -> list[int]:
    """The class of each item: items more alike than `threshold` are one class, and classes that share one merge."""
    parent = list(range(len(similarity)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i in range(len(similarity)):
        for j in range(i):
            if similarity[i][j] > threshold:
                low, high = sorted((root(i), root(j)))
                parent[high] = low
    return [root(i) for i in range(len(similarity))]


def rarity(similarity: Matrix, threshold: float = 0.5, floor: float = 0.1) -> list[float]:
    """DARLING's diversity of each item: the share of the others that are of another class, at least `floor`."""
    found = classes(similarity, threshold)
    n = len(found)
    return [max((n - found.count(own)) / (n - 1), floor) if n > 1 else 1.0 for own in found]


def _vendi_gain(similarity: Matrix, chosen: Sequence[int], i: int, q: float) -> float:
    """The logarithm of the ratio by which one more item raises the Vendi score."""
    if not chosen:
        return 0.0
    return math.log(vendi(_minor(similarity, [*chosen, i]), q) / vendi(_minor(similarity, chosen), q))


def _unlikeness(similarity: Matrix, chosen: Sequence[int], i: int, q: float) -> float:
    """Minus the similarity to the most similar one chosen."""
    return -max((similarity[i][j] for j in chosen), default=0.0)


def _minor(matrix: Matrix, rows: Sequence[int]) -> Matrix:
    return [[matrix[i][j] for j in rows] for i in rows]


def _partition(quality: Sequence[float], similarity: Matrix, k: int) -> list[int]:
    """The best of each class, classes by their best; where there are fewer than `k`, the next best follow."""
    order = sorted(range(len(quality)), key=lambda i: (-quality[i], i))
    found = classes(similarity)
    firsts = [i for place, i in enumerate(order) if found[i] not in {found[j] for j in order[:place]}]
    return (firsts + [i for i in order if i not in firsts])[:k]


def _dpp(quality: Sequence[float], similarity: Matrix, k: int) -> list[int]:
    """Greedy MAP of the determinant of diag(w) K diag(w), w = exp(z / 2), by rank-one updates of a Cholesky factor."""
    weights = [math.exp(z / 2) for z in _standardised(quality)]
    n = len(quality)
    rows: list[list[float]] = [[] for _ in range(n)]
    left = [weights[i] ** 2 * similarity[i][i] for i in range(n)]
    chosen: list[int] = []
    while len(chosen) < k:
        best = max(
            (i for i in range(n) if i not in chosen), key=lambda i: (round(left[i], 12), quality[i], -i)
        )
        chosen.append(best)
        scale = math.sqrt(max(left[best], 0.0))
        for i in range(n):
            inner = math.fsum(a * b for a, b in zip(rows[best], rows[i], strict=False))
            kernel = weights[best] * similarity[best][i] * weights[i]
            entry = (kernel - inner) / scale if scale > 1e-9 else 0.0
            if i not in chosen:
                left[i] -= entry**2
                rows[i].append(entry)
    return chosen


def _standardised(values: Sequence[float]) -> list[float]:
    """z-scores; zeros where all are equal."""
    mean = math.fsum(values) / len(values) if values else 0.0
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values)) if values else 0.0
    return [(v - mean) / deviation if deviation > 0 else 0.0 for v in values]
