"""What a request cost, in tokens, by purpose."""

from typing import Any

from service.metering.meter import Meter
from service.metering.run import RunResult
from strategies.base.types import Outcome


def usage(run: RunResult) -> dict[str, Any]:
    """OpenAI's usage; the details sum to `completion_tokens`, and `nbest` holds what OpenAI has no word for.

    All details but `reasoning_tokens`, which OpenAI counts within the others.

    `prompt_tokens` counts the prompt once, and `cached_tokens` what of it the cache held when it was first read;
    `nbest.engine_prompt_tokens` and `nbest.engine_cached_tokens` count both for every candidate, as the engine's own
    counters do.
    """
    meter = run.meter
    return {
        "prompt_tokens": meter.prompt_tokens,
        "completion_tokens": meter.completion_tokens,
        "total_tokens": meter.prompt_tokens + meter.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": meter.prompt_cached_tokens},
        "completion_tokens_details": _by_purpose(run.outcome, meter),
        "nbest": {
            "engine_prompt_tokens": meter.engine_prompt_tokens,
            "engine_cached_tokens": meter.cached_tokens,
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
    drawn = sum(verdict.candidate.tokens for verdict in verdicts if verdict.stage == "sample")
    selected = min(drawn, meter.tokens["sample"])
    judge, fusion = meter.tokens["judge"], meter.tokens["fusion"]
    return {
        "selected_tokens": selected,
        "judge_tokens": judge,
        "fusion_tokens": fusion,
        "rejected_tokens": meter.completion_tokens - selected - judge - fusion,
        "reasoning_tokens": meter.reasoning_tokens,
    }
