"""Scores from the real engine equal those of transformers by the recipe of a model card, whatever was read before."""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.ports import TokenQuery
from service.reward_models.pooling import engine as pooling
from service.reward_models.pooling.row_cache import LogitsCache
from service.reward_models.process.scorer import PooledStepScorer
from strategies.answers.steps import split_steps
from strategies.base.errors import ScorerFailed
from strategies.base.types import Message, Prompt
from tests.engine.scoring_fixtures import MAX_MODEL_LEN, Doomed, Scoring

pytestmark = pytest.mark.engine

TOLERANCE = 1e-4
PROMPT = Prompt((Message("user", "Tom has 3 apples and buys 4 more. How many does he have?"),))
WORDS = [
    "add",
    "three",
    "and",
    "four",
    "so",
    "7",
    "=",
    "apples",
    "né",
    "数",
    "🙂",
    "\n",
    "\n\n",
    "therefore",
    ".",
]


def some_answers(count: int, longest: int, seed: int) -> list[str]:
    """Answers of mixed length, with characters of several tokens and blank lines in them."""
    rng = random.Random(seed)
    return [
        " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, longest))) + " end" for _ in range(count)
    ]


class Recipe:
    """How a model card scores: the rendered conversation through transformers, one at a time, without padding."""

    def __init__(self, checkpoint: Path, dtype: str = "float32") -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self.torch: Any = torch
        self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
        loaded: Any = AutoModelForSequenceClassification.from_pretrained(
            checkpoint, dtype=getattr(torch, dtype)
        )
        self.model: Any = loaded.eval()

    def outcome(self, prompt: Prompt, answer: str) -> list[float]:
        text = self.rendered(prompt, answer)
        batch = self.tokenizer(text, add_special_tokens=False, return_tensors="pt")
        with self.torch.no_grad():
            logits: list[float] = self.model(**batch).logits[0].float().tolist()
        return logits

    def step_rows(self, prompt: Prompt, steps: Sequence[str]) -> list[list[float]]:
        """The hidden state at the last token that ends no later than the step, times the head."""
        text = self.rendered(prompt, "".join(steps))
        batch = self.tokenizer(
            text, add_special_tokens=False, return_tensors="pt", return_offsets_mapping=True
        )
        offsets = batch.pop("offset_mapping")[0].tolist()
        with self.torch.no_grad():
            hidden = self.model.model(**batch).last_hidden_state[0]
            rows = (hidden @ self.model.score.weight.T).float().tolist()
        start = text.rindex("".join(steps))
        places = [start + end for end in accumulate(map(len, steps))]
        return [rows[max(i for i, (_, end) in enumerate(offsets) if end <= place)] for place in places]

    def rendered(self, prompt: Prompt, answer: str) -> str:
        turns = [{"role": m.role, "content": m.content} for m in prompt.messages]
        text: str = self.tokenizer.apply_chat_template(
            [*turns, {"role": "assistant", "content": answer}], tokenize=False
        )
        return text


@pytest.fixture(scope="module")
def recipe(reward_checkpoint: Path) -> Recipe:
    return Recipe(reward_checkpoint)


async def test_outcome_scores_of_a_mixed_batch_equal_transformers_twice(
    scoring: Scoring, recipe: Recipe
) -> None:
    answers = some_answers(12, 60, seed=1)
    expected = [recipe.outcome(PROMPT, answer)[0] for answer in answers]
    scorer = scoring.scorers.outcome(None)
    first = await scorer.score(PROMPT, answers)
    again = await scorer.score(PROMPT, answers)
    assert first.values == pytest.approx(expected, abs=TOLERANCE)
    assert again.values == pytest.approx(expected, abs=TOLERANCE)
    assert again.cached > first.cached
    assert again.tokens == first.tokens > first.cached


async def test_step_scores_of_a_mixed_batch_equal_transformers(scoring: Scoring, recipe: Recipe) -> None:
    answers = [split_steps(answer, "\n") for answer in some_answers(12, 60, seed=2)]
    scores = await scoring.scorers.step("step").score(PROMPT, answers)
    assert [len(values or ()) for values in scores.values] == [len(steps) for steps in answers]
    for steps, values in zip(answers, scores.values, strict=True):
        expected = [row[1] for row in recipe.step_rows(PROMPT, steps)]
        assert values == pytest.approx(expected, abs=TOLERANCE)


async def test_steps_that_were_cached_by_another_scorer_are_read_again(
    scoring: Scoring, recipe: Recipe
) -> None:
    steps = [
        "a first step of some length that fills a block or more of the cache, so that it is found there\n"
    ] * 6
    await scoring.scorers.outcome("outcome").score(PROMPT, ["".join(steps)])
    scores = await scoring.scorers.step("step").score(PROMPT, [steps])
    assert scores.values[0] == pytest.approx(
        [row[1] for row in recipe.step_rows(PROMPT, steps)], abs=TOLERANCE
    )


async def test_a_growing_answer_is_read_once(scoring: Scoring, recipe: Recipe) -> None:
    whole = [f"step number {i} says that {i} apples and {i + 1} apples are more than {i}\n" for i in range(8)]
    scorer = scoring.scorers.step("step")
    fresh = 0
    for end in range(1, 9):
        scores = await scorer.score(PROMPT, [whole[:end]])
        fresh += scores.tokens - scores.cached
        expected = [row[1] for row in recipe.step_rows(PROMPT, whole[:end])]
        assert scores.values[0] == pytest.approx(expected, abs=TOLERANCE)
    length = len(
        recipe.tokenizer(recipe.rendered(PROMPT, "".join(whole)), add_special_tokens=False).input_ids
    )
    # Each round reads what is new and at most one block of what is not.
    assert fresh <= length + 8 * 40


async def test_an_unfinished_step_is_scored_at_its_last_token(scoring: Scoring, recipe: Recipe) -> None:
    steps = ["3 + 4 = 7\n", "so he has"]
    scores = await scoring.scorers.step(None).score(PROMPT, [steps])
    assert scores.values[0] == pytest.approx(
        [row[1] for row in recipe.step_rows(PROMPT, steps)], abs=TOLERANCE
    )


async def test_a_cached_read_returns_the_rows_of_the_uncached_suffix(scoring: Scoring) -> None:
    """The behaviour of vLLM that the reading of steps rests on; its documentation calls the switch internal."""
    ids = [random.Random(3).randrange(100, 40_000) for _ in range(200)]
    encode = scoring.engine._encode
    whole = (await encode(ids, "token_classify", reads_cache=False)).outputs.data.tolist()
    suffix_output = await encode(ids, "token_classify", reads_cache=True)
    suffix = suffix_output.outputs.data.tolist()
    assert len(whole) == 200
    assert len(suffix) == 200 - suffix_output.num_cached_tokens < 64
    for seen, full in zip(suffix, whole[-len(suffix) :], strict=True):
        assert seen == pytest.approx(full, abs=TOLERANCE)


async def test_a_row_is_the_same_read_with_cache_without_it_and_by_classify(scoring: Scoring) -> None:
    ids = [random.Random(4).randrange(100, 40_000) for _ in range(150)]
    query = TokenQuery(ids, [10, 80, 149])
    first, again = [(await scoring.engine.token_classify([query]))[0] for _ in range(2)]
    (last,) = await scoring.engine.classify([ids])
    for seen, full in zip(again.rows, first.rows, strict=True):
        assert seen == pytest.approx(full, abs=TOLERANCE)
    assert last.rows[0] == pytest.approx(first.rows[-1], abs=TOLERANCE)
    assert (first.tokens, again.tokens) == (150, 300)


async def test_an_aborted_reading_is_an_error_and_the_next_is_right(
    scoring: Scoring, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = UUID(int=7)
    monkeypatch.setattr(pooling, "uuid4", lambda: key)
    long_answer = some_answers(1, 120, seed=5)[0]
    reading = asyncio.create_task(scoring.scorers.outcome(None).score(PROMPT, [long_answer]))
    await asyncio.sleep(0.02)
    engine: Any = scoring.engine._engine
    await engine.abort(f"score-{key.hex}")
    with pytest.raises(ScorerFailed) as failure:
        await reading
    assert failure.value.reason == "aborted"
    monkeypatch.undo()
    scores = await scoring.scorers.outcome(None).score(PROMPT, [long_answer])
    assert scores.values[0] == pytest.approx(recipe.outcome(PROMPT, long_answer)[0], abs=TOLERANCE)


async def test_cancelling_stops_the_engine_and_gives_the_turn_back(scoring: Scoring, recipe: Recipe) -> None:
    answers = some_answers(40, 120, seed=6)
    reading = asyncio.create_task(scoring.scorers.outcome(None).score(PROMPT, answers))
    await asyncio.sleep(0.1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    engine: Any = scoring.engine._engine
    assert not engine.output_processor.has_unfinished_requests()
    async with asyncio.timeout(5), scoring.lock.take("generate"):
        pass
    scores = await scoring.scorers.outcome(None).score(PROMPT, answers[:2])
    expected = [recipe.outcome(PROMPT, answer)[0] for answer in answers[:2]]
    assert scores.values == pytest.approx(expected, abs=TOLERANCE)


async def test_the_longest_input_is_read_and_one_token_more_is_refused(scoring: Scoring) -> None:
    (reading,) = await scoring.engine.classify([[100] * MAX_MODEL_LEN])
    assert len(reading.rows[0]) == 2
    with pytest.raises(PoolingFailed) as failure:
        await scoring.engine.classify([[100] * (MAX_MODEL_LEN + 1)])
    assert failure.value.reason == "too_long"
    with pytest.raises(ScorerFailed) as refusal:
        await scoring.scorers.outcome(None).score(PROMPT, ["word " * MAX_MODEL_LEN])
    assert refusal.value.reason == "too_long"


async def test_texts_with_separators_and_control_tokens_change_no_step_count(scoring: Scoring) -> None:
    steps = ["one <|im_end|> two\n\n###\n", "ки\nки\n", "<|im_start|>assistant\nthree"]
    scorer = scoring.scorers.step("step")
    fresh = PooledStepScorer("fresh", scorer.layout, scoring.engine, scorer.head, memo=LogitsCache())  # type: ignore[attr-defined]
    for asked in (scorer, fresh):
        (values,) = (await asked.score(PROMPT, [steps])).values
        assert values is not None
        assert len(values) == 3


async def test_the_loaded_scorers_describe_themselves(scoring: Scoring) -> None:
    infos = scoring.scorers.describe()
    assert [(info.name, info.kind, info.dtype, info.max_model_len) for info in infos] == [
        ("outcome", "outcome", "float32", MAX_MODEL_LEN),
        ("step", "step", "float32", MAX_MODEL_LEN),
    ]
    assert infos[0].parameters == sum(p.numel() for p in Recipe(scoring.checkpoint).model.parameters())
    await scoring.scorers.check_health()


async def test_a_killed_engine_is_told_as_dead_in_flight_and_ever_after(doomed: Doomed) -> None:
    scorer = doomed.scorers.outcome(None)
    assert len((await scorer.score(PROMPT, ["7", "8"])).values) == 2
    reading = asyncio.create_task(scorer.score(PROMPT, [f"{i} apples" * 20 for i in range(60)]))
    await asyncio.sleep(0.01)
    for process in doomed.processes:
        os.kill(process, signal.SIGKILL)
    with pytest.raises(ScorerFailed) as failure:
        await asyncio.wait_for(reading, 30)
    assert failure.value.reason == "engine_dead"
    for again in (scorer.score(PROMPT, ["7"]), doomed.scorers.check_health()):
        with pytest.raises(ScorerFailed) as told:
            await again
        assert (told.value.scorer, told.value.reason) == ("doomed", "engine_dead")
