"""Single: one plain sample for each answer asked for, streamed as it is generated."""

from typing import ClassVar, NoReturn

from strategies.base.errors import EngineFailed, InvalidRequest
from strategies.base.ports import Engine, Scorers
from strategies.base.strategy import Strategy
from strategies.base.types import Outcome, Prompt, Stage, Verdict
from strategies.drawing.draw import draw


class Single(Strategy):
    """One plain sample for each answer asked for: what a request without a strategy gets."""

    name: ClassVar[str] = "single"
    live_stages: ClassVar[frozenset[Stage]] = frozenset({"draw"})

    def draws(self, k: int) -> int:
        return k

    def for_given(self, count: int) -> NoReturn:
        raise InvalidRequest(f"{self.name} returns what it draws; it selects nothing", param="strategy")

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        candidates = await draw(prompt, prompt.k, engine)
        if any(candidate.finish_reason == "error" for candidate in candidates):
            raise EngineFailed("the engine failed on a sample")
        return Outcome(tuple(Verdict(c, "selected") for c in candidates), tuple(range(len(candidates))))
