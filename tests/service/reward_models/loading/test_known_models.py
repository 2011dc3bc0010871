"""The registry of known models: it fills in what a configuration leaves out, and never overrules it."""

import pytest
from pydantic import TypeAdapter, ValidationError

from service.reward_models.checkpoints.architectures import architecture_of
from service.reward_models.loading.known_models import KnownModel, filled_in, known, known_models
from service.reward_models.loading.registry import AnyScorer
from service.reward_models.pooling.settings import ScorerSettings, TransformersScorer

ADAPTER: TypeAdapter[AnyScorer] = TypeAdapter(AnyScorer)


@pytest.mark.parametrize("entry", known_models(), ids=lambda entry: entry.models[0])
def test_every_entry_is_a_scorer_that_can_be_configured(entry: KnownModel) -> None:
    for model in entry.models:
        scorer = ADAPTER.validate_python({"name": "s", "model": model})
        assert scorer.kind == entry.kind
        for field, value in entry.settings.items():
            assert getattr(scorer, field) == value
        assert entry.facts
        assert entry.source


def test_every_architecture_in_the_registry_is_one_that_can_be_loaded_by_its_backend() -> None:
    for entry in known_models():
        backend = entry.settings.get("backend", "vllm")
        # Words of a language model are read without a head.
        if backend in ("vllm", "transformers") and not entry.architecture.endswith("ForCausalLM"):
            _, facts = architecture_of({"architectures": [entry.architecture]})
            assert backend in facts.backends, entry.models


def test_no_model_stands_in_two_entries() -> None:
    names = [model for entry in known_models() for model in entry.models]
    assert len(set(names)) == len(names)


def test_a_folder_that_carries_a_repositorys_name_is_known() -> None:
    assert known("/models/ArmoRM-Llama3-8B-v0.1") is known("RLHFlow/ArmoRM-Llama3-8B-v0.1")
    assert known("somebody/ArmoRM-of-mine") is None


def test_what_is_configured_wins() -> None:
    scorer = ADAPTER.validate_python(
        {"name": "s", "kind": "outcome", "model": "BAAI/bge-reranker-base", "input": "chat"}
    )
    assert isinstance(scorer, ScorerSettings)
    assert scorer.input == "chat"


def test_a_model_that_needs_it_gets_the_transformers_backend() -> None:
    scorer = ADAPTER.validate_python({"name": "s", "model": "RLHFlow/ArmoRM-Llama3-8B-v0.1"})
    assert isinstance(scorer, TransformersScorer)


def test_another_backend_or_kind_takes_nothing_from_the_registry() -> None:
    remote = {"name": "s", "model": "BAAI/bge-reranker-base", "backend": "remote"}
    other = {"name": "s", "kind": "step", "model": "BAAI/bge-reranker-base"}
    assert filled_in(remote) == remote
    assert filled_in(other) == other
    assert filled_in("no scorer") == "no scorer"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"kind": "step", "truncation": "truncate_left"}, "only outcome scorers truncate"),
        ({"kind": "step", "input": "pair"}, "a pair is judged whole"),
        ({"kind": "outcome", "input": "pair", "truncation": "truncate_left"}, "a pair is judged whole"),
        ({"kind": "outcome", "sanity_check": True}, "check"),
        ({"kind": "outcome", "sanity_check": {"prompt": "q", "chosen": "r"}}, "rejected"),
    ],
)
def test_settings_that_cannot_hold_together_are_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python({"name": "s", "model": "m", **more})
