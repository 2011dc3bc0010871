"""Measure the embedded models on held-out problems, through vLLM, and write the table into the documentation."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from service.embedded.build import build
from service.embedded.chat_templates import dialog, question_prefix
from service.embedded.checkpoints import reward_tokenizer
from service.embedded.evaluation.figures import (
    Judged,
    any_pass,
    best_by_outcome,
    best_by_steps,
    first_pass,
    judged,
    majority_accuracy,
    outcome_auc,
    step_auc,
)
from service.embedded.evaluation.metrics import interval
from service.embedded.evaluation.positions import line_tokens, token_ends
from service.embedded.evaluation.samples import Drawn, Plan, draw
from service.embedded.evaluation.vllm_runs import Progress, score
from service.embedded.paths import EmbeddedError, cache_dir
from service.embedded.problems.stories import FAMILIES

N: Final = 16
BEGIN: Final = "<!-- table:begin -->"
FINISH: Final = "<!-- table:end -->"

Figure = Callable[[Sequence[Judged]], float]


def _ratio(one: Figure, other: Figure) -> Figure:
    def figure(judged: Sequence[Judged]) -> float:
        under = other(judged)
        return one(judged) / under if under else float("inf")

    return figure


FIGURES: Final[dict[str, Figure]] = {
    "pass@1": first_pass,
    f"majority@{N}": majority_accuracy,
    f"Best-of-{N}, outcome": best_by_outcome,
    f"Best-of-{N}, steps (min)": best_by_steps,
    f"pass@{N}": any_pass,
    "Best-of-N / majority": _ratio(best_by_outcome, majority_accuracy),
    "Best-of-N / pass": _ratio(best_by_outcome, any_pass),
    "outcome AUC": outcome_auc,
    "step AUC": step_auc,
}


def evaluate(per_family: int, document: Path, progress: Progress = lambda done: None) -> str:
    """Draw, score, and replace the table in `document`; returns the table."""
    models = build()
    plan = Plan("test", per_family * len(FAMILIES), N)
    drawn = draw(models.generator, [plan], cache_dir(), progress)["test"]
    table = tabulate(judge(models.reward, drawn, progress))
    replace_table(document, table)
    return table


def judge(reward: Path, drawn: Sequence[Drawn], progress: Progress = lambda done: None) -> list[Judged]:
    """Score every drawn answer with the built reward model; answers that repeat are scored once."""
    tokenizer = reward_tokenizer(reward)
    asked = list(dict.fromkeys((item.problem.question, answer) for item in drawn for answer in item.answers))
    logits = dict(zip(asked, score(reward, [dialog(*pair) for pair in asked], progress), strict=True))
    found = []
    for item in drawn:
        outcomes, steps = [], []
        for answer in item.answers:
            rows = logits[item.problem.question, answer]
            first, ends = token_ends(tokenizer, question_prefix(item.problem.question), answer)
            outcomes.append(rows[-1][0])
            steps.append(tuple(rows[first + token][1] for token in line_tokens(ends, answer)))
        found.append(judged(item.problem, item.answers, outcomes, steps))
    return found


def tabulate(items: Sequence[Judged]) -> str:
    """A Markdown table: a row a figure, a column a family, each value with its 95 % interval."""
    columns: dict[str, Sequence[Judged]] = {"all": items}
    for family in FAMILIES:
        columns[family.replace("_", " ")] = [item for item in items if item.problem.family == family]
    columns["stories not trained on"] = [item for item in items if item.problem.held_out]
    head = "| | " + " | ".join(f"{name} ({len(column)})" for name, column in columns.items()) + " |"
    lines = [head, "|---" * (len(columns) + 1) + "|"]
    for name, figure in FIGURES.items():
        cells = " | ".join(_cell(column, figure) for column in columns.values())
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def _cell(items: Sequence[Judged], figure: Figure) -> str:
    if not items:
        return "-"
    low, high = interval(items, figure)
    return f"{figure(items):.2f} ({low:.2f}-{high:.2f})"


def replace_table(document: Path, table: str) -> None:
    """Put the table between the page's markers."""
    text = document.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(FINISH)
    if not begin or not end:
        raise EmbeddedError(f"{document} needs the lines {BEGIN} and {FINISH} where the table belongs")
    document.write_text(f"{before}{BEGIN}\n{table}\n{FINISH}{after}")
