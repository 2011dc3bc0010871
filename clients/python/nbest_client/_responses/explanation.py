"""Why an answer was chosen, and what it cost: the `nbest` object of a reply."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from nbest_client._responses.display import Block, Shown, Table, Text, cell


class Told(BaseModel):
    """Something that the server says. What it says beyond what is known here is kept in `model_extra`."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Rejection(Told):
    """Where early rejection dropped a candidate: its score then, and the lowest score that was kept."""

    step: int
    tokens: int
    score: float | None
    threshold: float | None


class Candidate(Told):
    """One answer that was drawn, or brought along; `text` and `logprob` are told with `explain="full"`.

    `fate` is `selected`, `kept` (valid, not returned), `rejected_early`, `invalid` (empty or cut off) or `failed`;
    `stage` is what it was written for: `sample`, or `fusion`.
    """

    index: int
    score: float | None
    step_scores: tuple[float, ...] | None
    answer: str | None
    group: int | None
    tokens: int
    finish_reason: str
    fate: str
    stage: str = "sample"
    rejected_at: Rejection | None = None
    text: str | None = None
    logprob: float | None = None


class Vote(Told):
    """One group of equal answers: its size and, where scored, its reward."""

    group: int
    answer: str
    count: int
    reward: float | None


class ModelCost(Told):
    """What one model computed; `flops` without, `cached_prefill_flops` for what its cache spared."""

    parameters: int | None
    tokens: int
    cached_tokens: int
    flops: int | None
    cached_prefill_flops: int | None
    scorer: str | None = None


class Cost(Told):
    """Operations by model, two for each parameter and token; None where the size of a model is not known."""

    generator: ModelCost
    reward_models: tuple[ModelCost, ...]
    flops: int | None


class Explanation(Shown, Told):
    """How the answer was chosen. For replies of the OpenAI SDK: `Explanation.model_validate(reply.nbest)`.

    `selected` are indices of candidates, best first; `tie` is the rule that parted the first two of equal score;
    `degraded` says why the answer is less than was asked for; `details` is what only this strategy has to tell.
    """

    strategy: str
    seed: int | None
    selected: tuple[int, ...]
    candidates: tuple[Candidate, ...]
    votes: tuple[Vote, ...]
    tie: str | None
    degraded: str | None
    time_ms: Mapping[str, float]
    cost: Cost | None = None
    details: Mapping[str, int | float | str | bool | tuple[int, ...] | None] = {}

    @property
    def winner(self) -> Candidate | None:
        """The candidate returned first; None where what was returned is none of them."""
        chosen = self.selected[:1]
        return next((candidate for candidate in self.candidates if candidate.index in chosen), None)

    def _blocks(self) -> Sequence[Block]:
        return [*self._tables(), Text("why", self.why())]

    def _tables(self) -> list[Block]:
        rows = sorted(self.candidates, key=self._rank)
        columns = ["#", "answer", "text", "score", "tokens", "fate"]
        cells = [[c.index, c.answer, c.text, c.score, c.tokens, c.fate] for c in rows]
        shown = [i for i in range(len(columns)) if i in (0, 3, 4, 5) or any(row[i] for row in cells)]
        marked = frozenset(i for i, c in enumerate(rows) if c.index in self.selected)
        return [
            Table(
                f"{self.strategy}: {len(rows)} candidates",
                [columns[i] for i in shown],
                [[row[i] for i in shown] for row in cells],
                marked,
            )
        ]

    def _rank(self, candidate: Candidate) -> tuple[int, bool, float, int]:
        """The selected as they were selected, then by score."""
        chosen = candidate.index in self.selected
        place = self.selected.index(candidate.index) if chosen else len(self.selected)
        return (place, candidate.score is None, -(candidate.score or 0.0), candidate.index)

    def why(self) -> str:
        """Votes, the rule that decided a tie, degradations and times, in one line."""
        votes = ", ".join(f"{vote.answer} ×{vote.count}" for vote in self.votes[:6])
        phases = ", ".join(f"{phase} {ms / 1000:.2f} s" for phase, ms in self.time_ms.items())
        told = {"votes": votes, "tie": self.tie, "degraded": self.degraded, "time": phases}
        told |= {name: cell(value) for name, value in self.details.items()}
        return "; ".join(f"{name} {value}" for name, value in told.items() if value)
