"""Step scores: one for each step that the caller gave, read at the token that ends it, and each read once."""

from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.reward_models.pooling.head import Head
from service.reward_models.process.scorer import PooledStepScorer
from service.reward_models.process.steps import EndsOfSteps
from strategies.base.errors import ScorerFailed
from strategies.base.types import Message, Prompt
from tests.service.reward_models.fakes import FakeEncoder, FakeModel, PieceTokenizer, fake_engine, row_of

PROMPT = Prompt((Message("user", "one and one"),))
PIECES = ["one", " ", "two", "\n", "\n\n", "###", "<|im_end|>", ".", "é", "数"]
STEPS = st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join), max_size=5)


def scorer(model: FakeModel, tokenizer: PieceTokenizer | None = None) -> PooledStepScorer:
    return PooledStepScorer("s", EndsOfSteps(tokenizer or PieceTokenizer()), model, Head(0))


def places(tokenizer: PieceTokenizer, steps: Sequence[str]) -> list[int]:
    """Where a step is read, by definition: the last token that ends with it, else the first that covers its end."""
    ends = tokenizer.conversation(PROMPT.messages, "".join(steps)).answer_ends
    found = []
    for length in accumulate(map(len, steps)):
        exact = [i for i, end in enumerate(ends) if end == length]
        covering = [i for i, end in enumerate(ends) if end > length]
        found.append(exact[-1] if exact else covering[0])
    return found


@settings(max_examples=300, deadline=None)
@given(
    st.lists(STEPS, max_size=4),
    st.lists(st.sampled_from(["\n\n", "e\n", "two\n", ".é", " one"]), unique=True),
)
async def test_every_step_has_one_score_whatever_stands_in_it(
    answers: list[list[str]], merges: list[str]
) -> None:
    tokenizer = PieceTokenizer(tuple(merges))
    scores = await scorer(FakeModel(), tokenizer).score(PROMPT, answers)
    for steps, values in zip(answers, scores.values, strict=True):
        ids = tokenizer.conversation(PROMPT.messages, "".join(steps)).ids
        assert values == tuple(row_of(ids[: at + 1])[0] for at in places(tokenizer, steps))


@settings(max_examples=200, deadline=None)
@given(STEPS.filter(len), st.sampled_from(["\n", "\n\n", "###", " ки\n", "<|im_end|>"]), st.data())
async def test_a_separator_injected_anywhere_adds_no_step(
    steps: list[str], separator: str, data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(steps) - 1))
    at = data.draw(st.integers(0, len(steps[which])))
    injected = [*steps]
    injected[which] = steps[which][:at] + separator + steps[which][at:]
    scores = await scorer(FakeModel()).score(PROMPT, [steps, injected])
    assert [len(values or ()) for values in scores.values] == [len(steps), len(steps)]


async def test_a_step_that_ends_inside_a_token_is_read_at_that_token() -> None:
    tokenizer, model = PieceTokenizer(merges=("\n\nb",)), FakeModel()
    await scorer(model, tokenizer).score(PROMPT, [["a\n", "\nb", " c"]])
    # The first two steps end in one token, which is asked for once.
    assert len(model.queried[0].positions) == 2
    assert list(model.queried[0].positions) == sorted(set(places(tokenizer, ["a\n", "\nb", " c"])))


async def test_equal_answers_are_read_once() -> None:
    model = FakeModel()
    scores = await scorer(model).score(PROMPT, [["a\n", "b"], ["a\n", "b"], ["a\nb"]])
    assert len(model.queried) == 2
    assert scores.values[0] == scores.values[1]
    assert len(scores.values[2] or ()) == 1


async def test_a_grown_answer_asks_only_for_its_new_steps() -> None:
    model, tokenizer = FakeModel(), PieceTokenizer()
    asked = scorer(model, tokenizer)
    first = await asked.score(PROMPT, [["a\n", "b\n"]])
    grown = await asked.score(PROMPT, [["a\n", "b\n", "c\n"]])
    assert [len(query.positions) for query in model.queried] == [2, 1]
    assert grown.values[0] is not None
    assert grown.values[0][:2] == first.values[0]


async def test_an_answer_read_before_is_counted_as_cached_and_not_read_again() -> None:
    model = FakeModel()
    asked = scorer(model)
    first = await asked.score(PROMPT, [["a\n", "b"]])
    again = await asked.score(PROMPT, [["a\n", "b"]])
    assert len(model.queried) == 1
    assert again.values == first.values
    assert (again.tokens, again.cached) == (first.tokens, first.tokens)


async def test_another_prompt_is_another_reading() -> None:
    model = FakeModel()
    asked = scorer(model)
    first = await asked.score(PROMPT, [["a\n"]])
    other = await asked.score(Prompt((Message("user", "two and two"),)), [["a\n"]])
    assert len(model.queried) == 2
    assert first.values != other.values


async def test_an_answer_of_which_nothing_is_left_has_no_score_and_spoils_no_other() -> None:
    tokenizer = PieceTokenizer(strips=True)
    scores = await scorer(FakeModel(), tokenizer).score(PROMPT, [["\n", " \n"], ["a\n"], []])
    assert scores.values[0] is None
    assert len(scores.values[1] or ()) == 1
    assert scores.values[2] == ()


async def test_white_space_that_the_template_strips_is_read_at_the_last_token() -> None:
    tokenizer, model = PieceTokenizer(strips=True), FakeModel()
    scores = await scorer(model, tokenizer).score(PROMPT, [["\na\n", "b\n\n"]])
    conversation = tokenizer.conversation(PROMPT.messages, "\na\nb\n\n")
    at = [i for i, end in enumerate(conversation.answer_ends) if end >= 0]
    assert scores.values[0] == tuple(row_of(conversation.ids[: i + 1])[0] for i in (at[-2], at[-1]))


async def test_nothing_to_score_asks_nothing() -> None:
    model = FakeModel()
    assert (await scorer(model).score(PROMPT, [])).values == ()
    assert model.queried == []


async def test_one_nan_fails_the_call_and_is_not_remembered() -> None:
    model = FakeModel(row=(float("nan"), 1.0))
    asked = scorer(model)
    with pytest.raises(ScorerFailed) as failure:
        await asked.score(PROMPT, [["a\n"]])
    assert (failure.value.scorer, failure.value.reason) == ("s", "not_finite")
    model.row = (0.5, 1.0)
    assert (await asked.score(PROMPT, [["a\n"]])).values == ((0.5,),)


async def test_too_long_an_answer_is_a_failure() -> None:
    asked = PooledStepScorer(
        "s", EndsOfSteps(PieceTokenizer()), fake_engine(FakeEncoder(), max_model_len=20), Head(0)
    )
    with pytest.raises(ScorerFailed) as failure:
        await asked.score(PROMPT, [["word " * 20]])
    assert failure.value.reason == "too_long"


async def test_steps_through_an_engine_with_a_prefix_cache_are_those_of_one_without() -> None:
    steps = [f"step {i} says {i} and {i + 1}\n" for i in range(6)]
    asked = PooledStepScorer("s", EndsOfSteps(PieceTokenizer()), fake_engine(FakeEncoder()), Head(0))
    plain = await scorer(FakeModel()).score(PROMPT, [steps])
    for end in (2, 4, 6, 3):
        scores = await asked.score(PROMPT, [steps[:end]])
        assert scores.values[0] == (plain.values[0] or ())[:end]
