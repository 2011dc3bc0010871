"""Replies made of what matters to a reader of replies: openings, brackets, line ends and a little text."""

from hypothesis import strategies as st

PIECES = [
    "Answer:", "Answer: [[", "\nAnswer: [[", "\n**Answer:** [[", "Comparison:", "[[", "]]", "[", "]", " ", "\n", "*",
    "a", "bc ", "1, 2", "\nFinal answer:\n [[", "answer", ":", "é𝄞", "\r", "\u2028",
]  # fmt: skip

REPLIES = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
