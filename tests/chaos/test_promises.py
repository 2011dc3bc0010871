"""What the table of `make chaos` calls kept, and that one scenario is kept whole."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.promises import all_of, at_most, percentile
from tests.chaos.scenarios import engine_faults


def test_a_promise_is_kept_at_its_limit_and_never_by_what_was_not_measured() -> None:
    assert at_most("x", 1.0, 1.0).kept
    assert not at_most("x", 1.0, 1.01).kept
    assert not at_most("x", 1.0, math.nan).kept
    assert all_of("x", 3, 3).kept
    assert not all_of("x", 2, 3).kept
    assert not all_of("x", 0, 0).kept


def test_percentiles_by_hand() -> None:
    assert percentile([5, 1, 3], 0.5) == 3
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([7], 0.01) == 7
    assert math.isnan(percentile([], 0.99))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 100))
def test_a_percentile_is_the_smallest_figure_that_the_share_does_not_exceed(
    figures: list[int], percent: int
) -> None:
    enough = [x for x in figures if sum(y <= x for y in figures) * 100 >= percent * len(figures)]
    assert percentile(figures, percent / 100) == min(enough)


async def test_a_scripted_engine_that_dies_and_freezes_keeps_every_promise() -> None:
    broken = [row for row in await engine_faults.run() if not row.kept]
    assert broken == []
