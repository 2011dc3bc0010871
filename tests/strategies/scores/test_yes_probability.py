"""P(yes) equals the sum over spellings written out, and what is no verdict stays none."""

import math
from random import Random

import pytest

from strategies.base.types import TokenLogprob
from strategies.scores.yes_probability import mean_verdict, probability_of_yes, verdict_token
from tests.random_cases import number, random_cases

WORDS = ("Yes", "No")
SPELLINGS = ["Yes", " yes", "YES", "No", " no", "▁No", "Maybe", "Yesterday", "N", "\n"]


def at(**probabilities: float) -> TokenLogprob:
    """The verdict token, where these are the likeliest; the first was said."""
    top = tuple((word, i, math.log(p)) for i, (word, p) in enumerate(probabilities.items()))
    return TokenLogprob(*top[0], top)


def test_by_hand() -> None:
    assert math.isclose(probability_of_yes(at(Yes=0.6, No=0.2), WORDS) or 0, 0.75)
    assert math.isclose(probability_of_yes(at(No=0.6, Yes=0.2), WORDS) or 0, 0.25)
    # the missing No is at most as likely as the least likely that is listed
    assert math.isclose(probability_of_yes(at(Yes=0.9, Maybe=0.1), WORDS) or 0, 0.9)
    assert probability_of_yes(at(Maybe=0.9, Perhaps=0.1), WORDS) is None
    assert probability_of_yes(TokenLogprob("Yes", 0, math.nan), WORDS) is None


def test_only_one_token_known_is_even() -> None:
    """Its rival may be as likely as itself for all that is known."""
    assert probability_of_yes(TokenLogprob("Yes", 7, -0.1), WORDS) == 0.5


def _listed(rng: Random) -> tuple[list[tuple[str, float]]]:
    return ([(word, number(rng, -30, 0)) for word in rng.sample(SPELLINGS, rng.randint(1, 8))],)


@random_cases(_listed, count=2500)
def test_equals_the_sum_over_spellings(rows: list[tuple[str, float]]) -> None:
    top = tuple((word, i, logprob) for i, (word, logprob) in enumerate(rows))
    found = probability_of_yes(TokenLogprob(*top[0], top), WORDS)
    yes = sum(math.exp(p) for word, p in rows if word in ("Yes", " yes", "YES"))
    no = sum(math.exp(p) for word, p in rows if word in ("No", " no", "▁No"))
    if not yes and not no:
        assert found is None
        return
    least = min(math.exp(p) for _, p in rows)
    wanted = (yes or least) / ((yes or least) + (no or least))
    assert found is not None
    assert 0 < found < 1
    assert math.isclose(found, wanted, rel_tol=1e-9)


def test_the_last_token_that_spells_a_word_is_the_verdict() -> None:
    said = [TokenLogprob(word, i, -0.1) for i, word in enumerate(["No", " not", " ĠYes", " yes", ".", "\n"])]
    token = verdict_token(said, WORDS)
    assert token is not None
    assert token.token_id == 3
    assert verdict_token(said[1:2], WORDS) is None


@pytest.mark.parametrize(
    ("verdicts", "mean"), [([0.5, None, 1.0], 0.75), ([None], None), ([], None), ([0.25], 0.25)]
)
def test_the_mean_is_over_the_samples_that_have_a_verdict(
    verdicts: list[float | None], mean: float | None
) -> None:
    assert mean_verdict(verdicts) == mean
