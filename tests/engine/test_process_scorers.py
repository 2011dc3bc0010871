"""Process scorers on real vLLM engines equal the model cards' recipes, from the cache too."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.engine.group_lock import GroupLock
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.implicit.settings import ImplicitScorer
from service.reward_models.loading.loader import load_scorers
from service.reward_models.process.settings import ProcessScorer
from strategies.base.errors import ScorerFailed
from strategies.base.types import Message, Prompt
from tests.service.reward_models.process import checkpoints, recipes

# An engine a test: on a busy core each takes a minute to start.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

TOLERANCE = 1e-4
MAX_MODEL_LEN = 256
QUESTION = "Tom has 3 apples and buys 4 more. How many does he have?"
PROMPT = Prompt((Message("user", QUESTION),))
CASES: list[tuple[str, Callable[[Path], Path], Callable[[Path], recipes.Recipe]]] = [
    ("qwen_math_prm", checkpoints.save_qwen_math_prm, recipes.qwen_math_prm),
    ("math_shepherd", checkpoints.save_math_shepherd, recipes.math_shepherd),
    ("rlhflow", checkpoints.save_rlhflow, recipes.rlhflow),
    ("multi_rm", checkpoints.save_multi_rm, recipes.multi_rm),
]


@contextmanager
def loaded(settings: ProcessScorer | ImplicitScorer) -> Iterator[LoadedScorers]:
    scorers = load_scorers([settings], str, GroupLock())
    try:
        yield scorers
    finally:
        for engine in scorers.engines.values():
            engine.close()


def some_answers(count: int, seed: int) -> list[list[str]]:
    """Answers of one to five bare steps, of one to twelve words each."""
    rng = random.Random(seed)
    words = [word for word in checkpoints.WORDS if word != "ки"]
    return [
        [" ".join(rng.choices(words, k=rng.randint(1, 12))) for _ in range(rng.randint(1, 5))]
        for _ in range(count)
    ]


def ended(steps: Sequence[str], delimiter: str) -> list[str]:
    return [*(step + delimiter for step in steps[:-1]), steps[-1]]


@pytest.mark.parametrize(("format", "save", "recipe"), CASES, ids=[case[0] for case in CASES])
async def test_scores_equal_the_model_cards_recipe_from_the_cache_too(
    tmp_path: Path, format: str, save: Callable[[Path], Path], recipe: Callable[[Path], recipes.Recipe]
) -> None:
    folder = save(tmp_path)
    card = recipe(folder)
    settings = ProcessScorer.model_validate(
        {"name": "prm", "model": str(folder), "format": format, "max_model_len": MAX_MODEL_LEN}
        | {"kv_cache_mib": 64, "sanity_check": False}
    )
    with loaded(settings) as scorers:
        scorer = scorers.step("prm")
        answers = some_answers(12, seed=1)
        # The first half alone, so that the second call finds its beginnings in the engine's cache.
        begun = [ended(steps, scorer.delimiter)[: (len(steps) + 1) // 2] for steps in answers]
        await scorer.score(PROMPT, begun)
        scores = await scorer.score(PROMPT, [ended(steps, scorer.delimiter) for steps in answers])
        for steps, values in zip(answers, scores.values, strict=True):
            assert values == pytest.approx(card(QUESTION, steps), abs=TOLERANCE)
        assert scores.cached > 0
        with pytest.raises(ScorerFailed) as failure:
            await scorer.score(PROMPT, [["so " * MAX_MODEL_LEN]])
        assert failure.value.reason == "too_long"


async def test_implicit_scores_equal_the_papers_sums(tmp_path: Path) -> None:
    policy = checkpoints.save_language_model(tmp_path / "policy", seed=1)
    reference = checkpoints.save_language_model(tmp_path / "reference", seed=2)
    settings = ImplicitScorer.model_validate(
        {"name": "iprm", "backend": "implicit", "model": str(policy), "reference": str(reference)}
        | {"beta": 0.05, "max_model_len": MAX_MODEL_LEN, "kv_cache_mib": 64}
    )
    paper = recipes.implicit(policy, reference, 0.05)
    with loaded(settings) as scorers:
        scorer = scorers.step("iprm")
        answers = [ended(steps, scorer.delimiter) for steps in some_answers(8, seed=2)]
        for _ in range(2):
            scores = await scorer.score(PROMPT, answers)
            for steps, values in zip(answers, scores.values, strict=True):
                assert values == pytest.approx(paper(QUESTION, steps), abs=TOLERANCE)
        with pytest.raises(ScorerFailed) as failure:
            await scorer.score(PROMPT, [["so " * MAX_MODEL_LEN]])
        assert failure.value.reason == "too_long"
        await scorers.check_health()
