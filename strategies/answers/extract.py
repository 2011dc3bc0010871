"""Find the final answer in a response: its JSON, the last `\\boxed{}`, what follows "answer is", the last number."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal

from strategies.answers.choice import stated_choice
from strategies.base.types import Candidate
from strategies.parts.json_answers import whole_object
from strategies.text.boxed import last_boxed
from strategies.text.canonical import canonical, stripped
from strategies.text.numbers import ascii_digits, last_number, leading_number

Form = Literal["auto", "boxed", "answer_is", "last_number", "choice", "json", "pattern"]
"""How a response states its answer."""

_LONGEST_TEXT: Final = 200
"""Characters of a response that is its own answer; a longer one is told apart by a digest of the whole."""

# The repetitions are bounded: two open ones side by side would take quadratic time on a text of line ends.
_ANSWER_IS = re.compile(r"answer\s{0,20}(?:is|:|=)\s{0,20}:?\s{0,20}(?P<answer>\S[^\n]*)", re.IGNORECASE)

# What stands around a number that is stated by itself.
_AROUND: Final = " \t$*`\\("
# After it the statement ends, or something is counted; "1/2 x", "2x" and "3 and 4" are more than a number.
_ENDS = re.compile(
    r"[\s$*`\\)]*(?:[.,;:!?]+(?:[\s$*`\\)]|$)|$)"
    r"|(?:\*\*|\$|\\\))?\s+(?!(?:and|or|to|times|plus|minus|over|mod)\b)[^\W\d_]{2}"
)
_FORMULA = re.compile(r"\**(?:\$+(?P<dollars>[^$]+)\$|\\\((?P<parens>[^\n]+?)\\\))")
_MARKDOWN = re.compile(r"^(?:[#>*_~]+\s*|-\s+)+|[*_~]+$")
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
    """What the text states as its answer, by the first rule that finds something; the whole text where none does.

    JSON that is the whole response, then the order of the Qwen2.5-Math evaluation kit used by the Best-of-Majority
    authors (arXiv 2510.03199, `grader.py`): boxed, "answer is", the last number; before the last number a letter that
    is stated as a choice, as "(B)" or "the correct option is B". A response in which nothing else is found is its own
    answer, so that labels and equal texts vote together.
    """
    if (whole := whole_object(text)) is not None:
        return Answer(whole, whole)
    for rule in (last_boxed, answer_is):
        if (stated := rule(text)) is not None:
            return as_answer(stated)
    if (letter := stated_choice(text)) is not None:
        return Answer(letter.lower(), letter)
    return as_answer(last_number(text)) or itself(text)


def itself(text: str) -> Answer | None:
    """A response as its own answer: folded in case, spaces, quotes, Markdown and final stop; a long one by a digest."""
    bare = stripped(_MARKDOWN.sub("", " ".join(text.split())))
    key = bare.casefold()
    if len(key) > _LONGEST_TEXT:
        digest = blake2b(key.encode(errors="surrogatepass"), digest_size=8).hexdigest()
        key, bare = f"{key[:_LONGEST_TEXT]}… ({digest})", f"{bare[:_LONGEST_TEXT]}…"
    return Answer(key, bare) if key else None


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


def _from_the_end(text: str) -> Iterator[int]:
    """Where the word "answer" stands, last first: a long response is read no further than to its last statement."""
    places = {word: text.rfind(word) for word in ("answer", "Answer", "ANSWER")}
    while (start := max(places.values())) >= 0:
        yield start
        [word] = [word for word, place in places.items() if place == start]
        places[word] = text.rfind(word, 0, start)


def _said(line: str) -> str:
    """The number of "42 apples." and of "$42$ in all", the formula of "$x = 42$ because", else the first sentence."""
    plain = ascii_digits(line)
    start = len(plain) - len(plain.lstrip(_AROUND))
    if (number := leading_number(plain[start:])) and _ENDS.match(plain, start + len(number)):
        return number
    if formula := _FORMULA.match(line):
        return formula["dollars"] or formula["parens"]
    return _SENTENCE_END.split(line, maxsplit=1)[0]
