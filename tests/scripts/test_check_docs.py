"""The documentation checks find what is broken and pass what is not."""

from pathlib import Path

import pytest

from scripts import check_docs, generate_docs
from scripts.check_docs import broken_link, check_page, path_exists
from scripts.markdown import anchors, links, pages, slug, spans


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "app.py").touch()
    (tmp_path / "docs" / "operating.md").write_text(
        "# Operating it\n\n## When it's full: 429\n\n## Again\n## Again\n"
    )
    return tmp_path / "docs" / "index.md"


@pytest.mark.parametrize(
    "target",
    [
        "operating.md",
        "operating.md#operating-it",
        "operating.md#when-its-full-429",
        "operating.md#again-1",
        "../service/app.py",
        "../service",
        "/docs/operating.md",
        "https://example.org/x",
        "mailto:a@example.org",
        "#here",
    ],
)
def test_link_that_leads_somewhere_passes(page: Path, target: str) -> None:
    page.write_text("# Here\n")
    assert broken_link(page, target, page.parents[1]) is None


@pytest.mark.parametrize(
    "target", ["missing.md", "operating.md#gone", "../../outside.md", "#nowhere", "../service/x.py"]
)
def test_link_that_leads_nowhere_is_found(page: Path, target: str) -> None:
    page.write_text("# Here\n")
    assert broken_link(page, target, page.parents[1])


def test_code_span_of_ours_must_exist(page: Path) -> None:
    root = page.parents[1]
    passing = [
        "service/app.py",
        "service/app.py:12",
        "service/",
        "service/*.py",
        "strategies/<name>.md",
        "n > 1",
    ]
    assert [path_exists(span, root) for span in passing] == [True] * 6
    assert [path_exists(span, root) for span in ("service/gone.py", "strategies/*.py")] == [False, False]


def test_problems_are_told_with_file_and_line(page: Path) -> None:
    page.write_text(
        "# A\n\nSee [it](gone.md), `service/gone.py`.\n\n<!-- generated: nothing -->\n<!-- end -->\n"
    )
    problems = list(check_page(page, page.parents[1]))
    assert problems[0].startswith("docs/index.md:3: link")
    assert problems[1].startswith("docs/index.md:3: `service/gone.py`")
    assert "no generator is called 'nothing'" in problems[2]


def test_generated_part_out_of_date_is_found(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        generate_docs, "GENERATORS", {"answer": lambda page, argument: f"42 {argument}".strip()}
    )
    page.write_text("<!-- generated: answer -->\n41\n<!-- end -->\n")
    assert any("out of date" in problem for problem in check_page(page, page.parents[1]))
    page.write_text(generate_docs.regenerate(page, page.read_text()))
    assert list(check_page(page, page.parents[1])) == []
    assert "\n42\n" in page.read_text()


def test_module_that_cannot_be_imported_is_a_problem(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(page: Path, argument: str) -> str:
        raise ModuleNotFoundError("No module named 'strategies.catalog'")

    monkeypatch.setattr(generate_docs, "GENERATORS", {"strategies": missing})
    page.write_text("<!-- generated: strategies -->\n<!-- end -->\n")
    assert any("strategies.catalog" in problem for problem in check_page(page, page.parents[1]))


def test_repository_without_pages_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_docs, "pages", list)
    assert check_docs.main() == 1


def test_fenced_code_and_code_spans_hold_no_links() -> None:
    text = '[a](one.md)\n```\n[b](two.md) `x`\n```\n`[c](three.md)`\n[d]: four.md\n<img src="five.png">\n'
    assert [(found.line, found.text) for found in links(text)] == [
        (1, "one.md"),
        (6, "four.md"),
        (7, "five.png"),
    ]
    assert [found.text for found in spans(text)] == ["[c](three.md)"]


def test_headings_become_anchors_as_on_github() -> None:
    assert slug("The `top_h` rule: what & why") == "the-top_h-rule-what--why"
    assert slug("See [the page](x.md)") == "see-the-page"
    assert anchors('# A\n# A\n<a id="own"></a>\n') == {"a", "a-1", "own"}


def test_installed_and_hidden_folders_are_not_ours(tmp_path: Path) -> None:
    for name in ("README.md", ".venv/x.md", "node_modules/y.md", ".github/z.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [str(found.relative_to(tmp_path)) for found in pages(tmp_path)] == [".github/z.md", "README.md"]
