"""How the model cards score, written from the cards alone: one answer at a time, tags found where the cards find them.

Steps are bare here. Nothing of the service is imported.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config, Qwen2Model

Recipe = Callable[[str, Sequence[str]], list[float]]
"""Question and steps in, a score for each step out."""


def _opened(folder: Path) -> tuple[Any, Any]:
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return AutoTokenizer.from_pretrained(folder), model.eval()


def math_shepherd(folder: Path) -> Recipe:
    tokenizer, model = _opened(folder)
    candidates = tokenizer.encode("+ -")[1:]
    tag = tokenizer.encode("ки")[-1]

    def score(question: str, steps: Sequence[str]) -> list[float]:
        output = "\n".join(f"{step} ки" for step in steps)
        ids = torch.tensor([tokenizer.encode(f"{question} {output}")])
        with torch.no_grad():
            scores = model(ids).logits[:, :, candidates].softmax(dim=-1)[:, :, 0]
        found: list[float] = scores[ids == tag].tolist()
        return found

    return score


def rlhflow(folder: Path) -> Recipe:
    tokenizer, model = _opened(folder)
    candidates = [tokenizer.encode("+")[-1], tokenizer.encode("-")[-1]]

    def score(question: str, steps: Sequence[str]) -> list[float]:
        conversation: list[dict[str, str]] = []
        found = []
        for i, step in enumerate(steps):
            text = question + " " + step if i == 0 else step
            conversation.append({"content": text, "role": "user"})
            conversation.append({"content": "+", "role": "assistant"})
            text = tokenizer.apply_chat_template(conversation, tokenize=False)
            ids = torch.tensor([tokenizer.encode(text, add_special_tokens=False)])
            with torch.no_grad():
                logits = model(ids).logits[:, -3, candidates]
            found.append(logits.softmax(dim=-1)[0, 0].item())
        return found

    return score


def multi_rm(folder: Path) -> Recipe:
    tokenizer, model = _opened(folder)
    candidates = [tokenizer.encode(word, add_special_tokens=False)[-1] for word in "-+"]
    tag = tokenizer.encode(" \n\n\n\n", add_special_tokens=False)[-1]

    def score(question: str, steps: Sequence[str]) -> list[float]:
        text = f"{question} \n\n" + "".join(f"{step} \n\n\n\n" for step in steps)
        ids = torch.tensor([tokenizer.encode(text)])
        with torch.no_grad():
            scores = model(ids).logits[:, :, candidates].softmax(dim=-1)[:, :, 1]
        found: list[float] = scores[ids == tag].tolist()
        return found

    return score


def _body_and(folder: Path, prefix: str) -> tuple[Any, dict[str, torch.Tensor]]:
    tensors = load_file(folder / "model.safetensors")
    body: Any = Qwen2Model(Qwen2Config.from_pretrained(folder))
    names = {
        name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")
    }
    body.load_state_dict(names)
    return body.eval(), {name: value for name, value in tensors.items() if name.startswith(prefix)}


def qwen_math_prm(folder: Path) -> Recipe:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    body, head = _body_and(folder, "score.")

    def score(question: str, steps: Sequence[str]) -> list[float]:
        messages = [
            {
                "role": "system",
                "content": "Please reason step by step, and put your final answer within \\boxed{}.",
            },
            {"role": "user", "content": question},
            {"role": "assistant", "content": "<extra_0>".join(steps) + "<extra_0>"},
        ]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=False)
        ids = tokenizer.encode(text, return_tensors="pt")
        with torch.no_grad():
            hidden = body(ids).last_hidden_state
            middle = torch.relu(hidden @ head["score.0.weight"].T + head["score.0.bias"])
            logits = middle @ head["score.2.weight"].T + head["score.2.bias"]
        mask = ids == tokenizer.encode("<extra_0>")[0]
        found: list[float] = logits.softmax(dim=-1)[mask][:, 1].tolist()
        return found

    return score


def skywork_prm(folder: Path) -> Recipe:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    body, head = _body_and(folder, "v_head.")

    def score(question: str, steps: Sequence[str]) -> list[float]:
        ids = tokenizer.encode(tokenizer.bos_token + question + "\n")
        newline = tokenizer.encode("\n")[-1]
        flags = [0] * len(ids)
        for step in steps:
            step_ids = [*tokenizer.encode(step), newline]
            ids += step_ids
            flags += [0] * (len(step_ids) - 1) + [1]
        with torch.no_grad():
            hidden = body(torch.tensor([ids])).last_hidden_state[0]
            values = hidden @ head["v_head.summary.weight"].T + head["v_head.summary.bias"]
        found: list[float] = torch.sigmoid(values[:, 0])[torch.tensor(flags) == 1].tolist()
        return found

    return score


def implicit(policy: Path, reference: Path, beta: float) -> Callable[[str, Sequence[str]], list[float]]:
    """Question and raw steps, delimiters included, in; q at the end of each step out (arXiv 2412.01981, eq. 3)."""
    tokenizer, ours = _opened(policy)
    _, theirs = _opened(reference)

    def score(question: str, steps: Sequence[str]) -> list[float]:
        messages = [{"role": "user", "content": question}]
        before = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        found = []
        for count in range(1, len(steps) + 1):
            total = 0.0
            whole = tokenizer(before + "".join(steps), add_special_tokens=False, return_offsets_mapping=True)
            ids = torch.tensor([whole.input_ids])
            end = len(before) + len("".join(steps[:count]))
            with torch.no_grad():
                ratio = ours(ids).logits.log_softmax(-1) - theirs(ids).logits.log_softmax(-1)
            for at in range(1, ids.shape[1]):
                if len(before) < whole.offset_mapping[at][1] <= end:
                    total += beta * ratio[0, at - 1, ids[0, at]].item()
            found.append(total)
        return found

    return score
