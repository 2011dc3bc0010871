"""Which part of a lock an environment needs that has some of the packages already."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

ROOT_PACKAGE: Final = "nbest"
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==", re.MULTILINE)
_PARENT: Final = re.compile(
    r"^    #   (?:via )?(?P<name>[A-Za-z0-9._-]+)|^    # via (?P<only>[A-Za-z0-9._-]+)"
)


def lacking(lock: str, there: Iterable[str]) -> str:
    """The entries of `lock`, hashes and all, that nbest needs beyond `there`.

    What is there stands for everything it needs itself: a base image with vLLM has vLLM's own requirements.
    """
    entries = _entries(lock)
    wanted = _reached(entries, {canonical(name) for name in there})
    return "".join(text for name, text in entries if name in wanted)


def canonical(name: str) -> str:
    """A distribution's name as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _entries(lock: str) -> list[tuple[str, str]]:
    """Each pin with its hashes and comments, in order; a package may have several, told apart by markers."""
    starts = list(_PIN.finditer(lock))
    bounds = [*(start.start() for start in starts), len(lock)]
    return [
        (canonical(start["name"]), lock[start.start() : end])
        for start, end in zip(starts, bounds[1:], strict=True)
    ]


def _reached(entries: Iterable[tuple[str, str]], there: set[str]) -> set[str]:
    """From nbest through the lock's comments on who asked, not past what is there."""
    children: dict[str, set[str]] = {}
    for name, text in entries:
        for parent in _parents(text):
            children.setdefault(parent, set()).add(name)
    return _walk(children, there)


def _walk(children: Mapping[str, set[str]], there: set[str]) -> set[str]:
    found: set[str] = set()
    todo = [ROOT_PACKAGE]
    while todo:
        new = children.get(todo.pop(), set()) - there - found
        found |= new
        todo += new
    return found


def _parents(entry: str) -> set[str]:
    matches = (_PARENT.match(line) for line in entry.splitlines())
    return {canonical(match["name"] or match["only"]) for match in matches if match}
