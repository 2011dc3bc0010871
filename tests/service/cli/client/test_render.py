"""Replies in a terminal: everything told is shown, and model text is never taken for markup."""

import io
from typing import Any

from nbest_client import Generation
from rich.console import Console

from service.cli.client.render import reply

CANDIDATE: dict[str, Any] = {
    "index": 0, "score": 0.25, "step_scores": None, "answer": "42", "group": 0, "tokens": 9,
    "finish_reason": "stop", "fate": "selected", "text": "[bold]loud[/bold]\nThe answer is 42.",
}  # fmt: skip
COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1", "created": 0, "model": "m",
    "choices": [{"index": 0, "message": {"content": "[red]text[/red] \x1b[31m"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12, "nbest": {"reward_model_tokens": 12},
    },
    "nbest": {
        "strategy": "best_of_n", "seed": 1, "selected": [0], "tie": "index", "degraded": None,
        "time_ms": {"sample": 1500.0},
        "candidates": [CANDIDATE, CANDIDATE | {"index": 1, "score": None, "fate": "invalid", "answer": None}],
        "votes": [{"group": 0, "answer": "42", "count": 1, "reward": None}],
    },
}  # fmt: skip


def shown(completion: dict[str, Any], width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(reply(Generation.model_validate(completion)))
    output: str = console.file.getvalue()  # type: ignore[attr-defined]
    return output


def test_everything_told_is_shown() -> None:
    output = shown(COMPLETION)
    for piece in (
        "2 candidates",
        "0.250",
        "invalid",
        "42 ×1",
        "tie: index",
        "sample 1.50 s",
        "12 read by the reward",
    ):
        assert piece in output


def test_model_text_is_text() -> None:
    output = shown(COMPLETION)
    assert "[bold]loud[/bold] ⏎ The answer" in output
    assert "[red]text[/red]" in output
    assert "\x1b" not in output


def test_a_reply_without_an_explanation_shows_answer_and_cost() -> None:
    output = shown({key: value for key, value in COMPLETION.items() if key != "nbest"})
    assert "9 tokens generated" in output


def test_in_a_narrow_terminal_only_the_text_is_cut() -> None:
    wordy = COMPLETION["nbest"] | {"candidates": [CANDIDATE | {"text": "word " * 50}] * 16}
    output = shown(COMPLETION | {"nbest": wordy}, width=72)
    for piece in ("score", "tokens", "0.250", "selected", "42"):
        assert piece in output
