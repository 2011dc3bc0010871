"""Both searches on scripted texts against a slow reading of the rules that keeps plain lists of words."""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import words
from strategies.base.types import Message, Prompt
from strategies.early_rejection import EarlyRejection
from strategies.search.beam_set import BeamSet
from tests.strategies.search.scorers import Rule, RuleScorer

PROMPT = Prompt((Message("user", "q"),))
LEVELS = [0.1, 0.4, 0.4, 0.4, 0.9, None, math.nan]
CASES = 200


@dataclass
class Written:
    """One candidate of the slow reading: the words so far, and what became of it."""

    index: int
    text: list[str]
    fate: str = "going"

    def says(self) -> str:
        return "".join(self.text)


def scripts(seed: int) -> Callable[[Prompt, int], str]:
    """A text of one to four lines of one to five words for each index; some lines are blank, some texts empty."""

    def script(prompt: Prompt, index: int) -> str:
        rng = random.Random(f"{seed}/{index}")
        if rng.random() < 0.05:
            return ""
        lines = [
            " ".join(rng.choice("abc") for _ in range(rng.randint(1, 5))) for _ in range(rng.randint(1, 4))
        ]
        return rng.choice(["\n", "\n", "\n\n"]).join(lines)

    return script


def rule(seed: int) -> Rule:
    """A score for a text from a few levels, so that ties and missing scores are common."""
    return lambda text: random.Random(f"{seed}|{text}").choice(LEVELS)


def best(going: list[Written], count: int, score: Rule) -> list[Written]:
    """The best `count`: number before none, higher score, text that more of them share, lower index."""
    given = [score(one.says()) if one.says().strip() else None for one in going]
    values = [None if value is None or math.isnan(value) else value for value in given]
    if all(value is None for value in values):
        return going
    texts = [one.says() for one in going]

    def key(i: int) -> Any:
        value = values[i]
        return (value is None, -(value or 0), -texts.count(texts[i]), going[i].index)

    kept = sorted(range(len(going)), key=key)[:count]
    return [going[i] for i in sorted(kept)]


def reject(everyone: list[Written], count: int, score: Rule) -> None:
    """Of those that go on, only the best `count` do."""
    going = [one for one in everyone if one.fate == "going"]
    survivors = best(going, count, score)
    for one in going:
        if one not in survivors:
            one.fate = "rejected"


def write_step(one: Written, begun: int, most: int, script: list[str]) -> None:
    """Word by word to the end of the line that says something, or to `most` words; the end of the script ends it."""
    while one.fate == "going" and len(one.text) - begun < most:
        step = "".join(one.text[begun:])
        if step.strip() and step.endswith("\n"):
            return
        allowed = most - (len(one.text) - begun)
        coming = script[len(one.text) :]
        taken = 0
        while taken < min(allowed, len(coming)):
            one.text.append(coming[taken])
            taken += 1
            if one.text[-1].endswith("\n"):
                break
        else:
            if len(coming) <= allowed:
                one.fate = "finished"


def slow_steps(seed: int, plan: EarlyRejection) -> list[Written]:
    """Early rejection, step by step, in prose."""
    play = scripts(seed)
    everyone = [Written(i, []) for i in range(plan.beams)]
    max_completed = plan.max_completed or max(1, plan.beams // plan.beam_width)
    for step in range(1, plan.max_steps + 1):
        going = [one for one in everyone if one.fate == "going"]
        begun = {one.index: len(one.text) for one in going}
        for one in going:
            early = plan.max_step_tokens if plan.tau is None else min(plan.tau, plan.max_step_tokens)
            write_step(one, begun[one.index], early, words(play(PROMPT, one.index)))
        reject(everyone, max(1, plan.beams // plan.beam_width), rule(seed))
        for one in going:
            write_step(one, begun[one.index], plan.max_step_tokens, words(play(PROMPT, one.index)))
        answers = [one for one in everyone if one.fate == "finished" and one.says().strip()]
        going = [one for one in everyone if one.fate == "going"]
        if len(answers) >= max_completed or not going or step == plan.max_steps:
            break
        each = max(1, min(plan.beam_width, plan.beams // len(going)))
        for one in going:
            for _ in range(each - 1):
                everyone.append(Written(len(everyone), list(one.text)))
    return everyone


PLANS = [
    EarlyRejection(beams=8, beam_width=4, tau=2),
    EarlyRejection(beams=8, beam_width=4, tau=None),
    EarlyRejection(beams=1, beam_width=4, tau=1),
    EarlyRejection(beams=3, beam_width=5, tau=1),
    EarlyRejection(beams=6, beam_width=1, tau=2),
    EarlyRejection(beams=6, beam_width=2, tau=1, max_step_tokens=3, max_completed=5),
    EarlyRejection(beams=5, beam_width=2, tau=9, max_step_tokens=2, max_steps=2),
]


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_the_step_search_agrees_with_the_rule_in_prose(plan: EarlyRejection) -> None:
    for seed in range(CASES):
        engine = ScriptedEngine(script=scripts(seed))
        outcome = asyncio.run(plan.run(PROMPT, engine, RuleScorer(rule(seed))))
        expected = slow_steps(seed, plan)
        told = [(v.candidate.index, v.candidate.text, v.fate == "rejected_early") for v in outcome.verdicts]
        assert told == [(one.index, one.says(), one.fate == "rejected") for one in expected], seed
        assert engine.unfinished == 0


def slow_responses(seed: int, beams: int, checkpoints: list[int], share: float) -> list[Written]:
    """Whole answers with rejections at checkpoints, in prose."""
    everyone = [Written(i, []) for i in range(beams)]
    for tokens in (*checkpoints, 10**6):
        for one in (one for one in everyone if one.fate == "going"):
            script = words(scripts(seed)(PROMPT, one.index))
            one.text = script[:tokens]
            one.fate = "finished" if len(script) <= tokens else "going"
        going = [one for one in everyone if one.fate == "going"]
        reject(everyone, max(1, int(len(going) * share + 1e-9)), rule(seed))
    return everyone


@pytest.mark.parametrize(
    ("beams", "checkpoints", "keep_ratio"),
    [(8, [2], 0.25), (8, [1, 3, 6], 0.5), (5, [2, 4], 1.0), (1, [1], 0.5)],
)
def test_the_response_search_agrees_with_the_rule_in_prose(
    beams: int, checkpoints: list[int], keep_ratio: float
) -> None:
    plan = EarlyRejection(beams=beams, scope="response", checkpoints=checkpoints, keep_ratio=keep_ratio)
    for seed in range(CASES):
        engine = ScriptedEngine(script=scripts(seed))
        outcome = asyncio.run(plan.run(PROMPT, engine, RuleScorer(rule(seed))))
        expected = slow_responses(seed, beams, checkpoints, keep_ratio)
        told = [(v.candidate.text, v.fate == "rejected_early") for v in outcome.verdicts]
        assert told == [(one.says(), one.fate == "rejected") for one in expected], seed
        assert engine.unfinished == 0


def test_a_search_rejects_in_earnest_unless_told_otherwise() -> None:
    told = BeamSet([], None)  # type: ignore[arg-type]  # nobody is scored
    assert (told.k, told.shadow, told.rounds, told.marked, told.saved) == (1, False, 0, 0, 0)
