"""Find the final answer in a response: its JSON, the last `\\boxed{}`, what follows "answer is", the last number."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from strategies.answers.boxed import last_boxed
from strategies.answers.canonical import NUMBER, canonical, stripped
from strategies.answers.json_answers import whole_object
from strategies.base.types import Candidate

Form = Literal["auto", "boxed", "answer_is", "last_number", "choice", "json", "pattern"]
"""How a response states its answer."""

# The repetitions are bounded: two open ones side by side would take quadratic time on a text of line ends.
_ANSWER_IS = re.compile(r"answer\s{0,20}(?:is|:|=)\s{0,20}:?\s{0,20}(?P<answer>\S[^\n]*)", re.IGNORECASE)

# A number that ends the statement or counts something; "1/2", "2x", "50%" and "3 and 4" are more than a number.
_COUNT = re.compile(
    rf"[\s$*`\\(]*(?P<number>{NUMBER.pattern})(?:[\s$*`\\)]*(?:[.,;:!?]+(?:[\s$*`\\)]|$)|$)"
    r"|(?:\*\*|\$|\\\))?\s+(?!(?:and|or|to|times|plus|minus|over|mod)\b)[^\W\d_]{2})"
)
_FORMULA = re.compile(r"\**(?:\$+(?P<dollars>[^$]+)\$|\\\((?P<parens>[^\n]+?)\\\))")
_SENTENCE_END = re.compile(r"[.;](?:\s|$)")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its canonical `key`, by which it is grouped, and the `text` as it stands in the response."""

    key: str
    text: str


def answer_of(candidate: Candidate) -> str | None:
    """The key of the answer that a candidate brought along, else of the one in its text; an invalid one has none."""
    if not candidate.is_valid:
        return None
    return canonical(candidate.answer) if candidate.answer is not None else extract(candidate.content)


def extract(text: str) -> str | None:
    """The key of the answer in a text; None where it states none (and then it does not vote)."""
    answer = automatic(text)
    return None if answer is None else answer.key


def automatic(text: str) -> Answer | None:
    """What the text states as its answer, by the first rule that finds something.

    JSON that is the whole response, then the order of the Qwen2.5-Math evaluation kit used by the Best-of-Majority
    authors (arXiv 2510.03199, `grader.py`): boxed, "answer is", the last number, but not its last resort of an
    empty answer, which would vote.
    """
    if (whole := whole_object(text)) is not None:
        return Answer(whole, whole)
    found = (rule(text) for rule in (last_boxed, answer_is, last_number))
    return as_answer(next((stated for stated in found if stated is not None), None))


def as_answer(stated: str | None) -> Answer | None:
    """What was stated, with its key; nothing where nothing is left of it."""
    key = None if stated is None else canonical(stated)
    return None if stated is None or key is None else Answer(key, stripped(stated))


def answer_is(text: str) -> str | None:
    """What the last "answer is", "answer:" or "answer =" says: a number and its unit, a formula, or a sentence."""
    for start in _from_the_end(text):
        if stated := _ANSWER_IS.match(text, start):
            return _said(stated["answer"])
    return None


def last_number(text: str) -> str | None:
    """The last number in the text."""
    numbers = NUMBER.findall(text)
    return numbers[-1] if numbers else None


def _from_the_end(text: str) -> Iterator[int]:
    """Where the word "answer" stands, last first: a long response is read no further than to its last statement."""
    places = {word: text.rfind(word) for word in ("answer", "Answer", "ANSWER")}
    while (start := max(places.values())) >= 0:
        yield start
        [word] = [word for word, place in places.items() if place == start]
        places[word] = text.rfind(word, 0, start)


def _said(line: str) -> str:
    """The number of "42 apples." and of "$42$ in all", the formula of "$x = 42$ because", else the first sentence."""
    if number := _COUNT.match(line):
        return number["number"]
    if formula := _FORMULA.match(line):
        return formula["dollars"] or formula["parens"]
    return _SENTENCE_END.split(line, maxsplit=1)[0]
