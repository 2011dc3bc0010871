"""Text to token ids for generator and scorers alike; control tokens written by a caller stay plain text."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from service.engine.tokenizer.chat_template import (
    Part,
    Slot,
    answer_part,
    check_messages,
    check_place,
    check_text,
    extras_of,
    fill,
    render,
    skeleton,
)
from service.engine.tokenizer.spans import Span, ends_of, stripped
from service.engine.tokenizer.template_variables import declared, strings_in, variables_of
from service.engine.tokenizer.vocabulary import Vocabulary
from strategies.base.errors import InvalidRequest
from strategies.base.response import Response
from strategies.base.types import Message, Prompt, Tools


@dataclass(frozen=True, slots=True)
class Conversation:
    """A rendered chat with its answer: `answer_ends[i]` is the number of characters of the answer that are
    complete after token `i`, and -1 where the token is no part of the answer."""

    ids: list[int]
    answer_ends: list[int]

    def tokens_at(self, ends: Sequence[int]) -> list[int]:
        """For each number of characters, the token (an index) after which so much of the answer is complete.

        Where several tokens spell one character it is the last of them; white space at the end that the
        template strips counts as complete with the answer's last token. InvalidRequest if there is no token.
        """
        all_ends = np.asarray(self.answer_ends)
        inside = np.flatnonzero(all_ends >= 0)
        if not inside.size:
            raise InvalidRequest("an answer without any text has no steps", param="texts")
        own = all_ends[inside]
        first = np.minimum(np.searchsorted(own, np.asarray(ends)), own.size - 1)
        last = np.searchsorted(own, own[first], side="right") - 1
        found: list[int] = inside[last].tolist()
        return found


class ChatTokenizer:
    """A model's tokenizer and chat template; safe to call from several threads.

    As long as no content holds the spelling of a control token, the ids are exactly those of rendering with
    `apply_chat_template` and encoding the whole. Otherwise template and contents are encoded piece by piece,
    the contents with control tokens split into ordinary ones; merges across the seams are then lost.
    """

    def __init__(self, source: str | Path | Any) -> None:
        """`source` is a folder, a repository or a transformers tokenizer; ValueError if it is a slow one."""
        self._tokenizer = _load(source) if isinstance(source, str | Path) else source
        if not getattr(self._tokenizer, "is_fast", False):
            raise ValueError(f"a fast tokenizer is needed; {type(self._tokenizer).__name__} has no offsets")
        self._raw = copy.deepcopy(self._tokenizer.backend_tokenizer)
        self._whole = _bare_backend(self._tokenizer, inert=False)
        self._inert = _bare_backend(self._tokenizer, inert=True)
        self._control = _control_pattern(self._tokenizer)
        self.vocabulary = Vocabulary(self._tokenizer, self._inert_ids)

    @property
    def inner(self) -> Any:
        """The tokenizer of transformers."""
        return self._tokenizer

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        """What the generator reads: the chat up to the place of the answer, or raw text as it stands.

        In raw text control tokens are honoured, as in vLLM; in a chat's contents they are inert.
        InvalidRequest, naming the field, for an empty chat, an unknown role or text that cannot be encoded.
        """
        if prompt.text is not None:
            return list(self._raw.encode(check_text(prompt.text, "prompt")).ids)
        check_messages(prompt.messages)
        contents = [message.content for message in prompt.messages]
        variables = self.variables(prompt) | self._tools(prompt.tools)
        extras = extras_of(prompt.messages)
        self._check_inert(extras, "messages")
        turns = [(message.role, message.content) for message in prompt.messages]
        text = render(self._tokenizer, turns, add_generation_prompt=True, variables=variables, extras=extras)
        check_place(self._tokenizer, prompt.messages, "messages")
        if self._is_plain(contents):
            return list(self._whole.encode(text, add_special_tokens=False).ids)
        roles = [message.role for message in prompt.messages]
        parts = skeleton(
            self._tokenizer, roles, add_generation_prompt=True, variables=variables, extras=extras
        )
        return list(chain.from_iterable(piece.ids for piece in self._encode_pieces(parts, contents)))

    def variables(self, prompt: Prompt) -> dict[str, Any]:
        """The template's variables as the prompt sets them; InvalidRequest names one that it does not know."""
        if not prompt.template_kwargs and prompt.reasoning_effort is None:
            return {}
        if prompt.text is not None:
            raise InvalidRequest("a plain prompt has no chat template", param="chat_template_kwargs")
        template = self._tokenizer.chat_template
        variables = variables_of(prompt, declared(template) if isinstance(template, str) else frozenset())
        if not self._is_plain(strings_in(variables)):
            raise InvalidRequest(
                "control tokens stand in a template's variable", param="chat_template_kwargs"
            )
        return variables

    def _tools(self, tools: Tools | None) -> dict[str, Any]:
        """The tools as a variable of the template; InvalidRequest where it has no place for them."""
        if tools is None:
            return {}
        if not self._reads("tools"):
            message = (
                "the model's chat template has no place for tools; set engine.chat_template to one that has"
            )
            raise InvalidRequest(message, param="tools")
        offered = [dict(tool) for tool in tools.offered]
        self._check_inert(offered, "tools")
        return {"tools": offered}

    def _reads(self, variable: str) -> bool:
        template = self._tokenizer.chat_template
        return isinstance(template, str) and variable in declared(template)

    def _check_inert(self, value: Any, param: str) -> None:
        if not self._is_plain(strings_in(value)):
            raise InvalidRequest("a control token of the model is spelled in a tool or a call", param=param)

    def conversation(
        self, messages: Sequence[Message], answer: str, tools: Tools | None = None
    ) -> Conversation:
        """What a scorer reads: the chat and the answer, and where in the answer each token ends.

        Of an answer that calls tools no token is placed. InvalidRequest where the template has no place for calls.
        """
        check_messages(messages)
        if isinstance(answer, Response) or any(map(_extra_of, messages)):
            return self._rich_conversation(messages, answer, tools)
        contents = [*(message.content for message in messages), check_text(answer, "answer")]
        roles = [*(message.role for message in messages), "assistant"]
        parts = skeleton(self._tokenizer, roles, add_generation_prompt=False)
        place = answer_part(parts, len(contents) - 1)
        if self._is_plain(contents):
            return self._plain_conversation(roles, contents, parts, place)
        pieces = self._encode_pieces(parts, contents)
        ends = [[-1] * len(piece.ids) for piece in pieces]
        text = fill(parts, contents)[place]
        ends[place] = ends_of(pieces[place], Span(0, len(text), stripped(answer, text)))
        ids = chain.from_iterable(piece.ids for piece in pieces)
        return Conversation(list(ids), list(chain.from_iterable(ends)))

    def _rich_conversation(
        self, messages: Sequence[Message], answer: str, tools: Tools | None
    ) -> Conversation:
        calls = answer.tool_calls if isinstance(answer, Response) else ()
        said = answer.content if isinstance(answer, Response) else answer
        chat = [*messages, Message("assistant", check_text(said, "answer"), tool_calls=calls)]
        extras, contents = extras_of(chat), [message.content for message in chat]
        offered = self._tools(tools) if self._reads("tools") else {}
        self._check_inert(extras, "messages")
        turns = [(message.role, message.content) for message in chat]
        text = render(self._tokenizer, turns, add_generation_prompt=False, variables=offered, extras=extras)
        check_place(self._tokenizer, chat[-1:], "strategy.scorer")
        parts = skeleton(
            self._tokenizer,
            [message.role for message in chat],
            add_generation_prompt=False,
            variables=offered,
            extras=extras,
        )
        pieces = self._encode_pieces(parts, contents)
        ids = list(chain.from_iterable(piece.ids for piece in pieces))
        if calls:
            whole = list(self._whole.encode(text, add_special_tokens=False).ids)
            ids = whole if self._is_plain(contents) else ids
            return Conversation(ids, [-1] * len(ids))
        place = answer_part(parts, len(contents) - 1)
        ends = [[-1] * len(piece.ids) for piece in pieces]
        core = fill(parts, contents)[place]
        ends[place] = ends_of(pieces[place], Span(0, len(core), stripped(answer, core)))
        return Conversation(ids, list(chain.from_iterable(ends)))

    def _plain_conversation(
        self, roles: Sequence[str], contents: Sequence[str], parts: Sequence[Part], place: int
    ) -> Conversation:
        turns, answer = list(zip(roles, contents, strict=True)), contents[-1]
        texts = fill(parts, contents)
        text, core = "".join(texts), texts[place]
        start = sum(map(len, texts[:place]))
        rendered = render(self._tokenizer, turns, add_generation_prompt=False)
        # A template that rewrites contents (moves a thought, say) is followed if the answer survives whole.
        if rendered != text and (found := rendered.rfind(answer.strip())) >= 0:
            text, start, core = rendered, found, answer.strip()
        encoding = self._whole.encode(text, add_special_tokens=False)
        span = Span(start, start + len(core), stripped(answer, core))
        return Conversation(list(encoding.ids), ends_of(encoding, span))

    def token_text(self, token_id: int) -> str:
        """What one token spells; a part of a character shows as the replacement character."""
        return self.vocabulary.text([token_id])

    def _inert_ids(self, text: str) -> list[int]:
        return list(self._inert.encode(text, add_special_tokens=False).ids)

    def _is_plain(self, contents: Sequence[str]) -> bool:
        return self._control is None or not any(map(self._control.search, contents))

    def _encode_pieces(self, parts: Sequence[Part], contents: Sequence[str]) -> list[Any]:
        texts = fill(parts, contents)
        encoders = [self._inert if isinstance(part, Slot) else self._whole for part in parts]
        return [e.encode(text, add_special_tokens=False) for e, text in zip(encoders, texts, strict=True)]


def _extra_of(message: Message) -> dict[str, Any]:
    return extras_of([message])[0]


def _load(source: str | Path) -> Any:
    # Imported here because it takes seconds, and tokenizers of tests need none of it.
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(source), trust_remote_code=False)


def _bare_backend(tokenizer: Any, *, inert: bool) -> Any:
    """A private copy of the fast encoder, because its settings are state that other callers may change.

    Without the post-processor nothing is added, and offsets keep their white space (Llama 3 trims them).
    """
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    backend.post_processor = None
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = inert
    return backend


def _control_pattern(tokenizer: Any) -> re.Pattern[str] | None:
    """Matches the spelling of any control token, alone or within more text."""
    spelled = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    spelled |= set(tokenizer.all_special_tokens)
    if not spelled:
        return None
    # A normaliser may fold case before control tokens are matched; a match too many only costs time.
    return re.compile("|".join(map(re.escape, sorted(spelled))), re.IGNORECASE)
