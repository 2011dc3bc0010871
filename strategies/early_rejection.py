"""Early rejection: a process reward model judges answers while they are written, and only the best are written on.

Source: arXiv 2508.01969 (EMNLP 2025 Findings 551), "partial rewards" for reward-guided beam search; defaults of its
code, scheshmi/accelerated-reasoning-ER-PRM: 16 beams, beam_width 4, tau 64, 20 steps. `tau: null` is the same search
with whole steps judged, so the saving can be measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from strategies.answers.voting_strategy import VotingStrategy
from strategies.base.errors import ScorerFailed
from strategies.base.field_errors import WrongField
from strategies.base.ports import Engine, LiveCandidate, ScorerKind, Scorers, StepScorer
from strategies.base.types import Candidate, Detail, Outcome, Prompt
from strategies.sampling.scored_strategy import ScoredStrategy
from strategies.sampling.shown import content_of, written_of
from strategies.scores.aggregate import Aggregation
from strategies.search.beam import Beam
from strategies.search.beam_set import BeamSet
from strategies.search.outcome import FinishedBeam, conclude, winner_is_lost
from strategies.search.response_search import TO_THE_END, search_responses
from strategies.search.step_scoring import PartialScorer
from strategies.search.step_search import Steps, search_steps

_OF_STEPS = frozenset({"delimiter", "max_steps", "max_step_tokens", "max_completed"})
_OF_RESPONSES = frozenset({"checkpoints", "keep_ratio"})


class EarlyRejection(VotingStrategy, ScoredStrategy):
    """Judge answers while they are written with a process reward model, and write on only the best of them."""

    name: ClassVar[str] = "early_rejection"
    scorer_kinds: ClassVar[tuple[ScorerKind, ...]] = ("step",)
    # A paused candidate is continued by a new engine request, which has no memory of these.
    refuses: ClassVar[frozenset[str]] = frozenset(
        {"presence_penalty", "frequency_penalty", "response_format", "thinking_token_budget"}
        | {"tools", "tool_choice", "parallel_tool_calls"}
    )

    scope: Literal["step", "response"] = Field(
        "step",
        description="Search step by step with forks, or write whole answers and reject some on the way.",
    )
    beams: int = Field(16, ge=1, description="Candidates written side by side (N).")
    beam_width: int = Field(4, ge=1, description="One in so many goes on, and is forked into so many (M).")
    tau: int | None = Field(
        64, ge=1, description="Tokens of a step (or answer) after which it is judged; null judges whole ones."
    )
    delimiter: str | None = Field(
        None, min_length=1, description="What ends a step (default: the scorer's own delimiter)."
    )
    max_steps: int = Field(20, ge=1, description="Steps after which the search ends.")
    max_step_tokens: int = Field(256, ge=1, description="Tokens after which a step ends without delimiter.")
    max_completed: int | None = Field(
        None,
        ge=1,
        description="Finished answers that end the search (default: beams / beam_width); never below n.",
    )
    checkpoints: list[int] = Field(
        default_factory=list,
        description="Scope `response`: tokens at which answers are judged (default: tau alone).",
    )
    keep_ratio: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Scope `response`: share that goes on at a checkpoint (default: 1 / beam_width).",
    )
    shadow: bool = Field(
        False, description="Reject nothing early; report if the winner would have been lost, and what saved."
    )
    aggregation: Aggregation = Field("last", description="How the scores of steps become one number.")

    @model_validator(mode="after")
    def _consistent(self) -> "EarlyRejection":
        """A parameter that would have no effect is refused rather than dropped."""
        others = _OF_RESPONSES if self.scope == "step" else _OF_STEPS
        if idle := sorted(others & self.model_fields_set):
            raise WrongField(idle[0], f"{', '.join(idle)} has no meaning with scope {self.scope!r}")
        if self.checkpoints != sorted({max(1, tokens) for tokens in self.checkpoints}):
            raise WrongField("checkpoints", "checkpoints must be positive and rise")
        if self.checkpoints and "tau" in self.model_fields_set:
            raise WrongField("tau", "tau and checkpoints say the same; give one of them")
        if self.shadow and self.tau is None:
            raise WrongField("shadow", "shadow needs a tau: without one nothing is rejected early")
        return self

    def num_samples(self, k: int) -> int:
        """At most so many are written at any one time; a fork takes the place of one that was rejected."""
        return max(self.beams, k)

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        async with engine.open(self.asking(prompt), self.num_samples(prompt.k)) as lives:
            scorer = scorers.step(self.scorer)
            sees_reasoning = scorers.sees_reasoning(self.scorer or scorers.default(self.scorer_kinds))
            search = self._search(prompt, lives, scorer, written_of if sees_reasoning else content_of)
            try:
                await self._run(search, scorer)
            except ScorerFailed:
                if self.on_scorer_error == "fail":
                    raise
                return await self._without_scores(search, scorers)
            return await self._concluded(search, scorers)

    def _search(
        self,
        prompt: Prompt,
        lives: Sequence[LiveCandidate],
        scorer: StepScorer,
        read: Callable[[Candidate], str],
    ) -> BeamSet:
        critic = PartialScorer(scorer, prompt, self.aggregation, read)
        return BeamSet(list(map(Beam, lives)), critic, prompt.k, self.shadow)

    async def _run(self, search: BeamSet, scorer: StepScorer) -> None:
        if self.scope == "step":
            await search_steps(search, self._plan(search.k, scorer.delimiter))
        else:
            tau = [self.tau] if self.tau is not None else []
            await search_responses(search, self.checkpoints or tau, self.keep_ratio or 1 / self.beam_width)
        if search.missing:
            # One that did not end will have to be returned: the best of those that could have gone on.
            await search.judge(search.standing)

    def _plan(self, k: int, delimiter: str) -> Steps:
        return Steps(
            beams=self.num_samples(k),
            beam_width=self.beam_width,
            tau=self.tau,
            delimiter=self.delimiter or delimiter,
            max_steps=self.max_steps,
            max_step_tokens=self.max_step_tokens,
            max_completed=max(k, self.max_completed or max(1, self.beams // self.beam_width)),
        )

    async def _concluded(self, search: BeamSet, scorers: Scorers) -> Outcome:
        """The outcome with the figures of the search, and in shadow with what rejection would have done."""
        standings = [FinishedBeam.of(beam) for beam in search.beams]
        ballot = await self.ballot([standing.candidate for standing in standings], scorers)
        outcome = conclude(standings, ballot, search.k)
        told: dict[str, Detail] = {"scope": self.scope, "rounds": search.rounds}
        told["rejected"] = sum(beam.is_rejected for beam in search.beams)
        if self.shadow:
            told["would_reject"] = search.marked
            told["winner_lost"] = winner_is_lost(outcome)
            told["tokens_saved"] = search.saved
        return replace(outcome, details=told)

    async def _without_scores(self, search: BeamSet, scorers: Scorers) -> Outcome:
        """Nothing more is rejected: those still there write on to the end, and the stand-in decides."""
        await search.write_to(TO_THE_END)
        for beam in search.beams:
            beam.score = beam.last = self.fallback_score(beam.live.candidate())
        return replace(await self._concluded(search, scorers), degraded=self.without_scorer)
