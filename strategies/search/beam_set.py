"""The candidates of one request, written side by side, judged together, rejected and forked by the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from strategies.answers.groups import group_ids, group_sizes
from strategies.base.concurrency import gather_in_order
from strategies.base.types import Rejection
from strategies.search.beam import Beam
from strategies.search.pruning import decide
from strategies.search.step_scoring import PartialScorer

T = TypeVar("T")


@dataclass(slots=True)
class BeamSet:
    """Every candidate there has been, in order of index, and what a search may do with them.

    `k` answers go back. In `shadow` an early rejection is only noted: `marked` counts those noted, and `saved` the
    tokens written after it. `rounds` counts the steps or checkpoints.
    """

    beams: list[Beam]
    critic: PartialScorer
    k: int = 1
    shadow: bool = False
    rounds: int = 0
    marked: int = 0
    saved: int = 0

    @property
    def active(self) -> list[Beam]:
        return [beam for beam in self.beams if beam.is_active]

    @property
    def standing(self) -> list[Beam]:
        """Those that were not rejected."""
        return [beam for beam in self.beams if not beam.is_rejected]

    @property
    def answers(self) -> int:
        return sum(beam.is_answer for beam in self.standing)

    @property
    def missing(self) -> int:
        """How many of the answers asked for are not there yet."""
        return max(0, self.k - self.answers)

    async def write(self, beams: Sequence[Beam], most: int, delimiter: str) -> None:
        """Write the current step of each, up to `most` tokens of it."""
        await gather_in_order([beam.write(most, delimiter) for beam in beams])

    async def write_to(self, tokens: int) -> None:
        """Write every candidate that can go on, until its answer has so many tokens."""
        await gather_in_order([beam.write_to(tokens) for beam in self.active])

    async def judge(self, beams: Sequence[Beam]) -> None:
        await self.critic.judge(beams)

    async def judge_finished(self) -> None:
        await self.judge([beam for beam in self.standing if beam.live.finish_reason is not None])

    async def reject(self, beams: Sequence[Beam], keep: int, *, early: bool = True) -> None:
        """Keep the `keep` best of `beams` and drop the others; in shadow those to be dropped `early` are marked."""
        sizes = group_sizes(group_ids([beam.live.text for beam in beams]))
        decision = decide([beam.score.value for beam in beams], keep, sizes)
        for beam in (beams[i] for i in decision.rejected):
            at = Rejection(self.rounds, beam.live.tokens, beam.score.value, decision.threshold)
            if early and self.shadow:
                beam.mark(at)
                self.marked += 1
            else:
                await beam.reject(at)

    def settle_saved(self) -> None:
        """Book what the marked candidates have written since; without the shadow it would not have been written."""
        for beam in self.beams:
            if beam.marked is not None:
                self.saved += beam.live.tokens - beam.marked
                beam.marked = None

    async def fork(self, copies: int) -> None:
        """Make `copies` of every candidate that can go on, itself one of them; at a budget's limit no more."""
        for beam in self.active:
            for _ in range(copies - 1):
                twin = await beam.fork(self.beams[-1].live.index + 1)
                if not twin.is_active:
                    await twin.live.drop()
                    return
                self.beams.append(twin)
