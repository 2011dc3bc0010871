"""Replayed candidates: dealt into disjoint sets, played side by side, scored as recorded."""

import random
from dataclasses import replace

import pytest

from benchmarks.caches import loaded
from benchmarks.measure import runner_of
from benchmarks.replay import Reading, Readings, ReplayEngine, deal, recorded_scorers
from service.embedded.problems.problems import problems
from service.metering.engine import MeteredEngine
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.settings import Settings
from strategies.base.ports import Delta
from strategies.base.types import Candidate, Decoding, Message, Prompt
from strategies.best_of_n import BestOfN
from strategies.majority import Majority
from tests.benchmarks.parts import sized_parts

PROMPT = Prompt((Message("user", "?"),), decoding=Decoding(temperature=0.8, max_tokens=64))


def recorded(*lengths: int) -> tuple[Candidate, ...]:
    """Candidates of these lengths; the first read the prompt, the others found it read."""
    return tuple(
        Candidate(i, f"The answer is {length}.", length, "stop", 50, 48 if i else 32)
        for i, length in enumerate(lengths)
    )


def test_sets_are_disjoint_numbered_from_zero_and_begin_with_a_cold_prompt() -> None:
    sets = deal(recorded(*range(1, 8)), 3)
    assert [[c.tokens for c in dealt] for dealt in sets] == [[1, 2, 3], [4, 5, 6]]
    assert [[c.index for c in dealt] for dealt in sets] == [[0, 1, 2]] * 2
    assert [[c.cached_tokens for c in dealt] for dealt in sets] == [[32, 48, 48]] * 2
    assert deal(recorded(1, 2), 3) == []


@pytest.mark.parametrize("seed", range(50))
async def test_a_draw_that_is_left_costs_what_all_had_written_by_then(seed: int) -> None:
    rng = random.Random(seed)
    lengths = [rng.randint(1, 9) for _ in range(6)]
    leave_after = rng.randint(1, 6)
    meter = Meter()
    engine = MeteredEngine(
        ReplayEngine(recorded(*lengths), sized_parts().engine), meter, RequestLimits(follow=True)
    )
    ended = []
    async with engine.sample(PROMPT, 6) as stream:
        async for candidate in stream:
            ended.append(candidate.tokens)
            if len(ended) == leave_after:
                break
    assert ended == sorted(lengths)[:leave_after]
    assert meter.completion_tokens == sum(min(length, ended[-1]) for length in lengths)
    assert meter.engine_prompt_tokens == 6 * 50
    # The first to read the prompt is among the shortest or not; those that were left had found what the others found.
    found = [32 if i == 0 else 48 for i in range(6)]
    order = sorted(range(6), key=lambda i: (lengths[i], i))
    known = [found[i] for i in order[:leave_after]]
    assert meter.cached_tokens == sum(known) + (6 - leave_after) * max(known)


async def test_deltas_add_up_to_every_candidate() -> None:
    heard: dict[int, int] = {}

    def listen(delta: Delta) -> None:
        heard[delta.index] = heard.get(delta.index, 0) + delta.tokens

    engine = ReplayEngine(recorded(3, 1, 2, 3), sized_parts().engine)
    async with engine.sample(PROMPT, 4, on_delta=listen) as stream:
        assert [candidate.index async for candidate in stream] == [1, 2, 0, 3]
    assert heard == {0: 3, 1: 1, 2: 2, 3: 3}


async def test_another_number_than_is_recorded_is_refused() -> None:
    with pytest.raises(ValueError, match="3 candidates were asked for, 2 are recorded"):
        async with ReplayEngine(recorded(1, 2), sized_parts().engine).sample(PROMPT, 3):
            pass


async def test_other_stages_are_the_live_engines() -> None:
    parts = sized_parts()
    async with ReplayEngine(recorded(1), parts.engine).sample(PROMPT, 1, stage="fusion") as stream:
        assert [candidate.text async for candidate in stream] != ["The answer is 1."]


async def test_a_majority_that_is_settled_early_is_booked_as_an_engine_would() -> None:
    candidates = tuple(
        replace(c, text="The answer is 7.") if c.tokens < 6 else c for c in recorded(2, 3, 4, 9, 5)
    )
    parts = sized_parts()
    runner = replace(runner_of(parts, Settings()), engine=ReplayEngine(candidates, parts.engine))
    run = await runner.run(Majority(n=5), PROMPT, route="test")
    assert run.outcome.answers[0].text == "The answer is 7."
    assert run.meter.completion_tokens == 2 + 3 + 4 + 4 + 4


NO_STEPS: Readings[tuple[float, ...] | None] = Readings("step", {}, 0)


@pytest.mark.parametrize("scorer", ["outcome", "step"])
async def test_scores_are_those_recorded_and_the_first_reading_is_cold(scorer: str) -> None:
    texts = [c.text for c in recorded(1, 2, 3)]
    outcome: Readings[float | None] = Readings(
        "outcome", {text: Reading(float(i), 60, 40) for i, text in enumerate(texts)}, 16
    )
    step: Readings[tuple[float, ...] | None] = Readings(
        "step", {text: Reading((float(i),), 60, 40) for i, text in enumerate(texts)}, 16
    )
    parts = sized_parts()
    runner = replace(
        runner_of(parts, Settings()),
        engine=ReplayEngine(recorded(1, 2, 3), parts.engine),
        scorers=recorded_scorers(loaded(parts), outcome, step, "\n"),
    )
    run = await runner.run(BestOfN(n=3, scorer=scorer), PROMPT, route="test")
    assert run.outcome.answers[0].text == texts[2]
    assert (run.meter.reward_model_tokens, run.meter.reward_model_cached_tokens) == (180, 16 + 40 + 40)


async def test_a_text_that_was_not_recorded_is_never_scored_by_guess() -> None:
    scorers = recorded_scorers(loaded(sized_parts()), Readings("outcome", {}, 0), NO_STEPS, "\n")
    with pytest.raises(KeyError):
        await scorers.outcome(None).score(PROMPT, ["new"])
    with pytest.raises(KeyError):
        await scorers.step(None).score(PROMPT, [["new"]])


def test_the_problems_are_held_out() -> None:
    assert not {p.question for p in problems("test", 60)} & {p.question for p in problems("validation", 300)}
