"""Runs the scenarios and prints promise, figure asked, figure measured; exit 1 if one is not kept.

Everything stays on the loopback address, and every scenario is bounded in requests and in time.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from rich.console import Console

from tests.chaos.promises import Row, at_most, table
from tests.chaos.running import LAGS
from tests.chaos.scenarios import (
    canaries,
    disconnects,
    engine_faults,
    hostile_answers,
    overload,
    real_engine,
    scorer_faults,
    slow_clients,
    stop,
)

Scenario = Callable[[], Awaitable[list[Row]]]

SCRIPTED: Final[dict[str, Scenario]] = {
    "engine-faults": engine_faults.run,
    "scorer-faults": scorer_faults.run,
    "disconnects": disconnects.run,
    "slow-clients": slow_clients.run,
    "overload": overload.run,
    "stop": stop.run,
    "canaries": canaries.run,
    "hostile-answers": hostile_answers.run,
}
VLLM: Final[dict[str, Scenario]] = {"real-engine": real_engine.run}

_LIMIT_S: Final = {"real-engine": 900.0}
_USUAL_LIMIT_S: Final = 120.0
_LAG_MS: Final = 100.0


async def _run(scenarios: dict[str, Scenario], console: Console) -> list[Row]:
    rows = []
    for name, scenario in scenarios.items():
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_LIMIT_S.get(name, _USUAL_LIMIT_S)):
                rows += await scenario()
        except Exception as error:
            rows.append(Row(name, "runs to its end", f"{type(error).__name__}: {error}", False))
        console.print(f"{name}: {time.monotonic() - begun:.0f} s")
    for name, lag_ms in LAGS.items():
        rows.append(at_most(f"event loop, longest stand-still: {name}", _LAG_MS, lag_ms, "ms"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--engine", choices=["scripted", "vllm", "both"], default="both")
    parser.add_argument("--only", nargs="*", metavar="SCENARIO", choices=[*SCRIPTED, *VLLM])
    options = parser.parse_args()
    chosen = (SCRIPTED if options.engine != "vllm" else {}) | (VLLM if options.engine != "scripted" else {})
    if options.only:
        chosen = {name: run for name, run in (SCRIPTED | VLLM).items() if name in options.only}
    console = Console(width=120)
    rows = asyncio.run(_run(chosen, console))
    console.print(table(rows))
    sys.exit(not all(row.kept for row in rows))


if __name__ == "__main__":
    main()
