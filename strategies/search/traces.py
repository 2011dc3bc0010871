"""Write answers to the end and judge them on the way, rejecting none: what a curve is drawn from."""

from collections.abc import Sequence

from strategies.answers.extract import answer_of
from strategies.base.ports import Engine, StepScorer
from strategies.base.types import Prompt
from strategies.scores.aggregate import Aggregation
from strategies.search.beam import Beam
from strategies.search.beam_set import BeamSet
from strategies.search.calibration import Trace
from strategies.search.response_search import TO_THE_END
from strategies.search.step_scoring import PartialScorer


async def trace(
    prompt: Prompt, n: int, engine: Engine, scorer: StepScorer, taus: Sequence[int], aggregation: Aggregation
) -> list[Trace]:
    """`n` answers to one prompt, judged at each of `taus` (rising) while they are unfinished, and at their end."""
    async with engine.open(prompt, n) as lives:
        search = BeamSet([Beam(live) for live in lives], PartialScorer(scorer, prompt, aggregation))
        partial: list[dict[int, float | None]] = [{} for _ in lives]
        for tau in taus:
            await search.write_to(tau)
            await search.judge(search.active)
            for beam, scores in zip(search.beams, partial, strict=True):
                if beam.is_active:
                    scores[tau] = beam.score.value
        await search.write_to(TO_THE_END)
        await search.judge(search.beams)
        return [
            Trace(
                scores,
                beam.live.tokens,
                beam.score.value,
                beam.is_answer,
                answer_of(beam.live.candidate()) if beam.is_answer else None,
            )
            for beam, scores in zip(search.beams, partial, strict=True)
        ]
