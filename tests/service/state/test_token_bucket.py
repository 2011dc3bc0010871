"""A minute's tokens: never more than a minute's worth, never a wait above a minute, and nothing lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admission.quota import Account
from service.keys.caller import Caller
from service.state.token_bucket import TokenBucket
from strategies.base.errors import QuotaExceeded


class Clock:
    """A time that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 600)), max_size=30))
def test_what_is_admitted_never_exceeds_the_rate(asked: list[tuple[float, int]]) -> None:
    """Against the definition: in any span of time at most one minute's worth more than the span allows."""
    bucket, now = TokenBucket.full(600, 0.0), 0.0
    taken: list[tuple[float, int]] = []
    for pause, tokens in asked:
        now += pause
        wait_s = bucket.missing_s(tokens, now)
        assert 0 <= wait_s <= 60
        if wait_s == 0:
            bucket.take(tokens, now)
            taken.append((now, tokens))
    for i, (begun, _) in enumerate(taken):
        for j, (ended, _) in enumerate(taken[i:], i):
            spent = sum(tokens for _, tokens in taken[i : j + 1])
            assert spent <= 600 + 10 * (ended - begun) + 1e-6


def test_the_wait_that_it_names_is_enough() -> None:
    bucket = TokenBucket.full(600, 0.0)
    bucket.take(600, 0.0)
    assert bucket.missing_s(100, 0.0) == pytest.approx(10)
    assert bucket.missing_s(100, 10.0) == 0


def test_what_comes_back_never_makes_more_than_a_minutes_worth() -> None:
    bucket = TokenBucket.full(600, 0.0)
    bucket.take(10, 0.0)
    bucket.give_back(300)
    assert bucket.missing_s(600, 0.0) == 0
    assert bucket.missing_s(601, 0.0) > 0


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    bucket = TokenBucket.full(60, 100.0)
    assert bucket.missing_s(60, 50.0) == 0


def test_an_account_counts_requests_and_tokens() -> None:
    clock = Clock()
    account = Account(Caller("a", tokens_per_minute=100, max_concurrent_requests=2), clock)
    account.open(60)
    with pytest.raises(QuotaExceeded) as refused:
        account.open(50)
    assert refused.value.retry_after_s == pytest.approx(6)
    account.open(40)
    with pytest.raises(QuotaExceeded, match="2 requests"):
        account.open(0)
    account.close(unused=10)
    account.open(10)


def test_a_caller_without_limits_has_none() -> None:
    account = Account(Caller("a"), Clock())
    for _ in range(1000):
        account.open(10**9)
