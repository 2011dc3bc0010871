"""Rows already read, by everything that stands before them: a causal model gives a token one row for ever."""

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from service.keys.caller import current
from service.reward_models.base.ports import Logits

Key = bytes


class LogitsCache:
    """The last `capacity` rows, by the ids up to and including their token.

    Early rejection scores an answer again each time it has grown. The rows of its earlier steps stand in blocks
    that the prefix cache now holds, where the engine returns no rows; without this memo every round would have to
    read all of it again. A row needs about 300 bytes.
    """

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._rows: OrderedDict[Key, Logits] = OrderedDict()

    def known(self, keys: Iterable[Key]) -> dict[Key, Logits]:
        """The rows it has of those asked for."""
        found = {key: self._rows[key] for key in keys if key in self._rows}
        for key in found:
            self._rows.move_to_end(key)
        return found

    def learn(self, rows: Mapping[Key, Logits]) -> None:
        """Keep these rows, and forget those used longest ago beyond the capacity."""
        self._rows.update(rows)
        while len(self._rows) > self._capacity:
            self._rows.popitem(last=False)


def keys_of(ids: Sequence[int], positions: Sequence[int]) -> list[Key]:
    """A key for each position (never falling): a digest of the ids up to and including it, and of whose they are."""
    digest = blake2b((current().cache_salt or "").encode(), digest_size=16)
    read = 0
    keys = []
    for position in positions:
        digest.update(array("q", ids[read : position + 1]).tobytes())
        read = max(read, position + 1)
        keys.append(digest.digest())
    return keys
