"""Check what Prometheus is given: its configuration, the alert rules, and that each alert fires when it should.

promtool comes from the PATH, or out of Debian's package `prometheus`, unpacked beside the build outputs.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
KEPT: Final = ROOT / "build" / "promtool"
CHECKS: Final = (
    ("check", "config", "deploy/prometheus/prometheus.yml"),
    ("check", "rules", "deploy/prometheus/alerts.yml"),
    ("test", "rules", "tests/deploy/alerts.test.yml"),
)
_APT: Final = ("apt-get", "dpkg-deb")


class NoPromtool(Exception):
    """There is no promtool here, and no apt to fetch it with."""


def promtool() -> Path:
    """Where promtool is; fetched once where it is not installed. CalledProcessError if apt cannot fetch it."""
    if found := shutil.which("promtool"):
        return Path(found)
    if not KEPT.exists():
        if missing := [tool for tool in _APT if not shutil.which(tool)]:
            raise NoPromtool(
                f"promtool is not installed, and neither is {' nor '.join(missing)} to fetch it with"
            )
        _fetch()
    return KEPT


def _fetch() -> None:
    """Out of the package, without installing it."""
    KEPT.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT.parent) as folder:
        # As root, apt would download as a user of its own, who may not write here.
        command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "prometheus"]
        subprocess.run(command, cwd=folder, check=True)
        (package,) = Path(folder).glob("*.deb")
        subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
        Path(folder, "usr", "bin", "promtool").rename(KEPT)


def main() -> int:
    """Run every check; exit 1 if one fails, 0 with a word where there is no promtool to be had."""
    try:
        tool = promtool()
    except NoPromtool as error:
        print(f"deploy-check skipped: {error}")
        return 0
    except subprocess.CalledProcessError as error:
        print(f"deploy-check: apt could not fetch promtool: {error}", file=sys.stderr)
        return 1
    return max(subprocess.run([tool, *check], cwd=ROOT, check=False).returncode for check in CHECKS)


if __name__ == "__main__":
    sys.exit(main())
