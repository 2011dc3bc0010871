"""A streamed answer put together: chunks in, new text out, and at the end the same result as a whole reply. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import AliasPath, Field

from nbest_client._errors import ConnectionFailed, ServerFailed
from nbest_client._http.replies import error_in_stream, parse
from nbest_client._http.sse import EventDecoder
from nbest_client._responses.explanation import Told
from nbest_client._responses.results import Delta, Generation

_DONE = "[DONE]"


class _Delta(Told):
    """What one chunk adds to one choice."""

    index: int
    text: str | None = Field(None, validation_alias=AliasPath("delta", "content"))
    reasoning: str | None = Field(None, validation_alias=AliasPath("delta", "reasoning"))
    tool_calls: Sequence[Mapping[str, Any]] = Field((), validation_alias=AliasPath("delta", "tool_calls"))
    finish_reason: str | None = None
    logprobs: Mapping[str, list[Any]] | None = None


class Answer:
    """What has come of a stream so far; `done` once the server has said that it was all."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """The reply's headers; ServerFailed where they announce something else than a stream."""
        self.done = False
        self._request_id = headers.get("x-request-id")
        kind = headers.get("content-type", "nothing that it names")
        if not kind.startswith("text/event-stream"):
            raise ServerFailed(f"a stream was asked for; what came is {kind}", request_id=self._request_id)
        self._decoder = EventDecoder()
        self._whole: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def feed(self, received: bytes | None) -> Iterator[Delta]:
        """The new text in what was received, and after it the error, if one came. None is an end that came too soon."""
        if received is None:
            raise ConnectionFailed("the stream broke off before its end", request_id=self._request_id)
        for data in self._decoder.feed(received):
            yield from self._event(data)

    def generation(self) -> Generation:
        """The whole answer. RuntimeError before the end: a part of an answer is not an answer."""
        if not self.done:
            raise RuntimeError("the stream has not been read to its end")
        whole = self._whole | {"choices": [self._choices[i] for i in sorted(self._choices)]}
        return parse(whole, Generation, self._request_id, request_id=self._request_id)

    def _event(self, data: str) -> list[Delta]:
        if self.done:
            return []
        if data == _DONE:
            self.done = True
            return []
        chunk = self._object(data)
        if "error" in chunk:
            raise error_in_stream(chunk, self._request_id)
        choices = chunk.pop("choices", None) or []
        self._whole |= chunk | {"object": "chat.completion"}
        pieces = [self._choice(choice) for choice in choices]
        return [piece for piece in pieces if piece.text]

    def _object(self, data: str) -> dict[str, Any]:
        try:
            chunk = json.loads(data)
        except ValueError:
            chunk = None
        if not isinstance(chunk, dict):
            raise ServerFailed("an event of the stream is not a JSON object", request_id=self._request_id)
        return chunk

    def _choice(self, told: Any) -> Delta:
        delta = parse(told, _Delta, self._request_id)
        text = delta.text or ""
        empty = {"index": delta.index, "message": {"content": ""}, "finish_reason": None}
        choice = self._choices.setdefault(delta.index, empty)
        choice["message"]["content"] += text
        if delta.reasoning is not None:
            message = choice["message"]
            message["reasoning"] = message.get("reasoning", "") + delta.reasoning
        if delta.tool_calls:
            # The server tells each call whole.
            choice["message"].setdefault("tool_calls", []).extend(delta.tool_calls)
        choice["finish_reason"] = delta.finish_reason or choice["finish_reason"]
        if delta.logprobs:
            choice.setdefault("logprobs", {"content": []})["content"] += delta.logprobs.get("content") or []
        return Delta(delta.index, text)
