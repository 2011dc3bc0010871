"""Where a reward model's scores stand: which token of a rendered answer carries which line's score."""

from collections.abc import Sequence
from typing import Any

from service.embedded.chat_templates import END
from service.embedded.problems.labels import lines


def line_tokens(ends: Sequence[int], answer: str) -> list[int]:
    """The token at which each line's score is read: the one with its newline, or the answer's last before <|im_end|>.

    `ends` holds the end of each token as an index into the answer. A newline says that a number before it is over.
    """
    reached = [min(end + 1, len(answer)) for _, end in lines(answer)]
    return [next(at for at, token_end in enumerate(ends) if token_end >= end) for end in reached]


def token_ends(tokenizer: Any, prefix: str, answer: str) -> tuple[int, list[int]]:
    """How many tokens the prefix has, and where each later token ends, as an index into the answer."""
    encoded = tokenizer(prefix + answer + END, add_special_tokens=False, return_offsets_mapping=True)
    ends = [end - len(prefix) for _, end in encoded["offset_mapping"]]
    asked = sum(end <= 0 for end in ends)
    return asked, ends[asked:]
