"""The parts of `make gpu-check` that need engines, at toy size on what is installed here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.engine
@pytest.mark.timeout(600)
def test_the_service_and_scale_parts_run_at_toy_size(tmp_path: Path) -> None:
    parts = ["--parts", "service", "scale", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.gpu", "--dry-run", *parts]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert not any(part["missing"] for part in report["parts"].values())
