"""Top-H: one sample for each answer asked for, from the likeliest tokens, as many as a share of the entropy allows.

Source: arXiv 2509.02510 (NeurIPS 2025); the rule itself is `strategies.decoding.top_h`. The same truncation composes
with every other strategy through the request field `top_h`.
"""

from dataclasses import replace
from typing import ClassVar, NoReturn

from pydantic import Field

from strategies.base.errors import InvalidRequest, nothing_drawn
from strategies.base.ports import Engine, ScorerLookup
from strategies.base.strategy import Strategy
from strategies.base.types import CandidateResult, Outcome, Prompt, Stage, TopHVariant
from strategies.sampling.sample import draw


class TopH(Strategy):
    """One sample for each answer asked for, with entropy-bounded truncation on."""

    name: ClassVar[str] = "top_h"
    live_stages: ClassVar[frozenset[Stage]] = frozenset({"sample"})
    refuses: ClassVar[frozenset[str]] = frozenset({"min_p", "top_h", "top_h_variant"})

    alpha: float = Field(0.4, gt=0, le=1, description="Share of the model's own entropy that is kept.")
    variant: TopHVariant = Field(
        "paper", description="The rule: the paper's, or that of the code published in two places."
    )

    def num_samples(self, k: int) -> int:
        return k

    def for_precomputed(self, count: int) -> NoReturn:
        raise InvalidRequest(f"{self.name} returns what it draws; it selects nothing", param="strategy")

    async def run(self, prompt: Prompt, engine: Engine, scorers: ScorerLookup) -> Outcome:
        decoding = replace(prompt.decoding, top_h=self.alpha, top_h_variant=self.variant)
        candidates = await draw(replace(prompt, decoding=decoding), prompt.k, engine)
        if any(candidate.finish_reason == "error" for candidate in candidates):
            raise nothing_drawn(has_schema=prompt.decoding.json_schema is not None)
        return Outcome(
            tuple(CandidateResult(c, "selected") for c in candidates), tuple(range(len(candidates)))
        )
