"""The fence: a word that no quoted text holds, so that no text can leave its quotation."""

import re

from hypothesis import given
from hypothesis import strategies as st

from strategies.base.quoting import boundary, fenced


def test_the_word_follows_from_the_seed() -> None:
    assert boundary(3, ["a"]) == boundary(3, ["b"]) != boundary(4, ["a"])
    assert re.fullmatch(r"[0-9a-f]{12}", boundary(3, []))


def test_a_text_that_holds_the_word_of_its_seed_gets_another() -> None:
    forged = [boundary(7, [])]
    for _ in range(3):
        forged.append(boundary(7, forged))
    assert len(set(forged)) == 4
    assert not any(boundary(7, forged) in text for text in forged)


@given(st.lists(st.text()), st.integers())
def test_no_text_holds_the_word(texts: list[str], seed: int) -> None:
    word = boundary(seed, texts)
    assert not any(word in text for text in texts)


def test_a_quotation_stands_between_two_lines() -> None:
    assert fenced("Text 1:", "a\nb", "word") == "Text 1:\n=== word ===\na\nb\n=== word ==="
