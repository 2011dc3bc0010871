"""The nouns that strategies, engines and scorers share: frozen data, nothing that waits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from strategies.base.errors import Unsupported

FinishReason = Literal["stop", "length", "abort", "error"]
"""Why a candidate ended: by itself, at `max_tokens`, stopped by us, or because the engine failed on it."""

Fate = Literal["selected", "kept", "rejected_early", "invalid", "failed"]
"""What became of a candidate; `invalid` is empty or cut off, `kept` is valid but not returned."""

Stage = Literal["sample", "judge", "fusion"]
"""What tokens were generated for."""

TopHVariant = Literal["paper", "transformers", "authors"]
"""Which of the rules that go by the name of top-H."""


Detail = int | float | str | bool | tuple[int, ...] | None
"""Something that only one strategy has to tell."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a function that the caller offered; `arguments` is JSON, as the model wrote it."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat. A turn of the assistant may call tools, and one of a tool answers the call of that id."""

    role: str
    content: str
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    reasoning: str | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """What may be called: OpenAI's `tools` as they were sent, and whether one must be, or the one that is `named`.

    `parallel`: whether one response may hold several calls.
    """

    offered: tuple[Mapping[str, Any], ...]
    choice: Literal["auto", "none", "required", "named"] = "auto"
    named: str | None = None
    parallel: bool = True

    @property
    def functions(self) -> Mapping[str, Mapping[str, Any]]:
        """The parameters' schema of each function, by name; without one anything is allowed."""
        described = [tool["function"] for tool in self.offered]
        return {function["name"]: function.get("parameters") or {} for function in described}


@dataclass(frozen=True, slots=True)
class Decoding:
    """How one answer is sampled; `None` and the neutral values mean "off".

    Truncation (`top_h`, `top_p`, `top_k`, `min_p`) is decided on the distribution after temperature; `top_h` comes
    before `top_p` and `top_k`, and with `min_p`, whose place among them depends on the engine, it is Unsupported.
    `logprobs` is the number of alternatives reported at each token (0: the sampled token only).
    """

    max_tokens: int | None = None
    min_tokens: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    top_h: float | None = None
    top_h_variant: TopHVariant = "paper"
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    ignore_eos: bool = False
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    logprobs: int | None = None
    json_schema: str | None = None
    thinking_token_budget: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.top_h is not None and self.min_p > 0:
            raise Unsupported(
                f"top_h cannot be combined with min_p, which is {self.min_p}: send min_p 0", param="min_p"
            )


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked (a chat or raw text), how an answer is decoded, and how many answers go back (`k`).

    `template_kwargs` are further variables of the model's chat template, `reasoning_effort` how long it should think.
    """

    messages: tuple[Message, ...] = ()
    text: str | None = None
    decoding: Decoding = field(default_factory=Decoding)
    k: int = 1
    template_kwargs: Mapping[str, Any] = field(default_factory=dict)
    reasoning_effort: str | None = None
    tools: Tools | None = None


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One sampled token, its natural-log probability under the model, and its most likely rivals."""

    token: str
    token_id: int
    logprob: float
    top: tuple[tuple[str, int, float], ...] = ()


LOWEST_LOGPROB: Final = -9999.0
"""Where OpenAI and vLLM write a token that cannot come, as one that a grammar masks: JSON has no infinity."""


def floored(logprob: float) -> float:
    """A finite log-probability: minus infinity and NaN become the lowest there is. Every engine reports these."""
    return LOWEST_LOGPROB if math.isnan(logprob) else max(logprob, LOWEST_LOGPROB)


@dataclass(frozen=True, slots=True)
class Score:
    """A scorer's opinion of one candidate; `value` is None where there is none, and then it never wins."""

    value: float | None = None
    steps: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """A response taken apart: what is said, what was thought before it (None: nothing), what is called.

    `reasoning_tokens` is the length of the thinking; `flaw` says in a word why the parts are no answer.
    """

    content: str = ""
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning_tokens: int = 0
    flaw: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One finished answer; `index` is its place in the draw, `tokens` what it cost to generate.

    `text` is all that was generated; `parts` are its parts, and where it was not taken apart all of it is content.
    `prompt_tokens` is what the engine read for it, `cached_tokens` the part of that found in its prefix cache.
    `logprob` is the sum over its tokens in nats, present only when the decoding asked for logprobs.
    `answer` and `score` are what a candidate brought along (`/v1/select`); they are used as they are.
    """

    index: int
    text: str
    tokens: int
    finish_reason: FinishReason
    prompt_tokens: int = 0
    cached_tokens: int = 0
    token_ids: tuple[int, ...] = ()
    logprob: float | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    answer: str | None = None
    score: Score | None = None
    parts: Parts | None = None

    @property
    def content(self) -> str:
        """What it says: what is read for an answer, and judged."""
        return self.text if self.parts is None else self.parts.content

    @property
    def reasoning(self) -> str | None:
        return None if self.parts is None else self.parts.reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return () if self.parts is None else self.parts.tool_calls

    @property
    def is_empty(self) -> bool:
        """It neither says nor calls anything, whatever it may have thought."""
        return not self.content.strip() and not self.tool_calls

    @property
    def is_valid(self) -> bool:
        """A candidate that ended by itself and says something."""
        is_sound = self.parts is None or self.parts.flaw is None
        return self.finish_reason == "stop" and is_sound and not self.is_empty


@dataclass(frozen=True, slots=True)
class Rejection:
    """Where early rejection dropped a candidate: its score then, and in `threshold` the lowest score that was kept."""

    step: int
    tokens: int
    score: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """Everything decided about one candidate; `stage` is what its tokens were generated for."""

    candidate: Candidate
    fate: Fate
    score: Score = Score()
    answer: str | None = None
    group: int | None = None
    rejected_at: Rejection | None = None
    stage: Stage = "sample"


@dataclass(frozen=True, slots=True)
class Vote:
    """One group of equivalent answers: its size and, where scored, its reward."""

    group: int
    answer: str
    count: int
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A strategy's decision: `selected` are indices into `verdicts`, best first.

    `tie` names the rule that separated the winner from its runner-up when their scores were equal;
    `degraded` says in a word why the answer is less than was asked for; `details` is what only this strategy has to
    tell, by name.
    """

    verdicts: tuple[CandidateResult, ...]
    selected: tuple[int, ...]
    votes: tuple[Vote, ...] = ()
    tie: str | None = None
    degraded: str | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)

    @property
    def answers(self) -> Sequence[Candidate]:
        """The selected candidates, best first."""
        return [self.verdicts[i].candidate for i in self.selected]
