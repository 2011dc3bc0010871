"""The rows of the table: every strategy at every N, and how each is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from benchmarks.early_rejection_variants import CALIBRATED
from service.embedded.problems.problems import Problem
from strategies.base.strategy import Strategy
from strategies.best_of_majority import BestOfMajority
from strategies.best_of_n import BestOfN
from strategies.catalog import STRATEGIES
from strategies.early_rejection import EarlyRejection
from strategies.fusion_of_n import FusionOfN
from strategies.single import Single
from strategies.top_h import TopH

How = Literal["replayed", "fused", "live"]
"""`replayed`: all answers are recorded; `fused`: the fusor writes live, from recorded answers; `live`: none is."""

SIZES = (4, 16, 64)
MAJORITY_OF_BEST = BestOfMajority.name
# The small fusor seldom keeps to the form; the bound keeps a reply that runs on from filling the time.
FUSION_TOKENS = 128
_OF_THEIR_OWN = (Single, TopH, EarlyRejection, FusionOfN)
SELECTING = [strategy for strategy in STRATEGIES if strategy not in _OF_THEIR_OWN]
"""Strategies that choose among drawn candidates: all are replayed from the same ones."""


@dataclass(frozen=True)
class Row:
    """A strategy at one N; `sampling` is what its requests send beside the strategy."""

    label: str
    n: int
    strategy: Strategy
    how: How
    sampling: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.label} {self.n}"

    @property
    def key(self) -> dict[str, Any]:
        """What tells its figures from those of other rows, and of the same row with other parameters."""
        spec = {"name": self.strategy.name, **self.strategy.model_dump(mode="json")}
        return {"row": self.name, "strategy": spec, "sampling": dict(self.sampling)}

    def seed(self, problem: Problem) -> int:
        """A seed of its own, so that rows do not draw each other's answers."""
        return int.from_bytes(sha256(f"{self.name}/{problem.key}".encode()).digest()[:4])


def rows(sizes: Sequence[int] = SIZES, early: Mapping[str, Any] = CALIBRATED) -> list[Row]:
    """Every strategy of the catalogue; those that draw one sample have one row, and top-H with Best-of-N the others."""
    return [
        Row("single", 1, Single(), "live"),
        Row("top_h", 1, TopH(), "live"),
        *(Row(cls.name, n, cls.model_validate({"n": n}), "replayed") for cls in SELECTING for n in sizes),
        *(Row("best_of_n, top_h 0.4", n, BestOfN(n=n), "live", {"top_h": 0.4}) for n in sizes),
        *(Row("early_rejection", n, EarlyRejection(beams=n, **early), "live") for n in sizes),
        *(Row("fusion_of_n", n, FusionOfN(n=n, fusion_max_tokens=FUSION_TOKENS), "fused") for n in sizes),
    ]
