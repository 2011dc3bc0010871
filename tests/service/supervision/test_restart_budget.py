"""So many restarts in any window of time, and not one more."""

from hypothesis import given
from hypothesis import strategies as st

from service.supervision.restart_budget import RestartBudget


def test_three_in_ten_minutes_and_then_no_more_until_the_first_has_aged() -> None:
    budget = RestartBudget(3, 600)
    assert [budget.take(now) for now in (0, 100, 200, 300, 599)] == [True, True, True, False, False]
    assert budget.take(600)
    assert not budget.take(699)
    assert budget.take(700)


def test_none_allowed_is_none() -> None:
    assert not RestartBudget(0, 600).take(0)


@given(st.integers(0, 4), st.integers(1, 50), st.lists(st.integers(0, 20), max_size=60))
def test_no_window_ever_holds_more_than_allowed_and_none_is_refused_that_would_fit(
    most: int, window: int, gaps: list[int]
) -> None:
    budget, now, taken = RestartBudget(most, window), 0, list[int]()
    for gap in gaps:
        now += gap
        # The slow reference: count all that were ever taken, and look at the half-open window that ends now.
        fits = sum(now - window < at <= now for at in taken) < most
        assert budget.take(now) == fits
        if fits:
            taken.append(now)
