"""The wheel works without vLLM: it is built, installed into an empty environment, and serves a scripted engine.

`make wheel-check`, a part of `make test`. What is missing there is missing for everybody who installs without extras.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
READY_S: Final = 60
HEAVY: Final = ("torch", "transformers", "vllm")


class WheelError(Exception):
    """What the wheel does not keep, in one line."""


def main() -> int:
    """Exit 1, with one line, if a promise is broken."""
    with tempfile.TemporaryDirectory() as place:
        try:
            python = install(build(Path(place)), Path(place) / "env")
            print(f"wheel: {check_version(python)}")
            check_light(python)
            print(f"wheel: serves a scripted engine: {check_serves(python)!r}")
        except (WheelError, subprocess.CalledProcessError) as error:
            print(f"wheel: {error}", file=sys.stderr)
            return 1
    return 0


def build(place: Path) -> Path:
    """The wheel of this tree."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(place),
        str(ROOT),
    ]
    subprocess.run(command, check=True)
    (wheel,) = place.glob("nbest-*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """The Python of a new environment with the wheel and what it requires."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), str(wheel)], check=True)
    return python


def check_version(python: Path) -> str:
    """What `nbest --version` says."""
    told = subprocess.run([_nbest(python), "--version"], capture_output=True, text=True, check=True, cwd="/")
    if not told.stdout.startswith("nbest "):
        raise WheelError(f"nbest --version says {told.stdout!r}")
    return told.stdout.strip()


def check_light(python: Path) -> None:
    """WheelError if a model library came along."""
    code = f"import importlib.util as u; print([n for n in {HEAVY!r} if u.find_spec(n)])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd="/").stdout
    if found.strip() != "[]":
        raise WheelError(f"installed without extras it brings {found.strip()}")


def check_serves(python: Path) -> str:
    """An answer of `nbest serve --engine scripted`."""
    port = _free_port()
    command = [_nbest(python), "serve", "--engine", "scripted", "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd="/", env=environment, stdout=log, stderr=log)
        try:
            return _answer(port, process)
        except WheelError as error:
            log.seek(0)
            raise WheelError(f"{error}: {log.read().decode(errors='replace')[-500:]}") from None
        finally:
            process.terminate()
            process.wait(30)


def _answer(port: int, process: "subprocess.Popen[bytes]") -> str:
    body = {
        "model": "scripted",
        "messages": [{"role": "user", "content": "What is 17 + 8?"}],
        "temperature": 0.8,
        "strategy": {"name": "majority", "n": 4},
    }
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            models = _call(port, "/v1/models")
        except OSError:
            time.sleep(0.1)
            continue
        reply = _call(port, "/v1/chat/completions", body | {"model": models["data"][0]["id"]})
        return str(reply["choices"][0]["message"]["content"])
    raise WheelError("the service did not become ready")


def _call(port: int, path: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def _nbest(python: Path) -> str:
    return str(python.with_name("nbest"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
