"""What a model thinks is told and counted, and neither votes nor is scored: on a real socket, by a script."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from strategies.base.ports import OutcomeScores, StepScores
from strategies.base.types import Prompt
from tests.service.fixtures import Running, listening
from tests.service.routes.asking import ASK, events, post

ANSWERS = (42, 42, 43, 43, 42)
SELECTING = ["best_of_n", "majority", "weighted_majority", "best_of_majority"]


def script(prompt: Prompt, index: int) -> str:
    """Every thought says 41; the best score is that of the text that says 43 last."""
    return f"<think>\nIs it 41? Yes, 41.\n</think>\n\nI say:\nThe answer is {ANSWERS[index % 5]}."


@dataclass
class Noting:
    """A scorer of either kind that notes what it is shown; the number that a text ends with is its score."""

    name: str
    delimiter: str = "\n"
    seen: list[str] = field(default_factory=list)

    async def score(self, prompt: Prompt, texts: Sequence[Any]) -> Any:
        self.seen += ["".join(text) for text in texts]
        if self.name == "step":
            return StepScores(tuple(tuple(0.5 for _ in steps) for steps in texts))
        return OutcomeScores(tuple(float(text.rstrip(".").split()[-1]) for text in texts))


def noting(*, sees_reasoning: bool = False) -> LoadedScorers:
    return LoadedScorers(
        infos=tuple(
            ScorerInfo(kind, kind, "scripted", "scripted", sees_reasoning=sees_reasoning)
            for kind in ("outcome", "step")
        ),
        outcomes={"outcome": Noting("outcome")},
        steps={"step": Noting("step")},
    )


@pytest.fixture(scope="module")
async def thinking() -> AsyncIterator[Running]:
    async with listening(ScriptedEngine(script=script), noting()) as running:
        yield running


@pytest.mark.parametrize("name", SELECTING)
async def test_only_what_is_said_votes_and_is_scored(name: str) -> None:
    scorers: Any = noting()
    asked = {"name": name, "n": 5, "explain": "full"} | ({} if name == "majority" else {"scorer": "outcome"})
    async with listening(ScriptedEngine(script=script), scorers) as running, running.client() as http:
        reply = (await post(http, strategy=asked)).json()
    assert {candidate["answer"] for candidate in reply["nbest"]["candidates"]} <= {"42", "43"}
    assert not any("41" in text for text in scorers.outcomes["outcome"].seen)
    message = reply["choices"][0]["message"]
    assert "41" in message["reasoning"]
    assert message["reasoning_content"] == message["reasoning"]
    assert "41" not in message["content"]


@pytest.mark.parametrize(
    ("scorer", "sees", "shown"),
    [
        ("outcome", False, "\n\nI say:\nThe answer is 42."),
        ("outcome", True, "<think>\nIs it 41? Yes, 41.\n</think>\n\nI say:\nThe answer is 42."),
        ("step", False, "\n\nI say:\nThe answer is 42."),
        ("step", True, "\nIs it 41? Yes, 41.\n"),
    ],
)
async def test_a_scorer_is_shown_the_thought_only_where_it_is_configured_so(
    scorer: str, sees: bool, shown: str
) -> None:
    scorers: Any = noting(sees_reasoning=sees)
    async with listening(ScriptedEngine(script=script), scorers) as running, running.client() as http:
        asked = {"name": "best_of_n", "n": 2, "scorer": scorer}
        assert (await post(http, strategy=asked)).status_code == 200
        body = {"messages": ASK["messages"], "texts": [script(Prompt(), 0)], "scorer": scorer}
        assert (await http.post("/v1/score", json=body)).status_code == 200
    used = scorers.outcomes[scorer] if scorer == "outcome" else scorers.steps[scorer]
    assert used.seen == [shown, shown]


async def test_thought_is_counted_within_the_completion(thinking: Running) -> None:
    async with thinking.client() as http:
        usage = (await post(http, strategy={"name": "best_of_n", "n": 3})).json()["usage"]
    details = dict(usage["completion_tokens_details"])
    # Six words a thought, and the line before it.
    assert details.pop("reasoning_tokens") == 3 * 6
    assert sum(details.values()) == usage["completion_tokens"]


@pytest.mark.parametrize("most", [3, 5])
async def test_a_candidate_cut_off_in_its_thinking_is_invalid(thinking: Running, most: int) -> None:
    async with thinking.client() as http:
        reply = (await post(http, max_tokens=most, strategy={"name": "majority", "n": 3})).json()
    assert reply["nbest"]["degraded"] == "no_valid_candidate"
    assert [candidate["answer"] for candidate in reply["nbest"]["candidates"]] == [None] * 3
    assert reply["choices"][0]["message"]["content"] is None
    assert reply["choices"][0]["finish_reason"] == "length"


async def test_one_that_ends_in_its_thinking_is_invalid_too() -> None:
    engine = ScriptedEngine(script=lambda _, i: ("<think>41 [score=0.9]", "42 [score=0.1]")[i])
    async with listening(engine) as running, running.client() as http:
        reply = (await post(http, strategy={"name": "best_of_n", "n": 2})).json()
    assert [candidate["fate"] for candidate in reply["nbest"]["candidates"]] == ["invalid", "selected"]


@pytest.mark.parametrize("strategy", [{"name": "single"}, {"name": "best_of_n", "n": 3}], ids=str)
@pytest.mark.parametrize("n", [1, 2])
async def test_a_stream_says_what_the_whole_reply_says(
    thinking: Running, strategy: dict[str, Any], n: int
) -> None:
    async with thinking.client() as http:
        whole = (await post(http, strategy=strategy, n=n)).json()["choices"]
        chunks = await events(http, strategy=strategy, n=n)
    for choice in whole:
        deltas = [
            chunk["choices"][0]["delta"]
            for chunk in chunks[:-1]
            if chunk["choices"][0]["index"] == choice["index"]
        ]
        for part in ("content", "reasoning", "reasoning_content"):
            assert "".join(delta.get(part) or "" for delta in deltas) == choice["message"][part]


async def test_reasoning_that_is_not_wanted_is_not_told(thinking: Running) -> None:
    async with thinking.client() as http:
        message = (await post(http, include_reasoning=False)).json()["choices"][0]["message"]
        chunks = await events(http, include_reasoning=False)
    assert set(message) == {"role", "content", "refusal"}
    assert "41" not in "".join(str(chunk["choices"][0]["delta"]) for chunk in chunks[:-1])


async def test_what_a_caller_brings_is_split_too(thinking: Running) -> None:
    texts = ["<think>so 42</think>43", "so 42</think>44", "44", "<think>42"]
    async with thinking.client() as http:
        body = {"strategy": {"name": "majority"}, "candidates": [{"text": text} for text in texts]}
        reply = (await http.post("/v1/select", json=body)).json()
    assert [candidate["answer"] for candidate in reply["nbest"]["candidates"]] == ["43", "44", "44", None]
    assert reply["nbest"]["candidates"][3]["fate"] == "invalid"
    assert reply["selected"] == [1]


async def test_early_rejection_asks_for_a_scorer_that_may_look_at_thoughts() -> None:
    asked = {"name": "early_rejection", "beams": 4, "beam_width": 2, "tau": 3, "scope": "response"}
    for sees in (False, True):
        async with (
            listening(ScriptedEngine(script=script), noting(sees_reasoning=sees)) as running,
            running.client() as http,
        ):
            reply = await post(http, strategy=asked)
        if sees:
            assert reply.json()["choices"][0]["message"]["content"].strip().startswith("I say")
        else:
            assert reply.json()["error"]["param"] == "strategy.scorer"


async def test_a_plain_completion_is_the_text_as_it_was_generated(thinking: Running) -> None:
    async with thinking.client() as http:
        body = {"model": "scripted", "prompt": "6 times 7?", "max_tokens": 64}
        reply = (await http.post("/v1/completions", json=body)).json()
    assert reply["choices"][0]["text"] == script(Prompt(), 0)
    assert reply["usage"]["completion_tokens_details"]["reasoning_tokens"] == 6


async def test_a_fusor_may_think() -> None:
    def play(prompt: Prompt, index: int) -> str:
        fuses = "Reply in exactly this form" in prompt.messages[-1].content
        return "<think>[[41]]</think>Comparison: fine\nAnswer: [[42]]" if fuses else f"text {index}"

    async with listening(ScriptedEngine(script=play)) as running, running.client() as http:
        whole = (await post(http, strategy={"name": "fusion_of_n", "n": 3})).json()
        chunks = await events(http, strategy={"name": "fusion_of_n", "n": 3})
    assert whole["choices"][0]["message"]["content"] == "42"
    texts = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks[:-1]]
    assert "".join(texts) == "42"


async def test_a_scorer_tells_that_it_sees_reasoning() -> None:
    async with (
        listening(ScriptedEngine(), noting(sees_reasoning=True)) as running,
        running.client() as http,
    ):
        told: httpx.Response = await http.get("/v1/scorers")
    assert [scorer["sees_reasoning"] for scorer in told.json()["data"]] == [True, True]
