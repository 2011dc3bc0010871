"""A reward model or language model in transformers: padded batches in, the numbers asked for out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.reward_models.transformers.batching import Item, Rows
from service.reward_models.transformers.head import GatedHead, StackedHead, gate_position

_ASSISTANT: Final = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
"""Before Llama 3's answer; ArmoRM's gate is read at the first of these tokens."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to load, and how. An `architecture` of None means a causal language model, of which no head is read."""

    folder: Path
    architecture: str | None
    head: tuple[str, ...] = ()
    reads_text: bool = False
    dtype: str = "float32"
    device: str = "cpu"
    types_after: int | None = None


class Network:
    """One loaded model, used by one thread. Heavy to make: import this where it is needed."""

    def __init__(self, load: Load) -> None:
        """Load it; ValueError says what is wrong with the checkpoint."""
        import torch

        self._torch: Any = torch
        self._load = load
        self._body: Any
        self._head: Any = None
        self._pattern: list[int] = []
        # Attention's soft cap, where a model has one (Gemma 2), exists in the plain implementation only.
        self._options: dict[str, Any] = {
            "dtype": getattr(torch, load.dtype),
            "trust_remote_code": False,
            "local_files_only": True,
        }
        self._config = _config(load)
        if getattr(self._config, "attn_logit_softcapping", None):
            self._options["attn_implementation"] = "eager"
        if load.architecture is None:
            self._body = self._pretrained("AutoModelForCausalLM")
        elif "gating." in load.head:
            self._body, self._head = (
                self._pretrained("AutoModel"),
                GatedHead.of(self._tensors(), self._config),
            )
            self._pattern = _ids_of(load.folder, _ASSISTANT)
        elif load.reads_text:
            self._body = self._pretrained("AutoModelForSequenceClassification")
        else:
            self._body = self._llama() if self._is_internlm else self._pretrained("AutoModel")
            self._head = StackedHead.of(self._tensors(), load.head[0])
        self._body = self._body.to(load.device).eval()

    @property
    def max_model_len(self) -> int:
        """The longest input; RoBERTa's positions begin behind its padding token."""
        positions: int = self._config.max_position_embeddings
        taken = (self._config.pad_token_id or 0) + 1 if "roberta" in self._config.model_type else 0
        return positions - taken

    def answer(self, items: Sequence[Item]) -> list[Rows]:
        """The rows of each item of a batch of one kind; of an empty one, which asks for a sign of life, none."""
        if not items:
            return []
        with self._torch.inference_mode():
            answer: list[Rows] = getattr(self, f"_{items[0].kind}")(items)
            return answer

    def _text(self, items: Sequence[Item]) -> list[Rows]:
        if isinstance(self._head, GatedHead):
            # The score and then the objectives, so that either can be read as a row of one head.
            return [[[*score, *values]] for score, values, _ in self._objectives(items)]
        logits = self._body(**self._padded(items)).logits.float()
        return [[row] for row in logits.tolist()]

    def _rows(self, items: Sequence[Item]) -> list[Rows]:
        hidden = self._hidden(self._body, items)
        return [
            self._head(states[list(item.positions)]).tolist()
            for item, states in zip(items, hidden, strict=True)
        ]

    def _objectives(self, items: Sequence[Item]) -> list[Rows]:
        places = [gate_position(item.ids, self._pattern) for item in items]
        hidden = self._hidden(self._body, items)
        each = range(len(items))
        ends = hidden[list(each), [len(item.ids) - 1 for item in items]]
        scores, objectives, weights = self._head(ends, hidden[list(each), places])
        return [[[scores[i].item()], objectives[i].tolist(), weights[i].tolist()] for i in each]

    def _token_logits(self, items: Sequence[Item]) -> list[Rows]:
        hidden = self._hidden(self._body.base_model, items)
        wanted = list(items[0].token_ids)
        return [
            self._logits(states[list(item.positions)])[:, wanted].tolist()
            for item, states in zip(items, hidden, strict=True)
        ]

    def _logprobs(self, items: Sequence[Item]) -> list[Rows]:
        hidden = self._hidden(self._body.base_model, items)
        return [[self._of_text(item, states)] for item, states in zip(items, hidden, strict=True)]

    def _of_text(self, item: Item, states: Any) -> list[float]:
        start, end = item.positions[0], len(item.ids)
        # One input at a time: all of a batch's logits over the whole vocabulary would not fit.
        logprobs = self._logits(states[start - 1 : end - 1]).log_softmax(dim=-1)
        said = self._torch.tensor(list(item.ids[start:]), device=logprobs.device)
        chosen: list[float] = logprobs.gather(1, said[:, None])[:, 0].tolist()
        return chosen

    def _logits(self, states: Any) -> Any:
        logits = self._body.lm_head(states).float()
        cap = getattr(self._config, "final_logit_softcapping", None)
        return (logits / cap).tanh() * cap if cap else logits

    def _hidden(self, body: Any, items: Sequence[Item]) -> Any:
        """The last hidden states, (batch, longest, hidden)."""
        return body(**self._padded(items), use_cache=False).last_hidden_state

    def _padded(self, items: Sequence[Item]) -> dict[str, Any]:
        """Padded on the right, so that every token keeps its position."""
        torch, longest = self._torch, max(len(item.ids) for item in items)
        pad = self._config.pad_token_id or 0
        ids = torch.tensor([[*item.ids, *[pad] * (longest - len(item.ids))] for item in items])
        lengths = torch.tensor([len(item.ids) for item in items])[:, None]
        batch = {"input_ids": ids, "attention_mask": (torch.arange(longest)[None] < lengths).long()}
        if self._load.types_after is not None:
            separator = (ids == self._load.types_after).long()
            batch["token_type_ids"] = ((separator.cumsum(1) - separator) > 0).long() * batch["attention_mask"]
        return {name: tensor.to(self._load.device) for name, tensor in batch.items()}

    def _pretrained(self, auto: str) -> Any:
        import transformers

        model, info = getattr(transformers, auto).from_pretrained(
            self._load.folder, output_loading_info=True, use_safetensors=True, **self._options
        )
        # transformers makes up what a checkpoint lacks. A pooler that is never read may be made up.
        if lacking := sorted(name for name in info["missing_keys"] if not self._is_unread(name)):
            raise ValueError(f"{self._load.folder} lacks weights, {lacking[0]} among them")
        return model

    def _is_unread(self, name: str) -> bool:
        return not self._load.reads_text and name.startswith("pooler.")

    @property
    def _is_internlm(self) -> bool:
        return bool(self._config.model_type == "internlm2")

    def _llama(self) -> Any:
        from transformers import LlamaConfig, LlamaModel

        from service.reward_models.checkpoints.internlm2 import as_llama

        config = LlamaConfig(**{**self._config.to_dict(), "attention_bias": self._config.bias})
        model = LlamaModel(config)
        model.load_state_dict(dict(as_llama(_weights(self._load.folder), config)))
        return model.to(self._options["dtype"])

    def _tensors(self) -> Mapping[str, Any]:
        """The head's tensors, in float32."""
        wanted = (*self._load.head, "reward_transform_matrix")
        return {
            name: tensor.to(self._load.device).float() for name, tensor in _weights(self._load.folder, wanted)
        }


def _config(load: Load) -> Any:
    from transformers import AutoConfig

    from service.reward_models.checkpoints.internlm2 import register

    register()
    return AutoConfig.from_pretrained(load.folder, trust_remote_code=False, local_files_only=True)


def _ids_of(folder: Path, text: str) -> list[int]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def _weights(folder: Path, prefixes: tuple[str, ...] = ("",)) -> Iterator[tuple[str, Any]]:
    """The tensors in the folder's safetensors files whose names begin with one of the prefixes."""
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  # no mapping
                if name.startswith(prefixes):
                    yield name, tensors.get_tensor(name)
