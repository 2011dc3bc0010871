"""Scorers that are programs: length, JSON schema, RE2 pattern, keywords. No model, and the same score every time."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from service.reward_models.base.builder import Built, Materials
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.reward_functions.settings import ProgramSettings
from strategies.base.errors import ScorerFailed
from strategies.base.ports import OutcomeScores
from strategies.base.types import Prompt
from strategies.text.pattern import compiled

Rule = Callable[[str], float]

_FENCED: Final = re.compile(r"\A```[a-zA-Z]*\n(.*)\n```\Z", re.DOTALL)
_MOST_JSON: Final = 1 << 20
"""Characters of a text that is parsed as JSON; a longer one does not match."""


@dataclass(frozen=True, slots=True)
class ProgramScorer:
    """An outcome scorer that applies a rule to each text, in a thread: a long text must not hold up the others."""

    name: str
    rule: Rule

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        """One number a text; no tokens are read. ScorerFailed if the rule cannot be applied."""
        try:
            values = await asyncio.to_thread(lambda: [self.rule(text) for text in texts])
        except Exception as error:
            message = f"scorer {self.name!r}: {type(error).__name__}: {error}"
            raise ScorerFailed(message, scorer=self.name) from error
        return OutcomeScores(tuple(values))


def build(settings: ProgramSettings, materials: Materials) -> Built:
    info = ScorerInfo(settings.name, "outcome", settings.backend, model="none", rule=settings.rule)
    return Built(info, outcome=ProgramScorer(settings.name, rule_of(settings)))


def rule_of(settings: ProgramSettings) -> Rule:
    """The configured rule as a function of the text; ScorerLoadError for a schema that is none."""
    if settings.rule == "length":
        return partial(length, unit=settings.unit, target=settings.target)
    if settings.rule == "json_schema":
        return _schema_rule(settings.json_schema or {})
    if settings.rule == "pattern":
        program = compiled(settings.pattern or "")
        return lambda text: float(program.search(text) is not None)
    return partial(keywords, wanted=settings.keywords or (), match_case=settings.match_case)


def length(text: str, *, unit: str, target: int) -> float:
    """Minus the distance from the target length, so that 0 is best."""
    measured = {"characters": len(text), "words": len(text.split()), "lines": len(text.splitlines())}[unit]
    return -float(abs(measured - target))


def keywords(text: str, *, wanted: Sequence[str], match_case: bool) -> float:
    """The share of the keywords that stand in the text, as words or within them."""
    fold: Callable[[str], str] = str if match_case else str.casefold
    searched = fold(text)
    return sum(fold(word) in searched for word in wanted) / len(wanted)


def _schema_rule(schema: dict[str, Any]) -> Rule:
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    validator = validator_for(schema)
    try:
        validator.check_schema(schema)
    except SchemaError as error:
        raise ScorerLoadError(f"json_schema is no JSON schema: {error.message}") from None
    # An empty registry: what a `$ref` names is never fetched.
    checker = validator(schema, registry=Registry())

    def matches(text: str) -> float:
        found, value = _parsed(text)
        return float(found and checker.is_valid(value))

    return matches


def _parsed(text: str) -> tuple[bool, Any]:
    """Whether the whole text is one JSON value, fenced as Markdown code or not, and the value."""
    whole = text.strip()
    if len(whole) > _MOST_JSON:
        return False, None
    fenced = _FENCED.match(whole)
    try:
        return True, json.loads(fenced[1] if fenced else whole, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return False, None


def _no_json(word: str) -> None:
    """Python reads NaN and Infinity, which are no JSON."""
    raise ValueError(f"{word} is not JSON")
