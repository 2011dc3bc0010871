"""vLLM's own parsers on single responses: what is streamed joins to the whole, and what cannot be read has a flaw."""

from typing import Any

import pytest

from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from service.engine.vllm.response_parser import Parsers, parser_class
from strategies.base.types import Message, Parts, Prompt
from tests.service.engine.tokenizer.tiny import CHATML, tiny_tokenizer

OPENS = CHATML.replace("assistant\n' }}", "assistant\n<think>\n' }}")
ASKED = Prompt((Message("user", "Two and two?"),))


def parsers(name: str | None, template: str = CHATML) -> Parsers:
    tokenizer: Any = tiny_tokenizer(template)
    tokenizer.add_tokens(["<think>", "</think>"])
    chat = ChatTokenizer(tokenizer)
    return Parsers(chat, parser_class(name, None, chat.inner))


def streamed(made: Parsers, text: str) -> tuple[Parts, str, str]:
    """One response a token at a time: its parts at the end, and what came of content and of reasoning."""
    ids = made.tokenizer.inner.encode(text, add_special_tokens=False)
    parser = made.of(ASKED, made.tokenizer.prompt_ids(ASKED))()
    deltas = [
        parser.feed(made.tokenizer.inner.decode([id]), [id], ended=i == len(ids) - 1)
        for i, id in enumerate(ids)
    ]
    content = "".join(delta.content for delta in deltas)
    return parser.whole(text, ids), content, "".join(delta.reasoning or "" for delta in deltas)


@pytest.mark.parametrize("name", [None, "deepseek_r1", "qwen3"])
def test_a_thought_is_split_whole_and_as_it_comes(name: str | None) -> None:
    text = "<think>\n2 + 2\n</think>\n\nIt is 4."
    whole, content, reasoning = streamed(parsers(name), text)
    assert whole.content.strip() == "It is 4."
    assert (whole.reasoning or "").strip() == "2 + 2"
    assert (content, reasoning) == (whole.content, whole.reasoning)
    assert 0 < whole.reasoning_tokens < len(text)


@pytest.mark.parametrize("name", [None, "deepseek_r1", "qwen3"])
def test_where_the_template_opens_the_thought_no_tag_is_needed(name: str | None) -> None:
    whole, content, reasoning = streamed(parsers(name, OPENS), "2 + 2\n</think>It is 4.")
    assert (whole.content, (whole.reasoning or "").strip()) == ("It is 4.", "2 + 2")
    assert (content, reasoning) == (whole.content, whole.reasoning)


@pytest.mark.parametrize("name", [None, "deepseek_r1", "qwen3"])
def test_a_thought_without_end_says_nothing(name: str | None) -> None:
    whole, content, _ = streamed(parsers(name, OPENS), "2 + 2 is 4")
    assert (whole.content, content, whole.reasoning) == ("", "", "2 + 2 is 4")


def test_a_parser_that_raises_leaves_a_flaw(monkeypatch: pytest.MonkeyPatch) -> None:
    made = parsers("deepseek_r1")

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(made.parser_class, "parse", fails)
    assert made.of(ASKED, [1])().whole("x", [2]).flaw == "unreadable"


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="deepseek_r1"):
        parser_class("nobody", None, None)


def test_a_parser_whose_tokens_the_model_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="tokenizer"):
        parser_class("deepseek_r1", None, tiny_tokenizer())
