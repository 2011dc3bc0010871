"""What the image promises, each checked on an image that was built and on a container that runs."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.image.container import Container

_START_TIMEOUT_S: Final = 600.0
_OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
# Run inside: where it may write, and what it may do.
_PROBE: Final = """
import json, os
def writable(folder):
    try:
        path = os.path.join(folder, "probe")
        open(path, "w").close()
        os.unlink(path)
    except OSError as error:
        return error.strerror
    return "writable"
lines = open("/proc/1/status").read().splitlines()
status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
places = ("/", "/etc", "/opt/nbest", "/opt/nbest/models", "/tmp", os.environ["HOME"])
told = ("Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs")
print(json.dumps({"folders": {place: writable(place) for place in places}, "status": {k: status[k] for k in told}}))
"""


class Broken(Exception):
    """A promise that the image does not keep."""


def about_the_description(config: Mapping[str, Any]) -> None:
    """Signal, health check, offline by default."""
    if config.get("StopSignal") != "SIGTERM":
        raise Broken(f"STOPSIGNAL is {config.get('StopSignal')!r}")
    test = (config.get("Healthcheck") or {}).get("Test") or []
    if test[:1] != ["CMD"] or "curl" in " ".join(test):
        raise Broken(f"HEALTHCHECK is {test}")
    environment = dict(line.split("=", 1) for line in config["Env"])
    if wrong := {k: environment.get(k) for k, v in _OFFLINE.items() if environment.get(k) != v}:
        raise Broken(f"not offline by default: {wrong}")


def no_trace_of_the_index(root: Path, config: Mapping[str, Any], places: Sequence[str]) -> None:
    """Neither the files nor the description name an index or a folder of the machine that built it."""
    described = json.dumps(config)
    if named := [place for place in places if place in described]:
        raise Broken(f"the image's description names {named}")
    if not places:
        return
    patterns = [word for place in places for word in ("-e", place)]
    folders = [root / name for name in ("etc", "root", "tmp", "opt", "var/cache")]
    done = subprocess.run(["grep", "-rIlF", *patterns, *folders], capture_output=True, text=True, check=False)
    if done.stdout:
        raise Broken(f"files in the image name the index or its folders:\n{done.stdout[:1000]}")


def size(root: Path) -> int:
    """Bytes on disk, every file counted once."""
    done = subprocess.run(["du", "-s", "-B1", root], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def becomes_ready(container: Container, url: str, log: Path) -> float:
    """Wait for `/ready`; the time (monotonic) at which it said yes."""
    give_up = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < give_up:
        if not container.runs:
            raise Broken(f"the container ended before it was ready:\n{_tail(log)}")
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=5):
                return time.monotonic()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise Broken(f"not ready within {_START_TIMEOUT_S:.0f} s:\n{_tail(log)}")


def confined(container: Container) -> None:
    """Not root, no capability to be had, the root read-only, volumes writable: as the processes inside see it."""
    done = container.execute(["python", "-c", _PROBE])
    if done.returncode:
        raise Broken(f"the probe failed: {done.stderr[-1000:]}")
    seen = json.loads(done.stdout)
    read_only = {name: told for name, told in seen["folders"].items() if told != "writable"}
    if set(read_only) != {"/", "/etc", "/opt/nbest", "/opt/nbest/models"}:
        raise Broken(f"writable or not: {seen['folders']}")
    if set(read_only.values()) != {"Read-only file system"}:
        raise Broken(f"refused for another reason than a read-only root: {read_only}")
    status = seen["status"]
    if (
        "0" in status["Uid"].split() + status["Gid"].split()
        or int(status["CapEff"], 16)
        or int(status["CapBnd"], 16)
    ):
        raise Broken(f"privileges are left: {status}")
    if status["NoNewPrivs"] != "1":
        raise Broken("new privileges could be gained")


def healthy(container: Container, test: Sequence[str]) -> None:
    """The image's own HEALTHCHECK, run inside as a container engine does."""
    done = container.execute(test[1:])
    if done.returncode:
        raise Broken(f"HEALTHCHECK says {done.returncode}: {done.stderr[-500:]}")


def answers_best_of_n(url: str, n: int = 4) -> tuple[float, str]:
    """Ask one question with Best-of-N; the seconds it took, and the answer that was selected."""
    with urllib.request.urlopen(f"{url}/v1/models", timeout=30) as models:
        model = json.load(models)["data"][0]["id"]
    body = {
        "model": model,
        "messages": [
            {"role": "user", "content": "Mia has 17 shells and finds 8 more. How many shells does she have?"}
        ],
        "max_tokens": 48,
        "seed": 1,
        "strategy": {"name": "best_of_n", "n": n, "scorer": "outcome"},
    }
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    begun = time.monotonic()
    with urllib.request.urlopen(request, timeout=300) as response:
        reply = json.load(response)
    took = time.monotonic() - begun
    candidates = reply["nbest"]["candidates"]
    chosen = [candidate for candidate in candidates if candidate["fate"] == "selected"]
    scores = [candidate["score"] for candidate in candidates if candidate["score"] is not None]
    if len(candidates) != n or len(chosen) != 1 or chosen[0]["score"] != max(scores, default=None):
        raise Broken(f"not the best of {n}: {candidates}")
    return took, reply["choices"][0]["message"]["content"]


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
