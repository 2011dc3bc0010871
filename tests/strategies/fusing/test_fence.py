"""The fence: a word that no quoted text holds, so that no text can leave its quotation."""

import re

from hypothesis import given
from hypothesis import strategies as st

from strategies.fusing.fence import fence_word, fenced


def test_the_word_follows_from_the_seed() -> None:
    assert fence_word(3, ["a"]) == fence_word(3, ["b"]) != fence_word(4, ["a"])
    assert re.fullmatch(r"[0-9a-f]{12}", fence_word(3, []))


def test_a_text_that_holds_the_word_of_its_seed_gets_another() -> None:
    forged = [fence_word(7, [])]
    for _ in range(3):
        forged.append(fence_word(7, forged))
    assert len(set(forged)) == 4
    assert not any(fence_word(7, forged) in text for text in forged)


@given(st.lists(st.text()), st.integers())
def test_no_text_holds_the_word(texts: list[str], seed: int) -> None:
    word = fence_word(seed, texts)
    assert not any(word in text for text in texts)


def test_a_quotation_stands_between_two_lines() -> None:
    assert fenced("Text 1:", "a\nb", "word") == "Text 1:\n=== word ===\na\nb\n=== word ==="
