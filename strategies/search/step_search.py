"""Search step by step: draw tau tokens of the next step, keep the best N/M, finish their step, fork each by M.

Source: arXiv 2508.01969 (EMNLP 2025 Findings 551), its algorithm; code: scheshmi/accelerated-reasoning-ER-PRM,
`algorithms/partial_beam_search.py`. Unlike that code we end a step at a delimiter rather than after a window of
tokens, start from N candidates, read no marker into the generator's text, and score every finished answer as a whole.
"""

from dataclasses import dataclass

from strategies.search.beam_set import BeamSet
from strategies.search.pruning import copies, is_over, survivors_of_step


@dataclass(frozen=True, slots=True)
class Steps:
    """The plan of a search: `tau` of None judges whole steps, which is the plain beam search guided by a PRM."""

    beams: int
    beam_width: int
    tau: int | None
    delimiter: str
    max_steps: int
    max_step_tokens: int
    max_completed: int

    @property
    def judged_at(self) -> int:
        """Tokens of a step after which it is judged, at the latest."""
        return self.max_step_tokens if self.tau is None else min(self.tau, self.max_step_tokens)


async def search_steps(search: BeamSet, plan: Steps) -> None:
    """Search until there are enough answers, nobody can go on, or `max_steps` are done."""
    for step in range(1, plan.max_steps + 1):
        search.rounds = step
        for beam in search.active:
            beam.begin_step()
        await _step(search, plan)
        active = len(search.active)
        if is_over(search.answers, plan.max_completed, active) or step == plan.max_steps:
            return
        await search.fork(copies(active, plan.beams, plan.beam_width))


async def _step(search: BeamSet, plan: Steps) -> None:
    """One step with its rejection at tau; in shadow all finish theirs, and then the whole step decides."""
    drawn = search.active
    await search.write(drawn, plan.judged_at, plan.delimiter)
    await search.judge(drawn)
    await search.reject(search.active, _survivors(search, plan))
    await search.write(search.active, plan.max_step_tokens, plan.delimiter)
    search.settle_saved()
    if search.shadow:
        await search.judge(drawn)
        await search.reject(search.active, _survivors(search, plan), early=False)
    await search.judge_finished()


def _survivors(search: BeamSet, plan: Steps) -> int:
    return survivors_of_step(plan.beams, plan.beam_width, search.missing)
