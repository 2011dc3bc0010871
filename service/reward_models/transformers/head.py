"""A reward model's head, read as it lies in the checkpoint: linear layers by whatever name, and ArmoRM's gate."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Tensor = Any
"""torch's, which this module handles and does not import."""

_GATE: Final = "gating."


@dataclass(frozen=True, slots=True)
class LinearLayer:
    """`weight` is (out, in), `bias` (out) or None."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, values: Tensor) -> Tensor:
        product = values @ self.weight.T
        return product if self.bias is None else product + self.bias


@dataclass(frozen=True, slots=True)
class StackedHead:
    """One or more linear layers with a ReLU between any two; (…, hidden) to (…, labels), in float32."""

    layers: tuple[LinearLayer, ...]

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], prefix: str) -> "StackedHead":
        """The layers whose tensors begin with the prefix, in the order of the numbers in their names."""
        weights = sorted(
            (name for name in tensors if name.startswith(prefix) and name.endswith("weight")), key=_numbers
        )
        return cls(
            tuple(
                LinearLayer(tensors[name], tensors.get(name.removesuffix("weight") + "bias"))
                for name in weights
            )
        )

    def __call__(self, hidden: Tensor) -> Tensor:
        values = hidden.float()
        for i, layer in enumerate(self.layers):
            values = layer(values.relu() if i else values)
        return values


@dataclass(frozen=True, slots=True)
class GatedHead:
    """ArmoRM (arXiv 2406.12845): objectives read at the end, weighted by a gate that reads the end of the prompt.

    score = sum over objectives of weights * (objectives @ transform). What is told as an objective's weight is its
    coefficient in that sum, `weights @ transform.T`, so that the score is their plain scalar product.
    """

    objectives: StackedHead
    gate: StackedHead
    scale: Tensor
    temperature: float
    transform: Tensor

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], config: Any) -> "GatedHead":
        return cls(
            objectives=StackedHead.of(tensors, "regression_layer."),
            gate=StackedHead.of(tensors, f"{_GATE}layers."),
            scale=tensors[f"{_GATE}logit_scale"],
            temperature=float(getattr(config, "gating_temperature", 10)),
            transform=tensors["reward_transform_matrix"],
        )

    def __call__(self, end: Tensor, prompt: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (batch), objectives and their weights (batch, objectives), from two hidden states (batch, hidden)."""
        objectives = self.objectives(end)
        shares = (self.gate(prompt) / self.temperature).softmax(dim=-1) * self.scale
        weights = shares @ self.transform.T
        return (objectives * weights).sum(dim=-1), objectives, weights


def gate_position(ids: Sequence[int], pattern: Sequence[int]) -> int:
    """Where the gate is read: at the first token of the last turn's header; ValueError if there is none.

    The contents of a chat never hold control tokens here, so the last header is the answer's own.
    """
    pattern = list(pattern)
    for start in range(len(ids) - len(pattern), -1, -1):
        if list(ids[start : start + len(pattern)]) == pattern:
            return start
    raise ValueError("the input has no turn of the assistant, at whose start the gate is read")


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]
