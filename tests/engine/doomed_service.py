"""A process with an engine of its own, for tests that kill it: says who its children are, then draws without end.

As the service does, it turns SIGTERM into an exit that unwinds the stack.
"""

import asyncio
import multiprocessing
import signal
import sys
from pathlib import Path
from types import FrameType

from service.engine.group_lock import GroupLock
from service.engine.settings import EngineSettings
from service.engine.vllm.engine import VllmEngine
from strategies.base.errors import EngineFailed
from strategies.base.types import Decoding, Prompt


def stop(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def family() -> list[int]:
    """Every process that this one started, and those that they started."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [child.pid for child in multiprocessing.active_children() if child.pid]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


async def draw_for_ever(engine: VllmEngine) -> None:
    prompt = Prompt(text="On and on", decoding=Decoding(max_tokens=200, ignore_eos=True))
    try:
        while True:
            async with engine.sample(prompt, 2, on_delta=lambda delta: print("token", flush=True)) as stream:
                async for _ in stream:
                    pass
    except EngineFailed:
        try:
            await engine.check_health()
        except EngineFailed:
            print("EngineFailed", flush=True)
    finally:
        await engine.aclose()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    settings = EngineSettings(max_model_len=256, max_num_seqs=4, kv_cache_mib=64)
    started = VllmEngine.start(settings, sys.argv[1], "doomed", GroupLock())
    print("children", *family(), flush=True)
    asyncio.run(draw_for_ever(started))
