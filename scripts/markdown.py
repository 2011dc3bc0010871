"""What a Markdown page holds: its links, its anchors, its code spans, each with its line."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
_FENCE: Final = re.compile(r"^ {0,3}(```+|~~~+)")
_SPAN: Final = re.compile(r"(`+)(.+?)\1")
_LINK: Final = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\s*\[[^\]^]+\]:\s+<?(\S+?)>?\s*$")
_HTML: Final = re.compile(r"<(?:a|img|source)\s[^>]*?(?:href|src|srcset)=\"([^\"]+)\"", re.IGNORECASE)
_ANCHOR: Final = re.compile(r"<a\s[^>]*?(?:id|name)=\"([^\"]+)\"", re.IGNORECASE)
_HEADING: Final = re.compile(r"^ {0,3}#{1,6}\s+(.+?)\s*#*\s*$")


class Found(NamedTuple):
    """Something on a page, and where."""

    line: int
    text: str


def pages(root: Path = ROOT) -> list[Path]:
    """Every page of the repository; hidden and installed folders aside."""
    found = root.rglob("*.md")
    return sorted(p for p in found if not any(_foreign(part) for part in p.relative_to(root).parts))


def _foreign(part: str) -> bool:
    return part in ("node_modules", "build", "dist") or (part.startswith(".") and part != ".github")


def _prose(page: str) -> Iterator[Found]:
    """The lines outside fenced blocks."""
    fence = ""
    for number, line in enumerate(page.splitlines(), 1):
        opened = _FENCE.match(line)
        if opened and not fence:
            fence = opened[1]
        elif opened and opened[1].startswith(fence):
            fence = ""
        elif not fence:
            yield Found(number, line)


def links(page: str) -> list[Found]:
    """The targets of links and pictures."""
    found = []
    for number, line in _prose(page):
        bare = _SPAN.sub("", line)
        targets = [a or b for a, b in _LINK.findall(bare)] + _HTML.findall(bare)
        found += [Found(number, target) for target in targets]
    return found


def spans(page: str) -> list[Found]:
    """The code spans."""
    return [Found(number, span.strip()) for number, line in _prose(page) for _, span in _SPAN.findall(line)]


def anchors(page: str) -> set[str]:
    """What a link may name after `#`, by GitHub's rule for headings."""
    found: set[str] = set()
    for _, line in _prose(page):
        found.update(_ANCHOR.findall(line))
        if heading := _HEADING.match(line):
            found.add(_free(slug(heading[1]), found))
    return found


def slug(heading: str) -> str:
    """A heading's anchor: lower case, punctuation gone, spaces to hyphens."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")


def _free(anchor: str, taken: set[str]) -> str:
    numbered = (f"{anchor}-{number}" for number in range(1, len(taken) + 1))
    return anchor if anchor not in taken else next(name for name in numbered if name not in taken)
