"""Build the CPU image for real and try it: a Best-of-N answer as non-root on a read-only root, and a clean stop.

No container daemon and no registry: buildah builds with chroot isolation, on a base that debootstrap makes; the
container runs in namespaces of its own (`scripts.image.inside`). Needs root, and Debian's buildah and debootstrap.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from scripts.image import promises
from scripts.image.buildah import Buildah, ImageError
from scripts.image.container import ROOT, Container, running, spec
from scripts.image.pip_settings import of_this_machine

IMAGE: Final = "localhost/nbest:cpu"
_TOOLS: Final = ("buildah", "debootstrap", "unshare", "nsenter")
_STOPS_WITHIN_S: Final = 90.0


def main() -> int:
    """Print what was measured; exit 1 with the promise that was not kept, 2 where this machine cannot try."""
    options = _options()
    if missing := [tool for tool in _TOOLS if not shutil.which(tool)]:
        print(
            f"image-test needs {', '.join(missing)}: apt-get install buildah debootstrap util-linux",
            file=sys.stderr,
        )
        return 2
    if os.geteuid():
        print("image-test needs root: it makes file systems and namespaces", file=sys.stderr)
        return 2
    folder = options.work or Path(tempfile.mkdtemp(prefix="nbest-image-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        report = _run(Buildah(folder.resolve()), options)
    except (ImageError, promises.Broken) as error:
        print(f"image-test: {error}", file=sys.stderr)
        return 1
    finally:
        if options.work is None:
            shutil.rmtree(folder, ignore_errors=True)
    for name, value in report.items():
        print(f"  {name:<24}{value}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build the CPU image and try it.")
    parser.add_argument("--work", type=Path, help="Folder to work in and to keep (default: a temporary one).")
    parser.add_argument("--base", help="Base image in --work's store (default: made by debootstrap).")
    parser.add_argument("--suite", default="bookworm", help="Debian release of the base.")
    parser.add_argument("--only", choices=("build", "run"), help="One half; the other is in --work already.")
    return parser.parse_args()


def _run(buildah: Buildah, options: argparse.Namespace) -> dict[str, str]:
    report: dict[str, str] = {}
    if options.only != "run":
        report |= _build(buildah, options)
    if options.only != "build":
        report |= _try(buildah)
    return report


def _build(buildah: Buildah, options: argparse.Namespace) -> dict[str, str]:
    base = options.base or f"localhost/nbest-base:{options.suite}"
    pip = of_this_machine()
    base_s = 0.0
    if not buildah.has(base):
        print(f"making the base {base}", flush=True)
        begun = time.monotonic()
        buildah.make_base(base, options.suite)
        base_s = time.monotonic() - begun
    print(f"building {IMAGE} on {base}; log: {buildah.log}", flush=True)
    begun = time.monotonic()
    buildah.build(ROOT, IMAGE, {"BASE_IMAGE": base, "VARIANT": "cpu", "EMBEDDED": "1"}, pip)
    return {"base made in": f"{base_s:.0f} s", "image built in": f"{time.monotonic() - begun:.0f} s"}


def _try(buildah: Buildah) -> dict[str, str]:
    config = buildah.inspect(IMAGE)["config"]
    promises.about_the_description(config)
    container, root = buildah.unpack(IMAGE)
    try:
        size = promises.size(root)
        promises.no_trace_of_the_index(root, config, of_this_machine().places)
        return {"size": f"{size / 2**30:.2f} GiB"} | _serve(buildah.folder, root, config)
    finally:
        buildah("rm", container)


def _serve(folder: Path, root: Path, config: dict[str, Any]) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    print("starting the container", flush=True)
    begun = time.monotonic()
    log = folder / "container.log"
    with running(spec(root, config, {"NBEST_SERVER__PORT": str(port)}), log) as container:
        url = f"http://127.0.0.1:{port}"
        ready_s = promises.becomes_ready(container, url, log) - begun
        promises.confined(container)
        promises.healthy(container, config["Healthcheck"]["Test"])
        answer_s, answer = promises.answers_best_of_n(url)
        stop_s = _stop(container, config)
    return {
        "ready after": f"{ready_s:.1f} s",
        "Best-of-4 answered in": f"{answer_s:.1f} s: {json.dumps(answer)[:100]}",
        "stopped on SIGTERM in": f"{stop_s:.1f} s, exit 0",
    }


def _stop(container: Container, config: dict[str, Any]) -> float:
    begun = time.monotonic()
    status = container.stop(signal.Signals[config["StopSignal"]], within_s=_STOPS_WITHIN_S)
    if status:
        raise promises.Broken(f"stopped with exit {status}, not 0")
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
