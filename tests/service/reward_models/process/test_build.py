"""Loading process scorers: what does not fit is told before anything starts, and nothing is left running."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from service.engine.group_lock import GroupLock
from service.reward_models.base.builder import Built, Materials, ModelStarters
from service.reward_models.base.errors import PoolingFailed, ScorerLoadError
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.sanity_check import ARITHMETIC
from service.reward_models.implicit.build import build_implicit
from service.reward_models.implicit.settings import ImplicitScorer
from service.reward_models.loading.registry import BACKENDS, AnyScorer, backend_of
from service.reward_models.process.build import build_process
from service.reward_models.process.label_tokens import LabelTokenModel
from service.reward_models.process.settings import ProcessScorer
from strategies.base.types import Message, Prompt
from tests.service.reward_models.fakes import FakeModel
from tests.service.reward_models.process import checkpoints

PROMPT = Prompt((Message("user", "one and one"),))


@dataclass
class Started:
    """Starts fakes, remembers with what, and fails at the one told."""

    fails_at: int | None = None
    calls: list[tuple[str, Any, Any]] = field(default_factory=list)
    models: list[FakeModel] = field(default_factory=list)

    def starts(self) -> ModelStarters:
        return ModelStarters(**{name: self._by(name) for name in ModelStarters.__dataclass_fields__})

    def _by(self, name: str) -> Callable[..., Any]:
        def start(shape: Any, checkpoint: Any, lock: GroupLock) -> FakeModel:
            if len(self.calls) == self.fails_at:
                raise RuntimeError("out of memory")
            self.calls.append((name, shape, checkpoint))
            self.models.append(FakeModel())
            return self.models[-1]

        return start


def process(folder: Path, **more: Any) -> ProcessScorer:
    return ProcessScorer.model_validate({"name": "p", "model": str(folder), **more})


def implicit(policy: Path, reference: Path, **more: Any) -> ImplicitScorer:
    models = {"model": str(policy), "reference": str(reference)}
    return ImplicitScorer.model_validate({"name": "i", "backend": "implicit", **models, **more})


def build(settings: ProcessScorer | ImplicitScorer, started: Started) -> Built:
    materials = Materials({}, LoadedScorers(()), str, GroupLock(), started.starts())
    if isinstance(settings, ImplicitScorer):
        return build_implicit(settings, materials)
    return build_process(settings, materials)


async def test_a_head_is_started_as_it_is_and_read_by_the_convention(tmp_path: Path) -> None:
    started = Started()
    built = build(process(checkpoints.save_qwen_math_prm(tmp_path), format="qwen_math_prm"), started)
    ((name, shape, folder),) = started.calls
    assert (name, shape.overrides, shape.reads, folder) == ("vllm_rows", None, "token", tmp_path)
    assert (built.info.kind, built.info.backend, built.info.label) == ("step", "vllm", 1)
    assert (built.info.activation, built.info.step_delimiter) == ("softmax", "\n\n")
    assert built.resource is started.models[0]
    assert built.step is not None
    assert len((await built.step.score(PROMPT, [["a\n\n", "b"]])).values[0] or ()) == 2


def test_two_words_become_a_head_of_vllm(tmp_path: Path) -> None:
    started = Started()
    build(process(checkpoints.save_math_shepherd(tmp_path), format="math_shepherd", cpu_cores="0"), started)
    ((name, shape, _),) = started.calls
    assert (name, shape.cpu_cores) == ("vllm_rows", "0")
    assert shape.overrides == {
        "architectures": ["MistralForSequenceClassification"],
        "classifier_from_token": ["▁+", "▁-"],
        "method": "no_post_processing",
    }


def test_two_words_are_asked_of_transformers(tmp_path: Path) -> None:
    started = Started()
    folder = checkpoints.save_rlhflow(tmp_path)
    built = build(
        process(folder, format="rlhflow", backend="transformers", max_batch_tokens=99, step_delimiter="#"),
        started,
    )
    ((name, shape, _),) = started.calls
    assert (name, shape.dtype, shape.max_batch_tokens) == ("transformers_language", "float32", 99)
    assert built.step is not None
    assert built.step.delimiter == "#"
    assert isinstance(built.step.model, LabelTokenModel)  # type: ignore[attr-defined]  # of the adapter, not of the port


def test_a_skywork_head_is_read_by_transformers_alone(tmp_path: Path) -> None:
    folder, started = checkpoints.save_skywork_prm(tmp_path), Started()
    with pytest.raises(ScorerLoadError, match="transformers"):
        build(process(folder, format="skywork_prm"), started)
    built = build(process(folder, format="skywork_prm", backend="transformers"), started)
    assert [call[0] for call in started.calls] == ["transformers_rows"]
    assert built.info.activation == "sigmoid"


def test_a_known_pair_is_checked_unless_told_not_to(tmp_path: Path) -> None:
    folder = checkpoints.save_rlhflow(tmp_path)
    own = {"prompt": "q", "chosen": "r", "rejected": "w"}
    checks = [
        build(process(folder, format="rlhflow", **more), Started()).check
        for more in ({}, {"sanity_check": own})
    ]
    assert checks[0] == ARITHMETIC
    assert checks[1] is not None
    assert checks[1].chosen == "r"
    assert build(process(folder, format="rlhflow", sanity_check=False), Started()).check is None


def test_two_language_models_are_started_one_after_the_other_and_closed_together(tmp_path: Path) -> None:
    policy = checkpoints.save_language_model(tmp_path / "policy", seed=1)
    reference = checkpoints.save_language_model(tmp_path / "reference", seed=2)
    started = Started()
    built = build(implicit(policy, reference), started)
    assert [(name, folder) for name, _, folder in started.calls] == [
        ("vllm_language", policy),
        ("vllm_language", reference),
    ]
    assert built.resource is not None
    built.resource.close()
    assert [model.is_closed for model in started.models] == [True, True]


def test_where_the_reference_does_not_start_the_policy_is_closed(tmp_path: Path) -> None:
    policy = checkpoints.save_language_model(tmp_path / "policy", seed=1)
    started = Started(fails_at=1)
    with pytest.raises(RuntimeError):
        build(implicit(policy, policy), started)
    assert [model.is_closed for model in started.models] == [True]


async def test_a_pair_is_as_healthy_as_the_worse_of_the_two(tmp_path: Path) -> None:
    policy = checkpoints.save_language_model(tmp_path / "policy", seed=1)
    started = Started()
    resource = build(implicit(policy, policy), started).resource
    assert resource is not None
    await resource.check_health()
    started.models[1].fails = PoolingFailed("gone", "engine_dead")
    with pytest.raises(PoolingFailed):
        await resource.check_health()
    await resource.aclose()
    assert [model.is_closed for model in started.models] == [True, True]


def with_config(folder: Path, **changes: Any) -> Path:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    return folder


def with_bias(folder: Path) -> Path:
    tensors = load_file(folder / "model.safetensors")
    tensors["lm_head.bias"] = tensors["lm_head.weight"][:, 0].clone()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


REFUSED: list[tuple[str, Callable[[Path], Path], dict[str, Any], str]] = [
    ("words of a head", checkpoints.save_qwen_math_prm, {"format": "math_shepherd"}, "auto_map"),
    ("a head of words", checkpoints.save_rlhflow, {"format": "skywork_prm"}, "its architecture is"),
    ("no separator", checkpoints.save_rlhflow, {"format": "qwen_math_prm"}, "its architecture is"),
    (
        "a soft cap",
        lambda folder: with_config(checkpoints.save_rlhflow(folder), final_logit_softcapping=30.0),
        {"format": "rlhflow"},
        "final_logit_softcapping",
    ),
    (
        "a scale",
        lambda folder: with_config(checkpoints.save_rlhflow(folder), logits_scaling=8),
        {"format": "rlhflow", "backend": "transformers"},
        "logits_scaling",
    ),
    ("a bias", lambda folder: with_bias(checkpoints.save_rlhflow(folder)), {"format": "rlhflow"}, "bias"),
    (
        "code of its own",
        lambda folder: with_config(checkpoints.save_rlhflow(folder), auto_map={"AutoModel": "x.Y"}),
        {"format": "rlhflow"},
        "auto_map",
    ),
]


@pytest.mark.parametrize(
    ("save", "more", "told"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_what_does_not_fit_is_refused_before_anything_starts(
    tmp_path: Path, save: Callable[[Path], Path], more: dict[str, Any], told: str
) -> None:
    started = Started()
    with pytest.raises(ScorerLoadError, match=told):
        build(process(save(tmp_path), **more), started)
    assert started.calls == []


def test_models_of_different_vocabularies_are_no_pair(tmp_path: Path) -> None:
    policy = checkpoints.save_language_model(tmp_path / "policy", seed=1)
    other = checkpoints.save_rlhflow(tmp_path / "other")
    with pytest.raises(ScorerLoadError, match="different vocabularies"):
        build(implicit(policy, other), Started())


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"format": "rlhflow", "device": "cuda"}, "device: goes with transformers"),
        (
            {"format": "rlhflow", "backend": "transformers", "kv_cache_mib": 64},
            "kv_cache_mib: goes with vllm",
        ),
        ({"format": "no_such"}, "format"),
        ({"format": "rlhflow", "kind": "outcome"}, "kind"),
        ({"format": "rlhflow", "label": 1}, "label"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ProcessScorer.model_validate({"name": "p", "model": "m", **settings})


def test_a_format_chooses_the_settings_and_each_has_a_builder() -> None:
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(AnyScorer)
    written_out = {
        "delimiter": "\n",
        "input": {"kind": "tagged", "opening": "{question}\n", "tag": " @"},
        "rows": {"kind": "tokens", "good": "yes", "bad": "no"},
    }
    for more in ({"format": "rlhflow"}, {"format": written_out, "backend": "transformers"}):
        found = adapter.validate_python({"name": "p", "model": "m", **more})
        assert type(found) is ProcessScorer
        assert BACKENDS[backend_of(found)].build is build_process
    found = adapter.validate_python({"name": "i", "model": "m", "reference": "r", "backend": "implicit"})
    assert BACKENDS[backend_of(found)].build is build_implicit
