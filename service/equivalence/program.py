"""The program of a worker process: it reads answers as lines of JSON and says whether they are equal.

A line holds two answers to compare, or one to try out alone. The reply is true, false, or for one answer whether it
is a formula at all. The process bounds its own memory and CPU time; its parent bounds the time by the clock.
Run as a file, so that it loads nothing of the service.
"""

import json
import math
import os
import resource
import sys
import time
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

MEMORY_BYTES = 1 << 30
CPU_S_PER_ITEM = 3
DIGITS = 100
"""To which two irrational numbers must agree to be equal."""
POINTS = 3
_PROBE = "0.7236067"


def main() -> None:
    """Serve until standard input ends. The first line is a set-up, of which this program has none."""
    sys.stdin.readline()
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    replies = _private_output()
    judge([r"\frac{1}{2}", "x = 0.5"])  # the first comparison builds the parser's tables
    print(json.dumps("ready"), file=replies, flush=True)
    for line in sys.stdin:
        _allow_cpu()
        print(json.dumps(judge(json.loads(line))), file=replies, flush=True)


def judge(answers: Sequence[str]) -> bool:
    """Of two answers whether they are equal; of one whether it is a formula, after having it evaluated once."""
    try:
        expressions = [_parsed(answer) for answer in answers]
        if len(expressions) == 1:
            return _is_formula(expressions[0])
        return _equal(*expressions) or _equal(*reversed(expressions))
    except MemoryError:
        # What is left of the heap is not to be relied on, and "different" would be wrong: die undecided.
        os._exit(1)
    except Exception:
        return False


def _is_formula(expression: Any) -> bool:
    from sympy import Basic, MatrixBase  # type: ignore[import-untyped]  # it ships no types

    if not any(isinstance(reading, (Basic, MatrixBase)) for reading in expression):
        return False
    # A comparison evaluates what parsing left alone: an answer that blows up does so here, by itself.
    _equal_or_not(expression, _parsed(_PROBE))
    return True


def _equal_or_not(left: Any, right: Any) -> bool:
    try:
        return _equal(left, right)
    except MemoryError:
        raise
    except Exception:
        return False


def _equal(gold: Any, target: Any) -> bool:
    """Of two expressions whether their difference vanishes; else math-verify's verdict.

    math-verify rounds to six places, so that very small numbers would all be equal, and may depend on which side is
    called gold. Its own time limits are signals: off.
    """
    from math_verify import verify  # type: ignore[import-untyped]  # it ships no types
    from sympy import Expr

    one, two = (next((it for it in reading if isinstance(it, Expr)), None) for reading in (gold, target))
    if one is not None and two is not None:
        return _vanishes(one, two)
    return bool(verify(gold, target, timeout_seconds=None, raise_on_error=True))


def _vanishes(one: Any, two: Any) -> bool:
    """Whether two expressions are equal: exactly, or at random points to a hundred digits relative to their size."""
    from sympy import Rational, nsimplify

    exact = [nsimplify(it.doit(), rational=True) for it in (one, two)]
    difference = exact[0] - exact[1]
    if not difference.is_finite and difference.is_finite is not None:
        return False
    symbols = sorted(difference.free_symbols, key=str)
    for point in range(POINTS if symbols else 1):
        values = {
            symbol: Rational((zlib.crc32(f"{symbol}|{point}".encode()) % 9973 + 10007) * (-1) ** point, 8191)
            for symbol in symbols
        }
        if not _is_zero(difference.subs(values), exact[0].subs(values)):
            return False
    return True


def _is_zero(number: Any, scale: Any) -> bool:
    if number.is_Rational:
        return bool(number == 0)
    value = abs(number.evalf(10, maxn=2 * DIGITS))
    if not value.is_number or not value.is_finite:
        return False
    return bool(value <= abs(scale.evalf(10)) * 10**-DIGITS)


@lru_cache(maxsize=512)
def _parsed(answer: str) -> Any:
    """What math-verify reads in an answer, as LaTeX only: its other reader evaluates Python expressions."""
    from math_verify import LatexExtractionConfig, parse

    bare = answer.replace("\\$", "").replace("$", "").strip()
    return parse(f"${bare}$", [LatexExtractionConfig()], parsing_timeout=None)


def _allow_cpu() -> None:
    """A few seconds more than what was used: a worker whose parent died does not calculate for ever."""
    most = math.ceil(time.process_time()) + CPU_S_PER_ITEM
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _private_output() -> Any:
    """Standard output for replies alone: what libraries print goes nowhere."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return replies


if __name__ == "__main__":
    main()
