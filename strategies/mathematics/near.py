"""Which answers may be equal: those of one kind whose values agree as far as floating point can tell."""

import cmath
from dataclasses import dataclass, field
from typing import Final

from strategies.mathematics.reading import Part, Reading

_RELATIVE: Final = 1e-9
_Bucket = tuple[object, ...]


@dataclass(slots=True)
class NearIndex:
    """Representatives by their kind and their first value, so that only near ones are compared."""

    _groups: dict[_Bucket, list[tuple[int, Reading]]] = field(default_factory=dict)

    def add(self, group: int, reading: Reading | None) -> None:
        if reading is not None:
            self._groups.setdefault((_shape(reading), _scale(reading)), []).append((group, reading))

    def near(self, reading: Reading | None) -> list[int]:
        """Those of the same kind whose values agree as far as floating point can tell."""
        if reading is None:
            return []
        scale = _scale(reading)
        scales = [None] if scale is None else [None, scale - 1, scale, scale + 1]
        found = [at for s in scales for at in self._groups.get((_shape(reading), s), [])]
        return sorted(group for group, other in found if _agree(reading, other))


def _shape(reading: Reading) -> _Bucket:
    return (reading.kind, len(reading.parts))


def _scale(reading: Reading) -> int | None:
    """Where the first value stands on a logarithmic scale; None where it has no value in range, or is nearly 0."""
    floats = next((part.floats for part in reading.parts if part.floats is not None), None)
    if floats is None or abs(floats[0]) < 1e-12:
        return None
    return round(cmath.log(floats[0]).real * 1e8)


def _agree(one: Reading, two: Reading) -> bool:
    return all(_part_agrees(a, b) for a, b in zip(one.parts, two.parts, strict=True))


def _part_agrees(a: Part, b: Part) -> bool:
    """Whether two parts may be equal: not where both are exact and differ, or where floats differ relatively."""
    if a.exact is not None and b.exact is not None:
        return a.exact == b.exact
    if a.floats is None or b.floats is None:
        # One is exact, and infinite or beyond what a float holds; the other is not.
        return False
    return all(
        cmath.isclose(x, y, rel_tol=_RELATIVE, abs_tol=1e-12) for x, y in zip(a.floats, b.floats, strict=True)
    )
