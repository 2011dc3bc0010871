"""Early rejection as a request uses it, on a scripted engine: what is saved, what is told, and how it fails."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from service.engine.precomputed import PrecomputedEngine
from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import FAIL
from strategies.base.errors import InvalidRequest, NotFound, ScorerFailed
from strategies.base.types import Candidate, Decoding, Message, Outcome, Prompt
from strategies.catalog import parse
from strategies.early_rejection import EarlyRejection
from tests.strategies.search.scorers import RuleScorer

PROMPT = Prompt((Message("user", "1 + 1?"),))


def quality(text: str) -> float:
    """What the scripted scorer thinks: the share of the word `good`."""
    said = text.split()
    return said.count("good") / max(len(said), 1)


def playing(*texts: str, **options: Any) -> ScriptedEngine:
    """Plays the texts by index, again from the start when there are more candidates."""
    return ScriptedEngine(script=lambda prompt, index: texts[index % len(texts)], **options)


async def run(strategy: EarlyRejection, engine: ScriptedEngine, prompt: Prompt = PROMPT) -> Outcome:
    return await strategy.run(prompt, engine, RuleScorer(quality))


def fates(outcome: Outcome) -> list[str]:
    return [verdict.fate for verdict in outcome.verdicts]


TWO_LINES = (
    "good good good\ngood end.",
    "bad bad bad\nbad end.",
    "good bad bad\nfair end.",
    "bad good good\nend.",
)


async def test_unpromising_candidates_are_dropped_at_tau_and_the_best_is_returned() -> None:
    engine = playing(*TWO_LINES)
    outcome = await run(EarlyRejection(beams=4, beam_width=4, tau=2, max_completed=1), engine)
    assert outcome.answers[0].text == TWO_LINES[0][:15] + "good end."
    assert fates(outcome)[1:4] == ["rejected_early"] * 3
    rejection = outcome.verdicts[1].rejected_at
    assert rejection is not None
    assert (rejection.step, rejection.tokens, rejection.score, rejection.threshold) == (1, 2, 0.0, 1.0)
    assert engine.unfinished == 0


async def test_rejecting_at_tau_generates_less_than_judging_whole_steps() -> None:
    texts = [f"{'good' if i == 2 else 'bad'} {'word ' * 40}\nThe answer is {i}." for i in range(16)]
    spent = []
    for tau in (4, None):
        engine = playing(*texts)
        outcome = await run(EarlyRejection(tau=tau), engine)
        assert outcome.answers[0].text.startswith("good")
        spent.append(engine.generation_tokens)
    # In the first step 16 write 4 words and 4 write 42; with whole steps, 16 write 42.
    assert spent[1] - spent[0] == 12 * 38


async def test_survivors_are_forked_and_the_forks_go_their_own_way() -> None:
    engine = playing("one\nfirst", "one\nsecond", "one\nthird is good")
    outcome = await run(EarlyRejection(beams=2, beam_width=2, tau=3), engine)
    assert [verdict.candidate.index for verdict in outcome.verdicts] == [0, 1, 2]
    assert [verdict.candidate.text for verdict in outcome.verdicts] == [
        "one\nfirst",
        "one\n",
        "one\nthird is good",
    ]
    assert fates(outcome) == ["kept", "rejected_early", "selected"]


async def test_finished_answers_leave_the_search_and_are_never_rejected() -> None:
    engine = playing("bad.", "good a\nb", "good good c d\ne", "bad f\ng")
    outcome = await run(EarlyRejection(beams=4, beam_width=4, tau=3, max_completed=2), engine)
    assert outcome.verdicts[0].fate == "kept"
    assert outcome.answers[0].text.startswith("good good c d")


async def test_k_answers_come_back_best_first_even_if_fewer_would_survive() -> None:
    engine = playing(*(f"{'good ' * i}word word word end {i}." for i in range(4)))
    outcome = await run(EarlyRejection(beams=4, beam_width=4, tau=2), engine, Prompt(PROMPT.messages, k=3))
    assert len(outcome.selected) == 3
    scores = [outcome.verdicts[i].score.value or 0 for i in outcome.selected]
    assert scores == sorted(scores, reverse=True)


async def test_an_answer_that_ends_after_tau_is_scored_as_a_whole() -> None:
    texts = ("good good bad bad bad", "good bad good good good", "bad bad", "bad bad")
    outcome = await run(EarlyRejection(beams=4, beam_width=2, tau=2), playing(*texts))
    assert [verdict.score.value for verdict in outcome.verdicts[:2]] == [0.4, 0.8]
    assert outcome.selected == (1,)


async def test_the_search_ends_after_max_steps_with_the_best_unfinished_flagged() -> None:
    engine = playing("good\ngood\ngood\ngood", "bad\nbad\nbad\nbad")
    outcome = await run(EarlyRejection(beams=2, beam_width=2, tau=5, max_steps=2), engine)
    assert outcome.answers[0].text == "good\ngood\n"
    assert outcome.degraded == "no_valid_candidate"
    assert outcome.details["rounds"] == 2
    assert engine.unfinished == 0


async def test_the_best_unfinished_one_is_best_by_all_that_it_says() -> None:
    engine = playing("good bad bad bad\nend", "bad good good good\nend")
    outcome = await run(EarlyRejection(beams=2, beam_width=1, tau=1, max_steps=1), engine)
    assert [verdict.score.value for verdict in outcome.verdicts] == [0.25, 0.75]
    assert outcome.selected == (1,)


async def test_blank_lines_are_no_steps() -> None:
    outcome = await run(EarlyRejection(beams=1, beam_width=1, max_steps=2), playing("a\n\n\nb\n\nc"))
    assert outcome.answers[0].text == "a\n\n\nb\n"


async def test_a_delimiter_and_a_longest_step_may_be_chosen() -> None:
    outcome = await run(
        EarlyRejection(beams=1, delimiter=";", max_steps=1, max_step_tokens=9), playing("a\nb; c")
    )
    assert outcome.answers[0].text == "a\nb;"
    outcome = await run(EarlyRejection(beams=1, max_steps=1, max_step_tokens=2), playing("a b c d"))
    assert outcome.answers[0].text == "a b"


async def test_failed_and_cut_off_candidates_leave_the_search() -> None:
    engine = playing(FAIL, "good " * 9)
    outcome = await run(
        EarlyRejection(beams=2), engine, Prompt(PROMPT.messages, decoding=Decoding(max_tokens=3))
    )
    assert fates(outcome) == ["failed", "selected"]
    assert outcome.answers[0].finish_reason == "length"
    assert outcome.degraded == "no_valid_candidate"


async def test_every_text_is_scored_once_and_all_candidates_of_a_round_in_one_call() -> None:
    scorer = RuleScorer(quality)
    engine = playing("a b c\nd e f", "a b x\nd e f\ng\nh", "a.", "a b y\nz")
    await EarlyRejection(beams=4, beam_width=2, tau=2, max_completed=9).run(PROMPT, engine, scorer)
    asked = [text for call in scorer.calls for text in call]
    assert len(asked) == len(set(asked))
    assert scorer.calls[0] == ["a b", "a."]
    assert len(scorer.calls) > 3


async def test_whole_answers_are_rejected_at_checkpoints() -> None:
    texts = ("good good good good end", "good good bad bad end", "bad bad good good end", "bad end")
    engine = playing(*texts)
    outcome = await run(EarlyRejection(beams=4, scope="response", checkpoints=[2, 4], keep_ratio=0.7), engine)
    assert fates(outcome) == ["selected", "rejected_early", "rejected_early", "kept"]
    assert [v.rejected_at and v.rejected_at.tokens for v in outcome.verdicts] == [None, 4, 2, None]
    assert [v.rejected_at and v.rejected_at.step for v in outcome.verdicts] == [None, 2, 1, None]
    assert engine.generation_tokens == 5 + 4 + 2 + 2


async def test_a_shadow_rejects_nothing_and_tells_what_would_have_been() -> None:
    late = ("bad bad bad bad good good good good good good", "good good good bad bad bad bad bad bad bad")
    engine = playing(*late)
    plan = EarlyRejection(beams=2, beam_width=2, tau=3, scope="response", shadow=True)
    outcome = await run(plan, engine)
    assert outcome.selected == (0,)
    assert fates(outcome) == ["selected", "kept"]
    assert engine.generation_tokens == 20
    told = {"would_reject": 1, "winner_lost": True, "tokens_saved": 7, "rejected": 0}
    assert told.items() <= outcome.details.items()
    lost = await run(plan.model_copy(update={"shadow": False}), playing(*late))
    assert lost.selected == (1,)
    safe = await run(plan, playing(late[1], "bad" + " bad" * 8))
    assert (safe.details["winner_lost"], safe.details["tokens_saved"]) == (False, 6)


async def test_a_shadow_of_several_checkpoints_counts_each_candidate_once() -> None:
    texts = [" ".join(["good" if (i * j) % 3 else "bad" for j in range(12)]) for i in range(8)]
    plan = EarlyRejection(beams=8, scope="response", checkpoints=[2, 4, 6], keep_ratio=0.5, shadow=True)
    shadow_engine, engine = playing(*texts), playing(*texts)
    shadow = await run(plan, shadow_engine)
    early = await run(plan.model_copy(update={"shadow": False}), engine)
    assert shadow.details["would_reject"] == early.details["rejected"] == 7
    saved = shadow_engine.generation_tokens - engine.generation_tokens
    assert shadow.details["tokens_saved"] == saved
    assert [v.rejected_at for v in shadow.verdicts] == [v.rejected_at for v in early.verdicts]


async def test_a_shadow_of_steps_tells_what_a_step_would_have_saved_and_follows_forks() -> None:
    """The one that is bad at tau has the best step; what it is forked into wins, and would have been lost."""
    engine = playing("bad good good good\nend", "good bad bad bad\nend", "x x x x\ngood")
    outcome = await run(EarlyRejection(beams=2, beam_width=2, tau=1, shadow=True), engine)
    assert outcome.answers[0].index == 2
    told = {"would_reject": 1, "winner_lost": True, "tokens_saved": 3, "rejected": 1}
    assert told.items() <= outcome.details.items()


async def test_a_shadow_of_steps_is_the_search_with_whole_steps() -> None:
    texts = [
        f"{'bad' if i % 2 else 'good'} {'good ' * (i % 5)}{'w ' * 6}\nThe answer is {i}." for i in range(64)
    ]
    shadow = await run(EarlyRejection(beams=8, beam_width=2, tau=1, shadow=True), playing(*texts))
    whole = await run(EarlyRejection(beams=8, beam_width=2, tau=None), playing(*texts))
    assert [v.candidate.text for v in shadow.verdicts] == [v.candidate.text for v in whole.verdicts]
    assert shadow.selected == whole.selected
    assert shadow.details["would_reject"]


async def test_a_failing_scorer_fails_the_request(broken: Callable[[], ScorerFailed]) -> None:
    engine = playing("a b c")
    with pytest.raises(ScorerFailed, match="on fire"):
        await EarlyRejection(tau=1).run(PROMPT, engine, failing(broken))
    assert engine.unfinished == 0


@pytest.mark.parametrize(
    ("stand_in", "winner"), [("majority", "The answer is 2."), ("logprob", "ok so it is 7")]
)
async def test_a_stand_in_decides_among_whole_answers_where_the_scorer_failed(
    broken: Callable[[], ScorerFailed], stand_in: Any, winner: str
) -> None:
    engine = playing("The answer is 1.", "The answer is 2.", "The answer is 2.", "ok so it is 7")
    strategy = EarlyRejection(beams=4, tau=1, on_scorer_error=stand_in)
    outcome = await strategy.run(PROMPT, engine, failing(broken))
    assert outcome.answers[0].text == winner
    assert outcome.degraded == f"scorer_failed_{stand_in}"
    assert "rejected_early" not in fates(outcome)


def failing(broken: Callable[[], ScorerFailed]) -> RuleScorer:
    def rule(text: str) -> float | None:
        raise broken()

    return RuleScorer(rule)


async def test_a_scorer_that_abstains_rejects_nobody() -> None:
    outcome = await EarlyRejection(beams=3, beam_width=3, tau=1).run(
        PROMPT, playing("a b", "a c", "a d"), RuleScorer(lambda text: None)
    )
    assert fates(outcome) == ["selected", "kept", "kept"]


async def test_an_unknown_scorer_is_refused_before_anything_is_written() -> None:
    engine = playing("a")
    with pytest.raises(NotFound):
        await run(EarlyRejection(scorer="nobody"), engine)
    assert (engine.generation_tokens, engine.unfinished) == (0, 0)


async def test_given_candidates_cannot_be_written_on() -> None:
    with pytest.raises(InvalidRequest, match="live candidates"):
        await EarlyRejection().run(
            PROMPT, PrecomputedEngine((Candidate(0, "a", 1, "stop"),)), RuleScorer(quality)
        )


async def test_an_engine_that_breaks_leaves_nothing_running() -> None:
    engine = playing("word " * 50, token_s=0.01)
    task = asyncio.create_task(run(EarlyRejection(beams=4), engine))
    await asyncio.sleep(0.05)
    engine.token_s = "no number"  # type: ignore[assignment]  # so that the next token fails
    with pytest.raises(TypeError):
        await task
    assert engine.unfinished == 0


async def test_cancelling_stops_the_search() -> None:
    engine = playing("word " * 500, token_s=0.01)
    task = asyncio.create_task(run(EarlyRejection(beams=4), engine))
    await asyncio.sleep(0.05)
    assert engine.unfinished == 4
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    generated = engine.generation_tokens
    assert engine.unfinished == 0
    await asyncio.sleep(0.05)
    assert engine.generation_tokens == generated


async def test_the_same_request_gives_the_same_answer() -> None:
    runs = [await run(EarlyRejection(beams=6, beam_width=3, tau=2), ScriptedEngine()) for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"checkpoints": [1]}, "checkpoints has no meaning with scope 'step'"),
        ({"keep_ratio": 0.5}, "keep_ratio has no meaning"),
        (
            {"scope": "response", "max_steps": 3, "max_completed": 2},
            "max_completed, max_steps has no meaning",
        ),
        ({"scope": "response", "checkpoints": [4, 4]}, "checkpoints must be positive and rise"),
        ({"scope": "response", "checkpoints": [0, 4]}, "checkpoints must be positive and rise"),
        ({"scope": "response", "checkpoints": [4, 2]}, "checkpoints must be positive and rise"),
        ({"scope": "response", "checkpoints": [4], "tau": 4}, "give one of them"),
        ({"tau": None, "shadow": True}, "shadow needs a tau"),
        ({"tau": 0}, "greater than or equal to 1"),
        ({"scope": "response", "checkpoints": [1.5]}, "integer"),
        ({"beam_width": 0}, "greater than or equal to 1"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse({"name": "early_rejection"} | fields)


def test_the_defaults_are_those_of_the_papers_code() -> None:
    plan = EarlyRejection()
    assert (plan.beams, plan.beam_width, plan.tau, plan.max_steps) == (16, 4, 64, 20)
    assert parse({"name": "early_rejection", "scope": "response", "checkpoints": [8, 16]}) == EarlyRejection(
        scope="response", checkpoints=[8, 16]
    )
