"""Synthetic answers to a problem: the right ones in many forms, and wrong ones that go wrong as small models do."""

import random
from collections.abc import Callable
from typing import Final

from service.embedded.problems.problems import Problem

_GLYPHS: Final = {"+": ("+",), "/": ("/", "/", "/", "÷"), "*": ("*", "*", "*", "x", "×")}
_LEADS: Final = ("So, ", "The total is ", "There are ", "We have ", "This is ", "{name} has ", "Therefore, ")
_RIGHT_SHARE: Final = 0.4


def synthetic_answers(problem: Problem, count: int, rng: random.Random) -> list[str]:
    """`count` answers, all different where that is possible, about two in five of them right."""
    found: dict[str, None] = {}
    for _ in range(3 * count):
        if len(found) == count:
            break
        found[_right(problem, rng) if rng.random() < _RIGHT_SHARE else _wrong(problem, rng)] = None
    return list(found)


def equation(problem: Problem, rng: random.Random) -> str:
    """The problem's equation alone, in either order, as often wrong as right."""
    left, right = problem.left, problem.right
    if problem.operator != "/" and rng.random() < 0.5:
        left, right = right, left
    result = problem.answer if rng.random() < 0.5 else near_miss(problem, rng)
    return f"{left} {rng.choice(_GLYPHS[problem.operator])} {right} = {result}"


def _right(problem: Problem, rng: random.Random) -> str:
    left, right = problem.left, problem.right
    if problem.operator != "/" and rng.random() < 0.3:
        left, right = right, left
    return _written(problem, rng, left, problem.operator, right, problem.answer, problem.answer)


def _wrong(problem: Problem, rng: random.Random) -> str:
    mistakes: tuple[Callable[[Problem, random.Random], str], ...] = (
        _wrong_result, _wrong_result, _wrong_result, _wrong_result, _wrong_operand, _wrong_operation, _wrong_statement,
        _cut_off,
    )  # fmt: skip
    return rng.choice(mistakes)(problem, rng)


def _wrong_result(problem: Problem, rng: random.Random) -> str:
    result = near_miss(problem, rng)
    left, right = problem.left, problem.right
    if problem.operator != "/" and rng.random() < 0.3:
        left, right = right, left
    # Now and then the last line mends it: the answer is right, the first step is not.
    stated = problem.answer if rng.random() < 0.08 else result
    return _written(problem, rng, left, problem.operator, right, result, stated)


def _wrong_operand(problem: Problem, rng: random.Random) -> str:
    left, right = problem.left, problem.right
    if rng.random() < 0.5:
        left = _other(left, rng)
    else:
        right = _other(right, rng)
    if problem.operator == "/" and rng.random() < 0.2:
        left, right = problem.right, problem.left
    result = _computed(left, problem.operator, right) if rng.random() < 0.7 else problem.answer
    return _written(problem, rng, left, problem.operator, right, result, result)


def _wrong_operation(problem: Problem, rng: random.Random) -> str:
    operator = rng.choice([sign for sign in ("+", "-", "*", "/") if sign != problem.operator])
    left, right = problem.left, problem.right
    if rng.random() < 0.3:
        left, right = right, left
    result = _computed(left, operator, right) if rng.random() < 0.7 else problem.answer
    return _written(problem, rng, left, operator, right, result, result)


def _wrong_statement(problem: Problem, rng: random.Random) -> str:
    stated = rng.choice([near_miss(problem, rng), problem.left, problem.right])
    return _written(problem, rng, problem.left, problem.operator, problem.right, problem.answer, stated)


def _cut_off(problem: Problem, rng: random.Random) -> str:
    whole = _right(problem, rng) if rng.random() < 0.5 else _wrong_result(problem, rng)
    first = whole.split("\n")[0]
    return rng.choice(
        [first, first, whole[: rng.randrange(1, len(whole) - 1)], f"The answer is {problem.left}."]
    )


def near_miss(problem: Problem, rng: random.Random) -> int:
    """A wrong result: off by little, a digit slipped, swapped or dropped, a carry lost, or a neighbour in the table."""
    answer, left, right = problem.answer, problem.left, problem.right
    kind = rng.randrange(8)
    wrong = answer
    if kind == 0:
        wrong = answer + rng.choice((-1, 1))
    elif kind == 1:
        wrong = answer + rng.choice((-10, 10))
    elif kind == 2:
        wrong = answer + rng.choice((-5, -4, -3, -2, 2, 3, 4, 5))
    elif kind == 3:
        wrong = int(str(answer)[::-1])
    elif kind == 4:
        digits = list(str(answer))
        digits[rng.randrange(len(digits))] = str(rng.randrange(10))
        wrong = int("".join(digits))
    elif kind == 5:
        wrong = answer * 10 if rng.random() < 0.3 else rng.choice((left, right))
    elif kind == 6:
        wrong = (
            answer + rng.choice((-1, 1)) * rng.choice((left, right))
            if problem.operator == "*"
            else answer - 10
        )
    else:
        wrong = rng.randrange(1, 2 * answer + 10)
    return wrong if wrong != answer and wrong >= 0 else answer + rng.choice((1, 2, 3, 10))


def _other(number: int, rng: random.Random) -> int:
    digits = list(str(number))
    digits[rng.randrange(len(digits))] = str(rng.randrange(1, 10))
    slipped = int("".join(digits))
    return slipped if slipped != number else number + rng.choice((1, 2, 10))


def _computed(left: int, operator: str, right: int) -> int:
    if operator == "+":
        return left + right
    if operator == "-":
        return abs(left - right)
    return left * right if operator == "*" else max(left // max(right, 1), 1)


def _written(
    problem: Problem, rng: random.Random, left: int, operator: str, right: int, result: int, stated: int
) -> str:
    sign = rng.choice(_GLYPHS.get(operator, (operator,)))
    equation = f"{left} {sign} {right} = {result}"
    form = rng.random()
    if form < 0.08:
        equation += f" {problem.things}"
    elif form < 0.16:
        equation = rng.choice(_LEADS).format(name=problem.question.split()[0]) + equation
    elif form < 0.2:
        return f"{equation}. The answer is {stated}."
    end = f" {problem.things}." if rng.random() < 0.05 else "."
    return f"{equation}\nThe answer is {stated}{end}"
