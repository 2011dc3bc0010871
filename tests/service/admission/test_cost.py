"""What a request costs at most, and that what costs too much is refused before anything is allocated."""

import time

import pytest

from service.admission.cost import Cost, check_size, cost_of, reading_cost
from service.admission.settings import Limits
from strategies.base.errors import InvalidRequest
from strategies.base.strategy import Strategy
from strategies.base.types import Decoding, Message, Prompt
from strategies.best_of_n import BestOfN
from strategies.fusion_of_n import FusionOfN
from strategies.single import Single

LIMITS = Limits(max_n=8, max_tokens=100, max_request_tokens=400, default_max_tokens=50)


@pytest.mark.parametrize(
    ("strategy", "decoding", "k", "param"),
    [
        (BestOfN(n=9), Decoding(), 1, "strategy.n"),
        (BestOfN(n=10**9), Decoding(max_tokens=10**9), 1, "strategy.n"),
        (Single(), Decoding(), 9, "n"),
        (BestOfN(n=4), Decoding(temperature=0), 1, "temperature"),
        (Single(), Decoding(max_tokens=101), 1, "max_tokens"),
        (Single(), Decoding(min_tokens=51), 1, "min_tokens"),
        (Single(), Decoding(min_tokens=10**9, max_tokens=100), 1, "min_tokens"),
        (BestOfN(n=5), Decoding(max_tokens=100), 1, "max_tokens"),
        (FusionOfN(n=3, fusion_max_tokens=101), Decoding(max_tokens=100), 1, "max_tokens"),
    ],
    ids=str,
)
def test_what_can_never_be_admitted_is_refused_at_once(
    strategy: Strategy, decoding: Decoding, k: int, param: str
) -> None:
    began = time.monotonic()
    with pytest.raises(InvalidRequest) as caught:
        check_size(strategy, decoding, k, LIMITS)
    assert caught.value.param == param
    assert time.monotonic() - began < 0.05


@pytest.mark.parametrize(
    ("strategy", "decoding", "k"),
    [
        (BestOfN(n=8), Decoding(), 1),
        (Single(), Decoding(temperature=0), 1),
        (Single(), Decoding(min_tokens=50), 1),
        (BestOfN(n=2), Decoding(), 4),
        (FusionOfN(n=3, fusion_max_tokens=100), Decoding(max_tokens=100), 1),
    ],
    ids=str,
)
def test_what_fits_is_admitted(strategy: Strategy, decoding: Decoding, k: int) -> None:
    check_size(strategy, decoding, k, LIMITS)


def test_more_candidates_than_the_engine_holds_at_once_are_never_admitted() -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_size(BestOfN(n=5), Decoding(max_tokens=1), 1, Limits(max_inflight_candidates=4))
    assert caught.value.param == "strategy.n"


@pytest.mark.parametrize(
    ("strategy", "prompt", "expected"),
    [
        # 4 candidates of 10 tokens, and 8 bytes of prompt
        (BestOfN(n=4), Prompt(text="a" * 8, decoding=Decoding(max_tokens=10)), Cost(42, 4)),
        # the default of 50 tokens; 5 bytes are two tokens; every message counts by itself
        (Single(), Prompt((Message("user", "a" * 5), Message("user", "b"))), Cost(53, 1)),
        # a character of 4 bytes is a token; 3 candidates of 10 and a fusion of 7
        (
            FusionOfN(n=3, fusion_max_tokens=7),
            Prompt(text="🙂", decoding=Decoding(max_tokens=10)),
            Cost(38, 3),
        ),
    ],
)
def test_all_candidates_of_a_request_are_counted_together(
    strategy: Strategy, prompt: Prompt, expected: Cost
) -> None:
    assert cost_of(strategy, prompt, LIMITS) == expected


def test_reading_counts_the_prompt_before_each_text() -> None:
    assert reading_cost(Prompt(text="a" * 40), ["b" * 4, "b" * 9], "texts") == Cost(24, 0, "texts")
