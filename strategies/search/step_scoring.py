"""The step scorer as a search uses it: all candidates of a round in one call, and no text twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from strategies.answers.steps import split_steps
from strategies.base.ports import StepScorer
from strategies.base.ranking import is_number
from strategies.base.types import Prompt, Score
from strategies.scores.aggregate import Aggregation, aggregate
from strategies.search.beam import Beam


@dataclass(slots=True)
class PartialScorer:
    """Scores what candidates say so far; the last step may be unfinished, and is scored where it breaks off."""

    scorer: StepScorer
    prompt: Prompt
    aggregation: Aggregation
    _known: dict[str, Score] = field(default_factory=dict)

    async def judge(self, beams: Sequence[Beam]) -> None:
        """Give each its score; none where it says nothing or the scorer abstains. ScorerFailed if it cannot."""
        texts = dict.fromkeys(beam.live.text for beam in beams)
        await self._ask([text for text in texts if text.strip() and text not in self._known])
        for beam in beams:
            beam.score = self._known.get(beam.live.text, Score())
            if is_number(beam.score.value):
                beam.last = beam.score

    async def _ask(self, texts: Sequence[str]) -> None:
        if not texts:
            return
        steps = [split_steps(text, self.scorer.delimiter) for text in texts]
        values = (await self.scorer.score(self.prompt, steps)).values
        for text, scores in zip(texts, values, strict=True):
            if scores is not None:
                self._known[text] = Score(aggregate(scores, self.aggregation), scores)
