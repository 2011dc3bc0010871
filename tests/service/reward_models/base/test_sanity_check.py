"""A scorer that puts a wrong answer first, or has no number, is refused in one line; one that is right is served."""

import math
from collections.abc import Sequence

import pytest

from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.base.sanity_check import ARITHMETIC, RELEVANCE
from service.reward_models.base.settings import SanityCheck
from service.reward_models.reward_functions.scripted import ScriptedOutcomeScorer, ScriptedStepScorer
from strategies.base.ports import OutcomeScores
from strategies.base.types import Prompt

PAIR = SanityCheck(prompt="1 + 1?", chosen="two\nindeed", rejected="two\nor three")


def loaded(kind: str, rule: object, **more: object) -> LoadedScorers:
    if kind == "outcome":
        outcome = ScriptedOutcomeScorer("s", rule, **more)  # type: ignore[arg-type]  # by parameter
        return LoadedScorers(
            (ScorerInfo("s", "outcome", "vllm", "m"),), outcomes={"s": outcome}, checks={"s": PAIR}
        )
    step = ScriptedStepScorer("s", rule, **more)  # type: ignore[arg-type]  # by parameter
    return LoadedScorers((ScorerInfo("s", "step", "vllm", "m"),), steps={"s": step}, checks={"s": PAIR})


def right_first(prompt: Prompt, text: str) -> float:
    return 0.2 if "three" in text else 0.9


def wrong_first(prompt: Prompt, text: str) -> float:
    return -right_first(prompt, text)


def indifferent(prompt: Prompt, text: str) -> float:
    return 1.0


@pytest.mark.parametrize("kind", ["outcome", "step"])
async def test_the_right_order_is_served(kind: str) -> None:
    await loaded(kind, right_first).check_order()


@pytest.mark.parametrize("kind", ["outcome", "step"])
@pytest.mark.parametrize("rule", [wrong_first, indifferent])
async def test_the_wrong_order_and_a_tie_are_refused_in_one_line(kind: str, rule: object) -> None:
    with pytest.raises(
        ScorerLoadError, match=r"^scorer 's': it puts a wrong answer at .*`sanity_check: false`"
    ) as error:
        await loaded(kind, rule).check_order()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["outcome", "step"])
async def test_a_scorer_that_fails_or_gives_nan_is_refused(kind: str) -> None:
    with pytest.raises(
        ScorerLoadError, match="scorer 's': it was told to fail; it was asked about a known pair"
    ):
        await loaded(kind, right_first, fault="raise").check_order()
    with pytest.raises(ScorerLoadError, match="no score for a known pair"):
        await loaded(kind, lambda prompt, text: math.nan).check_order()


async def test_what_is_not_to_be_checked_is_not_asked() -> None:
    asked: list[str] = []

    class Asked(ScriptedOutcomeScorer):
        async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
            asked.extend(texts)
            return await super().score(prompt, texts)

    scorers = LoadedScorers(
        (ScorerInfo("s", "outcome", "vllm", "m"),), outcomes={"s": Asked("s", wrong_first)}
    )
    await scorers.check_order()
    assert not asked


@pytest.mark.parametrize("pair", [ARITHMETIC, RELEVANCE])
def test_the_built_in_pairs_differ_in_what_they_say_alone(pair: SanityCheck) -> None:
    assert pair.chosen != pair.rejected
    assert pair.chosen.count("\n") == pair.rejected.count("\n")
