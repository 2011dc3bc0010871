"""Why this answer and at what cost: the `nbest` key of a reply, and its `usage`."""

from typing import Any

from service.metering.run import RunResult
from service.protocol.cost import cost
from service.protocol.tools import calls_out
from strategies.base.types import Candidate, CandidateResult, Rejection, Vote


def explanation(run: RunResult) -> dict[str, Any]:
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


def _candidate(verdict: CandidateResult, full: bool) -> dict[str, Any]:
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
    if candidate.parts is not None and candidate.parts.flaw is not None:
        told["flaw"] = candidate.parts.flaw
    if verdict.stage != "sample":
        told["stage"] = verdict.stage
    if verdict.rejected_at is not None:
        told["rejected_at"] = _rejection(verdict.rejected_at)
    return told | _text(candidate) if full else told


def _text(candidate: Candidate) -> dict[str, Any]:
    told: dict[str, Any] = {"text": candidate.text, "logprob": candidate.logprob}
    if candidate.reasoning is not None:
        told["reasoning"] = candidate.reasoning
    return told | calls_out(candidate.tool_calls)


def _rejection(at: Rejection) -> dict[str, Any]:
    return {"step": at.step, "tokens": at.tokens, "score": at.score, "threshold": at.threshold}


def _vote(vote: Vote) -> dict[str, Any]:
    return {"group": vote.group, "answer": vote.answer, "count": vote.count, "reward": vote.reward}
