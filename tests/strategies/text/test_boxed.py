"""The last closed box, against a slow reference, and in linear time on hostile text."""

import time

import pytest

from strategies.text.boxed import last_boxed
from tests.random_cases import random_cases, several


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (r"\boxed{1} and then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{1} \boxed{2", "1"),
        (r"\boxed{", None),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed {7}", "7"),
        (r"\fbox{9}", "9"),
        (r"} \boxed{3}", "3"),
        (r"{ \boxed{3}", "3"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{}", ""),
        ("no box", None),
    ],
)
def test_worked_examples(text: str, inside: str | None) -> None:
    assert last_boxed(text) == inside


_PIECES = [r"\boxed{", "{", "}", "a", " "]


@random_cases(lambda rng: ("".join(several(rng, lambda r: r.choice(_PIECES), 0, 16)),))
def test_agrees_with_trying_every_box(text: str) -> None:
    assert last_boxed(text) == _slow(text)


def _slow(text: str) -> str | None:
    """From the last box to the first: the first one whose braces close."""
    starts = [i for i in range(len(text)) if text.startswith(r"\boxed{", i)]
    for start in reversed(starts):
        depth = 0
        for end in range(start, len(text)):
            depth += (text[end] == "{") - (text[end] == "}")
            if depth == 0 and end > start + 6:
                return text[start + 7 : end]
    return None


@pytest.mark.parametrize("text", [r"\boxed{" * 40_000, "{" * 300_000, r"\boxed{1}" * 30_000 + "{" * 9])
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    started = time.process_time()
    last_boxed(text)
    assert time.process_time() - started < 1
