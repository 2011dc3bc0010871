"""Scorers that follow a rule instead of a model: for tests, and for development where no model can run."""

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Final, Literal

from strategies.base.errors import ScorerFailed
from strategies.base.ports import OutcomeScores, StepScores
from strategies.base.types import Prompt

Rule = Callable[[Prompt, str], float]
"""The score of a text; for a step, the text is the answer up to and including it."""

Fault = Literal["raise", "nan", "short", "slow"]
"""What goes wrong: it raises, returns NaN for the first text, leaves out the last, or takes `delay_s` first."""

_MARK: Final = re.compile(r"\[score=(\S+)\]\s*$")


def score_of_text(prompt: Prompt, text: str) -> float:
    """The number in a mark such as `[score=0.7]` at the end of the text; without one, a hash of the text in [0, 1)."""
    if mark := _MARK.search(text):
        try:
            return float(mark[1])
        except ValueError:
            pass
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=6).digest()) / 2**48


@dataclass(frozen=True, slots=True)
class ScriptedOutcomeScorer:
    """An outcome scorer that applies `rule` to each text and counts words as tokens."""

    name: str
    rule: Rule = score_of_text
    fault: Fault | None = None
    delay_s: float = 0.0

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        """One number a text, or the fault."""
        await _begin(self.name, self.fault, self.delay_s)
        values = [self.rule(prompt, text) for text in texts]
        if self.fault == "nan":
            values[:1] = [math.nan]
        if self.fault == "short":
            values = values[:-1]
        return OutcomeScores(tuple(values), tokens=_words(texts))


@dataclass(frozen=True, slots=True)
class ScriptedStepScorer:
    """A step scorer that applies `rule` to the answer up to the end of each step and counts words as tokens."""

    name: str
    rule: Rule = score_of_text
    fault: Fault | None = None
    delay_s: float = 0.0
    delimiter: str = "\n"

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        """One number a step, or the fault (in the first answer)."""
        await _begin(self.name, self.fault, self.delay_s)
        values = [tuple(self.rule(prompt, text) for text in accumulate(steps)) for steps in answers]
        if self.fault == "nan" and values:
            values[0] = (math.nan, *values[0][1:])
        if self.fault == "short" and values:
            values[0] = values[0][:-1]
        return StepScores(tuple(values), tokens=_words(["".join(steps) for steps in answers]))


async def _begin(name: str, fault: Fault | None, delay_s: float) -> None:
    if fault == "slow" or delay_s:
        await asyncio.sleep(delay_s)
    if fault == "raise":
        raise ScorerFailed(f"scorer {name!r}: it was told to fail", scorer=name, reason="error")


def _words(texts: Sequence[str]) -> int:
    return sum(len(text.split()) for text in texts)
