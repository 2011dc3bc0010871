"""How alike texts are: a symmetric matrix with ones on its diagonal. Pure; other similarities come through a port."""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

Matrix = list[list[float]]


def ngram_similarity(texts: Sequence[str], longest: int = 4) -> Matrix:
    """The cosine of the counts of word n-grams of length 1 to `longest`, in [0, 1]; two empty texts are alike.

    Source: the n-gram kernel of the Vendi score (arXiv 2210.02410).
    """
    counts = [_ngrams(text, longest) for text in texts]
    norms = [math.sqrt(sum(n * n for n in count.values())) for count in counts]
    return _symmetric(len(texts), lambda i, j: _cosine(counts[i], counts[j], norms[i] * norms[j]))


def answer_similarity(groups: Sequence[Hashable | None]) -> Matrix:
    """1 for two candidates of one group, else 0; one without an answer is like itself alone."""
    return _symmetric(len(groups), lambda i, j: float(groups[i] is not None and groups[i] == groups[j]))


def _symmetric(n: int, value: Callable[[int, int], float]) -> Matrix:
    matrix = [[1.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            matrix[i][j] = matrix[j][i] = value(i, j)
    return matrix


def _ngrams(text: str, longest: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(tuple(words[i : i + n]) for n in range(1, longest + 1) for i in range(len(words) - n + 1))


def _cosine(one: Counter[tuple[str, ...]], other: Counter[tuple[str, ...]], norms: float) -> float:
    if norms == 0:
        return float(one == other)
    small, large = sorted((one, other), key=len)
    return min(sum(n * large[gram] for gram, n in small.items()) / norms, 1.0)
