"""The program of a worker process: it reads JSON schemas, one a line, and says whether a grammar can be made of each.

Every schema is tried in a fork of its own, with bounds on CPU time, memory and stack: one that crashes or never ends
the compiler (llguidance, in native code) ends the fork alone, and the next schema finds the tokenizer loaded.
Run as a file, so that it loads nothing of the service.
"""

import json
import os
import random
import resource
import select
import signal
import sys
import time
from typing import Any

import llguidance

STEPS = 48
"""Tokens of an answer that are tried, each drawn from those that the grammar allows."""
WALK_S = 0.15
SLOW_STEP_S = 0.2
STACK_BYTES = 4 << 20
LONGEST_REFUSAL = 400


def main() -> None:
    """Serve until standard input ends. The first line is the tokenizer and the bounds."""
    setup = json.loads(sys.stdin.readline())
    tokenizer = llguidance.LLTokenizer(
        setup["tokenizer"], n_vocab=setup["vocabulary"], eos_token=setup["end_of_text"]
    )
    replies = _private_output()
    print(json.dumps("ready"), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(_in_a_fork(json.loads(line), tokenizer, setup)), file=replies, flush=True)


def _in_a_fork(schema: str, tokenizer: Any, setup: dict[str, Any]) -> dict[str, Any]:
    """What `examine` finds; where it finds nothing in its bounds, which bound that was."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _bound(setup)
        os.write(writing, json.dumps(examine(schema, tokenizer)).encode())
        os._exit(0)
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], setup["wall_s"])
        told = os.read(reading, 65_536) if ready else b""
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if told:
        found: dict[str, Any] = json.loads(told)
        return found
    if not ready:
        return {"busy": True}
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
        return {"refusal": f"it takes more than {setup['cpu_s']:g} s to compile"}
    return {"refusal": f"it takes more than {setup['memory_bytes'] >> 20} MiB to compile, or nests too deep"}


def examine(schema: str, tokenizer: Any) -> dict[str, Any]:
    """Compile it as vLLM does, and follow it for some tokens: `refusal` says why not, `cpu_s` and `bytes` the price."""
    begun, before = time.process_time(), _resident_bytes()
    try:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(
            schema, defaults={"whitespace_flexible": True}
        )
        refusal = llguidance.LLMatcher.validate_grammar(grammar, None)
        if refusal:
            return {"refusal": _short(refusal)}
        matcher = llguidance.LLMatcher(tokenizer, grammar, log_level=0)
        cost = {"cpu_s": time.process_time() - begun}
        return {"refusal": _followed(matcher), "bytes": _peak_bytes() - before, **cost}
    except BaseException as error:  # a panic of native code is no Exception
        return {"refusal": _short(str(error) or type(error).__name__), "cpu_s": time.process_time() - begun}


def _followed(matcher: Any) -> str | None:
    """Why an answer cannot be written by this grammar, as far as some tokens drawn at random tell."""
    draws, until = random.Random(0), time.process_time() + WALK_S
    for step in range(STEPS):
        if matcher.is_error():
            return _stuck(step, matcher)
        begun = time.process_time()
        mask = matcher.compute_bitmask()
        if matcher.is_error():
            return _stuck(step, matcher)
        token = _any_of(mask, draws)
        if token is None:
            return _stuck(step, matcher)
        matcher.consume_token(token)
        now = time.process_time()
        if now - begun > SLOW_STEP_S:
            return f"it takes more than {SLOW_STEP_S:g} s to find the tokens that may follow"
        if matcher.is_stopped() or now > until:
            break
    return _stuck(STEPS, matcher) if matcher.is_error() else None


def _stuck(step: int, matcher: Any) -> str:
    told = matcher.get_error() or ""
    if step == 0:
        return "no answer satisfies it: it refers to itself without end, or contradicts itself"
    return _short(f"it cannot be followed: {told.splitlines()[0] if told else 'no token may follow'}")


def _any_of(mask: bytes, draws: random.Random) -> int | None:
    """One of the tokens whose bit is set."""
    start = draws.randrange(len(mask))
    places: list[int] = [*range(start, len(mask)), *range(start)]
    for place in places:
        bits = [bit for bit in range(8) if mask[place] >> bit & 1]
        if bits:
            return place * 8 + bits[draws.randrange(len(bits))]
    return None


def _bound(setup: dict[str, Any]) -> None:
    """CPU time by a timer whose signal nobody handles: native code does not ask for handlers, and it is exact."""
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_STACK, STACK_BYTES),
        (resource.RLIMIT_AS, _mapped_bytes() + setup["memory_bytes"]),
    ):
        resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, setup["cpu_s"] + WALK_S)


def _mapped_bytes() -> int:
    return _statm()[0]


def _resident_bytes() -> int:
    return _statm()[1]


def _statm() -> list[int]:
    with open("/proc/self/statm") as file:
        return [int(pages) * resource.getpagesize() for pages in file.read().split()]


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _short(text: str) -> str:
    return " ".join(text.split())[:LONGEST_REFUSAL]


def _private_output() -> Any:
    """Standard output as it was; what native code prints goes nowhere."""
    replies = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    return replies


if __name__ == "__main__":
    main()
