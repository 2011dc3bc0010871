"""One seed for a request gives each candidate its own: a pure function, the same on every machine."""

from hashlib import blake2b

_BITS = 63


def candidate_seed(seed: int | None, index: int, written: int = 0) -> int | None:
    """The seed of candidate `index`, from 0 to 2**63 - 1; None stays None.

    `written` is the number of tokens that the candidate already has when it is taken up again in a new engine
    request, so that it does not draw the numbers of its beginning once more.
    """
    if seed is None:
        return None
    digest = blake2b(f"{seed}/{index}/{written}".encode(), digest_size=8, person=b"nbest-seed").digest()
    return int.from_bytes(digest, "big") & ((1 << _BITS) - 1)
