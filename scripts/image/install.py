"""Inside the build of the image: install from the locks, bake the embedded models in, leave no trace of the index."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from scripts import setup
from scripts.image.lacking import lacking

MODELS: Final = setup.ROOT / "models"
# Build secrets, by the variables through which pip and uv learn of them.
SECRETS: Final = {
    Path("/run/secrets/pip"): ("PIP_CONFIG_FILE",),
    Path("/run/secrets/ca"): ("PIP_CERT", "SSL_CERT_FILE"),
}


def install(variant: str) -> None:
    """`cpu`: the whole lock, as `make setup` does it; `gpu`: what the vLLM image that we build on lacks."""
    if variant == "cpu":
        setup.set_up("cpu", dev=False)
    elif variant == "gpu":
        _complete_the_base()
    else:
        raise setup.SetupError(f"VARIANT must be cpu or gpu, not {variant!r}")
    # The installer and the build backend are of no use in a container.
    _python("-m", "pip", "uninstall", "--quiet", "--yes", "uv", "hatchling", "editables")
    # The log of the installers names the index.
    shutil.rmtree(setup.STAMPS)


def bake() -> None:
    """Build the embedded models into the image, readable by whatever user the container runs as."""
    environment = os.environ | {"NBEST_CACHE_DIR": str(MODELS)}
    subprocess.run([setup.VENV / "bin" / "nbest", "embedded", "build"], env=environment, check=True)
    subprocess.run(["chmod", "-R", "a+rX,go-w", MODELS], check=True)


def _complete_the_base() -> None:
    """An environment on top of the base's own packages: its vLLM and its torch stay as they are."""
    setup.STAMPS.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", setup.VENV], check=True)
    there = _python("-c", "from importlib.metadata import distributions as d; print(*(x.name for x in d()))")
    setup.install_uv(again=False)
    part = setup.STAMPS / "lacking.lock"
    part.write_text(lacking((setup.REQUIREMENTS / "gpu.lock").read_text(), there.split()))
    setup.install_lock(str(part), again=False)
    setup.install_nbest(again=False)
    setup.install_client(again=False)
    _python("-m", "scripts.image.satisfied", "gpu", "embedded")


def _python(*arguments: str) -> str:
    command = [str(setup.PYTHON), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def read_secrets() -> None:
    """Let pip and uv see the settings that the build was given; nothing of them is written down."""
    for path, variables in SECRETS.items():
        if path.exists():
            os.environ.update(dict.fromkeys(variables, str(path)))


def main() -> int:
    """`install VARIANT` or `bake`."""
    read_secrets()
    match sys.argv[1:]:
        case ["install", variant]:
            try:
                install(variant)
            except setup.SetupError as error:
                print(f"\nimage: {error}", file=sys.stderr)
                if setup.LOG.exists():
                    print(setup.LOG.read_text()[-4000:], file=sys.stderr)
                return 1
        case ["bake"]:
            bake()
        case other:
            print(f"image: install cpu, install gpu or bake, not {other}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
