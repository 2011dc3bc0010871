"""The part of a lock that a base image lacks: by hand, against a slow reference, and on the lock itself."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from scripts.image.lacking import canonical, lacking

ROOT = Path(__file__).resolve().parents[3]
LOCK = """\
alpha==1.0 \\
    --hash=sha256:aa
    # via
    #   nbest (pyproject.toml)
    #   beta
beta[extra]==2.0 ; sys_platform == 'linux' \\
    --hash=sha256:bb
    # via nbest (pyproject.toml)
beta[extra]==2.1 ; sys_platform == 'darwin' \\
    --hash=sha256:bc
    # via nbest (pyproject.toml)
cuda==3.0 \\
    --hash=sha256:cc
    # via vllm
gamma-ray==4.0 \\
    --hash=sha256:dd
    # via beta
vllm==5.0 \\
    --hash=sha256:ee
    # via nbest (pyproject.toml)
"""


def names(lock: str) -> list[str]:
    return re.findall(r"^([\w.-]+)(?:\[\w+\])?==", lock, flags=re.MULTILINE)


def test_what_is_there_stands_for_what_it_needs() -> None:
    assert names(lacking(LOCK, ["vllm"])) == ["alpha", "beta", "beta", "gamma-ray"]
    assert names(lacking(LOCK, ["vllm", "Beta"])) == ["alpha"]
    assert names(lacking(LOCK, ["vllm", "beta", "ALPHA"])) == []
    assert names(lacking(LOCK, ["vllm", "gamma_ray"])) == ["alpha", "beta", "beta"]


def test_entries_keep_their_hashes_and_markers() -> None:
    assert lacking(LOCK, []) == LOCK
    assert "beta[extra]==2.0 ; sys_platform == 'linux' \\\n    --hash=sha256:bb\n" in lacking(LOCK, ["vllm"])


def test_of_the_real_lock_nothing_of_vllm_is_installed_again() -> None:
    lock = (ROOT / "requirements" / "gpu.lock").read_text()
    assert lacking(lock, []) == lock[lock.index(names(lock)[0]) :]
    beyond = set(names(lacking(lock, ["vllm", "torch", "transformers"])))
    assert {"math-verify", "google-re2", "structlog"} <= beyond
    assert not {"vllm", "torch", "transformers", "triton", "xgrammar"} & beyond
    assert not any(name.startswith("nvidia-") for name in beyond)


GRAPH = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.sets(st.sampled_from(["nbest", *"abcdefgh"]), min_size=1),
    max_size=8,
)


def written(parents: dict[str, set[str]]) -> str:
    entries = []
    for name in sorted(parents):
        asked = "\n".join(f"    #   {parent}" for parent in sorted(parents[name]))
        entries.append(f"{name}==1 \\\n    --hash=sha256:00\n    # via\n{asked}\n")
    return "".join(entries)


@given(GRAPH, st.sets(st.sampled_from("abcdefgh")))
def test_as_a_slow_reference_says(parents: dict[str, set[str]], there: set[str]) -> None:
    """A package is needed if a chain leads from nbest to it on which nothing is there."""

    def needed(name: str, seen: frozenset[str]) -> bool:
        if name == "nbest":
            return True
        if name in there or name in seen or name not in parents:
            return False
        return any(needed(parent, seen | {name}) for parent in parents[name])

    assert names(lacking(written(parents), there)) == [
        name for name in sorted(parents) if needed(name, frozenset())
    ]


def test_names_compare_as_the_index_compares_them() -> None:
    assert canonical("Foo._-Bar") == "foo-bar"
