"""The generator's own answers, drawn once for a split and kept in the cache folder as lines of JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from service.embedded.evaluation.vllm_runs import Progress, sample
from service.embedded.problems.problems import SEEDS, Problem, Split, chat, problems

TEMPERATURE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Plan:
    """What to draw: the first `count` problems of a split, `n` answers to each."""

    split: Split
    count: int
    n: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A problem and the generator's answers to it."""

    problem: Problem
    answers: tuple[str, ...]


def draw(
    generator: Path, plans: Sequence[Plan], folder: Path, progress: Progress
) -> dict[Split, list[Drawn]]:
    """The answers of each plan, from the cache where they are there, else from one run of the engine a plan."""
    found: dict[Split, list[Drawn]] = {}
    for plan in plans:
        asked = problems(plan.split, plan.count)
        path = _path(folder, plan, asked)
        if not path.exists():
            texts = sample(generator, [chat(problem) for problem in asked], plan.n, TEMPERATURE, progress)
            _write(path, asked, texts)
        found[plan.split] = _read(path, asked)
    return found


def _path(folder: Path, plan: Plan, asked: Sequence[Problem]) -> Path:
    # Named by the questions and their worked examples, so that a change of either is never read as the old set.
    content = json.dumps([chat(problem) for problem in asked]) + f"{TEMPERATURE}"
    digest = sha256(content.encode()).hexdigest()[:12]
    return folder / "samples" / f"{plan.split}-{SEEDS[plan.split]}-{plan.count}x{plan.n}-{digest}.jsonl"


def _write(path: Path, asked: Sequence[Problem], texts: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    rows = [
        json.dumps({"key": problem.key, "question": problem.question, "answers": list(answers)})
        for problem, answers in zip(asked, texts, strict=True)
    ]
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join(rows) + "\n")
    partial.replace(path)


def _read(path: Path, asked: Sequence[Problem]) -> list[Drawn]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Drawn(problem, tuple(row["answers"])) for problem, row in zip(asked, rows, strict=True)]
