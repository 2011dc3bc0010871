"""The client's typed strategies are written from the catalogue: a part of `make client`; the client imports none of it.

Each field keeps its type, default, bounds and description. What the server's base classes share stands in the client's
own bases (`_strategy.py`), which are written by hand.
"""

import re
import textwrap
import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from scripts.generate_client import PACKAGE, tidied
from strategies.answers.voting_strategy import VotingStrategy
from strategies.base.strategy import Strategy
from strategies.catalog import STRATEGIES
from strategies.sampling.scored_strategy import ScoredStrategy
from strategies.sampling.stopping_strategy import StoppingStrategy

TARGET: Final = PACKAGE / "_strategies.py"
EXPORTS: Final = PACKAGE / "__init__.py"
_BASES: Final[dict[Any, str]] = {
    StoppingStrategy: "Stopping",
    VotingStrategy: "Voting",
    ScoredStrategy: "Scored",
}
_BOUNDS: Final[dict[Any, str]] = {
    Ge: "ge",
    Gt: "gt",
    Le: "le",
    Lt: "lt",
    MinLen: "min_length",
    MaxLen: "max_length",
}
_HEAD: Final = '''"""The strategies of the catalogue, each with the server's parameters, defaults and bounds.

Written from the catalogue by `make client`: change the server's strategies.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from nbest_client._strategy import AnswerForm, Scored, Stopping, Strategy, Voting
'''


def strategies_module() -> str:
    """The text of `_strategies.py`."""
    return tidied("\n\n".join([_HEAD, *map(_class, STRATEGIES)]), TARGET)


def exports_module(current: str) -> str:
    """The text of `__init__.py` with the classes of the catalogue imported and listed."""
    names = sorted(strategy.__name__ for strategy in STRATEGIES)
    block = "from nbest_client._strategies import (\n" + "".join(f"    {name},\n" for name in names) + ")"
    old = re.search(r"from nbest_client\._strategies import \([^)]*\)", current)
    listed = re.search(r"__all__ = \[(.*?)\]", current, re.DOTALL)
    if old is None or listed is None:
        raise ValueError(f"{EXPORTS.name} has no import of the strategies, or no __all__")
    gone = set(re.findall(r"\w+", old[0].partition("(")[2]))
    public = (set(re.findall(r'"(\w+)"', listed[1])) - gone) | set(names)
    text = current.replace(old[0], block)
    lines = "".join(f'    "{name}",\n' for name in sorted(public))
    return tidied(text.replace(listed[0], f"__all__ = [\n{lines}]"), EXPORTS)


def _class(strategy: type[Strategy]) -> str:
    bases = [base for base in _BASES if issubclass(strategy, base)]
    if StoppingStrategy in bases:
        bases.remove(VotingStrategy)
    inherited = dict(Strategy.model_fields)
    for base in bases:
        inherited |= base.model_fields
    own = {
        name: field
        for name, field in strategy.model_fields.items()
        if name not in inherited or field.default != inherited[name].default
    }
    summary = (strategy.__doc__ or "").strip().splitlines()[0]
    parents = ", ".join(_BASES[base] for base in bases) or "Strategy"
    head = f'class {strategy.__name__}({parents}):\n    """{summary}"""\n'
    fields = "".join(f"    {line}\n{_docstring(field.description or '')}" for line, field in _fields(own))
    return f'{head}\n    name: ClassVar[str] = "{strategy.name}"\n\n{fields}'


def _docstring(text: str) -> str:
    """The description under its field, in lines that keep to their length."""
    return textwrap.indent(textwrap.fill(f'"""{text}"""', 112, break_long_words=False), "    ") + "\n"


def _fields(own: dict[str, FieldInfo]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in own.items():
        bounds = [
            f"{_BOUNDS[type(bound)]}={_value(bound)!r}" for bound in field.metadata if type(bound) in _BOUNDS
        ]
        typed, extra = _typed(field.annotation)
        default = field.default
        if default is PydanticUndefined:
            arguments = [f"default_factory={_factory(field)}", *extra, *bounds]
            yield f"{name}: {typed} = Field({', '.join(arguments)})", field
        elif bounds:
            yield f"{name}: {typed} = Field({', '.join([repr(default), *bounds])})", field
        else:
            yield f"{name}: {typed} = {default!r}", field


def _value(bound: Any) -> Any:
    return getattr(bound, str(_BOUNDS[type(bound)]))


def _factory(field: FieldInfo) -> str:
    origin: Any = get_origin(field.annotation)
    return "tuple" if origin is list else str(getattr(origin or field.annotation, "__name__", ""))


def _typed(annotation: Any) -> tuple[str, list[str]]:
    """The type as it is written, and what its field needs beside: a frozen client holds tuples for lists."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list:
        return f"tuple[{_typed(arguments[0])[0]}, ...]", ["strict=False"]
    return _written(annotation), []


def _written(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is type(None) or annotation is None:
        return "None"
    if origin in (Union, types.UnionType):
        return " | ".join(map(_written, arguments))
    if origin is Literal:
        return "Literal[" + ", ".join(f'"{a}"' if isinstance(a, str) else repr(a) for a in arguments) + "]"
    if origin is Annotated:
        inner = [m for a in arguments[1:] for m in getattr(a, "metadata", [a])]
        bounds = ", ".join(f"{_BOUNDS[type(m)]}={_value(m)!r}" for m in inner if type(m) in _BOUNDS)
        return f"Annotated[{_written(arguments[0])}, Field({bounds})]" if bounds else _written(arguments[0])
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_written, arguments))}]"
    return "Any" if annotation is Any else str(annotation.__name__)
