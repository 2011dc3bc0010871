"""What the image is by its Dockerfile; `make image-test` builds it and tries it."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
CODE = "\n".join(line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#"))


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_names_no_index_and_no_proxy() -> None:
    assert not re.search(r"https?://(?!127\.0\.0\.1)|PIP_INDEX|EXTRA_INDEX|_PROXY|trusted-host", CODE)


def test_index_settings_come_as_secrets() -> None:
    installs = [block for block in re.split(r"\n(?=[A-Z])", CODE) if "scripts.image.install" in block]
    assert len(installs) == 2
    assert all("type=secret,id=pip" in block and "type=secret,id=ca" in block for block in installs)
    assert not re.search(r"^(ARG|ENV) .*(PIP|UV|INDEX|TOKEN|SECRET)", CODE, flags=re.MULTILINE)


def test_the_last_stage_runs_as_nobody_in_particular_and_stops_on_sigterm() -> None:
    last = CODE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, flags=re.MULTILINE)
    assert "\nSTOPSIGNAL SIGTERM\n" in last
    assert '\nENTRYPOINT ["nbest"]\n' in last
    assert "scripts.image.install" not in last


def test_health_check_needs_no_other_program() -> None:
    (test,) = re.findall(r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])", CODE)
    assert test.startswith('["python", "-c", ')
    assert "/health" in test
    assert "curl" not in CODE
    assert "wget" not in CODE


def test_offline_and_without_usage_statistics() -> None:
    for setting in ("HF_HUB_OFFLINE=1", "TRANSFORMERS_OFFLINE=1", "VLLM_NO_USAGE_STATS=1", "DO_NOT_TRACK=1"):
        assert setting in CODE


@pytest.mark.parametrize("path", re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE))
def test_what_is_copied_is_there_and_not_ignored(path: str) -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for source in path.split():
        assert (ROOT / source).exists()
        assert any(fnmatch(source, pattern) or pattern.startswith(f"{source}/") or source.startswith(f"{pattern}/")
                   for pattern in kept), source  # fmt: skip
