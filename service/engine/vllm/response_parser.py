"""vLLM's own reasoning and tool parsers, used outside its server: one is made for each candidate."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from service.engine.response_parser import ResponseParser, ThinkParser, TokensWithin, reasoning_tokens
from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from strategies.answers.thinking import OPEN
from strategies.base.types import Parts, Prompt

log = logging.getLogger(__name__)

_CONTEXT = 16
"""Tokens at a prompt's end that are looked at for an opening tag."""


@dataclass(frozen=True, slots=True)
class Parsers:
    """Makes the parser of each candidate of an engine; `parser_class` is vLLM's for the configured names, if any."""

    tokenizer: ChatTokenizer
    parser_class: Any = None
    model_config: Any = None

    def of(self, prompt: Prompt, ids: Sequence[int]) -> Callable[[], ResponseParser]:
        """What makes a parser for a candidate of this prompt, whose ids were read from it."""
        vocabulary = self.tokenizer.vocabulary

        def within(written: Sequence[int], length: int) -> int:
            return vocabulary.tokens_within(ids, written, length)

        if self.parser_class is None:
            opened = vocabulary.text(ids[-_CONTEXT:]).rstrip().endswith(OPEN)
            return lambda: ThinkParser(within, opened=opened)
        request = _request(prompt)
        return lambda: VllmParser(lambda: self._make(prompt), request, list(ids), within)

    @property
    def reasons(self) -> bool:
        """Whether the engine itself knows where thinking ends."""
        return getattr(self.parser_class, "reasoning_parser_cls", None) is not None

    def told(self, prompt: Prompt, ids: Sequence[int]) -> dict[str, Any]:
        """What the engine has to know so that a grammar holds what is said, and not what is thought before it."""
        if not self.reasons:
            return {}
        return {
            "reasoning_ended": self._make(prompt).is_reasoning_end(list(ids)),
            "reasoning_parser_kwargs": {"chat_template_kwargs": self.tokenizer.variables(prompt)},
        }

    def _make(self, prompt: Prompt) -> Any:
        return self.parser_class(
            self.tokenizer.inner,
            None,
            chat_template_kwargs=self.tokenizer.variables(prompt),
            model_config=self.model_config,
        )


def parser_class(reasoning_parser: str | None, tokenizer: Any) -> Any:
    """vLLM's parser of that name, tried on the tokenizer; ValueError says what is wrong, or lists the names."""
    if reasoning_parser is None:
        return None
    from vllm.parser import ParserManager
    from vllm.reasoning import ReasoningParserManager

    known = ReasoningParserManager.list_registered()
    if reasoning_parser not in known:
        raise ValueError(f"engine.reasoning_parser: no {reasoning_parser!r}; vLLM has: {', '.join(known)}")
    try:
        return ParserManager.get_parser(reasoning_parser_name=reasoning_parser, tokenizer=tokenizer)
    except TypeError as error:
        raise ValueError(f"engine.reasoning_parser: {error}") from error


def _request(prompt: Prompt) -> Any:
    """The request as vLLM's parsers look at it."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest

    turns: list[Any] = [{"role": message.role, "content": message.content} for message in prompt.messages]
    return ChatCompletionRequest(messages=turns or [{"role": "user", "content": prompt.text or ""}])


@dataclass(slots=True)
class VllmParser:
    """One of vLLM's parsers on one candidate.

    As text comes, its streaming half says what is new. At the end the whole is read, and what was not streamed of it
    follows; where the two halves differ, what was streamed stands.
    """

    make: Callable[[], Any]
    request: Any
    prompt_ids: list[int]
    tokens_within: TokensWithin
    _stream: Any = None
    _text: str = ""
    _ids: list[int] = field(default_factory=list)
    _told: Parts = field(default_factory=Parts)

    def whole(self, text: str, ids: Sequence[int]) -> Parts:
        try:
            parser = self.make()
            parser.set_prompt_token_ids(self.prompt_ids)
            reasoning, content, _ = parser.parse(text, self.request, model_output_token_ids=list(ids))
        except Exception:
            log.warning("the configured parser could not read a response", exc_info=True)
            return replace(self._told, flaw="unreadable")
        parts = Parts(_longer(self._told.content, content) or "", _longer(self._told.reasoning, reasoning))
        return replace(parts, reasoning_tokens=reasoning_tokens(text, parts, ids, self.tokens_within))

    def feed(self, text: str, ids: Sequence[int], *, ended: bool) -> Parts:
        before = self._told
        self._text += text
        self._ids += ids
        self._told = _both(before, self._new(text, ids, ended=ended))
        if ended:
            self._told = self.whole(self._text, self._ids)
        return _since(self._told, before)

    def _new(self, text: str, ids: Sequence[int], *, ended: bool) -> Parts:
        self._stream = self._stream or self.make()
        try:
            told = self._stream.parse_delta(text, list(ids), self.request, self.prompt_ids, finished=ended)
        except Exception:
            log.warning("the configured parser could not read a response as it came", exc_info=True)
            return Parts()
        return Parts() if told is None else Parts(told.content or "", told.reasoning)


def _longer(told: str | None, whole: str | None) -> str | None:
    """The whole, where it goes on from what was told."""
    return whole if whole is not None and whole.startswith(told or "") else told


def _both(first: Parts, second: Parts) -> Parts:
    thoughts = [parts.reasoning for parts in (first, second) if parts.reasoning is not None]
    return Parts(first.content + second.content, "".join(thoughts) if thoughts else None)


def _since(now: Parts, before: Parts) -> Parts:
    """What is new; reasoning that has not grown is none."""
    thought = (now.reasoning or "")[len(before.reasoning or "") :]
    return Parts(now.content[len(before.content) :], thought or None)
