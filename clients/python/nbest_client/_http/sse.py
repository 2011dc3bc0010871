"""Server-sent events out of bytes that arrive cut anywhere: only `data` counts, comments are passed over."""

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventDecoder:
    """Feed it bytes as they come; it gives the data of every event that they complete.

    A line ends with LF, CR or CRLF, an event with an empty line; several `data` lines are joined by LF
    (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[str]:
        """The data of each event that ends in `piece`, in order; bytes that are not UTF-8 are replaced."""
        events = (self._line(line) for line in self._lines(piece))
        return [data.decode(errors="replace") for data in events if data is not None]

    def _lines(self, piece: bytes) -> list[bytes]:
        """The whole lines so far. A CR at the very end may be half of a CRLF, so its line waits."""
        text = self._rest + piece
        held = b"\r" if text.endswith(b"\r") else b""
        *lines, rest = _LINE_END.split(text[: len(text) - len(held)])
        self._rest = rest + held
        return lines

    def _line(self, line: bytes) -> bytes | None:
        if not line:
            data, self._data = self._data, []
            return b"\n".join(data) if data else None
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        return None
