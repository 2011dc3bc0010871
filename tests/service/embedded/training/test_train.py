"""The run's clock and pace, and what the model is shown."""

import random
from pathlib import Path

import pytest

from service.embedded.problems.problems import problems
from service.embedded.training.examples import drill
from service.embedded.training.threads import Pace
from service.embedded.training.train import PEAK_RATE, Clock
from tests.service.embedded.characters import CharacterTokenizer


def test_the_rate_rises_to_its_peak_and_falls_to_almost_nothing() -> None:
    rates = [Clock(minutes=10, seconds=seconds).rate() for seconds in range(0, 601, 6)]
    peak = rates.index(max(rates))
    assert 0.9 * PEAK_RATE < max(rates) <= PEAK_RATE
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < rates[-1] < 0.05 * PEAK_RATE


def test_the_budget_is_spent_once_and_never_more() -> None:
    assert Clock(minutes=1, seconds=30).done == pytest.approx(0.5)
    assert Clock(minutes=1, seconds=90).done == 1


def run(pace: Pace, seconds: dict[int, float], steps: int) -> list[int]:
    taken = []
    for _ in range(steps):
        threads = pace.threads()
        taken.append(threads)
        pace.report(threads, seconds[threads], tokens=100)
    return taken


def test_the_faster_thread_count_wins_and_the_other_is_tried_at_times() -> None:
    taken = run(Pace(most=4), {4: 8.0, 2: 3.0}, 100)
    assert taken.count(2) > 90
    assert taken.count(4) > 1


def test_a_change_of_load_is_noticed() -> None:
    pace = Pace(most=2)
    run(pace, {2: 8.0, 1: 3.0}, 30)
    assert run(pace, {2: 1.0, 1: 2.0}, 60)[-9:] == [2] * 9


def test_a_drill_holds_one_equation_of_each_problem_and_no_outcome() -> None:
    row = drill(problems("train", 8), CharacterTokenizer(), random.Random(0))
    assert len(row.answers) == 8
    assert {answer.outcome for answer in row.answers} == {-1}
    assert {step for answer in row.answers for step in answer.steps} == {0, 1}


def test_importing_the_commands_is_cheap() -> None:
    import subprocess
    import sys

    code = "import sys, service.cli.embedded; print(sorted({'torch', 'vllm', 'transformers'} & set(sys.modules)))"
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
