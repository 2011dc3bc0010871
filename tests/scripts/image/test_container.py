"""What a container engine would read out of an image's description, and what the checks refuse."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.image import promises
from scripts.image.buildah import ImageError
from scripts.image.container import spec
from scripts.image.inside import Spec

CONFIG: dict[str, Any] = {
    "User": "10001:10001",
    "Env": ["PATH=/bin", "HF_HUB_OFFLINE=1", "VLLM_NO_USAGE_STATS=1", "DO_NOT_TRACK=1", "EQUATION=a=b"],
    "Entrypoint": ["nbest"],
    "Cmd": ["serve"],
    "WorkingDir": "/opt/nbest",
    "Volumes": {"/tmp": {}, "/var/cache/nbest": {}},
    "StopSignal": "SIGTERM",
    "Healthcheck": {"Test": ["CMD", "python", "-c", "pass"]},
}


def test_entry_point_user_and_volumes() -> None:
    wanted = spec(Path("/image"), CONFIG, {"PORT": "1"})
    assert wanted.command == ["nbest", "serve"]
    assert (wanted.uid, wanted.gid) == (10001, 10001)
    assert wanted.volumes == ["/tmp", "/var/cache/nbest"]
    assert wanted.environment["EQUATION"] == "a=b"
    assert wanted.environment["PORT"] == "1"
    assert Spec(**json.loads(wanted.dumps())) == wanted


@pytest.mark.parametrize("user", ["", "0:0", "root", "nbest:nbest", "10001", "0:10001"])
def test_a_user_that_is_root_or_has_a_name_is_refused(user: str) -> None:
    with pytest.raises(ImageError, match="numeric and not root"):
        spec(Path("/image"), CONFIG | {"User": user}, {})


def test_the_description_that_keeps_its_promises() -> None:
    promises.about_the_description(CONFIG)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"StopSignal": "SIGKILL"}, "STOPSIGNAL"),
        ({"Healthcheck": None}, "HEALTHCHECK"),
        ({"Healthcheck": {"Test": ["CMD", "curl", "-f", "localhost"]}}, "HEALTHCHECK"),
        ({"Env": ["PATH=/bin", "HF_HUB_OFFLINE=0"]}, "offline"),
    ],
)
def test_a_description_that_does_not(change: dict[str, Any], told: str) -> None:
    with pytest.raises(promises.Broken, match=told):
        promises.about_the_description(CONFIG | change)


def test_a_trace_of_the_index_is_found(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    places = ["https://index.example/simple"]
    promises.no_trace_of_the_index(tmp_path, CONFIG, places)
    (tmp_path / "etc" / "pip.conf").write_text("index-url = https://index.example/simple\n")
    with pytest.raises(promises.Broken, match=r"pip\.conf"):
        promises.no_trace_of_the_index(tmp_path, CONFIG, places)
    with pytest.raises(promises.Broken, match="description"):
        promises.no_trace_of_the_index(tmp_path, CONFIG | {"Env": [f"X={places[0]}"]}, places)
