"""What a request cost in arithmetic: 2 x parameters x tokens for each model, what a cache spared told apart."""

from collections.abc import Mapping
from typing import Any

from service.metering.meter import Meter


def cost(meter: Meter, generator: int | None, scorers: Mapping[str, int | None]) -> dict[str, Any]:
    """FLOPs by model, as arXiv 2508.01969 reports them; null where the number of parameters is not known.

    The generator processes the prompt tokens that it read and the tokens that it generated; a scorer only reads. The
    estimate is the usual one of a forward pass, two operations for each parameter and token; attention is left out.
    """
    read = {name: tokens for name, tokens in meter.scorer_tokens.items() if tokens}
    judged = [
        _model(scorers.get(name), tokens, meter.scorer_cached_tokens[name]) | {"scorer": name}
        for name, tokens in read.items()
    ]
    generated = _model(generator, meter.engine_prompt_tokens + meter.completion_tokens, meter.cached_tokens)
    parts = [part["flops"] for part in (generated, *judged)]
    return {"generator": generated, "reward_models": judged, "flops": None if None in parts else sum(parts)}


def _model(parameters: int | None, tokens: int, cached: int) -> dict[str, Any]:
    flops = {"flops": tokens - cached, "cached_prefill_flops": cached}
    told = {name: None if parameters is None else 2 * parameters * count for name, count in flops.items()}
    return {"parameters": parameters, "tokens": tokens - cached, "cached_tokens": cached, **told}
