"""Why this answer and at what cost: the `nbest` key of a reply, and its `usage`."""

from typing import Any

from service.metering.meter import Meter
from service.protocol.cost import cost
from service.runner import Run
from strategies.base.types import Candidate, Outcome, Rejection, Verdict, Vote


def explanation(run: Run) -> dict[str, Any]:
    """`{"nbest": …}` as the request's `explain` asks for it; nothing at all for `none`."""
    if run.strategy.explain == "none":
        return {}
    full = run.strategy.explain == "full"
    outcome = run.outcome
    told = {
        "strategy": run.strategy.name,
        "seed": run.prompt.decoding.seed,
        "selected": [outcome.verdicts[i].candidate.index for i in outcome.selected],
        "candidates": [_candidate(verdict, full) for verdict in outcome.verdicts],
        "votes": [_vote(vote) for vote in outcome.votes],
        "tie": outcome.tie,
        "degraded": outcome.degraded,
        "cost": cost(run.meter, run.parameters.generator, run.parameters.scorers),
        "time_ms": run.meter.time_ms(),
    }
    if outcome.details:
        told["details"] = dict(outcome.details)
    return {"nbest": told}


def usage(run: Run) -> dict[str, Any]:
    """OpenAI's usage; the details sum to `completion_tokens`, and `nbest` holds what OpenAI has no word for.

    `prompt_tokens` counts the prompt once; `nbest.engine_prompt_tokens` counts it for every candidate, as the
    engine's own counter does.
    """
    meter = run.meter
    return {
        "prompt_tokens": meter.prompt_tokens,
        "completion_tokens": meter.completion_tokens,
        "total_tokens": meter.prompt_tokens + meter.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": meter.cached_tokens},
        "completion_tokens_details": _by_purpose(run.outcome, meter),
        "nbest": {
            "engine_prompt_tokens": meter.engine_prompt_tokens,
            "reward_model_tokens": meter.reward_model_tokens,
            "reward_model_cached_tokens": meter.reward_model_cached_tokens,
        },
    }


def _by_purpose(outcome: Outcome, meter: Meter) -> dict[str, int]:
    """Where the tokens went. What was drawn and is not returned was rejected, whatever it was rejected for.

    A fused answer is not selected from what was drawn: its tokens are fusion tokens.
    Answers that were forked from one candidate share tokens, which were generated once.
    """
    verdicts = [outcome.verdicts[i] for i in outcome.selected]
    drawn = sum(verdict.candidate.tokens for verdict in verdicts if verdict.stage == "draw")
    selected = min(drawn, meter.tokens["draw"])
    judge, fusion = meter.tokens["judge"], meter.tokens["fusion"]
    return {
        "selected_tokens": selected,
        "judge_tokens": judge,
        "fusion_tokens": fusion,
        "rejected_tokens": meter.completion_tokens - selected - judge - fusion,
        "reasoning_tokens": 0,
    }


def _candidate(verdict: Verdict, full: bool) -> dict[str, Any]:
    candidate = verdict.candidate
    told: dict[str, Any] = {
        "index": candidate.index,
        "score": verdict.score.value,
        "step_scores": list(verdict.score.steps) or None,
        "answer": verdict.answer,
        "group": verdict.group,
        "tokens": candidate.tokens,
        "finish_reason": candidate.finish_reason,
        "fate": verdict.fate,
    }
    if verdict.stage != "draw":
        told["stage"] = verdict.stage
    if verdict.rejected_at is not None:
        told["rejected_at"] = _rejection(verdict.rejected_at)
    return told | _text(candidate) if full else told


def _text(candidate: Candidate) -> dict[str, Any]:
    return {"text": candidate.text, "logprob": candidate.logprob}


def _rejection(at: Rejection) -> dict[str, Any]:
    return {"step": at.step, "tokens": at.tokens, "score": at.score, "threshold": at.threshold}


def _vote(vote: Vote) -> dict[str, Any]:
    return {"group": vote.group, "answer": vote.answer, "count": vote.count, "reward": vote.reward}
