"""The ledger: what was measured is there after a restart, also after one that came in the middle of a line."""

from pathlib import Path

from benchmarks.ledger import Ledger


def test_what_is_put_is_found_in_another_run_whatever_the_order_of_the_key(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "figures.jsonl"
    Ledger(path).put({"a": 1, "b": [2]}, {"seconds": 0.5})
    found = Ledger(path)
    assert found.get({"b": [2], "a": 1}) == {"seconds": 0.5}
    assert found.get({"a": 1}) is None


def test_the_later_of_two_lines_holds(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "figures.jsonl")
    ledger.put({"a": 1}, 1)
    ledger.put({"a": 1}, 2)
    assert ledger.get({"a": 1}) == Ledger(ledger.path).get({"a": 1}) == 2


def test_a_line_that_was_cut_off_is_measured_again_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "figures.jsonl"
    Ledger(path).put({"a": 1}, 1)
    with path.open("a") as file:
        file.write('{"key": {"a": 2}, "val')
    resumed = Ledger(path)
    assert resumed.get({"a": 2}) is None
    resumed.put({"a": 2}, 2)
    assert [Ledger(path).get({"a": i}) for i in (1, 2)] == [1, 2]


def test_cleared_it_knows_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "figures.jsonl")
    ledger.put({"a": 1}, 1)
    ledger.clear()
    assert ledger.get({"a": 1}) is Ledger(ledger.path).get({"a": 1}) is None
