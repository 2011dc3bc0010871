"""Write the parts of the documentation that the code knows: between `<!-- generated: NAME -->` and `<!-- end -->`."""

import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scripts.markdown import ROOT, pages

_BLOCK: Final = re.compile(
    r"(?P<open><!-- generated: (?P<name>[^\n]+?) -->\n)(?P<body>.*?)(?P<end><!-- end -->)", re.S
)


class GenerationError(Exception):
    """A generated block names something that is not there."""


def strategies(page: Path, argument: str) -> str:
    """One row a strategy, each linked to its page."""
    rows = []
    for name, strategy in _catalog().items():
        link = os.path.relpath(ROOT / "docs" / "strategies" / f"{name}.md", page.parent)
        kinds = " or ".join(getattr(strategy, "scorer_kinds", ())) or "none"
        if kinds != "none" and not getattr(strategy(), "uses_scorer", True):
            kinds += ", optional"
        rows.append([f"[`{name}`]({link})", summary(strategy), kinds])
    return table(["Strategy", "What it does", "Scorer"], rows)


def parameters(page: Path, argument: str) -> str:
    """One row a parameter of the strategy named in the block, its own before the common ones."""
    strategy = _catalog().get(argument)
    if strategy is None:
        raise GenerationError(f"no strategy is called {argument!r}")
    own = strategy.__annotations__
    fields = sorted(flatten(strategy), key=lambda found: found[0].partition(".")[0] not in own)
    rows = [[f"`{path}`", default(field), field.description or ""] for path, field in fields]
    return table(["Parameter", "Default", "Meaning"], rows)


def settings(page: Path, argument: str) -> str:
    """One row a setting, nested ones by their path in the YAML file."""
    from service.settings import Settings

    rows = [[f"`{path}`", default(field), field.description or ""] for path, field in flatten(Settings)]
    return table(["Setting", "Default", "Meaning"], rows)


def reward_models(page: Path, argument: str) -> str:
    """One row a family of known reward models, with the settings that the registry fills in."""
    from service.reward_models.loading.known_models import known_models

    rows = []
    for known in known_models():
        told = json.dumps(known.settings, ensure_ascii=False)
        names = "<br>".join(f"`{model}`" for model in known.models)
        rows.append(
            [
                names,
                known.kind,
                f"`{known.architecture}`",
                f"`{told}`" if known.settings else "none",
                known.evidence,
            ]
        )
    return table(["Model", "Kind", "Architecture", "Settings", "Tested"], rows)


def scorer(page: Path, argument: str) -> str:
    """One row a setting of the scorers with the backend named in the block; `name` and `kind` are in all of them."""
    from service.reward_models.loading.registry import BACKENDS

    if argument not in BACKENDS:
        raise GenerationError(f"no scorer has the backend {argument!r}")
    fields = [
        found for found in flatten(BACKENDS[argument].settings) if found[0] not in ("name", "kind", "backend")
    ]
    rows = [[f"`{path}`", default(field), field.description or ""] for path, field in fields]
    return table(["Setting", "Default", "Meaning"], rows)


GENERATORS: Final[Mapping[str, Callable[[Path, str], str]]] = {
    "strategies": strategies,
    "parameters": parameters,
    "settings": settings,
    "scorer": scorer,
    "reward-models": reward_models,
}


def _catalog() -> Mapping[str, type[BaseModel]]:
    from strategies.catalog import CATALOG

    return CATALOG


def summary(model: type[BaseModel]) -> str:
    """The first line of a class's docstring."""
    return (inspect.getdoc(model) or "").partition("\n")[0]


def flatten(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """The leaves of a model of models; `[]` marks a list, `NAME` stands for a key."""
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is None:
            yield prefix + name, field
        else:
            kind = str(field.annotation)
            mark = "[]" if "list[" in kind else ".NAME" if "dict[" in kind else ""
            yield from flatten(inner, f"{prefix}{name}{mark}.")


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that an annotation such as `list[Model] | None` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def default(field: FieldInfo) -> str:
    """A default as it is written in YAML."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ({}, [], ()):
        return "none"
    return f"`{json.dumps(value, default=str)}`"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def regenerate(page: Path, text: str) -> str:
    """A page's text with every generated block up to date."""

    def fill(block: re.Match[str]) -> str:
        name, _, argument = block["name"].partition(" ")
        if name not in GENERATORS:
            raise GenerationError(f"no generator is called {name!r}; there are: {', '.join(GENERATORS)}")
        return f"{block['open']}{GENERATORS[name](page, argument)}\n{block['end']}"

    return _BLOCK.sub(fill, text)


def main() -> int:
    """Rewrite the pages whose generated parts are out of date."""
    for page in pages():
        text = page.read_text()
        try:
            fresh = regenerate(page, text)
        except (GenerationError, ImportError) as error:
            print(f"{page.relative_to(ROOT)}: {error}", file=sys.stderr)
            return 1
        if fresh != text:
            page.write_text(fresh)
            print(f"wrote {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
