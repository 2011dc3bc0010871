"""Remote scorers against a real socket: what is sent, what is read, and every fault named."""

import asyncio
import time
from typing import Any

import pytest
from pydantic import ValidationError

from service.metering.limits import RequestLimits
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.remote.settings import RemoteSettings
from strategies.base.errors import ScorerFailed, TooLongToScore
from strategies.base.types import Message, Prompt
from tests.service.reward_models.judges.scripts import QUESTION, loaded, metered
from tests.service.reward_models.remote.server import Asked, Reply, Respond, answering


def remote(url: str, api: str = "vllm_score", **more: Any) -> dict[str, Any]:
    return {"name": "far", "backend": "remote", "api": api, "url": url, **more}


def by_length(asked: Asked) -> Reply:
    """Answers each API as its server does; the score of a text is its length."""
    body = asked.body
    if asked.path == "/score":
        data = [{"index": i, "object": "score", "score": len(t)} for i, t in enumerate(body["documents"])]
        return Reply({"data": data[::-1], "usage": {"prompt_tokens": 9}})
    if asked.path == "/rerank":
        ranks = [{"index": i, "score": float(len(text))} for i, text in enumerate(body["texts"])]
        return Reply(sorted(ranks, key=lambda rank: -rank["score"]), headers={"x-compute-tokens": "9"})
    if asked.path == "/predict":
        return Reply(
            [
                [{"score": len(text), "label": "good"}, {"score": -1, "label": "bad"}]
                for _, text in body["inputs"]
            ]
        )
    answer = body["messages"][-1]
    assert answer["role"] == "assistant"
    row = [0.5, len(answer["content"])]
    if asked.path == "/classify":
        return Reply(
            {
                "data": [{"index": 0, "label": None, "probs": row, "num_classes": 2}],
                "usage": {"prompt_tokens": 9},
            }
        )
    return Reply(
        {
            "data": [{"index": 0, "object": "pooling", "data": [[9.0, 9.0], row]}],
            "usage": {"prompt_tokens": 9},
        }
    )


APIS: list[tuple[str, dict[str, Any]]] = [
    ("vllm_classify", {"label": 1}),
    ("vllm_pooling", {"label": 1}),
    ("vllm_score", {}),
    ("tei_rerank", {}),
    ("tei_predict", {"label_name": "good"}),
]


async def scored(
    respond: Respond, texts: list[str], **more: Any
) -> tuple[tuple[float | None, ...], list[Asked]]:
    async with answering(respond) as server:
        scorers = loaded(remote(server.url, **more))
        try:
            return (await scorers.outcome("far").score(QUESTION, texts)).values, server.asked
        finally:
            await scorers.aclose()


async def failure_of(respond: Respond, **more: Any) -> tuple[ScorerFailed, list[Asked]]:
    async with answering(respond) as server:
        scorers = loaded(remote(server.url, **{"retries": 0, **more}))
        try:
            with pytest.raises(ScorerFailed) as failure:
                await scorers.outcome("far").score(QUESTION, ["a", "bb"])
            return failure.value, server.asked
        finally:
            await scorers.aclose()


@pytest.mark.parametrize(("api", "more"), APIS)
async def test_every_api_gives_each_text_its_score_in_order(api: str, more: dict[str, Any]) -> None:
    values, asked = await scored(by_length, ["ccc", "a", "bb", "a"], api=api, **more)
    assert values == (3.0, 1.0, 2.0, 1.0)
    assert len(asked) == (3 if api in ("vllm_classify", "vllm_pooling") else 1)


async def test_what_vllm_is_sent() -> None:
    chat = Prompt((Message("system", "Be brief."), Message("user", "6 times 7?")))
    async with answering(by_length) as server:
        for more, prompt in (
            ({"api": "vllm_classify", "label": 1, "model": "rm"}, chat),
            ({"raw_scores": False}, QUESTION),
        ):
            scorers = loaded(remote(server.url, **more))
            await scorers.outcome("far").score(prompt, ["42"])
            await scorers.aclose()
        assert [asked.body for asked in server.asked] == [
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "6 times 7?"},
                    {"role": "assistant", "content": "42"},
                ],
                "add_generation_prompt": False,
                "use_activation": False,
                "model": "rm",
            },
            {"queries": "What is 6 times 7?", "documents": ["42"], "use_activation": True},
        ]


async def test_what_tei_is_sent() -> None:
    _, asked = await scored(by_length, ["42"], api="tei_rerank")
    question = "What is 6 times 7?"
    assert asked[0].body == {"query": question, "texts": ["42"], "raw_scores": True, "truncate": False}
    _, asked = await scored(by_length, ["42"], api="tei_predict", label_name="good", raw_scores=False)
    assert asked[0].body == {"inputs": [[question, "42"]], "raw_scores": False, "truncate": False}


async def test_long_lists_go_in_batches_no_more_at_once_than_allowed() -> None:
    async with answering(lambda asked: Reply(by_length(asked).body, waits_s=0.02)) as server:
        scorers = loaded(remote(server.url, batch_size=2, max_concurrency=3))
        texts = ["x" * i for i in range(1, 14)]
        values = (await scorers.outcome("far").score(QUESTION, texts)).values
        await scorers.aclose()
    assert values == tuple(map(float, range(1, 14)))
    assert [len(asked.body["documents"]) for asked in server.asked].count(2) == 6
    assert server.most_at_once == 3


@pytest.mark.parametrize("api", ["vllm_score", "tei_rerank"])
async def test_what_it_reads_is_counted(api: str) -> None:
    async with answering(by_length) as server:
        scorers = loaded(remote(server.url, api=api))
        panel = metered(scorers)
        await panel.outcome("far").score(QUESTION, ["a"])
        await scorers.aclose()
    assert panel.meter.scorer_tokens["far"] == 9


async def test_the_token_of_the_environment_goes_into_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAR_TOKEN", "s3cret")
    _, asked = await scored(by_length, ["a"], token_variable="FAR_TOKEN")
    assert asked[0].headers["authorization"] == "Bearer s3cret"
    _, asked = await scored(by_length, ["a"], token_variable="FAR_TOKEN", token_header="X-Api-Key")
    assert asked[0].headers["x-api-key"] == "s3cret"


def test_a_missing_token_is_found_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAR_TOKEN", raising=False)
    with pytest.raises(ScorerLoadError, match="scorer 'far': the environment variable FAR_TOKEN is not set"):
        loaded(remote("http://127.0.0.1:9", token_variable="FAR_TOKEN"))


def score(*rows: Any) -> Reply:
    return Reply({"data": [{"index": index, "score": value} for index, value in rows]})


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(drops=True), "unreachable"),
        (Reply(status=429), "overloaded"),
        (Reply(status=503), "overloaded"),
        (Reply(status=500), "refused"),
        (Reply(status=404), "refused"),
        (Reply(status=307, headers={"location": "http://127.0.0.1:9/"}), "refused"),
        (Reply(waits_s=5), "timeout"),
        (Reply({"data": [0] * 20}, drips=True), "timeout"),
        (Reply(raw=b"<html>"), "invalid_response"),
        (Reply(raw=b"\xff\xfe"), "invalid_response"),
        (Reply(raw=b"[" * 100_000), "invalid_response"),
        (Reply(raw=b" " * (17 << 20)), "invalid_response"),
        (Reply([]), "invalid_response"),
        (Reply({}), "invalid_response"),
        (Reply({"data": {}}), "invalid_response"),
        (score((0, 1.0)), "length_mismatch"),
        (score((0, 1.0), (1, 2.0), (2, 3.0)), "length_mismatch"),
        (score((0, 1.0), (0, 2.0)), "invalid_response"),
        (score((1, 1.0), (2, 2.0)), "invalid_response"),
        (score(("0", 1.0), ("1", 2.0)), "invalid_response"),
        (score((0, 1.0), (True, 2.0)), "invalid_response"),
        (score(([], 1.0), (1, 2.0)), "invalid_response"),
        (score((0, "1.0"), (1, 2.0)), "invalid_response"),
        (score((0, True), (1, 2.0)), "invalid_response"),
        (score((0, None), (1, 2.0)), "not_finite"),
        (score((0, float("nan")), (1, 2.0)), "not_finite"),
        (score((0, float("inf")), (1, 2.0)), "not_finite"),
        (score((0, 10**400), (1, 2.0)), "not_finite"),
        (Reply({"message": "maximum context length is 512 tokens"}, status=400), "too_long"),
        (Reply({"error": "inputs must have less than 512 tokens. Given: 600"}, status=413), "too_long"),
        (Reply({"error": "batch size 99 > maximum allowed batch size 32"}, status=413), "refused"),
    ],
)
async def test_every_fault_has_its_reason(reply: Reply, reason: str) -> None:
    failure, asked = await failure_of(lambda _: reply, timeout_s=0.3 if reason == "timeout" else 20)
    assert (failure.scorer, failure.reason) == ("far", reason)
    assert isinstance(failure, TooLongToScore) == (reason == "too_long")
    assert len(asked) == 1
    assert "127.0.0.1" not in str(failure)


@pytest.mark.parametrize(
    ("api", "body", "reason"),
    [
        ("vllm_classify", {"data": [{"index": 0, "probs": []}]}, "invalid_response"),
        ("vllm_classify", {"data": [{"index": 0, "probs": [1.0, float("nan")]}]}, "not_finite"),
        ("vllm_classify", {"data": [{"index": 1, "probs": [1.0]}]}, "invalid_response"),
        ("vllm_pooling", {"data": [{"index": 0, "data": "AAAA"}]}, "invalid_response"),
        ("vllm_pooling", {"data": [{"index": 0, "data": []}]}, "invalid_response"),
        ("tei_rerank", [{"index": 0, "score": 1.0}], "length_mismatch"),
        ("tei_rerank", {"error": "x"}, "invalid_response"),
        ("tei_predict", [[{"score": 1.0, "label": "a"}]], "length_mismatch"),
        ("tei_predict", [[{"score": 1, "label": "a"}, {"score": 2, "label": "b"}]] * 2, "invalid_response"),
        ("tei_predict", [[], []], "invalid_response"),
    ],
)
async def test_the_other_apis_are_read_as_strictly(api: str, body: Any, reason: str) -> None:
    failure, _ = await failure_of(lambda _: Reply(body), api=api)
    assert failure.reason == reason


async def test_a_lone_label_needs_no_name() -> None:
    values, _ = await scored(lambda _: Reply([[{"score": 0.5, "label": "a"}]]), ["x"], api="tei_predict")
    assert values == (0.5,)


@pytest.mark.parametrize("fault", [Reply(drops=True), Reply(status=429), Reply(status=503)])
async def test_what_may_pass_is_tried_again(fault: Reply) -> None:
    values, asked = await scored(lambda a: fault if a.number < 2 else by_length(a), ["a"], retries=2)
    assert values == (1.0,)
    assert len(asked) == 3


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(status=400), Reply(raw=b"x"), Reply(waits_s=3)])
async def test_what_will_not_pass_is_not_tried_again(reply: Reply) -> None:
    _, asked = await failure_of(lambda _: reply, retries=3, timeout_s=0.5)
    assert len(asked) == 1


async def test_an_address_where_nobody_listens_is_unreachable_after_all_attempts() -> None:
    async with answering(by_length) as server:
        url = server.url
    scorers = loaded(remote(url, retries=2))
    with pytest.raises(ScorerFailed, match="cannot be reached") as failure:
        await scorers.outcome("far").score(QUESTION, ["a"])
    assert failure.value.reason == "unreachable"
    with pytest.raises(ScorerFailed, match="cannot be reached"):
        await scorers.check_health()


async def test_retry_after_is_waited_for_and_too_long_a_wait_is_a_failure() -> None:
    busy = Reply(status=429, headers={"retry-after": "1"})
    started = time.monotonic()
    values, _ = await scored(lambda a: busy if a.number < 1 else by_length(a), ["a"])
    assert values == (1.0,)
    assert time.monotonic() - started >= 1
    failure, asked = await failure_of(lambda _: Reply(status=503, headers={"retry-after": "60"}), retries=3)
    assert (failure.reason, len(asked)) == ("overloaded", 1)


async def test_the_requests_deadline_ends_attempts_and_is_noted() -> None:
    async with answering(lambda _: Reply(status=503)) as server:
        scorers = loaded(remote(server.url, retries=10))
        started = time.monotonic()
        panel = metered(scorers, RequestLimits(deadline=started + 0.3))
        assert (await panel.outcome("far").score(QUESTION, ["a"])).values == (None,)
        assert time.monotonic() - started < 1.5
        assert panel.meter.limit == "deadline"
        asked = len(server.asked)
        await asyncio.sleep(0.3)
        assert len(server.asked) == asked
        await scorers.aclose()


async def test_the_first_failure_ends_the_other_batches() -> None:
    def reply(asked: Asked) -> Reply:
        return Reply(status=500) if asked.body["documents"] == ["a"] else Reply(waits_s=5)

    started = time.monotonic()
    failure, _ = await failure_of(reply, batch_size=1)
    assert failure.reason == "refused"
    assert time.monotonic() - started < 2


async def test_any_answer_to_the_health_check_is_life() -> None:
    async with answering(lambda _: Reply(status=404)) as server:
        scorers = loaded(remote(server.url))
        await scorers.check_health()
        assert server.asked[0].path == "/health"
        await scorers.aclose()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"url": "ftp://host"}, "an address such as"),
        ({"url": "host:8000"}, "an address such as"),
        ({"url": "http://user:pass@host"}, "no user, query or fragment"),
        ({"url": "http://host/?a=b"}, "no user, query or fragment"),
        ({"label": 1}, "label: goes with vllm_classify"),
        ({"label_name": "x"}, "label_name: goes with tei_predict"),
        ({"api": "openai"}, "vllm_classify"),
        ({"kind": "step"}, "outcome"),
    ],
)
def test_wrong_settings_are_named(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RemoteSettings.model_validate({**remote("http://host:1"), **more})
