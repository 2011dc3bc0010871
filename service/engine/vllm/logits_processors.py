"""Top-H inside vLLM: one class that speaks the interfaces of both of its model runners, named when the engine starts.

The older runner ("V1") calls it after temperature, with rows in the order of the batch; the newer ("V2") before
temperature, with rows of slots that it maps. Neither needs a loop over rows: what is known of each request stands in
arrays, and a step masks at most one group of rows for each variant in use.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
import torch
from vllm.v1.sample.logits_processor.interface import BatchUpdate, MoveDirectionality
from vllm.v1.sample.logits_processor.interface import LogitsProcessor as V1Processor

from service.engine.vllm.compat import LogitsContext, V2Processor
from strategies.base.types import TopHVariant
from strategies.decoding.top_h import restrict_

if TYPE_CHECKING:
    from vllm import SamplingParams
    from vllm.config import VllmConfig

_VARIANTS: Final[tuple[TopHVariant, ...]] = get_args(TopHVariant)
_OFF: Final = -1


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows that share a variant (`rows` None: the whole batch), with the alpha and temperature of each."""

    variant: TopHVariant
    rows: torch.Tensor | None
    alpha: torch.Tensor
    temperature: torch.Tensor

    def restrict(self, logits: torch.Tensor, *, is_scaled: bool) -> None:
        temperature = None if is_scaled else self.temperature
        if self.rows is None:
            restrict_(logits, self.alpha, self.variant, temperature)
            return
        picked = logits[self.rows]
        restrict_(picked, self.alpha, self.variant, temperature)
        logits[self.rows] = picked


class TopH(V1Processor, V2Processor):
    """Honours `top_h` and `top_h_variant` of a request's `extra_args`.

    Greedy requests are left alone, since the likeliest token is always kept, and so is an alpha of 1 in the paper's
    rule, which keeps all. It never loads beside speculative decoding on V1: vLLM refuses that at start-up.
    """

    def __init__(self, vllm_config: "VllmConfig", place: Any, is_pin_memory: bool | None = None) -> None:
        """V1 passes a device and whether memory is pinned, V2 only its table of requests."""
        is_v1 = is_pin_memory is not None
        size = vllm_config.scheduler_config.max_num_seqs if is_v1 else place.max_num_reqs
        self._device = torch.device(place if is_v1 else place.device)
        # By row of the batch (V1) or by slot (V2): the index of the variant, alpha, temperature.
        self._variant = np.full(size, _OFF, dtype=np.int64)
        self._alpha = np.ones(size, dtype=np.float32)
        self._temperature = np.ones(size, dtype=np.float32)
        self._groups: list[_Group] = []

    @classmethod
    def validate_params(cls, sampling_params: "SamplingParams") -> None:
        """ValueError, which reaches the caller as 400, for what `extra_args` may not say."""
        alpha, variant = _asked(sampling_params)
        if alpha is None:
            return
        is_number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
        if not is_number or not 0 < alpha <= 1:
            raise ValueError(f"top_h is a number above 0 and at most 1, not {alpha!r:.50}")
        if variant not in _VARIANTS:
            raise ValueError(f"top_h_variant is one of {', '.join(_VARIANTS)}, not {variant!r:.50}")
        if sampling_params.min_p:
            raise ValueError("top_h cannot be combined with min_p: send one of them")

    def is_argmax_invariant(self) -> bool:
        return True

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """V1: follow the rows of the batch, in the order in which vLLM's changes are to be read."""
        if batch_update is None:
            return
        for row in batch_update.removed:
            self._variant[row] = _OFF
        for row, params, *_ in batch_update.added:
            self.add_request(row, params)
        for source, target, direction in batch_update.moved:
            self._move(source, target, is_swap=direction == MoveDirectionality.SWAP)
        self._groups = self._grouped(np.arange(batch_update.batch_size))

    def add_request(self, req_idx: int, sampling_params: "SamplingParams") -> bool:
        """V2, and V1 for its own rows: all that was known of the row's last request is overwritten."""
        alpha, variant = _asked(sampling_params)
        is_on = (
            alpha is not None and sampling_params.temperature > 0 and not (variant == "paper" and alpha >= 1)
        )
        self._variant[req_idx] = _VARIANTS.index(variant) if is_on else _OFF
        self._alpha[req_idx] = alpha if is_on else 1
        self._temperature[req_idx] = sampling_params.temperature if is_on else 1
        return is_on

    def apply(self, logits: torch.Tensor, ctx: LogitsContext | None = None) -> torch.Tensor:
        """Mask `logits` [rows, vocabulary] in place."""
        if ctx is None:
            for group in self._groups:
                group.restrict(logits, is_scaled=True)
        elif len(logits) == len(ctx.idx_mapping_np):
            for group in self._grouped(ctx.idx_mapping_np):
                group.restrict(logits, is_scaled=False)
        else:
            self._apply_expanded(logits, ctx)
        return logits

    def _apply_expanded(self, logits: torch.Tensor, ctx: LogitsContext) -> None:
        """V2 with speculative decoding: how many rows a request has is known on the device only."""
        slots = ctx.expanded_idx_mapping.long()
        variants = self._on_device(self._variant)[slots]
        alpha, temperature = self._on_device(self._alpha)[slots], self._on_device(self._temperature)[slots]
        for code in self._in_use(ctx.idx_mapping_np):
            masked = logits.clone()
            restrict_(masked, alpha, _VARIANTS[code], temperature)
            logits.copy_(torch.where((variants == code)[:, None], masked, logits))

    def _grouped(self, slots: "np.ndarray[Any, Any]") -> list[_Group]:
        """The rows to mask where row i is of the request in slot `slots[i]`."""
        variants, alpha, temperature = self._variant[slots], self._alpha[slots], self._temperature[slots]
        groups = []
        for code in self._in_use(slots):
            rows = np.flatnonzero(variants == code)
            where = None if len(rows) == len(slots) else self._on_device(rows)
            about = self._on_device(alpha[rows]), self._on_device(temperature[rows])
            groups.append(_Group(_VARIANTS[code], where, *about))
        return groups

    def _in_use(self, slots: "np.ndarray[Any, Any]") -> list[int]:
        codes: list[int] = np.unique(self._variant[slots]).tolist()
        return [code for code in codes if code != _OFF]

    def _move(self, source: int, target: int, *, is_swap: bool) -> None:
        for array in (self._variant, self._alpha, self._temperature):
            array[source], array[target] = (array[target] if is_swap else array[source]), array[source]
        if not is_swap:
            self._variant[source] = _OFF

    def _on_device(self, array: "np.ndarray[Any, Any]") -> torch.Tensor:
        """A copy, so that what is still on its way to the device does not change under it."""
        return torch.tensor(array, device=self._device)


def _asked(params: "SamplingParams") -> tuple[Any, Any]:
    """Alpha, None where it is not asked for, and the variant."""
    extra = params.extra_args or {}
    return extra.get("top_h"), extra.get("top_h_variant", "paper")
