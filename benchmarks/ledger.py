"""What has been measured, as lines of JSON: each line is written at once, and what it holds is not measured again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Key = Mapping[str, Any]


class Ledger:
    """Values by key in one file, each line `{"key": …, "value": …}`; of two lines with one key the later holds.

    A last line that was cut off, as by a killed run, is removed when the file is opened. One process writes at a time.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._values: dict[str, Any] = {}
        written = path.read_bytes() if path.exists() else b""
        whole = written[: written.rfind(b"\n") + 1]
        if len(whole) < len(written):
            path.write_bytes(whole)
        for line in whole.splitlines():
            row = json.loads(line)
            self._values[_spelled(row["key"])] = row["value"]

    def get(self, key: Key) -> Any | None:
        """The value, or None if there is none yet."""
        return self._values.get(_spelled(key))

    def put(self, key: Key, value: Any) -> None:
        """Note a value, on the disk when this returns to anybody who reads the file."""
        self._values[_spelled(key)] = value
        with self.path.open("a") as file:
            file.write(json.dumps({"key": key, "value": value}) + "\n")

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self.path.unlink(missing_ok=True)


def _spelled(key: Key) -> str:
    return json.dumps(key, sort_keys=True)
