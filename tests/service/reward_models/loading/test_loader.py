"""Loading: equal models share one engine, faults are found first, and scripted scorers need no model library."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from service.engine.group_lock import GroupLock
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.model_config import PoolingEngineConfig, WorkerShape
from service.reward_models.base.ports import Checkpoint, PoolingModel
from service.reward_models.base.sanity_check import ARITHMETIC, RELEVANCE
from service.reward_models.base.settings import SanityCheck
from service.reward_models.loading.loader import load_scorers
from service.reward_models.loading.plan import plans
from service.reward_models.loading.registry import AnyScorer
from service.reward_models.loading.starters import UNWATCHED
from service.reward_models.pooling.outcome import PooledOutcomeScorer
from service.reward_models.process.scorer import PooledStepScorer
from strategies.base.types import Message, Prompt
from tests.service.reward_models.checkpoints.making import save
from tests.service.reward_models.fakes import FakeModel, PieceTokenizer

PROMPT = Prompt((Message("user", "one and one"),))


class Starter:
    """Starts fake engines, remembers them, and fails at the one told."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.started: list[tuple[PoolingEngineConfig, Path, FakeModel]] = []
        self._fails_at = fails_at

    def __call__(self, shape: PoolingEngineConfig, checkpoint: Path, lock: GroupLock) -> PoolingModel:
        if len(self.started) == self._fails_at:
            raise RuntimeError("out of\nmemory")
        self.started.append((shape, checkpoint, FakeModel()))
        return self.started[-1][2]


def scorer(name: str, kind: str, model: Path | str, **more: Any) -> AnyScorer:
    adapter: TypeAdapter[AnyScorer] = TypeAdapter(AnyScorer)
    return adapter.validate_python({"name": name, "kind": kind, "model": str(model), **more})


class WorkerStarter:
    """Starts fake workers, and remembers them."""

    def __init__(self) -> None:
        self.started: list[tuple[WorkerShape, Checkpoint, FakeModel]] = []

    def __call__(self, shape: WorkerShape, checkpoint: Checkpoint, lock: GroupLock) -> PoolingModel:
        self.started.append((shape, checkpoint, FakeModel()))
        return self.started[-1][2]


def load(
    *settings: AnyScorer, starter: Starter, workers: WorkerStarter | None = None, **more: Any
) -> LoadedScorers:
    return load_scorers(
        settings,
        str,
        GroupLock(),
        starts=replace(UNWATCHED, vllm_rows=starter, transformers_rows=workers or WorkerStarter()),
        tokenizer=lambda plan: PieceTokenizer(),
        **more,
    )


async def test_scorers_of_one_model_share_its_engine(tmp_path: Path) -> None:
    starter = Starter()
    scorers = load(
        scorer("o", "outcome", save(tmp_path)), scorer("s", "step", tmp_path, label=1), starter=starter
    )
    assert len(starter.started) == 1
    assert list(scorers.engines) == ["o"]
    outcome, step = scorers.outcome(None), scorers.step(None)
    assert isinstance(outcome, PooledOutcomeScorer)
    assert isinstance(step, PooledStepScorer)
    assert outcome.model is step.model
    assert outcome.pad_token_id == 0
    assert len((await outcome.score(PROMPT, ["a"])).values) == 1
    assert len((await step.score(PROMPT, [["a\n", "b"]])).values[0] or ()) == 2


@pytest.mark.parametrize(("model", "dtype"), [("one", "bfloat16"), ("other", "auto")])
def test_another_model_or_dtype_is_another_engine(tmp_path: Path, model: str, dtype: str) -> None:
    first, second = save(tmp_path / "one"), save(tmp_path / model)
    starter = Starter()
    load(scorer("a", "outcome", first), scorer("b", "outcome", second, dtype=dtype), starter=starter)
    assert len(starter.started) == 2


def test_two_names_of_one_folder_are_one_model(tmp_path: Path) -> None:
    starter = Starter()
    save(tmp_path)
    settings = [scorer("a", "outcome", "here"), scorer("b", "step", "there")]
    load_scorers(
        settings,
        lambda model: str(tmp_path),
        GroupLock(),
        starts=replace(UNWATCHED, vllm_rows=starter),
        tokenizer=lambda plan: PieceTokenizer(),
    )
    assert len(starter.started) == 1


def test_what_any_sharer_states_shapes_the_engine(tmp_path: Path) -> None:
    starter = Starter()
    save(tmp_path)
    load(
        scorer("a", "outcome", tmp_path, max_model_len=99),
        scorer("b", "step", tmp_path, kv_cache_mib=128),
        starter=starter,
    )
    assert starter.started[0][0] == PoolingEngineConfig(max_model_len=99, kv_cache_mib=128)


def test_sharers_that_disagree_are_told_so(tmp_path: Path) -> None:
    save(tmp_path)
    with pytest.raises(ScorerLoadError, match=r"scorer 'a': `max_num_seqs` differs.*a: 8, b: 9"):
        load(
            scorer("a", "outcome", tmp_path, max_num_seqs=8),
            scorer("b", "step", tmp_path, max_num_seqs=9),
            starter=Starter(),
        )


def test_a_label_beyond_the_head_names_the_scorer_before_anything_starts(tmp_path: Path) -> None:
    starter = Starter()
    with pytest.raises(ScorerLoadError, match=r"scorer 'b': label 2 .* rows are 0 to 1"):
        load(scorer("a", "outcome", save(tmp_path)), scorer("b", "step", tmp_path, label=2), starter=starter)
    assert not starter.started


def test_softmax_over_one_row_is_refused(tmp_path: Path) -> None:
    import torch

    save(tmp_path, config={"id2label": {"0": "good"}}, head=torch.ones(1, 4))
    with pytest.raises(ScorerLoadError, match="softmax of the one row"):
        load(scorer("a", "step", tmp_path, activation="softmax"), starter=Starter())


def test_an_unsound_checkpoint_names_the_scorer_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ScorerLoadError, match=r"^scorer 'a': no readable config\.json") as error:
        load(scorer("a", "outcome", tmp_path), starter=Starter())
    assert "\n" not in str(error.value)


def test_an_engine_that_cannot_start_stops_those_that_did(tmp_path: Path) -> None:
    starter = Starter(fails_at=1)
    first, second = save(tmp_path / "one"), save(tmp_path / "two")
    with pytest.raises(ScorerLoadError, match=r"^scorer 'b': RuntimeError: out of memory$"):
        load(scorer("a", "outcome", first), scorer("b", "outcome", second), starter=starter)
    assert starter.started[0][2].is_closed


def test_scorers_describe_themselves_in_the_order_of_the_configuration(tmp_path: Path) -> None:
    save(tmp_path)
    settings = [
        scorer("s", "step", tmp_path, label=1, activation="sigmoid", step_delimiter="\n\n"),
        scorer("script", "outcome", "", backend="scripted"),
        scorer("o", "outcome", tmp_path),
    ]
    infos = load(*settings, starter=Starter()).describe()
    assert [info.name for info in infos] == ["s", "script", "o"]
    assert (infos[0].label, infos[0].activation, infos[0].step_delimiter) == (1, "sigmoid", "\n\n")
    assert (infos[1].model, infos[1].parameters, infos[1].step_delimiter) == ("scripted", None, None)
    assert (infos[2].parameters, infos[2].max_model_len, infos[2].dtype) == (20, 10_000, "float32")


def test_a_transformers_scorer_gets_a_worker_and_no_engine(tmp_path: Path) -> None:
    starter, workers = Starter(), WorkerStarter()
    save(tmp_path)
    asked = {"backend": "transformers", "max_batch_tokens": 64, "cpu_cores": "0"}
    loaded = load(
        scorer("o", "outcome", tmp_path, **asked),
        scorer("s", "step", tmp_path, **asked),
        starter=starter,
        workers=workers,
    )
    assert not starter.started
    ((shape, checkpoint, model),) = workers.started
    assert shape == WorkerShape(max_batch_tokens=64, cpu_cores="0")
    assert checkpoint.path == tmp_path
    assert loaded.engines == {"o": model}
    assert loaded.describe()[0].backend == "transformers"


def test_an_architecture_that_a_backend_cannot_load_says_which_can(tmp_path: Path) -> None:
    save(tmp_path, config={"architectures": ["Qwen2ForPrmModel"]})
    with pytest.raises(
        ScorerLoadError, match="vllm cannot load Qwen2ForPrmModel: set `backend: transformers`"
    ):
        load(scorer("a", "step", tmp_path), starter=Starter())


def test_a_head_that_judges_whole_texts_scores_no_steps(tmp_path: Path) -> None:
    tensors = {"classifier.weight": __import__("torch").ones(2, 4)}
    save(tmp_path, config={"architectures": ["ModernBertForSequenceClassification"]}, tensors=tensors)
    with pytest.raises(ScorerLoadError, match="judges a text as a whole"):
        load(scorer("a", "step", tmp_path), starter=Starter())
    starter = Starter()
    load(scorer("a", "outcome", tmp_path, input="pair"), starter=starter)
    assert starter.started[0][0].reads == "text"


def test_two_forms_of_input_are_two_engines(tmp_path: Path) -> None:
    starter = Starter()
    save(tmp_path)
    load(scorer("a", "outcome", tmp_path), scorer("b", "outcome", tmp_path, input="pair"), starter=starter)
    assert len(starter.started) == 2


def test_the_end_token_and_truncation_reach_the_scorer(tmp_path: Path) -> None:
    head = {"v_head.weight": __import__("torch").ones(1, 4)}
    config = {"architectures": ["InternLM2ForRewardModel"], "reward_token_id": 7, "id2label": None}
    save(tmp_path, config=config, tensors=head)
    outcome = load(scorer("a", "outcome", tmp_path, truncation="truncate_left"), starter=Starter()).outcome(
        None
    )
    assert isinstance(outcome, PooledOutcomeScorer)
    assert (outcome.end_token_id, outcome.truncates) == (7, True)


def test_every_loaded_model_is_checked_unless_told_not_to(tmp_path: Path) -> None:
    save(tmp_path)
    own = {"prompt": "q", "chosen": "r", "rejected": "w"}
    loaded = load(
        scorer("built-in", "outcome", tmp_path),
        scorer("pair", "outcome", tmp_path, input="pair"),
        scorer("own", "step", tmp_path, sanity_check=own),
        scorer("not", "step", tmp_path, sanity_check=False),
        scorer("script", "step", "", backend="scripted"),
        starter=Starter(),
    )
    assert loaded.checks == {"built-in": ARITHMETIC, "pair": RELEVANCE, "own": SanityCheck(**own)}


def test_plans_made_before_are_not_made_again(tmp_path: Path) -> None:
    settings = [scorer("a", "outcome", save(tmp_path))]
    planned = plans(settings, str)
    (tmp_path / "config.json").unlink()
    starter = Starter()
    load(*settings, starter=starter, planned=planned)
    assert len(starter.started) == 1


def test_what_is_the_default_was_not_stated(tmp_path: Path) -> None:
    """A configuration merged from several sources has every field set."""
    save(tmp_path)
    settings = [
        scorer("a", "outcome", tmp_path, max_num_seqs=8),
        scorer("b", "step", tmp_path, max_num_seqs=64, cpu_cores=None),
    ]
    starter = Starter()
    load(*settings, starter=starter)
    assert starter.started[0][0] == PoolingEngineConfig(max_num_seqs=8)


def test_scripted_scorers_load_without_any_model_library() -> None:
    program = """
import sys
from service.engine.group_lock import GroupLock
from service.reward_models.loading.loader import load_scorers
from service.reward_models.loading.registry import ScorerSettings
load_scorers([ScorerSettings(name="o", kind="outcome", backend="scripted"),
              ScorerSettings(name="s", kind="step", backend="scripted", step_delimiter="#")], str, GroupLock())
heavy = {"torch", "vllm", "transformers", "safetensors", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
