"""What one request has spent, in tokens by purpose and in wall-clock time by phase."""

from collections import Counter
from dataclasses import dataclass, field

from service.metering.phase_clock import PhaseClock
from strategies.base.types import Candidate, Stage


@dataclass(slots=True)
class Meter:
    """The account of one request.

    `prompt_tokens` counts the request's prompt once, as OpenAI does, and `prompt_cached_tokens` is what of it the cache
    held when it was first read; `engine_prompt_tokens` and `cached_tokens` count it for every candidate, as the engine
    does. `tokens` is by stage; the sum equals the engine's own counter, and `reasoning_tokens` are those of them that
    were thought rather than said. What the reward models read is told in all and by scorer; of `truncated_texts` they
    read the end only.
    `in_flight` are the tokens of candidates that have not ended, which no stage has yet; `engines` are the generators
    that worked, told apart. Of `samples` candidates, `ended` have come to an end. `limit` names the budget that ended
    the work, if one did.
    """

    clock: PhaseClock = field(default_factory=PhaseClock)
    tokens: Counter[Stage] = field(default_factory=Counter)
    prompt_tokens: int = 0
    prompt_cached_tokens: int = 0
    cached_tokens: int = 0
    engine_prompt_tokens: int = 0
    reward_model_tokens: int = 0
    reward_model_cached_tokens: int = 0
    scorer_tokens: Counter[str] = field(default_factory=Counter)
    scorer_cached_tokens: Counter[str] = field(default_factory=Counter)
    reasoning_tokens: int = 0
    samples: int = 0
    ended: int = 0
    in_flight: int = 0
    engines: set[int] = field(default_factory=set)
    truncated_texts: int = 0
    limit: str | None = None

    @property
    def completion_tokens(self) -> int:
        return sum(self.tokens.values())

    def count(self, candidate: Candidate, stage: Stage) -> None:
        """Book a candidate that ended, however it ended."""
        self.tokens[stage] += candidate.tokens
        self.reasoning_tokens += 0 if candidate.parts is None else candidate.parts.reasoning_tokens
        self.engine_prompt_tokens += candidate.prompt_tokens
        self.cached_tokens += candidate.cached_tokens
        if stage == "sample":
            self.read_prompt(candidate.prompt_tokens, candidate.cached_tokens)
            self.ended += 1
        self.clock.watcher.progress()

    def read_prompt(self, tokens: int, cached: int) -> None:
        """Note what a candidate read before it began; the first finds the least cached, others find what it read."""
        if not tokens:
            return
        least = cached if not self.prompt_tokens else min(cached, self.prompt_cached_tokens)
        self.prompt_tokens = max(self.prompt_tokens, tokens)
        self.prompt_cached_tokens = min(least, self.prompt_tokens)

    def time_ms(self) -> dict[str, float]:
        """Milliseconds by phase, those that took any."""
        self.clock.settle()
        return {phase: round(s * 1000, 3) for phase, s in self.clock.seconds.items() if s > 0}
