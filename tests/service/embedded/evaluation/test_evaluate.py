"""The published table: written between the page's markers, a column a family."""

from pathlib import Path

import pytest

from service.embedded.evaluation.evaluate import BEGIN, FIGURES, FINISH, replace_table, tabulate
from service.embedded.evaluation.figures import judged
from service.embedded.paths import EmbeddedError
from service.embedded.problems.problems import problems


def test_the_table_replaces_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{FINISH}\nafter\n")
    replace_table(page, "| new |")
    replace_table(page, "| newer |")
    assert page.read_text() == f"before\n{BEGIN}\n| newer |\n{FINISH}\nafter\n"


def test_a_page_without_markers_is_refused_and_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here")
    with pytest.raises(EmbeddedError, match="table:begin"):
        replace_table(page, "| new |")
    assert page.read_text() == "nothing here"


def test_a_row_a_figure_and_a_column_a_family() -> None:
    items = [
        judged(p, [f"The answer is {p.answer}.", "The answer is 1."], [1.0, 0.0], [(1.0,), (0.0,)])
        for p in problems("test", 30)
    ]
    head, _, *rows = tabulate(items).splitlines()
    assert "| all (30) | addition (10) | division (10) | times table (10) |" in head
    assert [row.split(" | ")[0].strip("| ") for row in rows] == list(FIGURES)
    assert rows[2].split(" | ")[1] == "1.00 (1.00-1.00)"
