"""A scorer that cannot tell a right answer from a wrong one is not served."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.settings import SanityCheck
from strategies.answers.steps import split_steps
from strategies.base.errors import NbestError
from strategies.base.ports import OutcomeScorer, StepScorer
from strategies.base.types import Message, Prompt

ARITHMETIC: Final = SanityCheck(
    prompt="Tom has 17 apples and buys 25 more. How many apples does Tom have now?",
    chosen="Tom has 17 + 25 = 42 apples.\nThe answer is 42.",
    rejected="Tom has 17 + 25 = 5 apples.\nThe answer is 5.",
)
"""For whatever judges answers: models for chat and for mathematics alike know which is right."""

RELEVANCE: Final = SanityCheck(
    prompt="How many legs does a spider have?",
    chosen="A spider has eight legs, as all arachnids do.",
    rejected="The museum is closed on Mondays.",
)
"""For cross-encoders, which were trained to tell what belongs to a question."""


async def check_order(
    pairs: Mapping[str, SanityCheck],
    outcomes: Mapping[str, OutcomeScorer],
    steps: Mapping[str, StepScorer],
) -> None:
    """Return if every scorer puts the right answer of its pair above the wrong one; ScorerLoadError names the first
    that does not, in one line."""
    for name, pair in pairs.items():
        try:
            scores = await (
                _outcomes(outcomes[name], pair) if name in outcomes else _worst_steps(steps[name], pair)
            )
        except NbestError as error:
            raise ScorerLoadError(f"{error}; it was asked about a known pair before serving") from error
        _compare(name, scores)


async def _outcomes(scorer: OutcomeScorer, pair: SanityCheck) -> Sequence[float | None]:
    return (await scorer.score(_question(pair), [pair.chosen, pair.rejected])).values


async def _worst_steps(scorer: StepScorer, pair: SanityCheck) -> Sequence[float | None]:
    """The score of each answer's worst step, which is where a wrong answer differs from a right one."""
    answers = [split_steps(text, scorer.delimiter) for text in (pair.chosen, pair.rejected)]
    values = (await scorer.score(_question(pair), answers)).values
    return [min(scores) if scores else None for scores in values]


def _compare(name: str, scores: Sequence[float | None]) -> None:
    right, wrong = scores
    if right is None or wrong is None or not (math.isfinite(right) and math.isfinite(wrong)):
        raise ScorerLoadError(f"scorer {name!r}: it has no score for a known pair ({right}, {wrong})")
    if right <= wrong:
        raise ScorerLoadError(
            f"scorer {name!r}: it puts a wrong answer at {wrong:.4g}, a right one at {right:.4g}: check its model, "
            "`label`, `activation`, `input` and `template`, or set `sanity_check` to a pair that it was trained for "
            "(`sanity_check: false` serves it unchecked)"
        )


def _question(pair: SanityCheck) -> Prompt:
    return Prompt((Message("user", pair.prompt),))
