"""What top-H may add to a step, and that the benchmark says so."""

import pytest

from benchmarks.top_h import added


@pytest.mark.parametrize(("ratio", "holds"), [(0.97, True), (1.0, True), (1.03, True), (1.0301, False)])
def test_more_than_three_percent_is_a_failure(ratio: float, holds: bool) -> None:
    claim = added(ratio)
    assert (claim.holds, "MORE" in claim.text) == (holds, not holds)
