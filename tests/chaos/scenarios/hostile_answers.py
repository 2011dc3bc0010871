"""Answers made to stall whoever compares them: the vote ends in time, and the service answers meanwhile."""

import asyncio

from tests.chaos.http import Reply
from tests.chaos.promises import Row, all_of, at_most
from tests.chaos.running import Running, running

_HOSTILE = (
    "9^{9^{9^{9}}}",
    "(10^{9})!",
    "\\sum_{k=1}^{10^{9}} \\frac{1}{k}",
    "\\int_0^{\\infty} e^{-x^{x^{x}}} dx",
    "\\prod_{k=1}^{10^{8}} (1 + \\frac{1}{k^2})",
    "\\frac{" * 300 + "1" + "}{2}" * 300,
    "\\sqrt{" * 500 + "2" + "}" * 500,
    "1" * 3000 + "^{" + "7" * 900 + "}",
    "\\begin{pmatrix}" + "1 & " * 900 + "1\\end{pmatrix}",
    "x^{" + "+".join(f"x_{{{i}}}" for i in range(600)) + "}",
    "\\left(" * 400,
    "\u0000\u202e\ufeff$$$$\\\\\\\\",
)
_STRATEGY = {"name": "majority", "equivalence": "math"}
# The checker's own limit of 5 s for a request, and a second for everything else.
_LIMIT_S = 6.0


async def run() -> list[Row]:
    async with running("hostile answers") as service:
        times = [0.0]
        asking = asyncio.create_task(_ask_for_health(service, times))
        replies = [await _vote(service, _versions(answer)) for answer in _HOSTILE]
        after = await _vote(service, [])
        asking.cancel()
    served = sum(reply.status in (200, 400) for reply in replies)
    return [
        all_of("hostile LaTeX: every vote is decided or refused", served, len(_HOSTILE)),
        at_most("the slowest of them", _LIMIT_S, max(reply.seconds for reply in replies)),
        at_most("/health meanwhile, slowest", 0.5, max(times)),
        all_of("votes after them", int(after.status == 200), 1),
    ]


def _versions(answer: str) -> list[str]:
    """Two ways to write it, so that they must be compared."""
    return [f"The answer is $\\boxed{{{answer}}}$.", f"The answer is $\\boxed{{{answer} + 0}}$."]


async def _vote(service: Running, texts: list[str]) -> Reply:
    candidates = [{"text": text} for text in (*texts, "The answer is 4.", "The answer is 4.")]
    return await service.send("POST", "/v1/select", {"strategy": _STRATEGY, "candidates": candidates})


async def _ask_for_health(service: Running, times: list[float]) -> None:
    while True:
        times.append((await service.send("GET", "/health")).seconds)
        await asyncio.sleep(0.05)
