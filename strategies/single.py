"""Single: one plain sample for each answer asked for, streamed as it is generated."""

from typing import ClassVar, NoReturn

from strategies.base.errors import InvalidRequest, nothing_drawn
from strategies.base.ports import Engine, ScorerLookup
from strategies.base.strategy import Strategy
from strategies.base.types import CandidateResult, Outcome, Prompt, Stage
from strategies.sampling.sample import draw


class Single(Strategy):
    """One plain sample for each answer asked for: what a request without a strategy gets."""

    name: ClassVar[str] = "single"
    live_stages: ClassVar[frozenset[Stage]] = frozenset({"sample"})

    def num_samples(self, k: int) -> int:
        return k

    def for_precomputed(self, count: int) -> NoReturn:
        raise InvalidRequest(f"{self.name} returns what it draws; it selects nothing", param="strategy")

    async def run(self, prompt: Prompt, engine: Engine, scorers: ScorerLookup) -> Outcome:
        candidates = await draw(prompt, prompt.k, engine)
        if any(candidate.finish_reason == "error" for candidate in candidates):
            raise nothing_drawn(has_schema=prompt.decoding.json_schema is not None)
        return Outcome(
            tuple(CandidateResult(c, "selected") for c in candidates), tuple(range(len(candidates)))
        )
