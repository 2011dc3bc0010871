"""The strategies of the catalogue, each with the server's parameters, defaults and bounds.

Written from the catalogue by `make client`: change the server's strategies.
"""

from typing import ClassVar, Literal

from pydantic import Field

from nbest_client._strategy import Scored, Stopping, Strategy, Voting


class Single(Strategy):
    """One plain sample for each answer asked for: what a request without a strategy gets."""

    name: ClassVar[str] = "single"


class BestOfN(Voting, Scored):
    """Draw N candidates, return the one that the reward model likes most."""

    name: ClassVar[str] = "best_of_n"

    n: int = Field(8, ge=1)
    """Candidates to draw."""
    per: Literal["response", "answer"] = "response"
    """Rank each response by its score, or each distinct answer by its group's reward."""
    group_reward: Literal["mean", "sum", "max"] = "mean"
    """With `per: answer`: how the scores of equal answers become one reward."""
    stop: Literal["improvement", "none"] = "none"
    """`improvement`: stop once one more draw is expected to add less than `price` to the best."""
    price: float = Field(0.01, ge=0)
    """With `improvement`: what a draw costs, in units of the score."""
    wave: int = Field(4, ge=1)
    """With `improvement`: candidates drawn and scored at once."""


class Majority(Stopping):
    """Draw N candidates, return the answer that most of them give."""

    name: ClassVar[str] = "majority"

    n: int = Field(8, ge=1)
    """Candidates to draw."""


class WeightedMajority(Stopping, Scored):
    """Draw N candidates, return the answer whose candidates have the highest scores together."""

    name: ClassVar[str] = "weighted_majority"

    stop: Literal["decided", "beta", "agreement", "window", "none"] = "none"
    """When to stop the draw, by the count of answers; see `majority`."""
    n: int = Field(8, ge=1)
    """Candidates to draw."""
    weight: Literal["score", "sigmoid"] = "score"
    """What a vote weighs: the score (below 0: nothing), or its logistic function, for raw logits."""


class BestOfMajority(Stopping, Scored):
    """Draw N candidates, return the best-scored of the answers that enough of them give."""

    name: ClassVar[str] = "best_of_majority"

    stop: Literal["decided", "beta", "agreement", "window", "none"] = "none"
    """When to stop the draw, by the count of answers; see `majority`."""
    n: int = Field(16, ge=1)
    """Candidates to draw."""
    alpha: float = Field(0.005, ge=0, le=1)
    """Share of the candidates drawn that an answer needs to pass the gate."""
    min_count: int = Field(2, ge=1)
    """Candidates that an answer needs to pass the gate, at least."""
    group_reward: Literal["mean", "sum", "max"] = "mean"
    """How the scores of equal answers become one reward."""
    fill: bool = False
    """If fewer answers than asked for pass the gate: add the next largest groups."""


class Rpc(Stopping):
    """Draw N candidates, return the answer whose likely paths have the highest probabilities together."""

    name: ClassVar[str] = "rpc"

    stop: Literal["decided", "beta", "agreement", "window", "none"] = "none"
    """When to stop the draw, by the count of answers; see `majority`."""
    n: int = Field(16, ge=1)
    """Candidates to draw."""
    prune: bool = True
    """Drop the paths that belong to the component of low probability."""
    probability: Literal["mean", "sequence"] = "mean"
    """Of a path: the exponential of its mean token log-probability, as in the authors' code, or of the sum over the
    sequence, as in the theory."""


class TopH(Strategy):
    """One sample for each answer asked for, with entropy-bounded truncation on."""

    name: ClassVar[str] = "top_h"

    alpha: float = Field(0.4, gt=0, le=1)
    """Share of the model's own entropy that is kept."""
    variant: Literal["paper", "transformers", "authors"] = "paper"
    """The rule: the paper's, or that of the code published in two places."""


class EarlyRejection(Voting, Scored):
    """Judge answers while they are written with a process reward model, and write on only the best of them."""

    name: ClassVar[str] = "early_rejection"

    aggregation: Literal["last", "min", "mean", "product", "max", "weighted"] = "last"
    """How the scores of steps become one number."""
    scope: Literal["step", "response"] = "step"
    """Search step by step with forks, or write whole answers and reject some on the way."""
    beams: int = Field(16, ge=1)
    """Candidates written side by side (N)."""
    beam_width: int = Field(4, ge=1)
    """One in so many goes on, and is forked into so many (M)."""
    tau: int | None = Field(64, ge=1)
    """Tokens of a step (or answer) after which it is judged; null judges whole ones."""
    delimiter: str | None = Field(None, min_length=1)
    """What ends a step (default: the scorer's own delimiter)."""
    max_steps: int = Field(20, ge=1)
    """Steps after which the search ends."""
    max_step_tokens: int = Field(256, ge=1)
    """Tokens after which a step ends without delimiter."""
    max_completed: int | None = Field(None, ge=1)
    """Finished answers that end the search (default: beams / beam_width); never below n."""
    checkpoints: tuple[int, ...] = Field(default_factory=tuple, strict=False)
    """Scope `response`: tokens at which answers are judged (default: tau alone)."""
    keep_ratio: float | None = Field(None, gt=0, le=1)
    """Scope `response`: share that goes on at a checkpoint (default: 1 / beam_width)."""
    shadow: bool = False
    """Reject nothing early; report if the winner would have been lost, and what saved."""


class FusionOfN(Scored):
    """Draw N candidates and have a language model fuse their best parts into one new answer."""

    name: ClassVar[str] = "fusion_of_n"

    n: int = Field(5, ge=1)
    """Candidates to draw."""
    fusor: str | None = Field(None, max_length=64)
    """Name of a configured fusor (default: the generator itself)."""
    fusion_temperature: float = Field(0.0, ge=0, le=2)
    """The fusor's temperature; 0 is greedy."""
    fusion_max_tokens: int | None = Field(None, ge=1)
    """Longest reply of the fusor (default: 512 more than a candidate may have)."""
    show_scores: bool = False
    """Show the fusor each candidate's score."""
    guard: bool = False
    """Return the fused answer only if it scores at least as high as the best candidate."""
    include_comparison: bool = False
    """Report what the fusor said of the candidates (`explain: full` always does)."""
