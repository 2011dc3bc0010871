"""The client for callers that block is written from the one for asyncio: `make client`; `--check` tells if it is not.

The typed strategies are written from the catalogue, too. Of the two clients only `_async_client.py` is written by hand:
they differ in the words below, in their opening lines, and in what `_http/waiting.py` offers each of them.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = ROOT / "clients" / "python" / "nbest_client"
SOURCE: Final = PACKAGE / "_async_client.py"
TARGET: Final = PACKAGE / "_client.py"

_OPENING: Final = {
    '"""The client for asyncio: the calls of `Client`, and a call that is cancelled closes its connection.': (
        '"""The client for programs that wait for each call; the one for asyncio has the same calls.'
    ),
    "`_client.py` is written from this file: `make client`.": (
        "Written from `_async_client.py` by `make client`: change that file."
    ),
    "server; close it, or use it": "server. Threads may share it; close it, or use it",
    "all at once; an error stands in its row": "one after the other; an error stands in its row",
}
_WORDS: Final = (
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bCallable\[(\[[^\]]*\]), Awaitable\[T\]\]", r"Callable[\1, T]"),
    (r"\b(all_at_once|one_by_one)\b", "one_by_one"),
    (r"\bsleep_async\b", "sleep"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\bAsync(Client|Stream|Incoming|Transport|Iterator)\b", r"\1"),
    (r"\b__a(enter|exit|iter|next)__\b", r"__\1__"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\banext\b", "next"),
    (r"\baclose\b", "close"),
    (r"for event in (.*):\n +yield event", r"yield from \1"),
    (r"\bAwaitable, ", ""),
)


def blocking(source: str) -> str:
    """The text of the blocking client; ValueError if a passage that has to change is gone from the source."""
    for passage, other in _OPENING.items():
        if passage not in source:
            raise ValueError(f"{SOURCE.name} no longer says {passage!r}")
        source = source.replace(passage, other)
    for word, other in _WORDS:
        source = re.sub(word, other, source)
    return tidied(source, TARGET)


def tidied(source: str, target: Path) -> str:
    """Imports in order, none that nobody uses, lines as the formatter breaks them."""
    for command in (["check", "--quiet", "--fix", "--select", "I,F401,F811"], ["format", "--quiet"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(target), "-"],
            input=source,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        source = ran.stdout
    return source


def written() -> dict[Path, str]:
    """Every file that is written, with its text."""
    from scripts import generate_client_strategies as typed

    return {
        TARGET: blocking(SOURCE.read_text()),
        typed.TARGET: typed.strategies_module(),
        typed.EXPORTS: typed.exports_module(typed.EXPORTS.read_text()),
    }


def main() -> int:
    """Write the files; with `--check` exit 1 if one is not what would be written."""
    outdated = {path: text for path, text in written().items() if text != path.read_text()}
    if "--check" not in sys.argv[1:]:
        for path, text in outdated.items():
            path.write_text(text)
        return 0
    for path in outdated:
        print(f"{path.relative_to(ROOT)} is out of date: run `make client`", file=sys.stderr)
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main())
