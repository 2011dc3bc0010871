"""Checkpoints that could run code, or whose head is unsound, are refused before any engine starts."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.ports import Checkpoint
from service.reward_models.checkpoints.verify import open_checkpoint, open_language_model
from tests.service.reward_models.checkpoints.making import CONFIG, save


def test_a_sound_checkpoint_tells_its_facts(tmp_path: Path) -> None:
    assert open_checkpoint(str(save(tmp_path))) == Checkpoint(
        tmp_path, labels=2, parameters=20, pad_token_id=0, architecture="LlamaForSequenceClassification"
    )


def test_shards_are_counted_together(tmp_path: Path) -> None:
    save(tmp_path, tensors={"model.embed_tokens.weight": torch.zeros(3, 4)})
    save_file({"score.weight": torch.ones(2, 4, dtype=torch.bfloat16)}, tmp_path / "second.safetensors")
    names = {"model.embed_tokens.weight": "model.safetensors", "score.weight": "second.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    assert open_checkpoint(str(tmp_path)).parameters == 20
    (tmp_path / "second.safetensors").unlink()
    with pytest.raises(ScorerLoadError, match=r"lacks second\.safetensors"):
        open_checkpoint(str(tmp_path))


def test_two_labels_are_the_default_of_transformers(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architectures": CONFIG["architectures"]}))
    assert open_checkpoint(str(tmp_path)).labels == 2


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_code_of_its_own_is_refused_and_never_run(tmp_path: Path, name: str) -> None:
    save(tmp_path)
    trap = tmp_path / "sprung"
    (tmp_path / "modeling.py").write_text(f"open({str(trap)!r}, 'w')")
    content = json.loads((tmp_path / name).read_text()) if (tmp_path / name).exists() else {}
    (tmp_path / name).write_text(json.dumps(content | {"auto_map": {"AutoModel": "modeling.Model"}}))
    with pytest.raises(ScorerLoadError, match=rf"{name}.*auto_map"):
        open_checkpoint(str(tmp_path))
    assert not trap.exists()


def test_code_that_is_not_needed_is_left_where_it_is(tmp_path: Path) -> None:
    code = {"auto_map": {"AutoModel": "modeling.Model"}}
    config = {"architectures": ["Qwen2ForRewardModel"], "id2label": None} | code
    save(tmp_path, config=config, head=torch.ones(1, 4))
    found = open_checkpoint(str(tmp_path))
    assert (found.labels, found.reads, found.end_token_id) == (1, "token", None)


def test_a_language_model_needs_no_head_and_brings_no_code(tmp_path: Path) -> None:
    save(tmp_path, config={"architectures": ["LlamaForCausalLM"]})
    assert open_language_model(str(tmp_path)) == tmp_path
    save(tmp_path, config={"auto_map": {"AutoModel": "modeling.Model"}})
    with pytest.raises(ScorerLoadError, match="auto_map"):
        open_language_model(str(tmp_path))


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("sprung"),))


def test_pickled_weights_are_refused_and_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({"score.weight": Trap()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ScorerLoadError, match="only pickled weights, which can run code"):
        open_checkpoint(str(tmp_path))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"config": {"architectures": ["LlamaForCausalLM"]}}, "ends in ForSequenceClassification"),
        ({"config": {"architectures": None}}, "ends in ForSequenceClassification"),
        (
            {"config": {"architectures": ["Qwen2ForProcessRewardModel"]}, "head": torch.ones(1, 4)},
            "2 labels and the head has 1 rows",
        ),
        ({"config": {"architectures": ["InternLM2ForRewardModel"]}}, r"no weights of a score head \(v_head"),
        ({"config": {"id2label": {"0": "a", "1": "b", "2": "c"}}}, "3 labels and the head has 2 rows"),
        ({"head": torch.tensor([[1.0, float("nan")], [0.0, 0.0]])}, "score.weight.*not finite"),
        ({"head": torch.tensor([[1.0, 0.0], [float("inf"), 0.0]])}, "score.weight.*not finite"),
        ({"head": torch.full((2, 2), float("nan"), dtype=torch.bfloat16)}, "score.weight.*not finite"),
        ({"tensors": {"model.embed_tokens.weight": torch.zeros(3, 4)}}, "no weights of a score head"),
    ],
    ids=[
        "causal",
        "no architecture",
        "prm labels",
        "other head",
        "labels",
        "nan",
        "inf",
        "bf16 nan",
        "no head",
    ],
)
def test_an_unsound_checkpoint_is_refused(tmp_path: Path, fault: dict[str, object], message: str) -> None:
    with pytest.raises(ScorerLoadError, match=message):
        open_checkpoint(str(save(tmp_path, **fault)))  # type: ignore[arg-type]  # one keyword at a time


def test_files_that_are_not_what_they_say_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScorerLoadError, match=r"no readable config\.json"):
        open_checkpoint(str(tmp_path))
    save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ScorerLoadError, match="cannot be read"):
        open_checkpoint(str(tmp_path))
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ScorerLoadError, match="no weights: use a checkpoint saved as safetensors"):
        open_checkpoint(str(tmp_path))
    for broken in ("{", "[]"):
        (tmp_path / "config.json").write_text(broken)
        with pytest.raises(ScorerLoadError, match="JSON"):
            open_checkpoint(str(tmp_path))


def test_a_model_that_is_nowhere_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def unreachable(*args: object, **kwargs: object) -> str:
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(ScorerLoadError, match="neither a folder here nor a repository"):
        open_checkpoint("nobody/nothing")


def test_a_repository_is_fetched_without_its_pickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[list[str]] = []

    def fetched(repository: str, *, allow_patterns: list[str]) -> str:
        asked.append(allow_patterns)
        return str(save(tmp_path))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
    assert open_checkpoint("some/reward-model").path == tmp_path
    assert not any("bin" in pattern or "py" in pattern for pattern in asked[0])
