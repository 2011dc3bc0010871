"""Early rejection on the real engine: it saves what it promises, holds nothing, and counts as the engine counts."""

import asyncio
import time

import pytest
from prometheus_client import REGISTRY

from service.admission.controller import AdmissionController
from service.admission.settings import Limits
from service.embedded.problems.problems import chat, problems
from service.engine.vllm.engine import VllmEngine
from service.metering.run import RunResult
from service.observability.metrics import Metrics
from service.runner import Runner
from strategies.base.budget import Budget
from strategies.base.types import Decoding, Message, Prompt
from strategies.early_rejection import EarlyRejection
from tests.engine.conftest import running
from tests.engine.scoring_fixtures import Scoring

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

PROBLEMS = problems("test", 4)


def prompt_of(number: int, *, ignore_eos: bool = False, max_tokens: int = 48) -> Prompt:
    messages = tuple(Message(message["role"], message["content"]) for message in chat(PROBLEMS[number]))
    decoding = Decoding(temperature=0.8, seed=number, max_tokens=max_tokens, ignore_eos=ignore_eos)
    return Prompt(messages, decoding=decoding)


@pytest.fixture
def runner(generator: VllmEngine, scoring: Scoring) -> Runner:
    limits, metrics = Limits(), Metrics()
    return Runner(generator, scoring.scorers, AdmissionController(limits, metrics), limits, metrics)


def counters() -> tuple[float, float]:
    """vLLM's own: tokens generated, prompt tokens read."""
    names = ("vllm:generation_tokens_total", "vllm:prompt_tokens_total")
    found = {s.name: s.value for metric in REGISTRY.collect() for s in metric.samples if s.name in names}
    return found[names[0]], found[names[1]]


async def test_rejecting_at_tau_answers_with_fewer_tokens_than_judging_whole_steps(
    runner: Runner, generator: VllmEngine
) -> None:
    spent = {}
    for tau in (5, None):
        strategy = EarlyRejection(beams=8, beam_width=4, tau=tau)
        runs = [await runner.run(strategy, prompt_of(i), route="test") for i in range(len(PROBLEMS))]
        assert all(run.outcome.answers[0].text.strip() for run in runs)
        assert generator.unfinished == 0
        spent[tau] = sum(run.meter.completion_tokens for run in runs)
    assert spent[5] < spent[None]


async def test_every_token_is_counted_and_every_answer_grows_from_its_parent(runner: Runner) -> None:
    generated, read = counters()
    run = await runner.run(EarlyRejection(beams=8, beam_width=4, tau=5), prompt_of(0), route="test")
    after = counters()
    assert run.meter.completion_tokens == after[0] - generated
    assert 0 < run.meter.prompt_tokens < run.meter.engine_prompt_tokens
    # A round after the first feeds one token back, which the engine counts as read.
    assert run.meter.engine_prompt_tokens <= after[1] - read
    assert run.meter.cached_tokens > run.meter.prompt_tokens
    assert run.meter.reward_model_cached_tokens > 0
    verdicts = run.outcome.verdicts
    assert [verdict.candidate.index for verdict in verdicts] == list(range(len(verdicts)))
    for verdict in verdicts[8:]:
        first_line = verdict.candidate.text.partition("\n")[0]
        assert any(first_line == other.candidate.text.partition("\n")[0] for other in verdicts[:8])


async def test_whole_answers_are_rejected_in_flight_and_a_shadow_agrees_on_the_cost(runner: Runner) -> None:
    plan = {"beams": 8, "scope": "response", "checkpoints": [4, 9], "keep_ratio": 0.5}
    shadow = await runner.run(EarlyRejection(**plan, shadow=True), prompt_of(1), route="test")
    early = await runner.run(EarlyRejection(**plan), prompt_of(1), route="test")
    assert shadow.outcome.details["rejected"] == 0
    assert early.outcome.details["rejected"] == shadow.outcome.details["would_reject"]
    assert early.meter.completion_tokens < shadow.meter.completion_tokens


async def test_a_token_budget_is_exact_and_the_best_so_far_comes_back(
    runner: Runner, generator: VllmEngine
) -> None:
    strategy = EarlyRejection(beams=8, budget=Budget(max_completion_tokens=100))
    run = await runner.run(strategy, prompt_of(2, ignore_eos=True, max_tokens=200), route="test")
    assert run.meter.completion_tokens == 100
    assert run.outcome.degraded == "max_completion_tokens"
    assert run.outcome.answers[0].text
    assert generator.unfinished == 0


async def test_at_the_deadline_the_search_ends_and_what_was_written_is_counted(
    runner: Runner, generator: VllmEngine
) -> None:
    generated, _ = counters()
    strategy = EarlyRejection(
        beams=8, tau=200, delimiter="never", max_step_tokens=900, budget=Budget(deadline_ms=1500)
    )
    began = time.monotonic()
    run: RunResult = await runner.run(strategy, prompt_of(3, ignore_eos=True, max_tokens=900), route="test")
    assert time.monotonic() - began < 3.5
    assert run.outcome.degraded == "deadline"
    assert run.outcome.answers[0].text
    assert generator.unfinished == 0
    assert run.meter.completion_tokens == counters()[0] - generated


async def test_cancelling_frees_the_engine_within_a_moment(runner: Runner, generator: VllmEngine) -> None:
    strategy = EarlyRejection(beams=8, tau=200, delimiter="never")
    task = asyncio.create_task(
        runner.run(strategy, prompt_of(0, ignore_eos=True, max_tokens=900), route="test")
    )
    await running(generator, 8)
    cancelled = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert generator.unfinished == 0
    assert time.monotonic() - cancelled < 1.0
