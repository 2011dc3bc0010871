"""Text into steps: consecutive pieces that join to exactly the text, cut only where a delimiter ends one."""

import re
from functools import lru_cache


def split_steps(text: str, delimiter: str) -> tuple[str, ...]:
    """The steps of `text`, each but the last ending with `delimiter`; their concatenation is `text`.

    A run of delimiters, blank lines included, belongs to the step before it, so no step is blank unless the whole
    text is; blank text before the first step belongs to that step. An unfinished last step is kept as it stands.
    Text that grows changes only its last step: the others stay as they were, unless it broke off inside a delimiter
    of several characters that goes on the run before it. Empty text has no steps.
    """
    if not text:
        return ()
    cuts = [run.end() for run in _run_of(delimiter).finditer(text)]
    # Only the first and the last piece can be blank: runs are maximal, so between two of them something is said.
    if cuts and _is_blank(text[: cuts[0]], delimiter):
        del cuts[0]
    if cuts and _is_blank(text[cuts[-1] :], delimiter):
        del cuts[-1]
    return tuple(text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True))


@lru_cache(maxsize=64)
def _run_of(delimiter: str) -> re.Pattern[str]:
    """The longest run that starts with `delimiter` and ends with it, with nothing but blank between.

    The look-behind lets delimiters overlap: after a paragraph break of two newlines a third belongs to the run.
    """
    if not delimiter:
        raise ValueError("a step delimiter needs at least one character")
    end = re.escape(delimiter)
    return re.compile(rf"{end}(?:\s*{end}|\s+(?<={end}))*")


def _is_blank(piece: str, delimiter: str) -> bool:
    return not piece.replace(delimiter, "").strip()
