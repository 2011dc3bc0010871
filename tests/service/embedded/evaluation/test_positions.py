"""Which token carries which line's score, worked out by hand on one token a character."""

from service.embedded.chat_templates import END
from service.embedded.evaluation.positions import line_tokens


def tokens(answer: str) -> list[int]:
    return line_tokens([*range(1, len(answer) + 1), len(answer) + len(END)], answer)


def test_a_line_is_read_at_its_newline_and_the_last_at_its_last_character() -> None:
    assert tokens("ab\ncd") == [2, 4]


def test_a_newline_at_the_end_is_read_as_one() -> None:
    assert tokens("ab\ncd\n") == [2, 5]


def test_blank_lines_are_no_steps() -> None:
    assert tokens("ab\n\ncd") == [2, 5]
    assert tokens("") == []


def test_a_token_over_the_end_of_a_line_is_that_lines() -> None:
    assert line_tokens([2, 4, 6, 16], "abc\nde") == [1, 2]
