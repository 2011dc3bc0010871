"""The score is the model card's, for every convention: our layout and head, read by transformers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from service.engine.group_lock import GroupLock
from service.reward_models.base.builder import Materials
from service.reward_models.base.language import TextQuery
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import PoolingOutput, TokenQuery
from service.reward_models.implicit.build import build_implicit
from service.reward_models.implicit.settings import ImplicitScorer
from service.reward_models.loading.starters import UNWATCHED
from service.reward_models.process.build import build_process
from service.reward_models.process.settings import ProcessScorer
from service.reward_models.transformers.batching import Item
from service.reward_models.transformers.network import Load, Network
from strategies.base.ports import StepScorer
from strategies.base.types import Message, Prompt
from tests.service.reward_models.process import checkpoints, recipes

TOLERANCE = 1e-4
QUESTION = "Tom has 3 apples and buys 4 more. How many does he have?"
PROMPT = Prompt((Message("user", QUESTION),))
ANSWERS = [
    ["First add 3 and 4.", "We get 3 + 4 = 7.", "The answer is 7"],
    ["7"],
    ["né 数 🙂 then 3 - 4 = x", "so x + - 7 ки, so", "again we add\tand add", "x", "therefore 42."],
    ["The answer", "is"],
]
"""Bare steps, of mixed number and length; the last is an unfinished one."""


@dataclass
class InProcess:
    """The service's own transformers network without its process: a pooling model and a language model."""

    network: Network
    max_model_len: int = 512
    dtype: str = "float32"
    is_closed: bool = False

    def ask(self, items: list[Item]) -> list[PoolingOutput]:
        answers = self.network.answer(items) if items else []
        return [
            PoolingOutput(tuple(map(tuple, rows)), len(item.ids))
            for item, rows in zip(items, answers, strict=True)
        ]

    async def classify(self, inputs: Sequence[Sequence[int]]) -> list[PoolingOutput]:
        return self.ask([Item("rows", ids, (len(ids) - 1,)) for ids in inputs])

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[PoolingOutput]:
        return self.ask([Item("rows", query.ids, query.positions) for query in queries])

    async def token_logits(
        self, queries: Sequence[TokenQuery], token_ids: Sequence[int]
    ) -> list[PoolingOutput]:
        wanted = tuple(token_ids)
        return self.ask([Item("token_logits", query.ids, query.positions, wanted) for query in queries])

    async def logprobs(self, queries: Sequence[TextQuery]) -> list[PoolingOutput]:
        return self.ask([Item("logprobs", query.ids, (query.start,)) for query in queries])

    async def check_health(self) -> None: ...

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.close()


IN_PROCESS: Any = replace(
    UNWATCHED,
    transformers_rows=lambda shape, checkpoint, lock: InProcess(
        Network(Load(checkpoint.path, checkpoint.architecture, checkpoint.head))
    ),
    transformers_language=lambda shape, folder, lock: InProcess(Network(Load(folder, None))),
)

CASES: list[tuple[str, str, Callable[[Path], Path], Callable[[Path], recipes.Recipe]]] = [
    ("qwen_math_prm", "\n\n", checkpoints.save_qwen_math_prm, recipes.qwen_math_prm),
    ("skywork_prm", "\n", checkpoints.save_skywork_prm, recipes.skywork_prm),
    ("math_shepherd", "\n", checkpoints.save_math_shepherd, recipes.math_shepherd),
    ("rlhflow", "\n\n", checkpoints.save_rlhflow, recipes.rlhflow),
    ("multi_rm", "\n\n", checkpoints.save_multi_rm, recipes.multi_rm),
]


def built(settings: ProcessScorer | ImplicitScorer) -> StepScorer:
    materials = Materials({}, LoadedScorers(()), str, GroupLock(), IN_PROCESS)
    if isinstance(settings, ImplicitScorer):
        found = build_implicit(settings, materials)
    else:
        found = build_process(settings, materials)
    assert found.step is not None
    return found.step


def process(folder: Path, format: str) -> StepScorer:
    return built(
        ProcessScorer.model_validate(
            {"name": "prm", "backend": "transformers", "model": str(folder), "format": format}
        )
    )


def ended(steps: Sequence[str], delimiter: str) -> list[str]:
    """The steps as an answer holds them: each but the last with its delimiter."""
    return [*(step + delimiter for step in steps[:-1]), steps[-1]]


@pytest.mark.parametrize(("format", "delimiter", "save", "recipe"), CASES, ids=[case[0] for case in CASES])
async def test_scores_equal_the_model_cards_recipe(
    tmp_path: Path,
    format: str,
    delimiter: str,
    save: Callable[[Path], Path],
    recipe: Callable[[Path], recipes.Recipe],
) -> None:
    folder = save(tmp_path)
    scorer, card = process(folder, format), recipe(folder)
    assert scorer.delimiter == delimiter
    answers = [steps for steps in ANSWERS if format != "math_shepherd" or "ки" not in "".join(steps)]
    scores = await scorer.score(PROMPT, [ended(steps, delimiter) for steps in answers])
    expected = [card(QUESTION, steps) for steps in answers]
    assert [len(values) for values in expected] == [len(steps) for steps in answers]
    for values, wanted in zip(scores.values, expected, strict=True):
        assert values == pytest.approx(wanted, abs=TOLERANCE)
    # Scores that are all alike would equal any recipe.
    flat = [value for values in expected for value in values]
    assert max(flat) - min(flat) > 0.05


@pytest.mark.parametrize(("format", "delimiter", "save", "recipe"), CASES, ids=[case[0] for case in CASES])
async def test_a_growing_answer_keeps_its_scores(
    tmp_path: Path,
    format: str,
    delimiter: str,
    save: Callable[[Path], Path],
    recipe: Callable[[Path], recipes.Recipe],
) -> None:
    scorer = process(save(tmp_path), format)
    steps = [step + delimiter for step in ANSWERS[0]]
    whole = (await scorer.score(PROMPT, [steps])).values[0]
    assert whole is not None
    for count in (1, 2, 3):
        values = (await scorer.score(PROMPT, [steps[:count]])).values[0]
        assert values == pytest.approx(whole[:count], abs=1e-6)


async def test_implicit_scores_equal_the_papers_sums(tmp_path: Path) -> None:
    policy = checkpoints.save_language_model(tmp_path / "policy", seed=1)
    reference = checkpoints.save_language_model(tmp_path / "reference", seed=2)
    settings = {"name": "iprm", "backend": "implicit", "runs_on": "transformers", "beta": 0.05}
    models = {"model": str(policy), "reference": str(reference)}
    cumulative = built(ImplicitScorer.model_validate({**settings, **models}))
    per_step = built(ImplicitScorer.model_validate({**settings, **models, "integration": "step"}))
    answers = [ended(steps, "\n\n") for steps in ANSWERS]
    paper = recipes.implicit(policy, reference, 0.05)
    sums, steps = await cumulative.score(PROMPT, answers), await per_step.score(PROMPT, answers)
    for answer, found, own in zip(answers, sums.values, steps.values, strict=True):
        expected = paper(QUESTION, answer)
        assert found == pytest.approx(expected, abs=TOLERANCE)
        differences = [b - a for a, b in zip([0.0, *expected], expected, strict=False)]
        assert own == pytest.approx(differences, abs=TOLERANCE)
