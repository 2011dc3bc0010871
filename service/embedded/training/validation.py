"""Judge drawn answers with the network under training, for the figures that choose the checkpoint."""

from collections.abc import Sequence
from typing import Any, Final

from service.embedded.chat_templates import question_prefix
from service.embedded.evaluation.figures import Judged, judged
from service.embedded.evaluation.positions import line_tokens, token_ends
from service.embedded.evaluation.samples import Drawn
from service.embedded.training.encoding import Row, collate, encode

_ROWS_AT_ONCE: Final = 8


def judge(model: Any, tokenizer: Any, drawn: Sequence[Drawn]) -> list[Judged]:
    """Score drawn answers with the network under training."""
    import torch

    from service.embedded.training.network import hidden_states, scores

    rows = [encode(tokenizer, item.problem, item.answers) for item in drawn]
    device = next(model.parameters()).device
    found: list[Judged] = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        chunk = slice(start, start + _ROWS_AT_ONCE)
        batch = collate(rows[chunk], tokenizer.pad_token_id)
        batch = type(batch)(*(tensor.to(device) for tensor in batch))
        with torch.no_grad():
            logits = scores(model, hidden_states(model, batch)).tolist()
        found += [
            _judged(tokenizer, item, row, row_logits)
            for item, row, row_logits in zip(drawn[chunk], rows[chunk], logits, strict=True)
        ]
    return found


def _judged(tokenizer: Any, item: Drawn, row: Row, logits: list[list[float]]) -> Judged:
    prefix = question_prefix(item.problem.question)
    outcomes, steps, kept = [], [], []
    at = len(row.question)
    place = iter(row.answers)
    for answer in item.answers:
        asked, ends = token_ends(tokenizer, prefix, answer)
        if asked != len(row.question):
            continue
        size = len(next(place).ids)
        kept.append(answer)
        outcomes.append(logits[at + size - 1][0])
        steps.append(tuple(logits[at + token][1] for token in line_tokens(ends, answer)))
        at += size
    return judged(item.problem, kept, outcomes, steps)
