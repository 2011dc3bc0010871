"""Whether everything works on this machine's CUDA GPU, and how fast: three parts, each in a process of its own.

    python -m benchmarks.gpu [--dry-run] [--parts top_h service scale] [--out FOLDER]

Writes report.json and report.md to the folder. Exit status 1 where a claim does not hold or a part could not run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.gpu.findings import CannotRun, Findings, markdown
from benchmarks.gpu.machine import promise, this_machine

PARTS = ("top_h", "service", "scale")
LONGEST_S = {"top_h": 40, "service": 220, "scale": 220}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="each part at toy size, on CPU")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--out", type=Path, default=Path("build/gpu-check"))
    given = parser.parse_args(arguments)
    try:
        machine = this_machine(dry_run=given.dry_run)
    except CannotRun as error:
        print(f"gpu-check cannot run: {error}", file=sys.stderr)
        return 1
    given.out.mkdir(parents=True, exist_ok=True)
    about = machine.about()
    if line := promise(machine.vllm):
        about["note:"] = line
        print(f"NOTE  {line}", flush=True)
    parts = {name: run_part(name, dry_run=given.dry_run) for name in given.parts}
    title = "Dry run on CPU" if given.dry_run else f"On {machine.card}"
    (given.out / "report.md").write_text(markdown(title, about, parts), encoding="utf-8")
    told = {"about": about, "parts": {name: asdict(found) for name, found in parts.items()}}
    (given.out / "report.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    print(f"report: {given.out / 'report.md'}")
    return 0 if all(found.holds for found in parts.values()) else 1


def run_part(name: str, *, dry_run: bool) -> Findings:
    """In a process of its own, so that what one part breaks or leaves in the device's memory harms no other."""
    print(f"----- {name}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nbest-gpu-") as folder:
        command = [sys.executable, "-m", "benchmarks.gpu.one_part", name, folder]
        ended: int | str
        try:
            ended = subprocess.run(
                command + ["--dry-run"] * dry_run, timeout=LONGEST_S[name], check=False
            ).returncode
        except subprocess.TimeoutExpired:
            ended = f"its limit of {LONGEST_S[name]} s"
        saved = Path(folder) / "findings.json"
        found = Findings.load(saved) if saved.is_file() else Findings()
    if ended != 0:
        found.lack(f"part {name} ended with {ended}: what it printed says why")
    found.row("seconds of the part", part=name, seconds=round(time.monotonic() - began, 1))
    return found


if __name__ == "__main__":
    sys.exit(main())
