"""Replies made of what matters to a reader of replies: openings, brackets, line ends and a little text."""

from random import Random

from hypothesis import strategies as st

from tests.random_cases import several

PIECES = [
    "Answer:", "Answer: [[", "\nAnswer: [[", "\n**Answer:** [[", "Comparison:", "[[", "]]", "[", "]", " ", "\n", "*",
    "a", "bc ", "1, 2", "\nFinal answer:\n [[", "answer", ":", "é𝄞", "\r", "\u2028",
]  # fmt: skip

REPLIES = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def reply(rng: Random) -> str:
    """As `REPLIES`, to be drawn by the thousand."""
    return "".join(several(rng, lambda r: r.choice(PIECES), 0, 14))
