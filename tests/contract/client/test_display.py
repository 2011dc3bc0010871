"""What is shown is readable, and a model's text can do nothing there."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbest_client._responses.display import Shown, Table, Text, cell, plain

EVIL = "<script>alert(1)</script>\x1b[2J\u202e&amp;\"'"


class Page(Shown):
    """Everything that can be shown, with one text everywhere."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _blocks(self) -> list[Text | Table]:
        table = Table(self.text, ["#", "text"], [[0, self.text], [1, self.text]], frozenset({1}))
        return [table, Text(self.text, self.text)]


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.told: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.told.append(data)


def test_a_table_in_a_terminal() -> None:
    table = Table("best_of_n: 2 candidates", ["#", "text", "score"], [[3, "a\nb", 0.5], [0, None, -1]])
    assert str(Only(table)).splitlines() == [
        "best_of_n: 2 candidates",
        "#  text   score",
        "3  a ⏎ b  0.500",
        "0  –      -1",
    ]


def test_marked_rows() -> None:
    table = Table("t", ["#"], [[3], [0]], frozenset({0}))
    assert str(Only(table)).splitlines() == ["t", "   #", "*  3", "   0"]
    assert Only(table)._repr_html_().count("font-weight:bold") == 1


class Only(Shown):
    """One block."""

    def __init__(self, block: Text | Table) -> None:
        self.block = block

    def _blocks(self) -> list[Text | Table]:
        return [self.block]


def test_wide_and_combining_characters_keep_the_columns() -> None:
    table = Table("t", ["a", "b"], [["漢字", "x"], ["e\u0301", "x"]])
    assert str(Only(table)).splitlines()[1:] == ["a     b", "漢字  x", "e\u0301     x"]


def test_long_text_is_cut() -> None:
    assert cell("x" * 100) == "x" * 59 + "…"
    assert cell("x" * 60) == "x" * 60


def test_a_table_of_nothing() -> None:
    assert str(Only(Table("none", ["#"], []))) == "none\n#"


@given(st.one_of(st.just(EVIL), st.text()))
def test_nothing_in_a_terminal_but_text(text: str) -> None:
    assert all(char.isprintable() or char in "\n\t" for char in str(Page(text)))


@given(st.one_of(st.just(EVIL), st.text()))
def test_nothing_on_a_page_but_tables_and_text(text: str) -> None:
    page = Page(text)._repr_html_()
    assert Tags(page).tags <= {"b", "div", "table", "thead", "tbody", "tr", "th", "td"}
    assert page.count("<") == Page("x")._repr_html_().count("<")


def test_text_on_a_page_reads_as_it_was() -> None:
    assert Tags(Only(Text("t", "1 < 2 && 'x'"))._repr_html_()).told == ["t", "1 < 2 && 'x'"]


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[31mb", "a�[31mb"), ("a\tb\nc", "a\tb\nc"), ("\u202e", "�")]
)
def test_control_characters_are_replaced(text: str, shown: str) -> None:
    assert plain(text) == shown
