"""Change the strategies in one place at a time and see whether their tests notice: `make mutants ARGS="--seed 7"`.

A mutant changes one comparison, arithmetic or logical operator, `not`, number or boolean in `strategies/`, drawn at
random by the seed. It is killed when `tests/strategies` fails or takes five times as long as it should.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
COPIED: Final = ("strategies", "service", "tests", "clients", "scripts", "docs", "pyproject.toml")
TIME_LIMIT_S: Final = 180

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed place: the file, its line, what it was, what it is, and the file's new text."""

    path: Path
    line: int
    before: str
    after: str
    text: str


def mutants_of(path: Path, text: str) -> Iterator[Mutant]:
    """Every mutant of one file."""
    for node in _rules(ast.parse(text)):
        for changed in _changed(node):
            yield _mutant(path, text, node, changed)


def _rules(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions that are rules: not decorators (`frozen=True`), nor the declared bounds of a parameter."""
    yield node
    for field, value in ast.iter_fields(node):
        if field == "decorator_list":
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _declares(child):
                yield from _rules(child)


def _declares(node: ast.AST) -> bool:
    """Whether it is a bound of a parameter, or `strict=True` of `zip`, which only ever raises."""
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field"


def _changed(node: ast.AST) -> Iterator[ast.expr]:
    """The same expression, changed in one place; nothing for what is not mutated."""
    match node:
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                other = copy.deepcopy(node)
                other.ops[place] = _COMPARISONS[type(op)]()
                yield other
        case ast.BinOp(op=op) if type(op) in _OPERATORS and not _joins_types(node):
            other_sum = copy.deepcopy(node)
            other_sum.op = _OPERATORS[type(op)]()
            yield other_sum
        case ast.BoolOp(op=op):
            either = copy.deepcopy(node)
            either.op = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield either
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield copy.deepcopy(operand)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(number)) | ast.Constant(value=float(number)):
            yield ast.Constant(number + 1)


def _joins_types(node: ast.BinOp) -> bool:
    """Whether `+` joins texts; a minus there is an error and no change of a rule."""
    sides = (node.left, node.right)
    return any(isinstance(side, (ast.JoinedStr, ast.Tuple, ast.List)) or _is_text(side) for side in sides)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _mutant(path: Path, text: str, node: ast.AST, changed: ast.expr) -> Mutant:
    assert isinstance(node, ast.expr)
    lines = text.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    written = f"({ast.unparse(ast.fix_missing_locations(changed))})"
    new = text.encode()[:start] + written.encode() + text.encode()[end:]
    before = text.encode()[start:end].decode()
    return Mutant(path, node.lineno, before, written, new.decode())


def drawn(seed: int, count: int) -> list[Mutant]:
    """`count` mutants of all in `strategies/`, drawn by the seed."""
    everything: list[Mutant] = []
    for path in sorted((ROOT / "strategies").rglob("*.py")):
        everything += mutants_of(path.relative_to(ROOT), path.read_text())
    return random.Random(seed).sample(everything, min(count, len(everything)))


def is_killed(mutant: Mutant, folder: Path) -> bool:
    """Whether the tests of the strategies fail on it, run in a copy of the tree."""
    target = folder / mutant.path
    original = target.read_text()
    target.write_text(mutant.text)
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "tests/strategies"]
    environment = os.environ | {"PYTHONPATH": f"{folder}:{folder}/clients/python", "OMP_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=TIME_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        target.write_text(original)
    return ended.returncode != 0


def run(mutants: Sequence[Mutant], workers: int) -> list[Mutant]:
    """The mutants that lived; each worker has a copy of the tree of its own."""
    with tempfile.TemporaryDirectory() as place:
        folders: Queue[Path] = Queue()
        for number in range(workers):
            folders.put(_copied(Path(place) / str(number)))

        def tried(mutant: Mutant) -> bool:
            folder = folders.get()
            try:
                killed = is_killed(mutant, folder)
            finally:
                folders.put(folder)
            if not killed:
                print(f"lived: {mutant.path}:{mutant.line}  {mutant.before}  ->  {mutant.after}", flush=True)
            return killed

        with ThreadPoolExecutor(workers) as pool:
            verdicts = list(pool.map(tried, mutants))
    return [mutant for mutant, killed in zip(mutants, verdicts, strict=True) if not killed]


def _copied(folder: Path) -> Path:
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    return folder


def main() -> int:
    """Exit 1 if more than `--allowed` mutants live."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--allowed", type=int, default=3, help="mutants that may live")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    mutants = drawn(options.seed, options.count)
    lived = run(mutants, options.workers)
    print(f"{len(mutants) - len(lived)} of {len(mutants)} mutants killed (seed {options.seed})")
    return 1 if len(lived) > options.allowed else 0


if __name__ == "__main__":
    sys.exit(main())
