"""The arithmetic of a request: figures by hand, and null rather than a guess."""

from service.metering.meter import Meter
from service.protocol.cost import cost


def spent() -> Meter:
    meter = Meter()
    meter.tokens.update({"sample": 100, "judge": 20})
    meter.engine_prompt_tokens, meter.cached_tokens = 60, 50
    meter.scorer_tokens["step"], meter.scorer_cached_tokens["step"] = 300, 200
    return meter


def test_two_operations_a_parameter_and_token_with_cached_prefill_apart() -> None:
    told = cost(spent(), 1000, {"step": 10, "unused": 5})
    assert told["generator"] == {
        "parameters": 1000,
        "tokens": 130,
        "cached_tokens": 50,
        "flops": 260_000,
        "cached_prefill_flops": 100_000,
    }
    assert told["reward_models"] == [
        {
            "scorer": "step",
            "parameters": 10,
            "tokens": 100,
            "cached_tokens": 200,
            "flops": 2000,
            "cached_prefill_flops": 4000,
        }
    ]
    assert told["flops"] == 262_000


def test_a_model_of_unknown_size_makes_the_sum_unknown() -> None:
    told = cost(spent(), 1000, {"step": None})
    assert (told["flops"], told["reward_models"][0]["flops"]) == (None, None)
    assert told["reward_models"][0]["tokens"] == 100
    assert told["generator"]["flops"] == 260_000
    assert cost(Meter(), 7, {})["flops"] == 0
