"""A streamed answer is the same as a whole one, and a part of it is none."""

import json
from typing import Any

import pytest
from nbest_client import ConnectionFailed, Delta, ServerFailed
from nbest_client._responses.answer import Answer

from tests.contract.client.faults import CHUNK, DONE, event

HEADERS = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_1"}


def fed(*wire: bytes) -> tuple[Answer, list[Delta]]:
    answer = Answer(HEADERS)
    return answer, [piece for part in wire for piece in answer.feed(part)]


def chunk(*choices: Any, **more: Any) -> bytes:
    return b"data: " + json.dumps({**CHUNK, "choices": choices, **more}).encode() + b"\n\n"


def delta(index: int, text: str, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": {"content": text}, **more}


def test_choices_are_put_together_by_index() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    answer, pieces = fed(
        chunk(delta(1, "b")),
        chunk(delta(0, "a"), delta(1, "b")),
        chunk({"index": 0, "delta": {}, "finish_reason": "stop"}),
        chunk({"index": 1, "delta": {}, "finish_reason": "length"}),
        chunk(usage=usage),
        DONE,
    )
    assert pieces == [Delta(1, "b"), Delta(0, "a"), Delta(1, "b")]
    whole = answer.generation()
    assert whole.texts == ["a", "bb"]
    assert [choice.finish_reason for choice in whole.choices] == ["stop", "length"]
    assert whole.usage is not None
    assert whole.usage.total_tokens == 3
    assert whole.object == "chat.completion"
    assert whole.request_id == "req_1"


def test_logprobs_are_joined() -> None:
    answer, _ = fed(
        chunk(delta(0, "a", logprobs={"content": [{"token": "a"}]})),
        chunk(delta(0, "b", logprobs={"content": [{"token": "b"}]})),
        DONE,
    )
    assert answer.generation().choices[0].logprobs == {"content": [{"token": "a"}, {"token": "b"}]}


def test_empty_text_is_no_piece_but_may_be_an_answer() -> None:
    answer, pieces = fed(event(""), DONE)
    assert pieces == []
    assert answer.generation().text == ""


def test_what_follows_the_end_is_nothing() -> None:
    answer, pieces = fed(event("a") + DONE + event("b"))
    assert pieces == [Delta(0, "a")]
    assert answer.generation().text == "a"


def test_a_part_is_no_answer() -> None:
    answer, _ = fed(event("a"))
    with pytest.raises(RuntimeError, match="not been read to its end"):
        answer.generation()
    with pytest.raises(ConnectionFailed, match="broke off"):
        list(answer.feed(None))


def test_nothing_but_the_end_is_no_answer_either() -> None:
    answer, _ = fed(DONE)
    with pytest.raises(ServerFailed, match="not nbest"):
        answer.generation()


@pytest.mark.parametrize("data", [b"nonsense", b"[]", b'{"choices": [{}]}', b'{"choices": ["x"]}', b"1"])
def test_events_that_are_not_ours(data: bytes) -> None:
    with pytest.raises(ServerFailed):
        fed(b"data: " + data + b"\n\n")


def test_a_reply_that_is_no_stream() -> None:
    with pytest.raises(ServerFailed, match="text/html"):
        Answer({"content-type": "text/html"})
    with pytest.raises(ServerFailed, match="nothing"):
        Answer({})


def test_what_was_thought_is_gathered_apart_from_the_text() -> None:
    deltas = [{"reasoning": "2+"}, {"reasoning": "2", "content": "4"}, {"content": "."}]
    answer, pieces = fed(*(chunk({"index": 0, "delta": new}) for new in deltas), DONE)
    choice = answer.generation().choices[0]
    assert (choice.text, choice.reasoning) == ("4.", "2+2")
    assert pieces == [Delta(0, "4"), Delta(0, ".")]
