"""Fusion-of-N: draw N candidates, and have a language model write one answer from the best parts of all of them.

Source: Fusion-of-N (arXiv 2510.00931). What the paper leaves open is decided here: equal texts are fused once, the
fusor decodes greedily, and where its reply cannot be read the best candidate is returned, flagged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

from pydantic import Field

from strategies.answers.voting_strategy import exact_ballot
from strategies.base.errors import ScorerFailed
from strategies.base.ports import Engine, Scorers, StreamFilter
from strategies.base.ranking import is_number
from strategies.base.types import (
    Candidate,
    CandidateResult,
    Decoding,
    Detail,
    Fate,
    Outcome,
    Prompt,
    Score,
    Stage,
)
from strategies.fusion.fuse import FusionReply, ask_fusor
from strategies.fusion.pool import Pool, assess
from strategies.fusion.reply import Reply, read_reply
from strategies.fusion.stream_filter import AnswerView
from strategies.sampling.sample import draw, draw_scored
from strategies.sampling.scored_strategy import ScoredStrategy
from strategies.sampling.scoring import CandidateScorer

_COMPARISON_TOKENS: Final = 512
"""Room for the comparison where the request does not say how long the fusor's reply may be."""


class FusionOfN(ScoredStrategy):
    """Draw N candidates and have a language model fuse their best parts into one new answer."""

    name: ClassVar[str] = "fusion_of_n"
    live_stages: ClassVar[frozenset[Stage]] = frozenset({"fusion"})
    # What is promised token by token cannot be kept for a part of the fusor's reply.
    refuses: ClassVar[frozenset[str]] = frozenset(
        {"logit_bias", "logprobs", "response_format", "stop", "stop_token_ids", "top_logprobs"}
        | {"tools", "tool_choice", "parallel_tool_calls"}
    )

    n: int = Field(5, ge=1, description="Candidates to draw.")
    fusor: str | None = Field(
        None, max_length=64, description="Name of a configured fusor (default: the generator itself)."
    )
    fusion_temperature: float = Field(0.0, ge=0, le=2, description="The fusor's temperature; 0 is greedy.")
    fusion_max_tokens: int | None = Field(
        None, ge=1, description="Longest reply of the fusor (default: 512 more than a candidate may have)."
    )
    show_scores: bool = Field(False, description="Show the fusor each candidate's score.")
    guard: bool = Field(
        False, description="Return the fused answer only if it scores at least as high as the best candidate."
    )
    include_comparison: bool = Field(
        False, description="Report what the fusor said of the candidates (`explain: full` always does)."
    )

    @property
    def uses_scorer(self) -> bool:
        return self.scorer is not None or self.show_scores or self.guard

    @property
    def generators(self) -> Mapping[Stage, str]:
        return {} if self.fusor is None else {"fusion": self.fusor}

    def num_samples(self, k: int) -> int:
        return max(self.n, k)

    def further_tokens(self, max_tokens: int) -> int:
        return self.fusion_max_tokens or max_tokens + _COMPARISON_TOKENS

    def live_view(self, stage: Stage, k: int) -> StreamFilter | None:
        """The answer as it is written, unless it may yet be turned down, or fewer than `k` answers may come."""
        return AnswerView() if stage == "fusion" and k == 1 and not self.guard else None

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        judge = self.judge(scorers, alone=self.guard) if self.uses_scorer else None
        pool, failure = await self._drawn(prompt, engine, judge)
        if len(pool.distinct) < 2 or (self.guard and failure is not None):
            return pool.outcome(prompt.k, degraded=failure)
        shown = [score.value if self.show_scores and failure is None else None for score in pool.scores]
        asked = await ask_fusor(prompt, pool, shown, self._fusing(prompt.decoding), engine)
        if asked.written is None:
            return pool.outcome(prompt.k, degraded=failure or (None if asked.order else "fusion_too_long"))
        reply = read_reply(asked.written.content, ended=asked.written.finish_reason == "stop")
        verdict, guardless = await self._verdict(prompt, pool, asked.written, reply, judge)
        degraded = failure or guardless or _flaw(pool, asked.order, asked.written, reply)
        outcome = pool.outcome(prompt.k, verdict, degraded)
        return replace(outcome, details=self._details(pool, asked, reply))

    async def _drawn(
        self, prompt: Prompt, engine: Engine, judge: CandidateScorer | None
    ) -> tuple[Pool, str | None]:
        """The candidates, scored where scores are wanted, and in a word what stands in for a scorer that failed."""
        n = self.num_samples(prompt.k)
        if judge is None:
            candidates = await draw(prompt, n, engine)
            return assess(candidates, [Score()] * len(candidates)), None
        fail_fast = self.on_scorer_error == "fail"
        drawn = await draw_scored(self.asking(prompt), n, engine, judge, fail_fast=fail_fast)
        if drawn.failure is None:
            return assess(drawn.candidates, drawn.scores), None
        stand_ins = [self.fallback_score(candidate) for candidate in drawn.candidates]
        return assess(drawn.candidates, stand_ins), self.without_scorer

    def _fusing(self, decoding: Decoding) -> Decoding:
        """The fusor's own decoding: a candidate's penalties would keep it from copying what is good."""
        most = self.fusion_max_tokens
        if most is None and decoding.max_tokens is not None:
            most = self.further_tokens(decoding.max_tokens)
        seed = decoding.seed if self.fusion_temperature > 0 else None
        return Decoding(max_tokens=most, temperature=self.fusion_temperature, seed=seed)

    async def _verdict(
        self, prompt: Prompt, pool: Pool, written: Candidate, reply: Reply, judge: CandidateScorer | None
    ) -> tuple[CandidateResult, str | None]:
        """What becomes of the reply, a candidate whose tokens are all the fusor's, and the word for a failed guard."""
        if reply.answer is None:
            fate: Fate = "failed" if written.finish_reason == "error" else "invalid"
            return CandidateResult(written, fate, stage="fusion"), None
        reason = "stop" if reply.closed else written.finish_reason
        fused = replace(written, text=reply.answer, parts=None, finish_reason=reason, token_ids=())
        verdict = CandidateResult(
            fused, "selected", Score(), exact_ballot([fused]).answers[0], stage="fusion"
        )
        if judge is None or not self.guard:
            return verdict, None
        try:
            score = await judge(prompt, fused)
        except ScorerFailed:
            if self.on_scorer_error == "fail":
                raise
            return replace(verdict, fate="kept"), self.without_scorer
        passes = reaches(score, pool.best)
        return replace(verdict, fate="selected" if passes else "kept", score=score), None

    def _details(self, pool: Pool, asked: FusionReply, reply: Reply) -> dict[str, Detail]:
        """Which candidates the fusor read, in the order of reading, and what it said of them."""
        read = tuple(pool.candidates[i].index for i in asked.order)
        told = self.include_comparison or self.explain == "full"
        return {"fusor_read": read} | ({"comparison": reply.comparison} if told else {})


def reaches(fused: Score, best: Score) -> bool:
    """Whether a fused answer passes the guard: it has a score, and the best candidate has none that is higher."""
    if fused.value is None or not is_number(fused.value):
        return False
    return best.value is None or not is_number(best.value) or fused.value >= best.value


def _flaw(pool: Pool, read: Sequence[int], written: Candidate, reply: Reply) -> str | None:
    """What is wrong with the fusion, in a word; of one that a limit of the request cut off, the limit tells."""
    if written.finish_reason == "abort":
        return None
    if reply.answer is None:
        return "fusion_failed" if written.finish_reason == "error" else "fusion_unparsed"
    if not reply.closed:
        return "fusion_truncated"
    return "fusion_left_out" if len(read) < len(pool.distinct) else None
