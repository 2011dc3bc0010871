"""Find the final answer in a response: the last `\\boxed{}`, else what follows "answer is", else the last number."""

import re

from strategies.base.types import Candidate

_ANSWER_IS = re.compile(r"answer\s*(?:is|:|=)\s*:?\s*(?P<answer>[^\n]+)", re.IGNORECASE)
_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")


def answer_of(candidate: Candidate) -> str | None:
    """The answer that a candidate brought along, else the one in its text; an invalid candidate has none."""
    if not candidate.is_valid:
        return None
    return canonical(candidate.answer) if candidate.answer is not None else extract(candidate.text)


def extract(text: str) -> str | None:
    """The answer as a canonical string, or None where the text states none (and then it does not vote).

    The order is that of the Qwen2.5-Math evaluation kit used by the Best-of-Majority authors (arXiv
    2510.03199, `grader.py`), without its last resort of an empty answer.
    """
    boxed = last_boxed(text)
    if boxed is not None:
        return canonical(boxed)
    stated = _ANSWER_IS.findall(text)
    if stated:
        return canonical(_leading_number(stated[-1]) or stated[-1])
    numbers = _NUMBER.findall(text)
    return canonical(numbers[-1]) if numbers else None


def last_boxed(text: str) -> str | None:
    """The contents of the last closed `\\boxed{…}`, braces matched; None if there is none."""
    start = text.rfind(r"\boxed{")
    while start >= 0:
        opened = start + len(r"\boxed{")
        end = _closing_brace(text, opened)
        if end is not None:
            return text[opened:end]
        start = text.rfind(r"\boxed{", 0, start)
    return None


def canonical(answer: str) -> str | None:
    """One spelling for answers that differ only in layout: spaces, currency, thousands, trailing zeros."""
    bare = answer.strip().strip("$*`\"' ").rstrip(".,;:!?").strip("$*`\"' ")
    compact = " ".join(bare.split()).lower()
    number = _NUMBER.fullmatch(compact)
    return _plain_number(compact) if number else compact or None


def _closing_brace(text: str, opened: int) -> int | None:
    depth = 1
    for position in range(opened, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return None


def _leading_number(sentence: str) -> str | None:
    """The number of "answer is 42 apples." and of "answer is $42", but not of "answer is x = 42"."""
    match = _NUMBER.match(sentence.lstrip(" $*\\("))
    return match.group() if match else None


def _plain_number(number: str) -> str:
    plain = number.replace(",", "")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    digits = digits.lstrip("0") or "0"
    digits = f"0{digits}" if digits.startswith(".") else digits
    return digits if digits == "0" else sign + digits
