"""How each family of process reward models is shown the steps of an answer, and what is read there: data, no code.

Every convention was taken from the model's card or its authors' scoring code; the parity tests hold our scores to those
recipes.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from service.reward_models.pooling.head import Activation
from strategies.base.frozen_model import FrozenModel

QUESTION: Final = "{question}"


class Tagged(FrozenModel):
    """Plain text: the opening, then each step with a tag behind it, which is text; the tag's last token is read."""

    kind: Literal["tagged"] = Field("tagged", description="How steps are laid out.")
    opening: str = Field(description="What stands before the first step; `{question}` is the question.")
    tag: str = Field(min_length=1, description="What is written behind each step.")
    between: str = Field("", description="What stands between a tag and the next step.")


class Joined(FrozenModel):
    """Plain text in pieces that are encoded each on its own: the opening, then each step and a separator token."""

    kind: Literal["joined"] = Field("joined", description="How steps are laid out.")
    opening: str = Field(description="What stands before the first step; `{question}` is the question.")
    separator: str = Field(min_length=1, description="Its last token ends each step, and is read.")
    begins: Literal["bos", "nothing"] = Field("bos", description="Which token the input begins with.")


class Separated(FrozenModel):
    """The model's chat template; in the answer a special token ends each step, and is read."""

    kind: Literal["separated"] = Field("separated", description="How steps are laid out.")
    separator: str = Field(min_length=1, description="The special token; one in a text stays plain text.")


class ChatTurns(FrozenModel):
    """The model's chat template; each step is a turn of the user, answered by a verdict, read where it is predicted."""

    kind: Literal["turns"] = Field("turns", description="How steps are laid out.")
    opening: str = Field(
        f"{QUESTION} ", description="What stands before the first step, in the user's first turn."
    )
    verdict: str = Field(min_length=1, description="The assistant's turn behind each step: one token.")


class Tokens(FrozenModel):
    """The next-token logits of two words of a causal language model, in this order."""

    kind: Literal["tokens"] = Field("tokens", description="What is read at a step.")
    good: str = Field(min_length=1, description="The word for a right step: its last token.")
    bad: str = Field(min_length=1, description="The word for a wrong step.")


class OwnHead(FrozenModel):
    """The rows of a head that was trained for it: one value, or one logit a class."""

    kind: Literal["head"] = Field("head", description="What is read at a step.")


Input = Annotated[Tagged | Joined | Separated | ChatTurns, Field(discriminator="kind")]
Rows = Annotated[Tokens | OwnHead, Field(discriminator="kind")]


class StepFormat(FrozenModel):
    """One family: what ends a step in its training data, how steps are laid out, and what makes the score."""

    delimiter: str = Field(
        min_length=1, description="What ends a step in an answer; it is left out of the input."
    )
    keeps_indent: bool = Field(False, description="Keep the white space in front of a step.")
    input: Input = Field(description="How an answer's steps are shown to the model.")
    rows: Rows = Field(description="What the model says of a step.")
    label: int = Field(0, ge=0, description="The row that is the score.")
    activation: Activation = Field("softmax", description="Applied to the rows.")

    @model_validator(mode="after")
    def _opening_holds_the_question(self) -> "StepFormat":
        opening = getattr(self.input, "opening", QUESTION)
        if opening.count(QUESTION) != 1:
            raise ValueError(f"`opening` must hold {QUESTION} once; it is {opening!r}")
        return self


_PLUS_MINUS: Final = Tokens(good="+", bad="-")

CONVENTIONS: Final[Mapping[str, StepFormat]] = {
    # Model card of Qwen/Qwen2.5-Math-PRM-7B (arXiv 2501.07301): two classes, the second is "right".
    "qwen_math_prm": StepFormat(
        delimiter="\n\n", input=Separated(separator="<extra_0>"), rows=OwnHead(), label=1
    ),
    # SkyworkAI/skywork-o1-prm-inference, `prepare_input`: a value head, a newline behind each line.
    "skywork_prm": StepFormat(
        delimiter="\n",
        keeps_indent=True,
        input=Joined(opening=f"{QUESTION}\n", separator="\n"),
        rows=OwnHead(),
        activation="sigmoid",
    ),
    # Model card of peiyi9979/math-shepherd-mistral-7b-prm (arXiv 2312.08935).
    "math_shepherd": StepFormat(
        delimiter="\n",
        input=Tagged(opening=f"{QUESTION} ", tag=" ки", between="\n"),
        rows=_PLUS_MINUS,
    ),
    # RLHFlow/RLHF-Reward-Modeling, math-rm/prm_evaluate.py: Llama3.1-8B-PRM-Deepseek-Data and -Mistral-Data.
    "rlhflow": StepFormat(delimiter="\n\n", input=ChatTurns(verdict="+"), rows=_PLUS_MINUS),
    # db-Lee/Multi-RM, discriminative/: dPRM and, read with `aggregation: last`, dORM (arXiv 2510.00492).
    "multi_rm": StepFormat(
        delimiter="\n\n", input=Tagged(opening=f"{QUESTION} \n\n", tag=" \n\n\n\n"), rows=_PLUS_MINUS
    ),
}

Format = Literal["qwen_math_prm", "skywork_prm", "math_shepherd", "rlhflow", "multi_rm"]
"""The names in the table above."""


def convention_of(chosen: Format | StepFormat) -> StepFormat:
    """The convention of that name, or the one that was written out."""
    return chosen if isinstance(chosen, StepFormat) else CONVENTIONS[chosen]
