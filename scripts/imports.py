"""The import rules: who may import whom, read from the source, so that imports inside functions count too."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WEB: Final = {"aiohttp", "fastapi", "httpx", "httpx2", "requests", "sse_starlette", "starlette", "uvicorn"}
MODELS: Final = {"gguf", "peft", "tokenizers", "torch", "transformers", "vllm"}
WITH_MODELS: Final = ("service.engine", "service.reward_models", "service.embedded")
WITH_EMBEDDED: Final = ("service.app", "service.cli", "service.embedded")
# What starts an engine or loads a model, by the package or module that does.
STARTERS: Final = {
    "service.engine.vllm",
    "service.engine.remote",
    "service.engine.scripted.engine",
    "service.reward_models.loading.loader",
}
ROOT: Final = Path(__file__).resolve().parent.parent
NOT_STRATEGIES: Final = {"catalog", *(path.name for path in (ROOT / "strategies").glob("*/"))}


@dataclass(frozen=True)
class Source:
    """A module and everything that it imports, anywhere in it."""

    module: str
    imports: frozenset[str]

    def uses(self, package: str) -> bool:
        """Whether it imports the package or something in it."""
        return any(within(name, package) for name in self.imports)


def within(module: str, package: str) -> bool:
    """Whether a dotted name is the package or lies in it."""
    return module == package or module.startswith(f"{package}.")


def read(module: str, code: str) -> Source:
    """What a module imports; `from a import b` counts as `a` and as `a.b`."""
    return Source(
        module, frozenset(name for node in ast.walk(ast.parse(code, module)) for name in _imported(node))
    )


def _imported(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), names=names):
            yield from (module, *(f"{module}.{alias.name}" for alias in names))
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            yield name


def tree(root: Path, *folders: str) -> list[Source]:
    """Every module under the folders."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    return [read(_dotted(path.relative_to(root)), path.read_text()) for path in paths]


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def strategies_stay_pure(sources: Iterable[Source]) -> list[str]:
    """Strategies know neither the service nor the web nor an engine; of the models only decoding knows torch."""
    broken = []
    for source in sources:
        banned = {"service", *WEB, *MODELS}
        if within(source.module, "strategies.decoding"):
            banned.remove("torch")
        if within(source.module, "strategies"):
            broken += _uses(source, banned)
    return broken


def models_stay_in_their_folders(sources: Iterable[Source]) -> list[str]:
    """Only the adapters and the builder of the embedded models import the model libraries."""
    inside = [s for s in sources if within(s.module, "service")]
    outside = [s for s in inside if not any(within(s.module, folder) for folder in WITH_MODELS)]
    return [line for source in outside for line in _uses(source, MODELS)]


def strategies_stand_alone(sources: Iterable[Source]) -> list[str]:
    """No strategy imports another: what they share lies in the folders beside them."""
    listed = list(sources)
    names = {s.module for s in listed if is_strategy(s.module)}
    pairs = ((s, names - {s.module, "strategies"}) for s in listed if s.module in names)
    return [line for source, others in pairs for line in _uses(source, others)]


def is_strategy(module: str) -> bool:
    """Whether a module's place says that it is a strategy: a file right in `strategies/`, except the catalogue."""
    parent, _, name = module.rpartition(".")
    return parent == "strategies" and name not in NOT_STRATEGIES


def only_the_app_constructs(sources: Iterable[Source]) -> list[str]:
    """What starts an engine or loads a model is imported by `service.app` and its own folder only."""
    listed = list(sources)
    starters = STARTERS | {s.module for s in listed if _starts_something(s)}
    exempt = ("service.app", *WITH_MODELS)
    users = [s for s in listed if not any(within(s.module, place) for place in exempt)]
    return [line for source in users for line in _uses(source, starters)]


def _starts_something(source: Source) -> bool:
    holds_engines = within(source.module, "service.engine") or within(source.module, "service.reward_models")
    return holds_engines and source.uses("vllm")


def requests_do_not_build_models(sources: Iterable[Source]) -> list[str]:
    """The builder of the embedded models is for starting up and for the command line."""
    inside = [s for s in sources if within(s.module, "service")]
    others = [s for s in inside if not any(within(s.module, place) for place in WITH_EMBEDDED)]
    return [line for source in others for line in _uses(source, {"service.embedded"})]


def clients_stand_alone(sources: Iterable[Source]) -> list[str]:
    """A client installs without the server."""
    clients = [s for s in sources if within(s.module, "clients")]
    return [
        line for source in clients for line in _uses(source, {"service", "strategies", "scripts", *MODELS})
    ]


def _uses(source: Source, packages: Iterable[str]) -> list[str]:
    return [f"{source.module} imports {package}" for package in sorted(packages) if source.uses(package)]
