"""vLLM's own reasoning and tool parsers, used outside its server: one is made for each candidate."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from service.engine.response_parser import (
    CallsParser,
    ResponseParser,
    ThinkParser,
    TokensWithin,
    reasoning_tokens,
)
from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from strategies.base.types import Parts, Prompt, ToolCall, Tools
from strategies.parts.thinking import OPEN
from strategies.parts.tool_parts import UNREADABLE, checked

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

        tools = prompt.tools if prompt.tools is not None and prompt.tools.choice != "none" else None
        opened = vocabulary.text(ids[-_CONTEXT:]).rstrip().endswith(OPEN)
        request = _request(prompt)

        def split() -> ResponseParser:
            if self.parser_class is None:
                return ThinkParser(within, opened=opened)
            return VllmParser(
                lambda: self._make(prompt), request, list(ids), within, tools if self.calls else None
            )

        if tools is None or self.calls:
            return split
        return lambda: CallsParser(split(), tools)

    @property
    def reasons(self) -> bool:
        """Whether the engine itself knows where thinking ends."""
        return getattr(self.parser_class, "reasoning_parser_cls", None) is not None

    @property
    def calls(self) -> bool:
        """Whether a parser of the model's own reads its calls."""
        return getattr(self.parser_class, "tool_parser_cls", None) is not None

    def hold(self, prompt: Prompt, params: Any) -> None:
        """Set what holds a response to the calls that are asked for, as vLLM's own server does."""
        tools = prompt.tools
        if tools is None or tools.choice == "none":
            return
        request = _request(prompt)
        if self.calls:
            request = self._make(prompt).adjust_request(request)
            params.skip_special_tokens = request.skip_special_tokens
            params.structured_outputs = request.structured_outputs or params.structured_outputs
        elif tools.choice != "auto":
            from vllm.sampling_params import StructuredOutputsParams
            from vllm.tool_parsers.utils import get_json_schema_from_tools

            schema = get_json_schema_from_tools(
                request.tool_choice, request.tools, parallel_tool_calls=tools.parallel
            )
            params.structured_outputs = StructuredOutputsParams(json=schema)

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
            _request(prompt).tools,
            chat_template_kwargs=self.tokenizer.variables(prompt),
            model_config=self.model_config,
        )


def parser_class(reasoning_parser: str | None, tool_parser: str | None, tokenizer: Any) -> Any:
    """vLLM's parser of those names, tried on the tokenizer; ValueError says what is wrong, or lists the names."""
    if reasoning_parser is None and tool_parser is None:
        return None
    from vllm.parser import ParserManager
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager

    _check_name("reasoning_parser", reasoning_parser, ReasoningParserManager.list_registered())
    _check_name("tool_parser", tool_parser, ToolParserManager.list_registered())
    try:
        return ParserManager.get_parser(
            tool_parser_name=tool_parser,
            reasoning_parser_name=reasoning_parser,
            enable_auto_tools=True,
            tokenizer=tokenizer,
        )
    except TypeError as error:
        raise ValueError(f"engine.reasoning_parser, engine.tool_parser: {error}") from error


def _check_name(setting: str, name: str | None, known: Sequence[str]) -> None:
    if name is not None and name not in known:
        raise ValueError(f"engine.{setting}: no {name!r}; vLLM has: {', '.join(known)}")


def _request(prompt: Prompt) -> Any:
    """The request as vLLM's parsers look at it: what may be called."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest

    asked: dict[str, Any] = {"messages": [{"role": "user", "content": ""}]}
    if (tools := prompt.tools) is not None:
        named = {"type": "function", "function": {"name": tools.named}}
        asked |= {"tools": list(tools.offered), "parallel_tool_calls": tools.parallel}
        asked["tool_choice"] = named if tools.choice == "named" else tools.choice
    if (schema := prompt.decoding.json_schema) is not None:
        asked["structured_outputs"] = {"json": schema}
    return ChatCompletionRequest.model_validate(asked)


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
    tools: Tools | None = None
    _stream: Any = None
    _blank: str = ""
    _text: str = ""
    _ids: list[int] = field(default_factory=list)
    _told: Parts = field(default_factory=Parts)

    def whole(self, text: str, ids: Sequence[int]) -> Parts:
        try:
            parser = self.make()
            parser.set_prompt_token_ids(self.prompt_ids)
            reasoning, content, calls = parser.parse(
                text, self.request, enable_auto_tools=True, model_output_token_ids=list(ids)
            )
        except Exception:
            log.warning("the configured parser could not read a response", exc_info=True)
            return replace(self._told, flaw="unreadable")
        parts = Parts(_longer(self._told.content, content) or "", _longer(self._told.reasoning, reasoning))
        if self.tools is not None:
            found = [ToolCall(call.name, call.arguments, call.id or "") for call in calls or ()]
            parts = checked(parts, found, self.tools)
            if not found and self.tools.choice != "auto":
                parts = replace(parts, flaw=parts.flaw or UNREADABLE)
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
        if told is None:
            return Parts()
        # Blank text before a call is none of the content, once the call is there.
        content = self._blank + (told.content or "")
        waits = self.tools is not None and not self._told.content and not content.strip()
        self._blank = content if waits else ""
        return Parts("" if waits else content, told.reasoning)


def _longer(told: str | None, whole: str | None) -> str | None:
    """The whole, where it goes on from what was told."""
    return whole if whole is not None and whole.startswith(told or "") else told


def _both(first: Parts, second: Parts) -> Parts:
    thoughts = [parts.reasoning for parts in (first, second) if parts.reasoning is not None]
    return Parts(first.content + second.content, "".join(thoughts) if thoughts else None)


def _since(now: Parts, before: Parts) -> Parts:
    """What is new; reasoning that has not grown is none."""
    thought = (now.reasoning or "")[len(before.reasoning or "") :]
    return Parts(now.content[len(before.content) :], thought or None, now.tool_calls)
