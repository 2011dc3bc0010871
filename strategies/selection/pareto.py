"""Choice by several objectives: the candidates that none dominates, and how much they cover. Pure.

Source: batch-wise Pareto selection (Parrot, arXiv 2401.05675); hypervolume as in multi-objective optimisation.
"""

from collections.abc import Sequence

Point = Sequence[float]


def dominates(one: Point, other: Point) -> bool:
    """At least as good in every objective, and better in one; higher is better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and any(
        a > b for a, b in zip(one, other, strict=True)
    )


def front(points: Sequence[Point]) -> list[int]:
    """The positions of the points that no other dominates, in order; of equal points the first."""
    return [
        i
        for i, point in enumerate(points)
        if not any(dominates(other, point) for other in points)
        and not any(tuple(other) == tuple(point) for other in points[:i])
    ]


def pareto_order(points: Sequence[Point], weighted: Sequence[float], k: int) -> list[int]:
    """Up to `k` points of the front, by their weighted sum; of equal sums the lower index."""
    return sorted(front(points), key=lambda i: (-weighted[i], i))[:k]


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The volume between `reference` and the points: what they dominate. Slicing by the last objective; exact.

    Points that are not above the reference in every objective add nothing.
    """
    inside = [tuple(p) for p in points if all(a > r for a, r in zip(p, reference, strict=True))]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return max(p[0] for p in inside) - reference[0]
    volume, below = 0.0, reference[-1]
    for level in sorted({p[-1] for p in inside}):
        slab = [p[:-1] for p in inside if p[-1] >= level]
        volume += (level - below) * hypervolume(slab, reference[:-1])
        below = level
    return volume
