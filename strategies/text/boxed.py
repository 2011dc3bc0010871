"""Find the last `\\boxed{…}` in a response, braces matched, in one pass over the text."""

import re

_BRACE = re.compile(r"(?P<box>\\f?box(?:ed)?\s?\{)|[{}]")


def last_boxed(text: str) -> str | None:
    """The contents of the closed `\\boxed{…}` (or `\\fbox`) that opens last; None if there is none.

    One pass, however many boxes are left open: a hostile text costs no more than its length.
    """
    if "box" not in text:
        return None
    last: tuple[int, int] | None = None
    # Where each open box began; a plain brace is an entry too, since it has to be closed.
    opened: list[int | None] = []
    for brace in _BRACE.finditer(text):
        if brace.group() != "}":
            opened.append(brace.end() if brace["box"] else None)
        elif opened and (start := opened.pop()) is not None and (last is None or start > last[0]):
            last = (start, brace.start())
    return None if last is None else text[last[0] : last[1]]
