"""Find the letter of a multiple-choice answer: boxed, else stated, else marked as an option, else the last alone."""

import re

from strategies.answers.boxed import last_boxed

# In the order in which they are believed; of one rule the last match counts. Where nothing marks it as an option,
# "I" is a pronoun, and alone in a sentence "A" is an article.
_RULES = (
    re.compile(
        r"(?i:answer|choice|option)\s{0,9}(?i:is|:|=)?\s{0,9}:?[\s*$`\"'(\[{]{0,9}(?:\\text\{)?(?P<letter>[A-HJ])(?![\w'])"
    ),
    re.compile(
        r"(?i:answer)\s{0,9}(?i:is|:|=)\s{0,9}[(\[*]{0,3}(?P<letter>[a-j])(?=[)\].,*]|\s*$)", re.MULTILINE
    ),
    re.compile(r"[(\[](?P<letter>[A-J])[)\]]"),
    re.compile(r"^\W{0,9}(?P<letter>[A-J])(?:[).:]|\W{0,9}$)", re.MULTILINE),
    re.compile(r"(?<![\w'])(?P<letter>[B-HJ])(?![\w'])"),
)
_BOXED = re.compile(
    r"[\s(\[]*(?:\\(?:text|textbf|mathrm|mathbf)\{)?[\s(\[]*(?P<letter>[A-Ja-j])(?![A-Za-z0-9])"
)


def choice(text: str) -> str | None:
    """The letter A to J that the text chooses, as a capital; None where it chooses none."""
    boxed = last_boxed(text)
    if boxed is not None and (inside := _BOXED.match(boxed)):
        return inside["letter"].upper()
    for rule in _RULES:
        if found := [match["letter"] for match in rule.finditer(text)]:
            return found[-1].upper()
    return None


def parse_choice(answer: str) -> str | None:
    """The letter of an answer that came as one, such as `b` or `(B) blue`; None where it is no letter."""
    inside = _BOXED.match(answer)
    return inside["letter"].upper() if inside else None
