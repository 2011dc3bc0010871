"""The examples of the client's pages run against a service, as they stand there."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.service.fixtures import Running

ROOT = Path(__file__).resolve().parents[3]
ADDRESS = "http://127.0.0.1:8000"


def examples(page: str) -> list[str]:
    """The Python blocks of a page."""
    blocks = (ROOT / page).read_text().split("```python\n")[1:]
    return [block.split("```")[0] for block in blocks]


EXAMPLES = [
    pytest.param(code, id=f"{page}-{number}")
    for page in ("docs/client.md", "clients/python/README.md")
    for number, code in enumerate(examples(page), 1)
]


def run(code: str) -> None:
    """The example, and what it leaves to the end of its program: closing the client."""
    names: dict[str, Any] = {"__name__": "example"}
    try:
        exec(code, names)
    finally:
        if "client" in names:
            names["client"].close()


@pytest.mark.parametrize("code", EXAMPLES)
async def test_example_runs(shared: Running, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ADDRESS in code
    await asyncio.to_thread(run, code.replace(ADDRESS, shared.url))
    assert capsys.readouterr().out.strip()
