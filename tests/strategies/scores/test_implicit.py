"""Implicit rewards against sums of logarithms written out one token at a time."""

import math
from collections.abc import Sequence
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.scores.implicit import Integration, step_rewards, token_rewards
from tests.random_cases import number, random_cases

LOGPROBS = st.floats(-50, 0)
Pairs = list[tuple[float, float]]


def reference(
    pairs: Sequence[tuple[float, float]],
    owner: Sequence[int],
    steps: int,
    beta: float,
    integration: Integration,
) -> list[float]:
    """For each step, every token is looked at: is it of this step (or of one before)? `owner` names its step."""
    found = []
    for step in range(steps):
        total = Fraction(0)
        for (ours, theirs), of in zip(pairs, owner, strict=True):
            if of == step or (integration == "cumulative" and of < step):
                total += Fraction(beta * (ours - theirs))
        found.append(float(total))
    return found


def test_worked_example() -> None:
    # The policy finds the first token twice as likely, the second as likely, the third half as likely.
    policy = [math.log(0.5), math.log(0.3), math.log(0.2)]
    ref = [math.log(0.25), math.log(0.3), math.log(0.4)]
    rewards = token_rewards(policy, ref, beta=2.0)
    assert rewards == pytest.approx((2 * math.log(2), 0, -2 * math.log(2)))
    assert step_rewards(rewards, [1, 3], "step") == pytest.approx((2 * math.log(2), -2 * math.log(2)))
    assert step_rewards(rewards, [1, 3], "cumulative") == pytest.approx((2 * math.log(2), 0))


def _answer(rng: Random) -> tuple[Pairs, int, list[int], float, Integration]:
    """Tokens, steps, and which step each token belongs to; a step may have none."""
    pairs = [(number(rng, -50, 0), number(rng, -50, 0)) for _ in range(rng.randint(0, 30))]
    steps = rng.randint(1, 6)
    owner = sorted(rng.randrange(steps) for _ in pairs)
    return pairs, steps, owner, number(rng, 1e-4, 10), rng.choice(["step", "cumulative"])


@random_cases(_answer)
def test_agrees_with_the_reference(
    pairs: Pairs, steps: int, owner: list[int], beta: float, integration: Integration
) -> None:
    ends = [sum(of <= step for of in owner) for step in range(steps)]
    rewards = token_rewards([ours for ours, _ in pairs], [theirs for _, theirs in pairs], beta)
    expected = reference(pairs, owner, steps, beta, integration)
    assert step_rewards(rewards, ends, integration) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@settings(max_examples=300, deadline=None)
@given(st.lists(LOGPROBS, min_size=1, max_size=20))
def test_a_model_against_itself_is_worth_nothing(logprobs: list[float]) -> None:
    rewards = token_rewards(logprobs, logprobs)
    assert set(step_rewards(rewards, [1, len(logprobs)], "cumulative")) == {0.0}


def test_a_step_without_tokens_adds_nothing() -> None:
    assert step_rewards([1.0, 2.0], [0, 2, 2], "step") == (0.0, 3.0, 0.0)
    assert step_rewards([1.0, 2.0], [0, 2, 2], "cumulative") == (0.0, 3.0, 3.0)


def test_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        token_rewards([-1.0, -2.0], [-1.0])
