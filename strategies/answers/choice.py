"""Find the letter of a multiple-choice answer: boxed, else stated, else alone on a line, else mentioned as an option.

What is stated ("the answer is C", "therefore (C)") is believed before what is only mentioned, and a letter that is
negated ("not A", "A is wrong") is not chosen. Of one rule the last match counts.
"""

import re
from collections.abc import Sequence
from typing import Final

from strategies.text.boxed import last_boxed

_OPEN = r"[\s*$`\"'(\[{]{0,9}(?:\\text\{)?[(\[]?"
_LETTER = rf"{_OPEN}(?P<letter>[A-HJ])(?![\w'])"
_SMALL = r"[(\[*]{0,3}(?P<letter>[a-j])(?=[)\].,*]|\s*$)"
_NOUN = r"(?i:answer|choice|option)"
_IS = r"(?i:is|would be|must be|should be|:|=)"
# Where nothing marks it as an option, "I" is a pronoun, and alone in a sentence "A" is an article.
_STATED: Final = (
    re.compile(rf"{_NOUN}\s{{0,9}}{_IS}\s{{0,9}}:?(?:\s{{1,9}}(?i:option|choice))?{_LETTER}"),
    re.compile(rf"(?i:answer)\s{{0,9}}{_IS}\s{{0,9}}{_SMALL}", re.MULTILINE),
    re.compile(
        rf"(?i:therefore|thus|hence|so|conclude|choose|select|pick)[,:]?\s{{1,9}}(?i:it is|it's|that|the answer is)?"
        rf"\s{{0,9}}(?i:option|choice)?{_LETTER}"
    ),
)
_ALONE: Final = (re.compile(r"^\W{0,9}(?P<letter>[A-J])(?:[).:]|\W{0,9}$)", re.MULTILINE),)
_MENTIONED: Final = (
    re.compile(rf"(?i:option|choice)\s{{0,9}}{_LETTER}"),
    re.compile(r"[(\[](?P<letter>[A-J])[)\]]"),
    re.compile(r"(?<![\w'])(?P<letter>[B-HJ])(?![\w'])"),
)
_BOXED = re.compile(
    r"[\s(\[]*(?:\\(?:text|textbf|mathrm|mathbf)\{)?[\s(\[]*(?P<letter>[A-Ja-j])(?![A-Za-z0-9])"
)
_NOT_BEFORE = re.compile(
    r"(?:\bnot|n't|\bnever|\bneither|\bnor|\bexclude|\beliminate|\brule out)[\s\w]{0,20}\W{0,3}$",
    re.IGNORECASE,
)
_NOT_AFTER = re.compile(
    r"[)\]*`\"']{0,4}\s{1,3}(?:(?:is|was|are|does|can|could|must|would)(?:n't|n\u2019t|\s+not)|cannot"
    r"|(?:is|was|are)\s+(?:wrong|incorrect|false|impossible|invalid|ruled out|eliminated|excluded))\b",
    re.IGNORECASE,
)
_FIRST = re.compile(r"[\s*(\[]{0,4}(?P<letter>[A-J])(?:[\s*]{0,3}[).:\]]|[\s*.]{0,4}$)")
_WINDOW: Final = 32


def choice(text: str) -> str | None:
    """The letter A to J that the text chooses, as a capital; None where it chooses none."""
    boxed = last_boxed(text)
    if boxed is not None and (inside := _BOXED.match(boxed)):
        return inside["letter"].upper()
    return _by(_STATED, text) or _by(_ALONE, text) or _by(_MENTIONED, text)


def stated_choice(text: str) -> str | None:
    """The letter where the response is one ("B", "(B)", "B. because") or says which option is right, else None.

    A response that begins several lines with letters lists the options, and chooses none by that.
    """
    first = _FIRST.match(text)
    if first and len(list(_ALONE[0].finditer(text))) <= 1:
        return first["letter"]
    stated = re.compile(rf"(?i:choice|option)(?:\s{{0,9}}{_IS})?\s{{0,9}}:?{_LETTER}")
    return _last(stated, text)


def parse_choice(answer: str) -> str | None:
    """The letter of an answer that came as one, such as `b` or `(B) blue`; None where it is no letter."""
    inside = _BOXED.match(answer)
    return inside["letter"].upper() if inside else None


def _by(rules: Sequence[re.Pattern[str]], text: str) -> str | None:
    return next((letter for rule in rules if (letter := _last(rule, text)) is not None), None)


def _last(rule: re.Pattern[str], text: str) -> str | None:
    """The last letter that the rule finds and the text does not take back."""
    found = [match["letter"] for match in rule.finditer(text) if not _is_negated(text, match)]
    return found[-1].upper() if found else None


def _is_negated(text: str, match: re.Match[str]) -> bool:
    start, end = match.span("letter")
    before = text[max(0, min(match.start(), start) - _WINDOW) : start]
    sentence = re.split(r"[.;!?\n]\s", before)[-1]
    return _NOT_BEFORE.search(sentence) is not None or _NOT_AFTER.match(text, end, end + _WINDOW) is not None
