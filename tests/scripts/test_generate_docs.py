"""The tables in the documentation say what the code says."""

import pytest
from pydantic import BaseModel, Field

from scripts.generate_docs import GENERATORS, GenerationError, default, flatten, parameters, regenerate, table
from scripts.markdown import ROOT
from service.settings import Settings
from strategies.catalog import CATALOG

README = ROOT / "README.md"


class Inner(BaseModel):
    port: int = Field(80, description="Port.")


class Outer(BaseModel):
    """A model of models."""

    server: Inner = Field(default_factory=Inner, description="Server.")
    others: list[Inner] | None = Field(None, description="More.")
    named: dict[str, Inner] = Field(default_factory=dict, description="By name.")
    name: str = Field(description="Name.")
    on: bool = Field(True, description="Whether.")


def test_nested_settings_are_listed_by_path() -> None:
    assert [path for path, _ in flatten(Outer)] == [
        "server.port",
        "others[].port",
        "named.NAME.port",
        "name",
        "on",
    ]


def test_defaults_are_written_as_in_yaml() -> None:
    assert [default(field) for _, field in flatten(Outer)] == ["`80`", "`80`", "`80`", "required", "`true`"]


def test_bars_in_cells_do_not_break_the_table() -> None:
    assert table(["A"], [["x | y"]]).splitlines()[2] == "| x \\| y |"


def test_every_strategy_has_its_row_and_every_row_its_link() -> None:
    rows = GENERATORS["strategies"](README, "").splitlines()[2:]
    assert len(rows) == len(CATALOG)
    assert all(f"(docs/strategies/{name}.md)" in row for name, row in zip(CATALOG, rows, strict=True))
    assert "| outcome or step, optional |" in "\n".join(rows)
    nested = GENERATORS["strategies"](ROOT / "docs" / "index.md", "")
    assert "(strategies/best_of_n.md)" in nested


def test_every_setting_has_a_description() -> None:
    assert [path for path, field in flatten(Settings) if not field.description] == []


@pytest.mark.parametrize("name", CATALOG)
def test_every_parameter_has_a_description(name: str) -> None:
    assert [path for path, field in flatten(CATALOG[name]) if not field.description] == []


def test_own_parameters_come_first() -> None:
    assert parameters(README, "best_of_n").splitlines()[2].startswith("| `n` |")


def test_unknown_block_or_strategy_is_refused() -> None:
    with pytest.raises(GenerationError, match="no strategy"):
        parameters(README, "worst_of_n")
    with pytest.raises(GenerationError, match="no generator"):
        regenerate(README, "<!-- generated: weather -->\n<!-- end -->\n")


def test_text_outside_the_blocks_is_kept() -> None:
    text = "before\n<!-- generated: parameters best_of_n -->\nold\n<!-- end -->\nafter\n"
    fresh = regenerate(README, text)
    assert fresh.startswith("before\n<!-- generated: parameters best_of_n -->\n| Parameter |")
    assert fresh.endswith("|\n<!-- end -->\nafter\n")
    assert regenerate(README, fresh) == fresh
