"""What a part of the check found: claims that hold or not, rows of figures, and what could not run, with its reason."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


class CannotRun(RuntimeError):
    """A part cannot run here; the message is one line that says what is missing."""


@dataclass
class Findings:
    """`claims` decide the exit status; `tables` are rows of figures by title; `missing` says what was left out."""

    claims: list[tuple[str, bool]] = field(default_factory=list)
    tables: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def claim(self, text: str, holds: bool) -> None:
        self.claims.append((text, holds))
        print(f"{'ok  ' if holds else 'FAIL'}  {text}", flush=True)

    def row(self, title: str, **figures: Any) -> None:
        self.tables.setdefault(title, []).append(figures)
        print(f"      {title}: " + ", ".join(f"{k} {_shown(v)}" for k, v in figures.items()), flush=True)

    def lack(self, line: str) -> None:
        self.missing.append(line)
        print(f"SKIP  {line}", flush=True)

    @property
    def holds(self) -> bool:
        return not self.missing and all(holds for _, holds in self.claims)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Findings":
        read = json.loads(path.read_text(encoding="utf-8"))
        return cls([(text, holds) for text, holds in read["claims"]], read["tables"], read["missing"])


def markdown(title: str, about: Mapping[str, str], parts: Mapping[str, Findings]) -> str:
    """A page's section: where it was run, then each part's claims, gaps and tables."""
    lines = [f"## {title}", "", "; ".join(f"{name} {value}" for name, value in about.items()) + ".", ""]
    for name, found in parts.items():
        lines += [f"### {name}", ""]
        lines += [f"- {'' if holds else '**fails**: '}{text}" for text, holds in found.claims]
        lines += [f"- **not run**: {line}" for line in found.missing]
        for table, rows in found.tables.items():
            heads = list(dict.fromkeys(key for row in rows for key in row))
            lines += ["", f"{table}:", "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
            lines += ["| " + " | ".join(_shown(row.get(head, "")) for head in heads) + " |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
