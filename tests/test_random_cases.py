"""What stands behind the tests on random cases: as many as promised, and a failure that can be read."""

from random import Random

import pytest

from tests.random_cases import COUNT, random_cases, several


def _numbers(rng: Random) -> tuple[list[int]]:
    return (several(rng, lambda r: r.randint(0, 9), 0, 5),)


def test_every_case_is_tried_and_they_differ() -> None:
    seen: list[tuple[int, ...]] = []
    random_cases(_numbers)(lambda numbers: seen.append(tuple(numbers)))()
    assert len(seen) == COUNT
    assert {len(case) for case in seen} == set(range(6))
    assert any(len(case) == 5 and len(set(case)) == 1 for case in seen)


def test_of_the_cases_that_fail_the_shortest_is_told() -> None:
    def longer_than_two(numbers: list[int]) -> None:
        assert len(numbers) <= 2

    with pytest.raises(AssertionError) as failure:
        random_cases(_numbers)(longer_than_two)()
    note = failure.value.__notes__[0]
    assert "random cases fail; the shortest: ([" in note
    assert note.count(",") == 3


async def test_a_coroutine_is_awaited_for_every_case() -> None:
    async def odd(number: int) -> None:
        assert number % 2

    with pytest.raises(AssertionError, match="assert"):
        await random_cases(lambda rng: (rng.randint(0, 9),), count=50)(odd)()
