"""A beam asks its live candidate for what is missing and never for nothing, and gives up where nothing comes."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from strategies.base.types import FinishReason, Rejection
from strategies.search.beam import Beam


@dataclass
class Live:
    """Writes up to `pace` tokens a call, one letter each, and ends at `last`."""

    pace: int = 3
    last: int = 99
    text: str = ""
    finish_reason: FinishReason | None = None
    asked: list[int] = field(default_factory=list)
    dropped: bool = False

    @property
    def tokens(self) -> int:
        return len(self.text)

    async def advance(self, max_tokens: int, stop: str | None = None) -> None:
        self.asked.append(max_tokens)
        self.text += "a" * min(max_tokens, self.pace, self.last - self.tokens)
        self.finish_reason = "stop" if self.tokens == self.last else None

    async def drop(self) -> None:
        self.dropped = True


def beam(live: Any) -> Beam:
    return Beam(live)


@pytest.mark.parametrize(
    ("live", "tokens", "asked"),
    [
        (Live(), 7, [7, 4, 1]),
        (Live(), 0, []),
        (Live(pace=0), 5, [5]),
        (Live(last=4), 9, [9, 6]),
        (Live(text="aaaa"), 4, []),
        (Live(text="aaaa"), 5, [1]),
    ],
)
async def test_it_asks_for_what_is_missing(live: Live, tokens: int, asked: list[int]) -> None:
    await beam(live).write_to(tokens)
    assert live.asked == asked


async def test_one_that_is_rejected_writes_no_more() -> None:
    live = Live()
    told = beam(live)
    await told.reject(Rejection(1, 0, 0.1, 0.5))
    await told.write_to(5)
    assert (live.asked, live.dropped, told.is_active) == ([], True, False)


async def test_the_first_mark_is_the_one_that_counts() -> None:
    told = beam(Live(text="aa"))
    first, second = Rejection(1, 2, 0.1, 0.5), Rejection(2, 4, 0.2, 0.5)
    told.mark(first)
    told.mark(second)
    assert (told.rejected_at, told.marked, told.is_active) == (first, 2, True)
