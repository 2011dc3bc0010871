"""The caller's own pattern: which part of it is the answer, and what is refused before anything runs."""

import time

import pytest

from strategies.text.pattern import MAX_PATTERN, MAX_PROGRAM, MAX_SEARCHED, compiled, search


@pytest.mark.parametrize(
    ("pattern", "text", "answer"),
    [
        (r"#### (\S+)", "so\n#### 42", "42"),
        (r"#### (\S+)", "#### 1\nno:\n#### 2\nyes", "2"),
        (r"(\w+)=(?P<answer>\d+)", "x=5", "5"),
        (r"\d+", "1 then 2", "1"),
        (r"x(y)?", "x", None),
        (r"(?i)verdict: (yes|no)", "VERDICT: Yes", "Yes"),
        (r"z", "abc", None),
    ],
)
def test_search(pattern: str, text: str, answer: str | None) -> None:
    assert search(pattern, text) == answer


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(", "not an RE2 pattern"),
        (r"(a)\1", "not an RE2 pattern"),
        ("a" * 201, "201 characters"),
        (r"(.{1,90}){1,9}", "steps"),
    ],
)
def test_what_is_refused(pattern: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        compiled(pattern)


def test_only_the_end_of_a_long_text_is_searched() -> None:
    assert search("b", "b" + "a" * MAX_SEARCHED) is None
    assert search("b", "a" * MAX_SEARCHED + "b") == "b"


@pytest.mark.parametrize(
    "pattern", [r"(a{1,20}){1,20}b", r"((((a?){1,6}){1,6}){1,6})x", r"(a*)*(a*)*b", r"(a|a|aa)+$b"]
)
def test_a_hostile_pattern_takes_a_moment(pattern: str) -> None:
    started = time.process_time()
    search(pattern, "a" * 1_000_000)
    search(pattern, "a\n" * 500_000)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("behind", "answer"), [(MAX_SEARCHED - 5, "x=42"), (MAX_SEARCHED - 4, "x=42"), (MAX_SEARCHED - 3, None)]
)
def test_the_last_characters_are_searched_and_no_more(behind: int, answer: str | None) -> None:
    assert MAX_SEARCHED == 8192
    assert search("x=42", "x=42" + "." * behind) == answer


@pytest.mark.parametrize(("length", "refused"), [(MAX_PATTERN, False), (MAX_PATTERN + 1, True)])
def test_a_pattern_has_at_most_so_many_characters(length: int, refused: bool) -> None:
    if not refused:
        compiled("a" * length)
        return
    with pytest.raises(ValueError, match="201 characters"):
        compiled("a" * length)


def test_a_pattern_that_compiles_to_too_many_steps_is_refused() -> None:
    assert MAX_PROGRAM == 1500
    sizes = {n: len(f"(?:ab){{{n}}}") for n in (100, 999)}
    assert max(sizes.values()) < MAX_PATTERN
    assert compiled("(?:ab){100}") is not None
    with pytest.raises(ValueError, match="steps; the most here is 1500"):
        compiled("(?:ab){999}")
