"""Grade-school word problems of one operation: fixed by (split, seed, index), and no question is in two splits."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Final, Literal

from service.embedded.problems.stories import (
    CONTAINERS,
    FAMILIES,
    HELD_OUT_STORIES,
    NAMES,
    OBJECTS,
    STORIES,
    Family,
)

Split = Literal["train", "validation", "test"]
Operator = Literal["+", "/", "*"]
Message = dict[str, str]
Fact = tuple[int, int, int]

SEEDS: Final[dict[Split, int]] = {"train": 1, "validation": 2, "test": 3}
OPERATORS: Final[dict[Family, Operator]] = {"addition": "+", "division": "/", "times_table": "*"}
MAX_SUM: Final = 50
MIN_ADDEND: Final = 11
FACTORS: Final = range(3, 13)
# A question belongs to the split that owns its hash bucket, which keeps the splits apart whatever the seeds.
_BUCKETS: Final = 10
_VALIDATION_BUCKET: Final = 8
_TEST_BUCKET: Final = 9


@dataclass(frozen=True, slots=True)
class Problem:
    """One question with its equation `left operator right = answer`; `held_out` tells of a story not in training."""

    key: str
    family: Family
    question: str
    left: int
    operator: Operator
    right: int
    answer: int
    story: str
    things: str
    held_out: bool = False


def worked_answer(left: int, operator: str, right: int, answer: int) -> str:
    """The two lines that the worked examples teach: the equation, then the answer."""
    return f"{left} {operator} {right} = {answer}\nThe answer is {answer}."


# Three worked examples of the question's family: they fix the form and mostly the operation, so that what is left to
# get wrong is the arithmetic.
_EXAMPLES: Final[dict[Family, tuple[tuple[str, Fact], ...]]] = {
    "addition": (
        ("Kim has 18 hats. Kim buys 25 more hats. How many hats does Kim have?", (18, 25, 43)),
        ("There are 21 cups and 14 plates. How many dishes are there?", (21, 14, 35)),
        ("Joe saw 19 birds and Amy saw 28 birds. How many birds did they see?", (19, 28, 47)),
    ),
    "division": (
        ("A cook puts 18 plums on 3 plates equally. How many plums are on each plate?", (18, 3, 6)),
        ("There are 56 pupils in 8 equal teams. How many pupils are in one team?", (56, 8, 7)),
        ("Kim ties 20 roses in bunches of 5. How many bunches does Kim tie?", (20, 5, 4)),
    ),
    "times_table": (
        ("There are 4 vases with 7 roses in each. How many roses are there?", (4, 7, 28)),
        ("Joe buys 6 packs of 3 pens. How many pens does Joe buy?", (6, 3, 18)),
        ("Each of 9 wagons carries 5 logs. How many logs do they carry?", (9, 5, 45)),
    ),
}


def chat(problem: Problem) -> list[Message]:
    """The generator's messages: three worked examples, then the question."""
    turns: list[Message] = []
    for asked, (left, right, answer) in _EXAMPLES[problem.family]:
        worked = worked_answer(left, OPERATORS[problem.family], right, answer)
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": worked}]
    return [*turns, {"role": "user", "content": problem.question}]


def facts(family: Family) -> list[Fact]:
    """Every (left, right, answer) of a family: a finite set, the same for all splits."""
    if family == "addition":
        return [(a, b, a + b) for a in range(MIN_ADDEND, MAX_SUM) for b in range(MIN_ADDEND, MAX_SUM - a + 1)]
    if family == "division":
        return [(a * b, b, a) for a in FACTORS for b in FACTORS]
    return [(a, b, a * b) for a in FACTORS for b in FACTORS]


def split_of(question: str) -> Split:
    """The only split in which a question may stand."""
    bucket = int.from_bytes(sha256(question.encode()).digest()[:8]) % _BUCKETS
    if bucket == _TEST_BUCKET:
        return "test"
    return "validation" if bucket == _VALIDATION_BUCKET else "train"


def problems(split: Split, number: int, *, seed: int | None = None) -> list[Problem]:
    """The first `number` problems of a split, the families in turn."""
    stream = stream_problems(split, SEEDS[split] if seed is None else seed)
    return [next(stream) for _ in range(number)]


def stream_problems(split: Split, seed: int, turns: Sequence[Family] = FAMILIES) -> Iterator[Problem]:
    """Problems of a split without end, families in `turns`; a family tells all its facts before one comes again."""
    rng = random.Random(f"{split}:{seed}")
    decks: dict[Family, list[Fact]] = {family: [] for family in FAMILIES}
    for index in count():
        family = turns[index % len(turns)]
        if not decks[family]:
            decks[family] = facts(family)
            rng.shuffle(decks[family])
        yield _told(f"{split}-{seed}-{index}", family, decks[family].pop(), split, rng)


def _told(key: str, family: Family, fact: Fact, split: Split, rng: random.Random) -> Problem:
    held_out = HELD_OUT_STORIES[family] if split == "test" else ()
    while True:
        story = rng.choice(STORIES[family] + held_out)
        name, other = rng.sample(NAMES, 2)
        things, boxes = rng.choice(OBJECTS), rng.choice(CONTAINERS)
        question = story.format(a=fact[0], b=fact[1], name=name, other=other, things=things, boxes=boxes)
        if split_of(question) == split:
            left, right, answer = fact
            operator = OPERATORS[family]
            return Problem(
                key, family, question, left, operator, right, answer, story, things, story in held_out
            )
