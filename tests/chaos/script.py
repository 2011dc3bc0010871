"""What the scripted engine plays is in the question, so that each request chooses its own answer and pace.

`SAY text` is answered with the text, `#` replaced by the candidate's number; `pace=0.05` in it makes each token take
that long; `fuse_pace=0.5` the tokens of whoever fuses the candidates; `REPEAT 500 8000` is 500 words of 8,000 letters.
"""

import asyncio
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import arithmetic
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.reward_functions.scripted import Fault, ScriptedOutcomeScorer, ScriptedStepScorer
from strategies.base.errors import EngineFailed
from strategies.base.ports import OnDelta, OutcomeScores
from strategies.base.types import Candidate, Prompt

_REPEAT: Final = re.compile(r"^REPEAT (\d+) (\d+)")
_PACE: Final = re.compile(r"(?<!fuse_)pace=([\d.]+)")
_FUSE_PACE: Final = re.compile(r"fuse_pace=([\d.]+)")


def play(prompt: Prompt, index: int) -> str:
    """The answer that the question asks for."""
    question = _question(prompt)
    if asked := _REPEAT.match(question):
        return ("x" * int(asked[2]) + " ") * int(asked[1])
    if question.startswith("SAY "):
        return question.removeprefix("SAY ").replace("#", str(index))
    return arithmetic(prompt, index)


def _question(prompt: Prompt) -> str:
    return prompt.text or prompt.messages[-1].content


@dataclass(slots=True)
class ChaosEngine(ScriptedEngine):
    """A scripted engine that can be frozen, as by SIGSTOP: its health stays green and nothing comes any more."""

    frozen: bool = False
    fusing: int = 0

    async def ping(self) -> None:
        await self._thaw()
        await self.check_health()

    async def _thaw(self) -> None:
        """Wait while nothing comes. Not for one event: it would wake thousands in one step of the loop."""
        while self.frozen and not self.dead:  # noqa: ASYNC110 (as the docstring says)
            await asyncio.sleep(random.uniform(0.3, 0.8))

    async def _play(self, prompt: Prompt, index: int, on_delta: OnDelta | None) -> Candidate:
        """The whole answer of the script, after the time that its pace takes; what is streamed comes at that pace."""
        question = _question(prompt)
        is_draw = question.startswith(("SAY ", "REPEAT "))
        pace = (_PACE if is_draw else _FUSE_PACE).search(question)
        player = ScriptedEngine(self.script, float(pace[1]) if pace else self.token_s)
        self.unfinished += 1
        self.fusing += not is_draw
        try:
            await self._thaw()
            candidate = await ScriptedEngine._play(player, prompt, index, on_delta)
            await self._thaw()
            if self.dead:
                raise EngineFailed("the scripted engine was killed")
            return candidate
        finally:
            self.unfinished -= 1
            self.fusing -= not is_draw


@dataclass(slots=True)
class ChaosScorer:
    """An outcome scorer whose fault can be changed while it serves; `running` calls are in it."""

    name: str = "outcome"
    fault: Fault | None = None
    delay_s: float = 0.0
    running: int = 0

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        self.running += 1
        try:
            scorer = ScriptedOutcomeScorer(self.name, fault=self.fault, delay_s=self.delay_s)
            return await scorer.score(prompt, texts)
        finally:
            self.running -= 1


def scorers(scorer: ChaosScorer) -> LoadedScorers:
    """That scorer, and a step scorer that always works."""
    infos = (
        ScorerInfo("outcome", "outcome", "scripted", "scripted"),
        ScorerInfo("step", "step", "scripted", "scripted", step_delimiter="\n"),
    )
    return LoadedScorers(infos, {"outcome": scorer}, {"step": ScriptedStepScorer("step")})
