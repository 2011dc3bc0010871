"""What a strategy is to this client: typed parameters, checked before anything is sent; what is not set is not sent."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Aggregation = Literal["last", "min", "mean", "product", "max", "weighted"]
"""How the scores of steps become one number."""

GroupReward = Literal["mean", "sum", "max"]
"""How the scores of equal answers become one reward."""


class Parameters(BaseModel):
    """Values that the server would refuse are pydantic's ValidationError here; so is a name that it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Budget(Parameters):
    """Hard limits of one request; at any of them the best answer so far comes back, flagged as degraded."""

    max_samples: int | None = Field(None, ge=1)
    """Candidates drawn, at most."""
    max_completion_tokens: int | None = Field(None, ge=1)
    """Tokens generated for the request, all candidates together, at most."""
    deadline_ms: int | None = Field(None, ge=1, le=590_000)
    """Milliseconds on the server's clock from the request's arrival, at most."""
    on_deadline: Literal["best_so_far", "error"] = "best_so_far"
    """At the deadline: the best answer so far, flagged, or `DeadlineExceeded`."""


class AnswerForm(Parameters):
    """Where the answer stands in a response. A response without one does not vote."""

    form: Literal["auto", "boxed", "answer_is", "last_number", "choice", "json", "pattern"] = "auto"
    """`auto` tries JSON that is the whole response, then boxed, `answer_is`, and the last number."""
    field: str | None = Field(None, min_length=1, max_length=200)
    """With `json`: where the answer stands, as `result.answer`; by default the whole object."""
    pattern: str | None = Field(None, min_length=1)
    """With `pattern`: RE2, whose group `answer`, else the first, is the answer, in the last line that matches."""
    tool_vote: Literal["name", "arguments", "call", "calls"] = "calls"
    """Of responses that call tools: all `calls` in any order, the first `call`, or all the `name`s or `arguments`."""
    exclude_arguments: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        default_factory=tuple, max_length=64
    )
    """Arguments of tools that are left out of the comparison."""


class Strategy(Parameters):
    """What all strategies have in common."""

    name: ClassVar[str]

    explain: Literal["none", "summary", "full"] = "summary"
    """How much of the decision to report: nothing, all but the texts, or everything."""
    budget: Budget = Field(default_factory=Budget)
    """What the request may spend."""

    def spec(self) -> dict[str, Any]:
        """The `strategy` object of a request: the name, and what was set. The defaults are the server's to choose."""
        return {"name": self.name, **self.model_dump(mode="json", exclude_unset=True)}

    def __str__(self) -> str:
        return _written(self.spec())


class Scored(Strategy):
    """What strategies that ask a reward model have in common."""

    scorer: str | None = None
    """Name of a loaded scorer; by default the first one that fits."""
    objective_weights: dict[str, float] | None = Field(None, min_length=1, max_length=64)
    """Weights of a multi-objective scorer's objectives, by name; by default the configured ones."""
    aggregation: Aggregation = "min"
    """How a step scorer's scores become one number."""
    on_scorer_error: Literal["fail", "majority", "logprob"] = "fail"
    """If the scorer fails: an error, or select by majority or by mean log-probability."""


class Voting(Strategy):
    """What strategies that group candidates by their answers have in common."""

    answer: AnswerForm = Field(default_factory=AnswerForm)
    """How a response states its answer."""
    equivalence: Literal["exact", "math"] = "exact"
    """Answers are one if they have one canonical spelling, or also if they are equal as mathematics."""


class Stopping(Voting):
    """What votes have in common that may end before all candidates are drawn."""

    stop: Literal["decided", "beta", "agreement", "window", "none"] = "decided"
    """When to stop: once decided, by the leader's probability, by its share, by answers in a row, or never."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """With `stop="beta"`: probability that the leader stays."""
    agreement: float = Field(0.75, gt=0, le=1)
    """With `stop="agreement"`: share of the leading answer."""
    window: int = Field(5, ge=2, le=1024)
    """With `stop="window"`: answers in a row that must be equal."""
    waves: Literal["all", "double"] | Annotated[int, Field(ge=1)] | None = None
    """Candidates drawn at once: all, 2 and then as many again, or a number; by default as the engine's load allows."""


class Custom:
    """A strategy that this client does not know: `Custom("my_strategy", n=4)`. The server checks its parameters."""

    def __init__(self, name: str, /, **parameters: Any) -> None:
        self.name = name
        self.parameters = parameters

    def spec(self) -> dict[str, Any]:
        """The `strategy` object of a request."""
        return {**self.parameters, "name": self.name}

    def __str__(self) -> str:
        return _written({"name": self.name, **self.parameters})

    def __repr__(self) -> str:
        return f"Custom({self})"


AnyStrategy = Strategy | Custom


def openai_extra_body(strategy: AnyStrategy) -> dict[str, Any]:
    """What to give the OpenAI SDK as `extra_body`, for those who keep it."""
    return {"strategy": strategy.spec()}


def _written(spec: dict[str, Any]) -> str:
    parameters = ", ".join(f"{name}={value!r}" for name, value in spec.items() if name != "name")
    return f"{spec['name']}({parameters})" if parameters else str(spec["name"])
