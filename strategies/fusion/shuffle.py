"""The order in which a fusor reads the texts: fixed by a seed, the same on every machine, blind to their merit."""

from collections.abc import Iterable
from hashlib import blake2b


def shuffled(indices: Iterable[int], seed: int) -> tuple[int, ...]:
    """The indices in an order that depends on the seed alone; leaving one out does not move the others.

    Fusion-of-N shuffles because a fusor prefers some positions to others (arXiv 2510.00931, its ablation of order).
    """
    return tuple(sorted(indices, key=lambda index: (_lot(seed, index), index)))


def _lot(seed: int, index: int) -> bytes:
    return blake2b(f"{seed}/{index}".encode(), digest_size=8, person=b"nbest-shuffle").digest()
