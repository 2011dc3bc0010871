"""Thinking is split from what is said: once, whole or in any pieces, and never by a tag that stands elsewhere."""

from random import Random

import pytest

from strategies.base.types import Candidate, Parts
from strategies.parts.thinking import CLOSE, OPEN, ThinkingSplitter, split_thinking
from tests.random_cases import random_cases

BY_HAND = [
    ("The answer is 4.", "The answer is 4.", None),
    ("<think>2+2</think>4", "4", "2+2"),
    ("\n <think>\n2+2\n</think>\n\n4", "\n\n4", "\n2+2\n"),
    ("2+2 is 5?</think>4", "4", "2+2 is 5?"),
    ("<think>2+2", "", "2+2"),
    ("<think></think>4", "4", ""),
    ("<think>a</think> <think>b</think>c", "c", "ab"),
    ("Write <think>x</think> for a thought.", "Write <think>x</think> for a thought.", None),
    ("<think>a</think>b</think>c", "b</think>c", "a"),
    ("<think>a</think>b<think>c</think>", "b<think>c</think>", "a"),
    ("<thinking>", "<thinking>", None),
    ("", "", None),
]


@pytest.mark.parametrize(("text", "content", "reasoning"), BY_HAND)
def test_by_hand(text: str, content: str, reasoning: str | None) -> None:
    assert split_thinking(text) == Parts(content, reasoning)


def slow(text: str, *, opened: bool) -> Parts:
    """By characters, without states: cut off blocks at the front as long as there are any."""
    thoughts: list[str] = []
    is_inside = opened or (CLOSE in text and OPEN not in text.split(CLOSE)[0])
    while text.strip().startswith(OPEN) or is_inside:
        if text.strip().startswith(OPEN):
            text = text[text.index(OPEN) + len(OPEN) :]
        end = next((i for i in range(len(text)) if text[i : i + len(CLOSE)] == CLOSE), None)
        thoughts.append(text if end is None else text[:end])
        text = "" if end is None else text[end + len(CLOSE) :]
        is_inside = False
    return Parts(text, "".join(thoughts) if thoughts else None)


def text_with_tags(rng: Random) -> tuple[str, bool]:
    pieces = [OPEN, CLOSE, "<", "<thi", "nk>", "</", "think", ">", " ", "\n", "a", "42", "é"]
    return "".join(rng.choice(pieces) for _ in range(rng.randint(1, 12))), rng.random() < 0.3


@random_cases(text_with_tags)
def test_as_the_slow_way(text: str, opened: bool) -> None:
    assert split_thinking(text, opened=opened) == slow(text, opened=opened)


@random_cases(lambda rng: (*text_with_tags(rng), rng.randint(1, 5)))
def test_in_any_pieces_it_is_the_same(text: str, opened: bool, size: int) -> None:
    """A stream cannot know of an opening tag that was lost; told that thinking is open, it splits as the whole does."""
    opened = opened or (CLOSE in text and OPEN not in text.split(CLOSE)[0])
    splitter = ThinkingSplitter(opened)
    starts = range(0, len(text), size)
    parts = [splitter.feed(text[i : i + size], ended=i + size >= len(text)) for i in starts]
    whole = split_thinking(text, opened=opened)
    assert "".join(part.content for part in parts) == whole.content
    assert "".join(part.reasoning or "" for part in parts) == (whole.reasoning or "")


def test_a_candidate_that_only_thought_is_not_valid() -> None:
    text = "<think>The answer is 41."
    assert not Candidate(0, text, 5, "stop", parts=split_thinking(text)).is_valid
    assert Candidate(0, text, 5, "stop", parts=split_thinking(text + CLOSE + "42")).is_valid
