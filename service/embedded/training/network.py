"""The network under training: frozen base in bf16, low-rank updates in its top layers, and the two-row score head."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from service.embedded.checkpoints import reward_base
from service.embedded.training.encoding import IGNORED, Batch

if TYPE_CHECKING:
    import torch

RANK: Final = 56
ALPHA: Final = 112
FIRST_TRAINED_LAYER: Final = 8
_LINEAR: Final = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# What the parts of the loss count: the digit that is due teaches the sums themselves, which a yes or no teaches slowly.
_RANKING: Final = 0.5
_DUE: Final = 0.5


def wrapped(generator: Path, seed: int) -> Any:
    """The base with fresh low-rank updates; only they and the score head take gradients."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    base = reward_base(generator, torch.bfloat16)
    layers = list(range(FIRST_TRAINED_LAYER, base.config.num_hidden_layers))
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules=_LINEAR, layers_to_transform=layers, task_type="SEQ_CLS",
        modules_to_save=["score"],
    )  # fmt: skip
    model: Any = get_peft_model(base, config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model


def hidden_states(model: Any, batch: Batch) -> "torch.Tensor":
    """The last hidden states [rows, tokens, width]; the frozen layers build no graph, having nothing to train."""
    import torch

    with torch.autocast(batch.ids.device.type, dtype=torch.bfloat16):
        out = model.get_base_model().model(
            input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False
        )
    states: torch.Tensor = out.last_hidden_state.float()
    return states


def scores(model: Any, states: "torch.Tensor") -> "torch.Tensor":
    """The raw logits [..., 2] of hidden states."""
    logits: torch.Tensor = model.get_base_model().score(states)
    return logits


def digit_rows(model: Any, tokenizer: Any) -> "torch.Tensor":
    """The embeddings [10, width] of the ten digits, by which the base itself would write them."""
    ids = [tokenizer.convert_tokens_to_ids(str(digit)) for digit in range(10)]
    rows: torch.Tensor = model.get_base_model().get_input_embeddings().weight[ids].float()
    return rows


def loss(model: Any, digits: "torch.Tensor", batch: Batch) -> "torch.Tensor":
    """Steps at every answer token, outcomes at the last, their ranking within a question, and the digits due."""
    import torch
    from torch.nn import functional

    states = hidden_states(model, batch)
    logits = scores(model, states)
    judged, ended, due = (labels != IGNORED for labels in (batch.steps, batch.outcomes, batch.due))
    bce = functional.binary_cross_entropy_with_logits
    step = bce(logits[..., 1][judged], batch.steps[judged].float())
    outcome = bce(logits[..., 0][ended], batch.outcomes[ended].float())
    total = step + outcome + _RANKING * _ranking(logits[..., 0], batch.outcomes)
    if due.any():
        total = total + _DUE * functional.cross_entropy(states[due] @ digits.T, batch.due[due])
    whole: torch.Tensor = total
    return whole


def _ranking(outcome_logits: "torch.Tensor", outcomes: "torch.Tensor") -> "torch.Tensor":
    """Every right answer above every wrong one to the same question (Bradley-Terry), the mean over all such pairs."""
    from torch.nn import functional

    pairs = (outcomes[:, :, None] == 1) & (outcomes[:, None, :] == 0)
    if not pairs.any():
        return outcome_logits.sum() * 0
    margins = outcome_logits[:, :, None] - outcome_logits[:, None, :]
    return functional.softplus(-margins[pairs]).mean()


def write_adapter(model: Any, out: Path) -> None:
    """Write the adapter in bf16, without the card that the library adds."""
    from safetensors.torch import load_file, save_file

    model.save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)
    weights = out / "adapter_model.safetensors"
    save_file({name: tensor.bfloat16() for name, tensor in load_file(weights).items()}, weights)
    # The library writes it for its owner alone; this one is shipped.
    weights.chmod(0o644)
    config = out / "adapter_config.json"
    settings = json.loads(config.read_text()) | {"base_model_name_or_path": None}
    config.write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")
