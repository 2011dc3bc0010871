"""Which fields a fused answer can honour: the others are refused by name, unless they ask for nothing."""

from typing import Any

import pytest

from tests.service.fixtures import listening
from tests.service.routes.test_fusion import FUSE, fusing, post

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"logprobs": True}, "logprobs"),
    ({"stop": "x"}, "stop"),
    ({"stop_token_ids": [5]}, "stop_token_ids"),
    ({"logit_bias": {"5": 1.0}}, "logit_bias"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"temperature": 0}, "temperature"),
    ({"strategy": FUSE | {"fusion_temperature": 3}}, "strategy.fusion_temperature"),
    ({"strategy": FUSE | {"fusion_max_tokens": 10**6}}, "max_tokens"),
]


@pytest.mark.parametrize(("fields", "param"), REFUSED, ids=str)
async def test_what_cannot_be_kept_of_a_fused_text_is_refused(fields: dict[str, Any], param: str) -> None:
    engine = fusing()
    async with listening(engine) as running, running.client() as http:
        response = await post(http, **fields)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert engine.prompt_tokens == 0


NEUTRAL: list[dict[str, Any]] = [
    {"logprobs": False}, {"stop": []}, {"stop": None}, {"stop_token_ids": []}, {"logit_bias": {}},
    {"response_format": {"type": "text"}}, {"response_format": None}, {"top_logprobs": None},
]  # fmt: skip


@pytest.mark.parametrize("fields", NEUTRAL, ids=str)
async def test_fields_that_ask_for_nothing_are_accepted(fields: dict[str, Any]) -> None:
    async with listening(fusing()) as running, running.client() as http:
        assert (await post(http, **fields)).status_code == 200
