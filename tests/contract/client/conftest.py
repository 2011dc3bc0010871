"""What the client's tests share."""

import pytest
from nbest_client._http import retry


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that tries again soon; how long it waits otherwise is tested where the rule is."""
    monkeypatch.setattr(retry, "_BASE_S", 0.02)
