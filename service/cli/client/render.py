"""How a reply looks in a terminal: the candidates, the winner, the cost."""

from nbest_client import Candidate, Explanation, Generation
from rich.console import Group, JustifyMethod, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from service.cli.terminal import plain

_STYLES = {
    "selected": "bold green",
    "kept": "",
    "rejected_early": "yellow",
    "invalid": "dim",
    "failed": "red",
}


def reply(answer: Generation) -> RenderableType:
    """An answer with its explanation, as tables; model text is shown as text, never as markup."""
    told = answer.explanation
    panel = Panel(Text(plain(answer.text)), title="answer", title_align="left")
    if told is None:
        return Group(panel, _cost(answer))
    return Group(_candidates(told), panel, _why(told), _cost(answer))


def _candidates(told: Explanation) -> Table:
    rows = sorted(told.candidates, key=_rank)
    table = Table(title=f"{escape(told.strategy)}: {len(rows)} candidates", title_justify="left", expand=True)
    for name in ("#", "answer", "text", "score", "tokens", "fate"):
        side: JustifyMethod = "right" if name in ("#", "score", "tokens") else "left"
        # In a narrow terminal the text gives way, and nothing else.
        share = 1 if name == "text" else None
        table.add_column(name, justify=side, no_wrap=True, overflow="ellipsis", ratio=share)
    for row in rows:
        cells = (row.index, _cut(row.answer), _one_line(row.text), _number(row.score), row.tokens, row.fate)
        table.add_row(
            *(Text("–" if cell is None else plain(str(cell))) for cell in cells), style=_STYLES.get(row.fate)
        )
    return table


def _cut(answer: str | None) -> str | None:
    """An answer that is a sentence does not need its whole length here."""
    return answer if answer is None or len(answer) <= 24 else f"{answer[:23]}…"


def _rank(row: Candidate) -> tuple[bool, bool, float, int]:
    return (row.fate != "selected", row.score is None, -(row.score or 0.0), row.index)


def _why(told: Explanation) -> Text:
    votes = ", ".join(f"{vote.answer} ×{vote.count}" for vote in told.votes[:6])
    lines = [f"selected: {list(told.selected)}", f"votes: {votes or '–'}"]
    notes = {"tie": told.tie, "degraded": told.degraded}
    lines += [f"{name}: {note}" for name, note in notes.items() if note]
    phases = ", ".join(f"{phase} {ms / 1000:.2f} s" for phase, ms in told.time_ms.items())
    return Text(plain("\n".join([*lines, f"time: {phases}"])))


def _cost(answer: Generation) -> Text:
    usage = answer.usage
    if usage is None:
        return Text("cost: not told")
    parts = [f"{usage.completion_tokens} tokens generated", f"{usage.prompt_tokens} in the prompt"]
    if read := usage.nbest.get("reward_model_tokens"):
        parts.append(f"{read} read by the reward model")
    return Text("cost: " + ", ".join(parts))


def _one_line(text: str | None) -> str | None:
    return None if text is None else " ⏎ ".join(text.strip().splitlines())


def _number(score: float | None) -> str | None:
    return None if score is None else f"{score:.3f}"
