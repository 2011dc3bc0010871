"""Reject whole answers while they are written: at each checkpoint the best share goes on, nothing is forked."""

from collections.abc import Sequence

from strategies.search.beam_set import BeamSet
from strategies.search.pruning import survivors_of_share

TO_THE_END = 1 << 30
"""More tokens than any answer has: an answer ends by itself or at the request's `max_tokens`."""


async def search_responses(search: BeamSet, checkpoints: Sequence[int], share: float) -> None:
    """Write every answer to each checkpoint in turn, keep the best `share` of the unfinished, then write to the end."""
    for tokens in checkpoints:
        await search.write_to(tokens)
        # One that would be gone already takes no place from the others.
        rivals = [beam for beam in search.active if beam.rejected_at is None]
        if not rivals:
            break
        search.rounds += 1
        await search.judge(rivals)
        await search.reject(rivals, survivors_of_share(len(rivals), share, search.missing))
    await search.write_to(TO_THE_END)
    search.settle_saved()
    await search.judge_finished()
