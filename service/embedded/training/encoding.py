"""Text to training rows: answers to one question share one row, and each sees the question and itself alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from service.embedded.chat_templates import END, question_prefix
from service.embedded.problems.labels import read
from service.embedded.problems.problems import Problem

if TYPE_CHECKING:
    import torch

IGNORED: Final = -1
_PADDING: Final = -1
_QUESTION: Final = 0


@dataclass(frozen=True, slots=True)
class EncodedAnswer:
    """The tokens of one answer up to <|im_end|>, each with its step label and the digit due after it, or IGNORED."""

    ids: tuple[int, ...]
    steps: tuple[int, ...]
    due: tuple[int, ...]
    outcome: int


@dataclass(frozen=True, slots=True)
class Row:
    """A question's tokens and its answers."""

    question: tuple[int, ...]
    answers: tuple[EncodedAnswer, ...]

    def __len__(self) -> int:
        return len(self.question) + sum(len(answer.ids) for answer in self.answers)


class Batch(NamedTuple):
    """Tensors of shape [rows, tokens], and mask [rows, 1, tokens, tokens] where true means "may look at"."""

    ids: "torch.Tensor"
    positions: "torch.Tensor"
    mask: "torch.Tensor"
    steps: "torch.Tensor"
    due: "torch.Tensor"
    outcomes: "torch.Tensor"


def encode(tokenizer: Any, problem: Problem, answers: Sequence[str]) -> Row:
    """Tokenise and label the answers; one whose first token would join the question's last is left out."""
    prefix = question_prefix(problem.question)
    question: list[int] = tokenizer(prefix, add_special_tokens=False)["input_ids"]
    texts = [prefix + answer + END for answer in answers]
    encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
    rows = []
    for answer, ids, offsets in zip(answers, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        if ids[: len(question)] == question:
            ends = [end - len(prefix) for _, end in offsets[len(question) :]]
            rows.append(_labelled(problem, answer, ids[len(question) :], ends))
    return Row(tuple(question), tuple(rows))


def _labelled(problem: Problem, answer: str, ids: list[int], ends: list[int]) -> EncodedAnswer:
    reading = read(problem, answer)
    error = reading.first_error
    steps = tuple(int(error is None or error >= end) for end in ends)
    due_after = {index: int(digit) for index, digit in reading.due}
    due = tuple(due_after.get(end, IGNORED) for end in ends)
    return EncodedAnswer(tuple(ids), steps, due, int(reading.answer_is_right))


def collate(rows: Sequence[Row], pad_token_id: int) -> Batch:
    """Pad the rows to one length and draw up the mask; an answer's positions go on from its question's."""
    import torch

    shape = (len(rows), max(len(row) for row in rows))
    ids = torch.full(shape, pad_token_id)
    positions = torch.zeros(shape, dtype=torch.long)
    parts = torch.full(shape, _PADDING)
    steps, due, outcomes = (torch.full(shape, IGNORED) for _ in range(3))
    for index, row in enumerate(rows):
        at = len(row.question)
        ids[index, :at] = torch.tensor(row.question)
        positions[index, :at] = torch.arange(at)
        parts[index, :at] = _QUESTION
        for part, answer in enumerate(row.answers, start=1):
            here = slice(at, at + len(answer.ids))
            ids[index, here] = torch.tensor(answer.ids)
            positions[index, here] = torch.arange(len(answer.ids)) + len(row.question)
            parts[index, here] = part
            steps[index, here] = torch.tensor(answer.steps)
            due[index, here] = torch.tensor(answer.due)
            at += len(answer.ids)
            outcomes[index, at - 1] = answer.outcome
    return Batch(ids, positions, _mask(parts), steps, due, outcomes)


def _mask(parts: "torch.Tensor") -> "torch.Tensor":
    """Causal, within one part, and from every part to the question; padding sees itself, so no row of it is empty."""
    import torch

    tokens = parts.shape[1]
    causal = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    same = parts[:, :, None] == parts[:, None, :]
    asked = (parts[:, None, :] == _QUESTION) & (parts[:, :, None] != _PADDING)
    return (causal & (same | asked))[:, None]
