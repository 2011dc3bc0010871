"""What each remote API is sent, and how its answer is read: strictly, so that a wrong answer never becomes a score.

Shapes: vLLM 0.32, `vllm/entrypoints/pooling/{classify,pooling,scoring}/protocol.py`; text-embeddings-inference 1.8,
`router/src/http/types.rs`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.rendering import messages_of, question_of
from service.reward_models.remote.settings import ApiName, RemoteSettings
from strategies.base.types import Prompt


@dataclass(frozen=True, slots=True)
class Api:
    """One API: where it is, whether it takes several texts at once, and its two shapes.

    `read` gives one number a text, in the order of the texts; PoolingFailed if the answer is not exactly that.
    """

    path: str
    takes_batches: bool
    body: Callable[[Prompt, Sequence[str], RemoteSettings], dict[str, Any]]
    read: Callable[[Any, int, RemoteSettings], list[float]]


def _chat(prompt: Prompt, texts: Sequence[str], settings: RemoteSettings) -> dict[str, Any]:
    """The chat and the one answer, which the server renders by the model's own template."""
    turns = [{"role": m.role, "content": m.content} for m in messages_of(prompt)]
    turns.append({"role": "assistant", "content": texts[0]})
    body = {"messages": turns, "add_generation_prompt": False, "use_activation": not settings.raw_scores}
    return body | _model(settings)


def _score(prompt: Prompt, texts: Sequence[str], settings: RemoteSettings) -> dict[str, Any]:
    question = question_of(messages_of(prompt))
    body = {"queries": question, "documents": list(texts), "use_activation": not settings.raw_scores}
    return body | _model(settings)


def _rerank(prompt: Prompt, texts: Sequence[str], settings: RemoteSettings) -> dict[str, Any]:
    question = question_of(messages_of(prompt))
    return {"query": question, "texts": list(texts), "raw_scores": settings.raw_scores, "truncate": False}


def _predict(prompt: Prompt, texts: Sequence[str], settings: RemoteSettings) -> dict[str, Any]:
    question = question_of(messages_of(prompt))
    pairs = [[question, text] for text in texts]
    return {"inputs": pairs, "raw_scores": settings.raw_scores, "truncate": False}


def _model(settings: RemoteSettings) -> dict[str, Any]:
    return {} if settings.model is None else {"model": settings.model}


def _read_classify(answer: Any, count: int, settings: RemoteSettings) -> list[float]:
    return [_at(_field(item, "probs"), settings.label) for item in _in_order(_field(answer, "data"), count)]


def _read_pooling(answer: Any, count: int, settings: RemoteSettings) -> list[float]:
    """A row, or a row for each token, of which the last is the one that has read all."""
    rows = [_field(item, "data") for item in _in_order(_field(answer, "data"), count)]
    return [_at(_last_row(row), settings.label) for row in rows]


def _read_score(answer: Any, count: int, settings: RemoteSettings) -> list[float]:
    return [_number(_field(item, "score")) for item in _in_order(_field(answer, "data"), count)]


def _read_rerank(answer: Any, count: int, settings: RemoteSettings) -> list[float]:
    return [_number(_field(item, "score")) for item in _in_order(answer, count)]


def _read_predict(answer: Any, count: int, settings: RemoteSettings) -> list[float]:
    """One list of labelled scores a text, in the order of the texts, each sorted by score."""
    rows = _listed(answer, count)
    return [_labelled(_listed(row), settings.label_name) for row in rows]


APIS: Final[dict[ApiName, Api]] = {
    "vllm_classify": Api("/classify", False, _chat, _read_classify),
    "vllm_pooling": Api("/pooling", False, _chat, _read_pooling),
    "vllm_score": Api("/score", True, _score, _read_score),
    "tei_rerank": Api("/rerank", True, _rerank, _read_rerank),
    "tei_predict": Api("/predict", True, _predict, _read_predict),
}


def _in_order(items: Any, count: int) -> list[Any]:
    """The items by their `index`, each of 0 to count - 1 exactly once."""
    listed = _listed(items, count)
    indices = [_field(item, "index") for item in listed]
    # `type`, since to Python true is 1.
    if any(type(index) is not int for index in indices) or sorted(indices) != list(range(count)):
        raise PoolingFailed("its answer does not have every text exactly once", "invalid_response")
    by_index = dict(zip(indices, listed, strict=True))
    return [by_index[index] for index in range(count)]


def _listed(items: Any, count: int | None = None) -> list[Any]:
    if not isinstance(items, list):
        raise PoolingFailed("its answer is not the list that this API gives", "invalid_response")
    if count is not None and len(items) != count:
        raise PoolingFailed(f"it gave {len(items)} scores for {count} texts", "length_mismatch")
    return items


def _field(item: Any, name: str) -> Any:
    if not isinstance(item, dict) or name not in item:
        raise PoolingFailed(f"its answer has no `{name}`, which this API gives", "invalid_response")
    return item[name]


def _last_row(data: Any) -> Any:
    rows = _listed(data)
    return rows[-1] if rows and isinstance(rows[-1], list) else rows


def _at(row: Any, label: int) -> float:
    values = _listed(row)
    if label >= len(values):
        raise PoolingFailed(
            f"its head has {len(values)} rows, and the score is to be row {label}", "invalid_response"
        )
    # Every row must be sound: an activation over a row with NaN has none that is.
    return [_number(value) for value in values][label]


def _labelled(row: list[Any], name: str | None) -> float:
    scores = {_field(item, "label"): _number(_field(item, "score")) for item in row}
    if name is None and len(scores) == 1:
        return next(iter(scores.values()))
    if name not in scores:
        known = ", ".join(sorted(map(str, scores)))[:200]
        raise PoolingFailed(
            f"set `label_name` to one of the labels that it gives: {known}", "invalid_response"
        )
    return scores[name]


def _number(value: Any) -> float:
    """A finite number; JSON writers make null of NaN."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        raise PoolingFailed("it gave a number that is not finite", "not_finite")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PoolingFailed("its answer has something else where a number should be", "invalid_response")
    try:
        return float(value)
    except OverflowError:
        raise PoolingFailed("it gave a number that is not finite", "not_finite") from None
