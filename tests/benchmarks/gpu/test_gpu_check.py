"""`make gpu-check`: what cannot run is one clear line and a failure; the parts that need no engine run at toy size."""

import importlib.metadata
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import one_part, scale_part, service_part
from benchmarks.gpu.exact_top_h import exact_mask
from benchmarks.gpu.findings import CannotRun, Findings, markdown
from benchmarks.gpu.machine import Machine, promise, this_machine
from strategies.decoding import top_h
from strategies.decoding.top_h import keep_mask
from tests.strategies.decoding.slow_top_h import slow_top_h

CARD = Machine("cuda", "a card", 80.0, "2.13", "0.32.0")


def test_without_a_gpu_it_says_so_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main(["--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("gpu-check cannot run: no CUDA GPU")


@pytest.mark.parametrize("part", [service_part, scale_part])
@pytest.mark.parametrize(
    ("change", "line"), [({"vllm": None}, "no vLLM"), ({"memory_gib": 0.5}, "too little memory")]
)
def test_a_part_that_cannot_run_names_what_is_missing(
    part: object, change: dict[str, object], line: str, tmp_path: Path
) -> None:
    machine = replace(CARD, **change)  # type: ignore[arg-type]  # each a field of its own type
    with pytest.raises(CannotRun, match=line):
        part.run(machine, tmp_path, dry_run=False)  # type: ignore[attr-defined]  # both modules have it


def test_a_part_that_cannot_run_fails_the_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(one_part, "this_machine", lambda dry_run: replace(CARD, vllm=None))
    found = one_part.run("service", tmp_path, dry_run=False)
    assert not found.holds
    assert "no vLLM" in found.missing[0]


@pytest.mark.parametrize(
    ("version", "word"),
    [("0.26.0", "older"), ("0.31.9", "older"), ("0.32.0+cpu", None), ("0.33.1", None), ("0.34.0", "newer")],
)
def test_a_release_that_is_not_promised_is_told_of(version: str, word: str | None) -> None:
    line = promise(version)
    assert line is None if word is None else word in str(line)


def test_the_promise_is_the_one_of_the_package() -> None:
    asked = next(
        line for line in importlib.metadata.requires("nbest") or () if line.startswith(("vllm<", "vllm>"))
    )
    assert ">=0.32" in asked
    assert "<0.34" in asked


def test_the_first_part_runs_at_toy_size(tmp_path: Path) -> None:
    assert command.main(["--dry-run", "--parts", "top_h", "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert all(holds for _, holds in report["parts"]["top_h"]["claims"])
    assert "## Dry run on CPU" in (tmp_path / "report.md").read_text()


def test_a_part_that_dies_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    found = command.run_part("top_h", dry_run=True)
    assert not found.holds
    assert "ended with 1" in found.missing[0]


def test_a_claim_that_does_not_hold_stands_out() -> None:
    found = Findings()
    found.claim("it is fast", False)
    page = markdown("On a card", machine_about(), {"top_h": found})
    assert "**fails**: it is fast" in page
    assert not found.holds


def machine_about() -> dict[str, str]:
    return this_machine(dry_run=True).about()


@pytest.mark.parametrize("alpha", [0.2, 0.4, 0.8])
def test_the_exact_reference_is_the_slow_loop(alpha: float) -> None:
    logits = torch.randn(20, 200, generator=torch.Generator().manual_seed(3)) * 3
    exact, _ = exact_mask(logits, alpha)
    kept = [set(row.nonzero().flatten().tolist()) for row in exact]
    assert kept == [slow_top_h(row, alpha, "paper") for row in logits.tolist()]
    assert torch.equal(exact, keep_mask(logits, alpha))


KERNEL = """
import torch
from strategies.decoding import top_h
from tests.benchmarks.gpu.rows import odd_rows
rows, alpha = odd_rows()
before = top_h.keep_mask(rows, alpha)
written = rows.clone(); top_h.restrict_(written, alpha)
same = top_h.keep_mask(rows, 0.4)
top_h.FUSED_ON.append("cpu")
assert torch.equal(top_h.keep_mask(rows, alpha), before)
assert torch.equal(top_h.keep_mask(rows, 0.4), same)
top_h.restrict_(rows, alpha)
assert torch.equal(rows.nan_to_num(7), written.nan_to_num(7))
"""


def test_the_kernel_keeps_what_the_tensors_keep() -> None:
    """Triton's interpreter runs it on CPU; it must be chosen before Triton is loaded, so in a process of its own."""
    pytest.importorskip("triton")
    script = f"import os; os.environ['TRITON_INTERPRET'] = '1'\n{KERNEL}"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_kernel_is_for_gpus_alone() -> None:
    assert top_h.FUSED_ON == ["cuda"]
