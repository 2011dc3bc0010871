"""Check the documentation: links and anchors resolve, named files exist, generated parts are up to date."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from scripts.generate_docs import GenerationError, regenerate
from scripts.markdown import ROOT, anchors, links, pages, spans

_ELSEWHERE: Final = re.compile(r"^[a-z][a-z0-9+.-]*:|^//", re.IGNORECASE)
_OURS: Final = re.compile(
    r"^(?:service|strategies|clients|deploy|tests|benchmarks|docs|scripts|requirements|\.ci)/[\w./*-]*$"
)


def check_page(page: Path, root: Path) -> Iterator[str]:
    """Everything wrong with one page, as `file:line: what`."""
    text = page.read_text()
    name = page.relative_to(root)
    for line, target in links(text):
        if problem := broken_link(page, target, root):
            yield f"{name}:{line}: {problem}"
    for line, span in spans(text):
        if not path_exists(span, root):
            yield f"{name}:{line}: `{span}` does not exist"
    try:
        if regenerate(page, text) != text:
            yield f"{name}: a generated part is out of date: run `make docs`"
    except (GenerationError, ImportError) as error:
        yield f"{name}: {error}"


def broken_link(page: Path, target: str, root: Path) -> str | None:
    """What is wrong with a link, if it is one to this repository."""
    if _ELSEWHERE.match(target):
        return None
    path, _, anchor = unquote(target).partition("#")
    base = root if path.startswith("/") else page.parent
    file = (base / path.lstrip("/")).resolve() if path else page
    if not file.is_relative_to(root.resolve()):
        return f"link leads out of the repository: {target}"
    if not file.exists():
        return f"link to what does not exist: {target}"
    if anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
        return f"no such heading: {target}"
    return None


def path_exists(span: str, root: Path) -> bool:
    """Whether a code span that reads as a path of ours exists; other spans pass, and so do patterns that match."""
    path = re.sub(r":(?:\d+|:\w+)$", "", span)
    if not _OURS.match(path):
        return True
    return any(root.glob(path)) if "*" in path else (root / path).exists()


def main() -> int:
    """Print every problem; the exit status says whether there was one."""
    checked = pages()
    problems = [problem for page in checked for problem in check_page(page, ROOT)]
    print("\n".join([*problems, f"{len(checked)} pages checked, {len(problems)} problems"]))
    return 1 if problems or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
