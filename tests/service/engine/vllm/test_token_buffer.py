"""A live candidate's text and ids spell the same, wherever the text is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from service.engine.vllm.token_buffer import TokenBuffer
from strategies.base.types import TokenLogprob
from tests.service.engine.tokenizer.tiny import tiny_tokenizer

CHAT = ChatTokenizer(tiny_tokenizer())
PROMPT = CHAT.vocabulary.ids("user\nWhat?\n")
TEXTS = st.text(alphabet=st.sampled_from(list("The answr.\n  12🙂日é")), max_size=40)


def written(ids: list[int]) -> TokenBuffer:
    writing = TokenBuffer(CHAT.vocabulary, PROMPT)
    writing.append(ids, [], is_whole=False)
    return writing


@given(text=TEXTS, length=st.integers(0, 40))
def test_a_cut_text_is_spelled_by_its_ids(text: str, length: int) -> None:
    ids = CHAT.vocabulary.ids(text)
    writing = written(list(ids))
    assert writing.text == text
    length = min(length, len(text))
    kept = writing.cut(length)
    assert writing.text == text[:length]
    assert CHAT.vocabulary.answer(PROMPT, writing.ids, is_whole=False) == text[:length]
    assert writing.ids[:kept] == ids[:kept]


def test_a_token_that_goes_on_beyond_the_cut_gives_way_to_one_that_does_not() -> None:
    vocabulary = CHAT.vocabulary
    beyond = next(
        i
        for i in vocabulary.completing("\n")
        if len(vocabulary.text([i])) > 1 and vocabulary.text([i])[0] == "\n"
    )
    ids = [*vocabulary.ids("one."), beyond]
    writing = TokenBuffer(vocabulary, PROMPT)
    writing.append(ids, [TokenLogprob("x", i, -0.5) for i in ids])
    assert writing.cut(len("one.\n")) == len(ids) - 1
    assert writing.ids == [*ids[:-1], *vocabulary.ids("\n")]
    assert writing.logprobs[-1] == TokenLogprob("\n", writing.ids[-1], -0.5)


def test_half_a_character_shows_when_it_is_whole() -> None:
    ids = CHAT.vocabulary.ids("a🙂")
    writing = TokenBuffer(CHAT.vocabulary, PROMPT)
    for token_id in ids[:-1]:
        writing.append([token_id], [])
    assert writing.text == "a"
    writing.append(ids[-1:], [])
    assert writing.text == "a🙂"


def test_control_tokens_are_no_text() -> None:
    end = CHAT._tokenizer.eos_token_id
    writing = written([*CHAT.vocabulary.ids("done"), end])
    assert writing.text == "done"
    assert writing.ids[-1] == end


@pytest.mark.parametrize("stop", ["\n", "\n\n", "answer is", ".\n", "日"])
@given(text=TEXTS)
def test_no_token_outside_the_completing_set_completes_a_stop(stop: str, text: str) -> None:
    vocabulary = CHAT.vocabulary
    ids = vocabulary.ids(text + stop + text)
    completing = set(vocabulary.completing(stop))
    before = ""
    for i in range(len(ids)):
        now = vocabulary.answer(PROMPT, ids[: i + 1], is_whole=False)
        if now.count(stop) > before.count(stop):
            assert ids[i] in completing
        before = now


def test_a_copy_goes_its_own_way() -> None:
    writing = written(CHAT.vocabulary.ids("one"))
    twin = writing.copy()
    twin.append(CHAT.vocabulary.ids(" two"), [])
    assert (writing.text, twin.text) == ("one", "one two")
