"""The processes of an engine die with the service: vLLM calls `die_with_parent` in each process it starts."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; safe to call again, and a no-op in the parent.

    A plugin of the group `vllm.general_plugins`, which vLLM loads in all its processes. Without it SIGKILL or
    the memory killer takes the service and leaves the engine running. The `nbest` command calls it as it is imported,
    which a spawned process does first of all. Linux only. The request is tied to the parent's *thread*: engines are
    built in the main one, or in that of a `Starter`.
    """
    if not _is_child() or not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died before the request was made. It need not have been adopted by process 1.
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        os._exit(1)


def _is_child() -> bool:
    """Also while Python prepares a spawned process, which does not know its parent yet."""
    is_prepared = getattr(multiprocessing.current_process(), "_inheriting", False)
    return is_prepared or multiprocessing.parent_process() is not None
