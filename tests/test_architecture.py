"""Who may import whom, and that a strategy's file, class, test and page agree; each rule sees bad samples too."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from scripts import imports
from scripts.imports import Source, is_strategy, read, tree
from strategies.base.strategy import Strategy
from strategies.catalog import CATALOG

ROOT = Path(__file__).resolve().parent.parent
Rule = Callable[[Iterable[Source]], list[str]]
RULES: list[Rule] = [
    imports.strategies_stay_pure,
    imports.models_stay_in_their_folders,
    imports.strategies_stand_alone,
    imports.only_the_app_constructs,
    imports.requests_do_not_build_models,
    imports.clients_stand_alone,
]


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return list(tree(ROOT, "service", "strategies", "clients"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_tree_keeps(sources: list[Source], rule: Rule) -> None:
    assert rule(sources) == []


def test_tree_was_read(sources: list[Source]) -> None:
    modules = {source.module for source in sources}
    assert {"service.app", "strategies.catalog", "strategies.best_of_n"} <= modules
    assert any(source.uses("vllm") for source in sources)


BAD: list[tuple[Rule, dict[str, str]]] = [
    (imports.strategies_stay_pure, {"strategies.best_of_n": "from service import settings"}),
    (imports.strategies_stay_pure, {"strategies.base.ports": "def f():\n    import httpx"}),
    (imports.strategies_stay_pure, {"strategies.answers.groups": "import torch.nn"}),
    (imports.strategies_stay_pure, {"strategies.decoding.top_h": "from vllm import SamplingParams"}),
    (imports.models_stay_in_their_folders, {"service.runner": "def f():\n    from torch import nn"}),
    (
        imports.models_stay_in_their_folders,
        {"service.app": "import importlib\nimportlib.import_module('vllm')"},
    ),
    (
        imports.models_stay_in_their_folders,
        {"service.cli.main": "if TYPE_CHECKING:\n    import transformers"},
    ),
    (
        imports.strategies_stand_alone,
        {"strategies.majority": "", "strategies.fusion_of_n": "from strategies import majority"},
    ),
    (
        imports.strategies_stand_alone,
        {"strategies.majority": "", "strategies.fusion_of_n": "from strategies.majority import select"},
    ),
    (
        imports.only_the_app_constructs,
        {
            "service.runner": "from service.engine.vllm.engine import VllmEngine",
        },
    ),
    (
        imports.only_the_app_constructs,
        {
            "service.engine.vllm.engine": "",
            "service.cli.main": "def f():\n    from service.engine.vllm import engine",
        },
    ),
    (
        imports.only_the_app_constructs,
        {
            "service.reward_models.loading.loader": "",
            "service.routes.chat": "import service.reward_models.loading.loader",
        },
    ),
    (
        imports.only_the_app_constructs,
        {
            "service.reward_models.pooling.engine_args": "import vllm",
            "service.meter": "import service.reward_models.pooling.engine_args",
        },
    ),
    (
        imports.requests_do_not_build_models,
        {"service.routes.chat": "from service.embedded.build import build"},
    ),
    (imports.clients_stand_alone, {"clients.python.nbest_client.types": "from service.protocol import chat"}),
]


@pytest.mark.parametrize(("rule", "files"), BAD)
def test_rule_catches(rule: Rule, files: dict[str, str]) -> None:
    assert rule([read(module, code) for module, code in files.items()])


GOOD: list[tuple[Rule, dict[str, str]]] = [
    (
        imports.strategies_stay_pure,
        {"strategies.decoding.top_h": "import torch", "service.app": "import fastapi"},
    ),
    (imports.models_stay_in_their_folders, {"service.engine.vllm.engine": "import vllm"}),
    (
        imports.strategies_stand_alone,
        {
            "strategies.majority": "from strategies.answers import vote",
            "strategies.catalog": "import strategies.majority",
        },
    ),
    (
        imports.only_the_app_constructs,
        {
            "service.engine.vllm.engine": "",
            "service.app": "from service.engine.vllm.engine import VllmEngine",
        },
    ),
    (
        imports.only_the_app_constructs,
        {"service.engine.precomputed": "", "service.routes.score": "import service.engine.precomputed"},
    ),
    (imports.requests_do_not_build_models, {"service.app": "from service.embedded.build import build"}),
    (imports.clients_stand_alone, {"clients.python.nbest_client.types": "import httpx, pydantic"}),
]


@pytest.mark.parametrize(("rule", "files"), GOOD)
def test_rule_allows(rule: Rule, files: dict[str, str]) -> None:
    assert rule([read(module, code) for module, code in files.items()]) == []


def misnamed(catalog: Iterable[tuple[str, str, str]], files: set[str]) -> list[str]:
    """What disagrees among (catalogue name, class name attribute, module) and the files in `strategies/`."""
    rows = list(catalog)
    wrong = [
        f"{key}: class says {name!r}, file is {module}"
        for key, name, module in rows
        if not key == name == module
    ]
    return [
        *wrong,
        *(f"{file}.py is not in the catalogue" for file in sorted(files - {key for key, _, _ in rows})),
    ]


def test_strategy_is_called_the_same_in_catalogue_class_and_file(sources: list[Source]) -> None:
    rows = [(key, cls.name, cls.__module__.removeprefix("strategies.")) for key, cls in CATALOG.items()]
    files = {s.module.removeprefix("strategies.") for s in sources if is_strategy(s.module)}
    assert misnamed(rows, files) == []


def test_names_that_disagree_are_found() -> None:
    assert misnamed([("a", "a", "a")], {"a"}) == []
    assert misnamed([("a", "b", "a")], {"a"})
    assert misnamed([("a", "a", "b")], {"a"})
    assert misnamed([("a", "a", "a")], {"a", "forgotten"})


def incomplete(name: str, strategy: type[Strategy], root: Path) -> list[str]:
    """What a strategy lacks of its page, its tests and its one-line summary."""
    files = [f"docs/strategies/{name}.md", f"tests/strategies/test_{name}.py"]
    missing = [file for file in files if not (root / file).is_file()]
    return missing if (strategy.__doc__ or "").strip() else [*missing, "docstring"]


@pytest.mark.parametrize("name", CATALOG)
def test_strategy_has_its_page_and_its_tests(name: str) -> None:
    assert incomplete(name, CATALOG[name], ROOT) == []


def test_missing_page_or_test_is_found(tmp_path: Path) -> None:
    assert len(incomplete("best_of_n", CATALOG["best_of_n"], tmp_path)) == 2
