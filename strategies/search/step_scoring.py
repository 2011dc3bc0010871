"""The step scorer as a search uses it: all candidates of a round in one call, and no text twice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from strategies.answers.steps import split_steps
from strategies.base.errors import InvalidRequest
from strategies.base.ports import StepScorer
from strategies.base.ranking import is_number
from strategies.base.types import Candidate, Prompt, Score
from strategies.sampling.shown import content_of
from strategies.scores.aggregate import Aggregation, aggregate
from strategies.search.beam import Beam


@dataclass(slots=True)
class PartialScorer:
    """Scores what candidates say so far, as `read` shows it; an unfinished last step is scored where it breaks off."""

    scorer: StepScorer
    prompt: Prompt
    aggregation: Aggregation
    read: Callable[[Candidate], str] = content_of
    _known: dict[str, Score] = field(default_factory=dict)

    async def judge(self, beams: Sequence[Beam]) -> None:
        """Give each its score; none where it says nothing or the scorer abstains. ScorerFailed if it cannot."""
        texts = [self._shown(beam) for beam in beams]
        await self._ask([text for text in dict.fromkeys(texts) if text.strip() and text not in self._known])
        for beam, text in zip(beams, texts, strict=True):
            beam.score = self._known.get(text, Score())
            if is_number(beam.score.value):
                beam.last = beam.score

    def _shown(self, beam: Beam) -> str:
        """InvalidRequest where a candidate still thinks and the scorer may not look: nothing could be told apart."""
        candidate = beam.live.candidate()
        text = self.read(candidate)
        if beam.is_active and not text.strip() and candidate.reasoning:
            message = (
                f"the model thinks before it answers, and scorer {self.scorer.name!r} is not shown its thinking: "
                "name a scorer with `sees_reasoning`, or turn thinking off"
            )
            raise InvalidRequest(message, param="strategy.scorer")
        return text

    async def _ask(self, texts: Sequence[str]) -> None:
        if not texts:
            return
        steps = [split_steps(text, self.scorer.delimiter) for text in texts]
        values = (await self.scorer.score(self.prompt, steps)).values
        for text, scores in zip(texts, values, strict=True):
            if scores is not None:
                self._known[text] = Score(aggregate(scores, self.aggregation), scores)
