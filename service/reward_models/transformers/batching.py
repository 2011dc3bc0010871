"""What is asked of a transformers worker, and how it is cut into batches of like length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "rows", "objectives", "token_logits", "logprobs"]

Rows = list[list[float]]
"""The answer to one item: rows of numbers, in the order in which they were asked for."""


@dataclass(frozen=True, slots=True)
class Item:
    """One input and what is wanted of it.

    `text`: the head's row for the whole input. `rows`: the head's rows at `positions`. `objectives`: three rows, the
    score, the objectives and their weights. `token_logits`: at each of `positions`, the logits of `token_ids` as the
    next token. `logprobs`: one row, the log-probability of each token from `positions[0]` (at least 1) on.
    """

    kind: Kind
    ids: Sequence[int]
    positions: Sequence[int] = ()
    token_ids: tuple[int, ...] = ()


def batches(items: Sequence[Item], max_tokens: int) -> Iterator[list[int]]:
    """The items' indices in batches of one kind, the longest first.

    A batch holds at most `max_tokens`, padding included; an item longer than that is a batch of its own. Sorted by
    length, padding is little; the longest first, memory is short at once or never.
    """
    order = sorted(range(len(items)), key=lambda i: (items[i].kind, items[i].token_ids, -len(items[i].ids)))
    batch: list[int] = []
    for i in order:
        if batch and not (_alike(items[batch[0]], items[i]) and _fits(items, batch, max_tokens)):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _alike(first: Item, other: Item) -> bool:
    return (first.kind, first.token_ids) == (other.kind, other.token_ids)


def _fits(items: Sequence[Item], batch: Sequence[int], max_tokens: int) -> bool:
    """Whether one more, no longer than the first, fits."""
    return (len(batch) + 1) * len(items[batch[0]].ids) <= max_tokens
