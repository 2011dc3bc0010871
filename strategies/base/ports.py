"""What a strategy is handed: an engine to sample from and scorers to ask. Adapters live in `service`."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from strategies.base.types import Candidate, FinishReason, Parts, Prompt, Stage, TokenLogprob, ToolCall

ScorerKind = Literal["outcome", "step"]


@dataclass(frozen=True, slots=True)
class Delta:
    """New text of candidate `index`, as it is generated: `tokens` tokens of it (0 while a character is incomplete).

    `parts` is what is new of each part; without it all of the text is content. `prompt_tokens` is what the engine read
    before it.
    """

    index: int
    text: str
    tokens: int
    logprobs: tuple[TokenLogprob, ...] = ()
    parts: Parts | None = None
    prompt_tokens: int = 0

    @property
    def content(self) -> str:
        return self.text if self.parts is None else self.parts.content

    @property
    def reasoning(self) -> str | None:
        return None if self.parts is None else self.parts.reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return () if self.parts is None else self.parts.tool_calls


OnDelta = Callable[[Delta], None]

StreamFilter = Callable[[Delta], Delta | None]
"""What of one draw's text a client may see as it comes: given each delta in order, what is shown of it, if anything."""


class LiveCandidate(Protocol):
    """A candidate that is still being written: advance it, fork it, or drop it."""

    @property
    def index(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def finish_reason(self) -> FinishReason | None:
        """None while it can still be advanced."""

    async def advance(self, max_tokens: int, stop: str | None = None) -> None:
        """Generate up to `max_tokens` more tokens, or to the end of the next `stop` (kept in the text)."""

    async def fork(self, index: int) -> "LiveCandidate":
        """Another candidate with the same text so far, sampled on its own from here (its seed from `index`)."""

    async def drop(self) -> None:
        """Give it up and free what it holds in the engine; safe to call twice."""

    def candidate(self) -> Candidate:
        """What it says now, as a finished candidate (`abort` if it could have gone on)."""


class Engine(Protocol):
    """A generator of candidates; N candidates are N independent draws."""

    def sample(
        self,
        prompt: Prompt,
        n: int,
        *,
        stage: Stage = "sample",
        start: int = 0,
        on_delta: OnDelta | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[Candidate]]:
        """Draw `n` candidates, numbered from `start`, and deliver each as it ends, in order of ending.

        Leaving the block aborts what still runs. A candidate that fails alone arrives with finish reason
        `error`; EngineFailed is raised only when the engine itself is lost, InvalidRequest when it refuses
        the prompt. `on_delta` is called with text as it is generated.
        """

    def open(
        self, prompt: Prompt, n: int, *, stage: Stage = "sample", start: int = 0
    ) -> AbstractAsyncContextManager[Sequence[LiveCandidate]]:
        """Open `n` live candidates with nothing generated yet; leaving the block drops them and their forks."""


@dataclass(frozen=True, slots=True)
class OutcomeScores:
    """One number for each text, and how many tokens the reward model read (`cached`: of those, from its cache).

    `truncated` are the indices of the texts of which only the end was read.
    """

    values: tuple[float | None, ...]
    tokens: int = 0
    cached: int = 0
    truncated: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StepScores:
    """One number for each step of each answer, and how many tokens the reward model read."""

    values: tuple[tuple[float, ...] | None, ...]
    tokens: int = 0
    cached: int = 0


class OutcomeScorer(Protocol):
    """Judges whole responses: higher is better; numbers compare within one prompt only."""

    @property
    def name(self) -> str: ...

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        """One number a text, in order; None where the scorer abstains. ScorerFailed if it cannot."""


@runtime_checkable
class ComparingScorer(OutcomeScorer, Protocol):
    """An outcome scorer whose numbers may hold only among the texts that it is asked about together."""

    @property
    def compares(self) -> bool:
        """Whether they do; then it is asked once, about all candidates, each as often as it was drawn."""


@runtime_checkable
class MultiObjectiveScorer(OutcomeScorer, Protocol):
    """An outcome scorer of several objectives, whose sum is weighted as a request asks."""

    @property
    def objectives(self) -> Sequence[str]: ...

    def weighted(self, weights: Mapping[str, float]) -> OutcomeScorer:
        """The scorer with these weights, 0 for what they leave out; InvalidRequest lists the objectives there are."""


def compares(scorer: OutcomeScorer) -> bool:
    """Whether the scorer has to be asked about all candidates at once."""
    return isinstance(scorer, ComparingScorer) and scorer.compares


class StepScorer(Protocol):
    """Judges each step of a response, the last of which may be unfinished."""

    @property
    def name(self) -> str: ...
    @property
    def delimiter(self) -> str:
        """What ends a step, in the convention that the scorer was trained with."""

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        """One number a step, in order; the steps of an answer join to its text. ScorerFailed if it cannot."""


class ScorerLookup(Protocol):
    """The loaded scorers, by name; a name of None means the first loaded one of the kind."""

    def kind(self, name: str) -> ScorerKind:
        """NotFound if no scorer of that name is loaded."""

    def default(self, kinds: Sequence[ScorerKind]) -> str:
        """The name used where a request names none: the first loaded of these kinds, in their order."""

    def sees_reasoning(self, name: str) -> bool:
        """Whether this scorer is shown what a candidate thought before it spoke."""

    def outcome(self, name: str | None) -> OutcomeScorer:
        """InvalidRequest, listing the right ones, if `name` is a step scorer; NotFound if there is none."""

    def step(self, name: str | None) -> StepScorer:
        """InvalidRequest, listing the right ones, if `name` is an outcome scorer; NotFound if there is none."""


class Equivalence(Protocol):
    """Decides whether two answers are equal as mathematics, whichever way they are written."""

    async def same(self, pairs: Sequence[tuple[str, str]]) -> Sequence[bool | None]:
        """One verdict a pair, in order; None where there was none in time. It does not matter which comes first."""


class Scorers(ScorerLookup, Protocol):
    """What judges answers for a strategy: the loaded scorers, and whether two answers are equal."""

    @property
    def equivalence(self) -> Equivalence: ...
