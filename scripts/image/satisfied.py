"""Whether what is installed is what nbest asks for: a base image brings versions of its own choice."""

import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement


def unmet(asked: Iterable[str], extras: Sequence[str], installed: Callable[[str], str]) -> list[str]:
    """The requirements that do not hold, each with what is installed instead.

    `installed` gives a distribution's version or raises PackageNotFoundError.
    """
    problems: list[str] = []
    for requirement in map(Requirement, asked):
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        try:
            found = installed(requirement.name)
        except PackageNotFoundError:
            problems.append(f"{requirement}: not installed")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            problems.append(f"{requirement}: {found} is installed")
    return problems


def main() -> int:
    """Exit 1 with the list where something does not hold; the arguments are nbest's extras to look at."""
    problems = unmet(requires("nbest") or (), sys.argv[1:], version)
    for problem in problems:
        print(f"image: {problem}", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
