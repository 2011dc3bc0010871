"""The façade: all that is public, in order, and nothing that needs more than httpx and pydantic."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import nbest_client
from nbest_client import AsyncClient, Client

PACKAGE = Path(nbest_client.__file__).parent


def test_the_names_are_sorted_and_exist() -> None:
    assert nbest_client.__all__ == sorted(nbest_client.__all__)
    assert all(hasattr(nbest_client, name) for name in nbest_client.__all__)


def test_everything_imported_there_is_public() -> None:
    public = {name for name, value in vars(nbest_client).items() if not inspect.ismodule(value)}
    own = {name for name in public if not name.startswith("_")} | {"__version__"}
    assert own == set(nbest_client.__all__)


def test_every_module_beside_it_is_private() -> None:
    beside = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert {"_http", "_responses", "_client.py"} <= {path.name for path in beside}
    assert all(path.name.startswith("_") for path in beside)


def test_httpx_is_used_in_one_place() -> None:
    users = {path.name for path in PACKAGE.rglob("*.py") if "httpx." in path.read_text()}
    # The clients only name the type of the httpx client that a caller may bring.
    assert users == {"transport.py", "_client.py", "_async_client.py"}
    for name in ("_client.py", "_async_client.py"):
        tree = ast.parse((PACKAGE / name).read_text())
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "httpx"
        }
        assert used <= {"Client", "AsyncClient"}


def test_importing_it_loads_no_other_library() -> None:
    code = "import sys, nbest_client; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert not {"service", "strategies", "openai", "fastapi", "numpy", "torch"} & set(found.stdout.split())


def test_both_clients_have_the_same_calls() -> None:
    calls = {name for name in vars(Client) if not name.startswith("_")}
    assert {name for name in vars(AsyncClient) if not name.startswith("_")} == calls - {"close"} | {"aclose"}
    for name in calls - {"close"}:
        sync, awaited = (inspect.signature(getattr(cls, name)) for cls in (Client, AsyncClient))
        assert sync.parameters == awaited.parameters, name
    mine, theirs = (dict(inspect.signature(cls).parameters) for cls in (Client, AsyncClient))
    assert mine.pop("http").kind == theirs.pop("http").kind
    assert mine == theirs
