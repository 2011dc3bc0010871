"""One part of the check, in this process: `python -m benchmarks.gpu.one_part NAME FOLDER [--dry-run]`."""

import sys
from pathlib import Path

from benchmarks.gpu.findings import CannotRun, Findings
from benchmarks.gpu.machine import this_machine


def run(name: str, folder: Path, *, dry_run: bool) -> Findings:
    """What the part found; where it cannot run, the line that says what is missing."""
    try:
        machine = this_machine(dry_run=dry_run)
        if name == "top_h":
            from benchmarks.gpu import top_h_part

            return top_h_part.run(machine, dry_run=dry_run)
        if name == "service":
            from benchmarks.gpu import service_part

            return service_part.run(machine, folder, dry_run=dry_run)
        from benchmarks.gpu import scale_part

        return scale_part.run(machine, folder, dry_run=dry_run)
    except CannotRun as error:
        found = Findings()
        found.lack(f"part {name} cannot run: {error}")
        return found


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    run(name, folder, dry_run="--dry-run" in sys.argv).save(folder / "findings.json")


if __name__ == "__main__":
    main()
