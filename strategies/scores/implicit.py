"""Implicit process rewards: how much likelier a trained model finds an answer than the model its training began with.

Source: Free Process Rewards without Process Labels (arXiv 2412.01981), and PRIME (arXiv 2502.01456), which trains with
the same rewards. For an answer y of T tokens the outcome reward is

    r(y) = beta * sum over t of log(policy(y_t | x, y_<t) / reference(y_t | x, y_<t)),

and its partial sum up to token t, q_t, is the expected outcome reward after that token, so that the process reward of
a step is the difference between the q of its end and of its beginning. Pure functions of log-probabilities.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import fsum
from typing import Final, Literal

Integration = Literal["step", "cumulative"]
"""What a step's score is: its own process reward, or q at its end, the sum over the answer so far."""

BETA: Final = 0.001
"""The coefficient of the authors' evaluation (PRIME-RL/ImplicitPRM); any other scales all scores alike."""


def token_rewards(
    policy: Sequence[float], reference: Sequence[float], beta: float = BETA
) -> tuple[float, ...]:
    """beta times the log-likelihood ratio of each token; both are log-probabilities of the same tokens, in nats.

    ValueError if they are not of one length.
    """
    return tuple(beta * (ours - theirs) for ours, theirs in zip(policy, reference, strict=True))


def step_rewards(
    rewards: Sequence[float], ends: Sequence[int], integration: Integration
) -> tuple[float, ...]:
    """One number a step from the rewards of an answer's tokens.

    `ends[k]` is the number of tokens in the first k + 1 steps and never falls; a step without a token of its own
    adds nothing. Sums are rounded once. Under `cumulative` the last step's score is the outcome reward itself.
    """
    if integration == "cumulative":
        return tuple(fsum(rewards[:end]) for end in ends)
    return tuple(fsum(rewards[start:end]) for start, end in pairwise([0, *ends]))
