"""Building: once, by one process at a time, and never half."""

import multiprocessing
import stat
import time
from pathlib import Path

import pytest

from service.embedded import build as building
from service.embedded.build import build, build_generator
from service.embedded.cache import MANIFEST, build_folder, is_current, locked
from service.embedded.paths import EmbeddedError, cache_dir, models_dir


def fake_fetch(folder: Path) -> Path:
    gguf = folder / "weights.gguf"
    gguf.write_bytes(b"weights")
    return gguf


def fake_dequantise(gguf: Path, out: Path) -> None:
    (out / "model.safetensors").write_bytes(gguf.read_bytes())


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the heavy work; returns the list of merges done."""
    merges: list[str] = []

    def fake_merge(generator: Path, adapter: Path, out: Path) -> None:
        merges.append(generator.name)
        (out / "model.safetensors").write_bytes(b"merged")

    monkeypatch.setattr(building, "dequantise", fake_dequantise)
    monkeypatch.setattr(building, "merge", fake_merge)
    return merges


def adapter_in(folder: Path, content: bytes = b"adapter") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(content)
    return folder


def test_a_second_build_does_nothing(tmp_path: Path, fakes: list[str]) -> None:
    adapter = adapter_in(tmp_path / "adapter")
    first = build(folder=tmp_path, adapter=adapter, fetch=fake_fetch)
    written = (first.reward / MANIFEST).stat().st_mtime_ns
    assert build(folder=tmp_path, adapter=adapter, fetch=fake_fetch) == first
    assert (first.reward / MANIFEST).stat().st_mtime_ns == written
    assert len(fakes) == 1


def test_a_new_adapter_is_merged_again_and_the_generator_kept(tmp_path: Path, fakes: list[str]) -> None:
    build(folder=tmp_path, adapter=adapter_in(tmp_path / "adapter"), fetch=fake_fetch)

    def no_fetch(folder: Path) -> Path:
        raise AssertionError("the generator is current")

    build(folder=tmp_path, adapter=adapter_in(tmp_path / "adapter", b"better"), fetch=no_fetch)
    assert len(fakes) == 2


def test_only_the_checkpoint_is_left_in_the_folder(tmp_path: Path, fakes: list[str]) -> None:
    generator = build_generator(folder=tmp_path, fetch=fake_fetch)
    assert sorted(path.name for path in generator.iterdir()) == [MANIFEST, "model.safetensors"]


def test_a_missing_adapter_is_a_clear_error(tmp_path: Path, fakes: list[str]) -> None:
    with pytest.raises(EmbeddedError, match=r"adapter is missing at .*nbest embedded train"):
        build(folder=tmp_path, adapter=tmp_path / "none", fetch=fake_fetch)


def test_an_interrupt_leaves_nothing_half_built(tmp_path: Path) -> None:
    def interrupted(work: Path) -> None:
        (work / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_folder(tmp_path / "model", {"layout": 1}, interrupted)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_build_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".model.dead").mkdir()
    build_folder(tmp_path / "model", {"layout": 1}, lambda work: None)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_failed_rebuild_keeps_the_old_folder(tmp_path: Path) -> None:
    build_folder(tmp_path / "model", {"layout": 1}, lambda work: None)

    def failing(work: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build_folder(tmp_path / "model", {"layout": 2}, failing)
    assert is_current(tmp_path / "model", {"layout": 1})


def _count_builds(folder: Path) -> None:
    def slow(work: Path) -> None:
        time.sleep(0.2)
        with (folder / "builds").open("a") as builds:
            builds.write("x")

    with locked(folder):
        build_folder(folder / "model", {"layout": 1}, slow)


def test_two_builds_at_once_make_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count_builds, args=(tmp_path,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert (tmp_path / "builds").read_text() == "x"


def test_the_cache_folder_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBEST_CACHE_DIR", str(tmp_path / "cache"))
    assert stat.S_IMODE(cache_dir().stat().st_mode) == 0o700
    monkeypatch.delenv("NBEST_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "nbest"


def test_models_that_came_along_are_used_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an image they lie on a read-only root, so the folder must not be touched."""
    monkeypatch.setenv("NBEST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NBEST_EMBEDDED_DIR", str(tmp_path / "shipped"))
    assert models_dir() == tmp_path / "cache"
    (tmp_path / "shipped").mkdir(mode=0o755)
    assert models_dir() == tmp_path / "shipped"
    assert stat.S_IMODE((tmp_path / "shipped").stat().st_mode) == 0o755
