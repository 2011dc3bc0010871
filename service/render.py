"""How a reply looks in a terminal: the candidates, the winner, the cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, JustifyMethod, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_STYLES = {
    "selected": "bold green",
    "kept": "",
    "rejected_early": "yellow",
    "invalid": "dim",
    "failed": "red",
}


def reply(completion: Mapping[str, Any]) -> RenderableType:
    """A chat completion with its `nbest` explanation, as tables; model text is shown as text, never as markup."""
    told = completion.get("nbest")
    answer = Panel(Text(_plain(_content(completion))), title="answer", title_align="left")
    if not told:
        return Group(answer, _cost(completion))
    return Group(_candidates(told), answer, _why(told), _cost(completion))


def _content(completion: Mapping[str, Any]) -> str:
    content: str = completion["choices"][0]["message"]["content"]
    return content


def _candidates(told: Mapping[str, Any]) -> Table:
    rows: Sequence[Mapping[str, Any]] = sorted(told["candidates"], key=_rank)
    table = Table(
        title=f"{escape(told['strategy'])}: {len(rows)} candidates", title_justify="left", expand=True
    )
    for name in ("#", "answer", "text", "score", "tokens", "fate"):
        side: JustifyMethod = "right" if name in ("#", "score", "tokens") else "left"
        # In a narrow terminal the text gives way, and nothing else.
        share = 1 if name == "text" else None
        table.add_column(name, justify=side, no_wrap=True, overflow="ellipsis", ratio=share)
    for row in rows:
        text, score = _one_line(row.get("text")), _number(row["score"])
        cells = (row["index"], _cut(row["answer"]), text, score, row["tokens"], row["fate"])
        table.add_row(
            *(Text("–" if cell is None else str(cell)) for cell in cells), style=_STYLES[row["fate"]]
        )
    return table


def _cut(answer: str | None) -> str | None:
    """An answer that is a sentence does not need its whole length here."""
    return answer if answer is None or len(answer) <= 24 else f"{answer[:23]}…"


def _rank(row: Mapping[str, Any]) -> tuple[bool, bool, float, int]:
    score = row["score"]
    return (row["fate"] != "selected", score is None, -(score or 0.0), row["index"])


def _why(told: Mapping[str, Any]) -> Text:
    votes = ", ".join(f"{vote['answer']} ×{vote['count']}" for vote in told["votes"][:6])
    lines = [f"selected: {told['selected']}", f"votes: {votes or '–'}"]
    lines += [f"{key}: {told[key]}" for key in ("tie", "degraded") if told[key]]
    phases = ", ".join(f"{phase} {ms / 1000:.2f} s" for phase, ms in told["time_ms"].items())
    return Text(_plain("\n".join([*lines, f"time: {phases}"])))


def _cost(completion: Mapping[str, Any]) -> Text:
    usage = completion["usage"]
    extra = usage.get("nbest", {})
    parts = [f"{usage['completion_tokens']} tokens generated", f"{usage['prompt_tokens']} in the prompt"]
    if extra.get("reward_model_tokens"):
        parts.append(f"{extra['reward_model_tokens']} read by the reward model")
    return Text("cost: " + ", ".join(parts))


def _plain(text: str) -> str:
    """Without control characters: a model must not steer the terminal that shows its text."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _one_line(text: str | None) -> str | None:
    return None if text is None else " ⏎ ".join(text.strip().splitlines())


def _number(score: float | None) -> str | None:
    return None if score is None else f"{score:.3f}"
