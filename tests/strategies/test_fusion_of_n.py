"""Fusion-of-N on a scripted engine: what the fusor reads, what becomes of its reply, and what comes back instead."""

import asyncio
from typing import Any

import pytest

from service.engine.ports import EngineInfo
from service.engine.scripted.script import FAIL
from strategies.base.errors import InvalidRequest
from strategies.base.types import Decoding, Prompt
from strategies.fusion_of_n import FusionOfN
from tests.strategies.conftest import Table
from tests.strategies.fusion.playing import PROMPT, Fusor, fuse


async def test_the_fused_answer_is_a_candidate_of_its_own() -> None:
    outcome = await fuse(["four", "4", "five"])
    fused = outcome.verdicts[3]
    assert (outcome.selected, outcome.degraded, outcome.tie) == ((3,), None, None)
    assert (fused.candidate.index, fused.candidate.text, fused.fate) == (3, "It is four.", "selected")
    assert (fused.stage, fused.candidate.tokens) == ("fusion", 9)
    assert [verdict.fate for verdict in outcome.verdicts[:3]] == ["kept"] * 3


async def test_the_fusor_reads_the_question_and_every_text_in_the_order_that_is_told() -> None:
    engine = Fusor(["alpha", "beta", "gamma", "delta"])
    outcome = await FusionOfN(n=4).run(PROMPT, engine, Table())
    text = engine.asked[0].messages[0].content
    order = outcome.details["fusor_read"]
    assert isinstance(order, tuple)
    assert sorted(order) == [0, 1, 2, 3]
    assert order != (0, 1, 2, 3)
    places = [text.index(engine.texts[i]) for i in order]
    assert text.index("2 + 2?") < places[0]
    assert places == sorted(places)


async def test_one_seed_gives_one_request_to_the_fusor_and_another_seed_another() -> None:
    async def asked(seed: int | None) -> str:
        engine = Fusor(["a", "b", "c", "d", "e"])
        prompt = Prompt(PROMPT.messages, decoding=Decoding(seed=seed))
        await FusionOfN(n=5).run(prompt, engine, Table())
        return engine.asked[0].messages[0].content

    assert await asked(1) == await asked(1) != await asked(2)
    assert await asked(None) != await asked(None)


async def test_the_fusor_decodes_greedily_and_without_the_candidates_penalties() -> None:
    engine = Fusor(["a", "b"])
    await FusionOfN(n=2).run(PROMPT, engine, Table())
    assert engine.asked[0].decoding == Decoding(max_tokens=40 + 512, temperature=0.0)
    warm = FusionOfN(n=2, fusion_temperature=0.5, fusion_max_tokens=99)
    await warm.run(PROMPT, engine, Table())
    assert engine.asked[1].decoding == Decoding(max_tokens=99, temperature=0.5, seed=11)


async def test_what_equals_another_or_is_empty_or_cut_off_is_not_fused() -> None:
    outcome = await fuse(["four", " four\n", "", "4", FAIL, "word " * 50])
    assert sorted(outcome.details["fusor_read"]) == [0, 3]  # type: ignore[arg-type]
    fates = [verdict.fate for verdict in outcome.verdicts]
    assert fates == ["kept", "kept", "invalid", "kept", "failed", "invalid", "selected"]


@pytest.mark.parametrize("texts", [["four"], ["four", "four"], ["four", " four ", "", FAIL]])
async def test_with_one_text_there_is_nothing_to_fuse(texts: list[str]) -> None:
    outcome = await fuse(texts)
    assert ([c.text for c in outcome.answers], outcome.degraded) == (["four"], None)
    assert len(outcome.verdicts) == len(texts)
    assert outcome.details == {}


async def test_without_a_valid_candidate_nothing_is_fused_and_the_reply_says_so() -> None:
    outcome = await fuse(["long " * 50, "word " * 50])
    assert (outcome.selected, outcome.degraded) == ((0,), "no_valid_candidate")
    assert (await fuse([FAIL, FAIL])).selected == ()


UNREADABLE = ["It is four.", "", "Answer: [[ ]]", "Comparison: it never ends", FAIL]


@pytest.mark.parametrize("reply", UNREADABLE)
async def test_a_reply_that_cannot_be_read_gives_way_to_the_largest_group(reply: str) -> None:
    outcome = await fuse(["It is 5.", "It is 4.", "Surely 4."], reply)
    assert [c.text for c in outcome.answers] == ["It is 4."]
    assert outcome.degraded == ("fusion_failed" if reply == FAIL else "fusion_unparsed")
    assert outcome.verdicts[3].fate == ("failed" if reply == FAIL else "invalid")
    assert outcome.verdicts[3].stage == "fusion"


async def test_a_reply_that_cannot_be_read_gives_way_to_the_highest_score(table: Table) -> None:
    table.outcomes = {"It is 5.": 0.9, "It is 4.": 0.2, "Surely 4.": 0.1}
    outcome = await fuse(["It is 5.", "It is 4.", "Surely 4."], "no", table, scorer="outcome")
    assert [c.text for c in outcome.answers] == ["It is 5."]


async def test_a_fused_answer_that_is_not_closed_is_returned_and_flagged() -> None:
    outcome = await fuse(["a", "b"], "Answer: [[" + "word " * 600, fusion_max_tokens=8)
    assert outcome.answers[0].text == ("word " * 7).strip()
    assert (outcome.degraded, outcome.answers[0].finish_reason) == ("fusion_truncated", "length")
    outcome = await fuse(["a", "b"], "Answer: [[It is four.")
    assert (outcome.degraded, outcome.answers[0].finish_reason) == ("fusion_truncated", "stop")


async def test_what_follows_the_closing_brackets_does_not_matter() -> None:
    outcome = await fuse(["a", "b"], "Answer: [[four]]\n" + "Answer: [[four]]\n" * 50, fusion_max_tokens=9)
    assert (outcome.answers[0].text, outcome.answers[0].finish_reason) == ("four", "stop")
    assert outcome.degraded is None


async def test_further_answers_are_the_best_candidates(table: Table) -> None:
    table.outcomes = {"a": 0.1, "b": 0.9, "c": 0.5}
    engine = Fusor(["a", "b", "c"])
    strategy = FusionOfN(n=3, scorer="outcome")
    outcome = await strategy.run(Prompt(PROMPT.messages, k=3), engine, table)
    assert [c.text for c in outcome.answers] == ["It is four.", "b", "c"]
    assert [verdict.fate for verdict in outcome.verdicts] == ["kept", "selected", "selected", "selected"]
    engine.reply = "no"
    outcome = await strategy.run(Prompt(PROMPT.messages, k=2), engine, table)
    assert [c.text for c in outcome.answers] == ["b", "c"]


async def test_texts_that_do_not_fit_are_left_out_worst_first_and_that_is_told(table: Table) -> None:
    texts = [f"{word} " * 30 for word in ("one", "two", "three", "four", "five")]
    table.outcomes = dict(zip(texts, (0.5, 0.1, 0.9, 0.3, 0.7), strict=True))
    engine = Fusor(texts, info=EngineInfo("scripted", "scripted", 340))
    outcome = await FusionOfN(n=5, scorer="outcome").run(PROMPT, engine, table)
    assert sorted(outcome.details["fusor_read"]) == [0, 2, 4]  # type: ignore[arg-type]
    assert (outcome.answers[0].text, outcome.degraded) == ("It is four.", "fusion_left_out")


async def test_where_not_even_two_texts_fit_the_best_one_is_returned(table: Table) -> None:
    texts = ["one " * 30, "two " * 30]
    for room in (50, 265):  # for none of the texts, for one of them
        engine = Fusor(texts, info=EngineInfo("scripted", "scripted", room))
        outcome = await FusionOfN(n=2).run(PROMPT, engine, table)
        assert (outcome.answers[0].text, outcome.degraded) == (texts[0], "fusion_too_long")
        assert engine.asked == []


async def test_another_fault_of_the_request_is_not_taken_for_a_long_prompt() -> None:
    class Refusing(Fusor):
        def sample(self, prompt: Prompt, n: int, *, stage: Any = "sample", **options: Any) -> Any:
            if stage == "fusion":
                raise InvalidRequest("no seeds here", param="seed")
            return super().sample(prompt, n, stage=stage, **options)

    with pytest.raises(InvalidRequest, match="no seeds"):
        await FusionOfN(n=2).run(PROMPT, Refusing(["a", "b"]), Table())


async def test_the_comparison_is_told_when_asked_for() -> None:
    assert "comparison" not in (await fuse(["a", "b"])).details
    for fields in ({"include_comparison": True}, {"explain": "full"}):
        assert (await fuse(["a", "b"], **fields)).details["comparison"] == "the first is terse."


async def test_cancelling_stops_the_fusor(table: Table) -> None:
    engine = Fusor(["a", "b"], "Answer: [[" + "word " * 100, token_s=0.01)
    task = asyncio.create_task(FusionOfN(n=2).run(PROMPT, engine, table))
    async with asyncio.timeout(5):
        while not engine.asked:  # noqa: ASYNC110 (no event announces it)
            await asyncio.sleep(0.005)
    assert engine.unfinished == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert engine.unfinished == 0


def test_nothing_is_shown_live_that_may_not_be_returned() -> None:
    assert FusionOfN().live_view("fusion", 1) is not None
    assert FusionOfN().live_view("sample", 1) is None
    assert FusionOfN().live_view("fusion", 2) is None
    assert FusionOfN(guard=True).live_view("fusion", 1) is None


def test_admission_is_told_of_the_fusors_reply() -> None:
    assert (FusionOfN().further_tokens(100), FusionOfN(fusion_max_tokens=7).further_tokens(100)) == (612, 7)
    assert [FusionOfN(n=3).num_samples(k) for k in (1, 5)] == [3, 5]


@pytest.mark.parametrize(
    ("reason", "degraded"), [("stop", None), ("length", "fusion_truncated")], ids=["ended", "cut off"]
)
async def test_a_stated_answer_without_brackets_is_whole_only_where_the_fusor_ended(
    reason: str, degraded: str | None
) -> None:
    words = "Comparison: fine.\nAnswer: It is four."
    outcome = await fuse(["four", "4"], words, fusion_max_tokens=4 if reason == "length" else 99)
    assert outcome.degraded == degraded
