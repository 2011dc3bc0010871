"""Events are the same however their bytes were cut; against a decoder that sees everything at once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from nbest_client._http.sse import EventDecoder

LINES = ["data: a", "data:b", "data: é—漢", "data:", ": keep-alive", "event: x", "id: 7", "data", "", "", ""]


def slow(wire: str) -> list[str]:
    """By the standard, word for word: normalise the line ends, split at empty lines, keep what `data` says."""
    lines = wire.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    events: list[str] = []
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        if line == "":
            if data:
                events.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value[1:] if value.startswith(" ") else value)
    return events


@given(
    lines=st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(["\n", "\r\n", "\r"])), max_size=12),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_any_cut_gives_the_same_events(lines: list[tuple[str, str]], cuts: list[int]) -> None:
    written = "".join(line + end for line, end in lines) + "\n"
    wire = written.encode()
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    decoder = EventDecoder()
    found = [event for start, end in pairwise(edges) for event in decoder.feed(wire[start:end])]
    assert found == slow(written)


def test_by_hand() -> None:
    decoder = EventDecoder()
    assert decoder.feed(b": keep-alive\n\ndata: one\n") == []
    assert decoder.feed(b"data: two\n\nda") == ["one\ntwo"]
    assert decoder.feed(b"ta: three\r") == []
    assert decoder.feed(b"\n\r\n: x\n") == ["three"]


def test_an_event_without_its_empty_line_never_happened() -> None:
    assert EventDecoder().feed(b"data: half\n") == []


def test_what_is_no_utf8_is_replaced() -> None:
    assert EventDecoder().feed(b"data: \xff\n\n") == ["�"]
