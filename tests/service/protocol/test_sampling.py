"""Sampling fields to a Decoding: the model's defaults fill the gaps, and truncations that cannot meet are refused."""

from typing import Any

import pytest

from service.protocol.sampling import SamplingFields
from strategies.base.errors import InvalidRequest
from strategies.base.types import Decoding


def decoding(defaults: dict[str, float] | None = None, **fields: Any) -> Decoding:
    return SamplingFields(model="m", **fields).decoding(defaults or {}, 5, None)


def test_every_truncation_arrives() -> None:
    assert decoding(min_p=0.1) == Decoding(max_tokens=5, min_p=0.1)
    told = decoding(top_h=0.3, top_h_variant="transformers", top_p=0.9, top_k=7)
    assert told == Decoding(max_tokens=5, top_h=0.3, top_h_variant="transformers", top_p=0.9, top_k=7)
    assert decoding(top_h=1).top_h_variant == "paper"


@pytest.mark.parametrize(
    ("defaults", "fields", "param"),
    [
        ({}, {"top_h": 0.4, "min_p": 0.1}, "min_p"),
        ({"min_p": 0.1}, {"top_h": 0.4}, "min_p"),
        ({}, {"top_h_variant": "paper"}, "top_h_variant"),
    ],
)
def test_what_cannot_be_combined_is_refused_by_name(
    defaults: dict[str, float], fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decoding(defaults, **fields)
    assert refused.value.param == param


def test_a_default_of_the_model_can_be_switched_off() -> None:
    assert decoding({"min_p": 0.1}, top_h=0.4, min_p=0).top_h == 0.4
