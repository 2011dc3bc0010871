"""What the reward model is shown: new synthetic answers, the generator's own, and bare number facts, in turn."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any, Final

from service.embedded.evaluation.samples import Drawn
from service.embedded.problems.problems import Problem, stream_problems
from service.embedded.problems.stories import Family
from service.embedded.problems.synthetic_answers import equation, synthetic_answers
from service.embedded.training.encoding import IGNORED, Row, encode

# Division has no more facts than the table and yet is the hardest to judge: both its numbers must be undone.
TURNS: Final[tuple[Family, ...]] = ("addition", "division", "times_table", "division")
SYNTHETIC_A_ROW: Final = 7
SYNTHETIC_BESIDE_DRAWN: Final = 3
DRILL: Final = "Is the sum right?"
FACTS_A_DRILL: Final = 18


def training_rows(tokenizer: Any, drawn: Sequence[Drawn], seed: str) -> Iterator[Row]:
    """Rows without end, by turns: synthetic answers, the generator's own, and a drill of number facts."""
    rng = random.Random(f"rows:{seed}")
    order = list(drawn)
    rng.shuffle(order)
    new = stream_problems("train", int.from_bytes(rng.randbytes(4)), TURNS)
    for item in cycle(order):
        problem = next(new)
        yield encode(tokenizer, problem, synthetic_answers(problem, SYNTHETIC_A_ROW, rng))
        beside = synthetic_answers(item.problem, SYNTHETIC_BESIDE_DRAWN, rng)
        yield encode(tokenizer, item.problem, list(dict.fromkeys((*item.answers, *beside))))
        yield drill([next(new) for _ in range(FACTS_A_DRILL)], tokenizer, rng)


def drill(asked: Sequence[Problem], tokenizer: Any, rng: random.Random) -> Row:
    """One row of bare equations, half of them wrong: many facts for few tokens, and no outcome to judge."""
    rows = [
        encode(tokenizer, replace(problem, question=DRILL), [equation(problem, rng)]) for problem in asked
    ]
    answers = [replace(answer, outcome=IGNORED) for row in rows for answer in row.answers]
    return Row(rows[0].question, tuple(answers))
