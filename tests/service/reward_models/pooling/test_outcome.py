"""Outcome scores: the model card's input, each text once, every failure under the scorer's name."""

import pytest

from service.reward_models.base.errors import PoolingFailed
from service.reward_models.pooling.head import Head
from service.reward_models.pooling.outcome import PooledOutcomeScorer
from strategies.base.errors import ScorerFailed
from strategies.base.types import Message, Prompt
from tests.service.reward_models.fakes import FakeEncoder, FakeModel, PieceTokenizer, fake_engine, row_of

PROMPT = Prompt((Message("user", "one and one"),))


async def test_the_head_is_read_at_the_end_of_the_whole_conversation() -> None:
    tokenizer, model = PieceTokenizer(), FakeModel()
    scores = await PooledOutcomeScorer("o", tokenizer, model, Head(0)).score(PROMPT, ["two", "a b"])
    expected = [tokenizer.conversation(PROMPT.messages, text).ids for text in ("two", "a b")]
    assert model.classified == expected
    assert scores.values == tuple(row_of(ids)[0] for ids in expected)
    assert scores.tokens == sum(map(len, expected))
    assert scores.cached == 2


async def test_equal_texts_are_read_once_and_all_get_the_score() -> None:
    model = FakeModel()
    scores = await PooledOutcomeScorer("o", PieceTokenizer(), model, Head(1)).score(
        PROMPT, ["a", "b c", "a", "a"]
    )
    assert len(model.classified) == 2
    assert scores.values[0] == scores.values[2] == scores.values[3] != scores.values[1]


async def test_padding_at_the_end_is_left_out_as_transformers_does() -> None:
    model = FakeModel()
    end = PieceTokenizer.id_of("E")
    await PooledOutcomeScorer("o", PieceTokenizer(), model, Head(0), pad_token_id=end).score(PROMPT, ["two"])
    assert model.classified[0][-1] == PieceTokenizer.id_of("two")


async def test_raw_text_is_read_as_the_message_of_a_user() -> None:
    tokenizer = PieceTokenizer()
    await PooledOutcomeScorer("o", tokenizer, FakeModel(), Head(0)).score(
        Prompt(text="once upon"), ["a time"]
    )
    assert tokenizer.read == [((Message("user", "once upon"),), "a time")]


async def test_no_text_has_no_score() -> None:
    assert (
        await PooledOutcomeScorer("o", PieceTokenizer(), FakeModel(), Head(0)).score(PROMPT, [])
    ).values == ()


@pytest.mark.parametrize("reason", ["engine_dead", "aborted", "error"])
async def test_a_failure_carries_the_scorers_name_and_the_reason(reason: str) -> None:
    model = FakeModel(fails=PoolingFailed("no luck", reason))  # type: ignore[arg-type]  # one of the set, by parameter
    with pytest.raises(ScorerFailed, match="scorer 'o': no luck") as failure:
        await PooledOutcomeScorer("o", PieceTokenizer(), model, Head(0)).score(PROMPT, ["a"])
    assert (failure.value.scorer, failure.value.reason) == ("o", reason)


async def test_one_nan_fails_the_call() -> None:
    scorer = PooledOutcomeScorer("o", PieceTokenizer(), FakeModel(row=(float("nan"), 1.0)), Head(1))
    with pytest.raises(ScorerFailed) as failure:
        await scorer.score(PROMPT, ["a"])
    assert failure.value.reason == "not_finite"


async def test_too_long_an_answer_is_a_failure_and_never_cut() -> None:
    encoder = FakeEncoder()
    scorer = PooledOutcomeScorer("o", PieceTokenizer(), fake_engine(encoder, max_model_len=20), Head(0))
    with pytest.raises(ScorerFailed) as failure:
        await scorer.score(PROMPT, ["short", "word " * 20])
    assert failure.value.reason == "too_long"
    assert not encoder.asked


async def test_with_truncation_only_the_end_is_read_and_the_texts_are_told() -> None:
    model = FakeModel(max_model_len=12)
    scorer = PooledOutcomeScorer("o", PieceTokenizer(), model, Head(0), truncates=True)
    scores = await scorer.score(PROMPT, ["two", "word " * 20, "two", "word " * 20])
    whole = PieceTokenizer().conversation(PROMPT.messages, "word " * 20).ids
    assert model.classified[1] == whole[-12:]
    assert scores.truncated == (1, 3)
    assert scores.values[1] == scores.values[3] == row_of(whole[-12:])[0]


async def test_the_token_that_has_to_end_an_input_is_there_once() -> None:
    model, end = FakeModel(), PieceTokenizer.id_of("E")
    added = PooledOutcomeScorer("o", PieceTokenizer(), model, Head(0), pad_token_id=end, end_token_id=7)
    await added.score(PROMPT, ["a"])
    ending = PooledOutcomeScorer("o", PieceTokenizer(), model, Head(0), end_token_id=end)
    await ending.score(PROMPT, ["a"])
    whole = PieceTokenizer().conversation(PROMPT.messages, "a").ids
    assert model.classified == [[*whole, 7], whole]
