"""What is kept of recent requests, and how little: bounds in number, in time and in events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.state.run_events import MOST_EVENTS, RunLog, Runs
from strategies.base.errors import NotFound

PROGRESS = ("sampling", "judging", "fusing", "scoring", "checking")
KINDS = st.sampled_from(["queued", "sampling", "judging", "scoring", "fusing"])


def replay(log: RunLog, seq: int = 0) -> list[tuple[int, str]]:
    told = []
    while (event := log.after(seq)) is not None:
        seq = event["seq"]
        told.append((seq, event["type"]))
    return told


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_progress_takes_the_place_of_progress() -> None:
    clock = Clock()
    log = RunLog("req_1", "alice", clock)
    log.tell("queued")
    clock.now = 0.25
    for done in range(3):
        log.tell("sampling", done=done)
    log.tell("scoring")
    log.tell("sampling", done=2)
    assert replay(log) == [(1, "queued"), (4, "sampling"), (5, "scoring"), (6, "sampling")]
    assert log.after(1) == {
        "object": "run.event",
        "id": "req_1",
        "seq": 4,
        "type": "sampling",
        "at_ms": 250.0,
        "done": 2,
    }
    assert replay(log, 2) == replay(log, 1)


@given(st.lists(KINDS, max_size=3 * MOST_EVENTS))
async def test_the_events_kept_are_bounded_and_a_loss_is_known(types: list[str]) -> None:
    log = RunLog("req_1", "alice")
    reference: list[tuple[int, str]] = []
    for seq, type in enumerate(types, 1):
        log.tell(type)
        is_progress = type in PROGRESS
        if reference and is_progress and reference[-1][1] == type:
            reference.pop()
        reference.append((seq, type))
    assert replay(log) == reference[-MOST_EVENTS:]
    lost = reference[:-MOST_EVENTS]
    for seq in range(len(types) + 1):
        assert log.has_lost(seq) == any(gone > seq for gone, _ in lost)


async def test_the_oldest_makes_room_and_what_ended_long_ago_is_gone() -> None:
    clock = Clock()
    runs = Runs(most=3, keep_s=10, now=clock)
    logs = [runs.begin(f"req_{i}", "alice") for i in range(5)]
    assert len(runs) == 3
    with pytest.raises(NotFound):
        runs.find("req_1", "alice")
    assert runs.find("req_2", "alice") is logs[2]
    logs[2].end("finished")
    clock.now = 10.0
    assert runs.find("req_2", "alice") is logs[2]
    clock.now = 10.1
    with pytest.raises(NotFound):
        runs.find("req_2", "alice")
    assert runs.find("req_3", "alice") is logs[3]


async def test_somebody_elses_is_as_unknown_as_none() -> None:
    runs = Runs()
    runs.begin("req_1", "alice")
    with pytest.raises(NotFound) as others:
        runs.find("req_1", "bob")
    with pytest.raises(NotFound) as none:
        runs.find("req_2", "bob")
    assert str(others.value).replace("req_1", "") == str(none.value).replace("req_2", "")
