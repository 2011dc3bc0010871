"""The compose file agrees with the Dockerfile, with itself, and with the rules for what runs in production."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import ServerSettings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = [name for name in SERVICES if name.startswith("nbest-")]
OTHERS = [name for name in SERVICES if name not in OURS]


def expanded(text: str) -> str:
    """With every variable at its default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_profiles_start_a_service_with_its_watchers() -> None:
    for profile in ("cpu", "gpu"):
        started = {name for name, service in SERVICES.items() if profile in service["profiles"]}
        assert started == {f"nbest-{profile}", "prometheus", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_privileges(name: str) -> None:
    service = SERVICES[name]
    uid, gid = service["user"].split(":")
    assert int(uid) > 0
    assert int(gid) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_version(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]
    assert tag != "latest"
    assert tag in ("cpu", "gpu") if name in OURS else re.fullmatch(r"v?\d+\.\d+\.\d+", tag)


@pytest.mark.parametrize("name", OTHERS)
def test_others_have_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    port = SERVICES[name]["ports"][0].rpartition(":")[2]
    assert check["test"][0] == "CMD"
    assert f":{port}/" in check["test"][-1]


@pytest.mark.parametrize("name", OURS)
def test_the_service_is_the_image_of_the_dockerfile(name: str) -> None:
    service = SERVICES[name]
    assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
    asked = set(service["build"]["args"])
    assert asked <= set(re.findall(r"^ARG (\w+)", DOCKERFILE, flags=re.MULTILINE))
    assert service["build"]["args"]["VARIANT"] == service["image"].rpartition(":")[2]
    (user,) = re.findall(r"^USER (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    assert service["user"] == user
    (port,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, flags=re.MULTILINE)
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert "healthcheck" not in service, "the image has its own"


@pytest.mark.parametrize("name", OURS)
def test_what_the_service_writes_has_a_place(name: str) -> None:
    service = SERVICES[name]
    (declared,) = re.findall(r"^VOLUME (\[.*\])$", DOCKERFILE, flags=re.MULTILINE)
    temporary = {entry.partition(":")[0] for entry in service["tmpfs"]}
    kept = {volume.split(":")[1] for volume in service["volumes"] if not volume.endswith(":ro")}
    assert set(yaml.safe_load(declared)) == temporary | kept


@pytest.mark.parametrize("name", OURS)
def test_requests_in_flight_may_end_before_the_kill(name: str) -> None:
    service = SERVICES[name]
    grace = int(service["stop_grace_period"].removesuffix("s"))
    settings = ServerSettings(drain_timeout_s=float(service["environment"]["NBEST_SERVER__DRAIN_TIMEOUT_S"]))
    assert grace >= settings.drain_timeout_s + 30
    assert service["init"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_files_and_volumes_exist(name: str) -> None:
    for volume in SERVICES[name]["volumes"]:
        source = expanded(volume).split(":")[0]
        if source.startswith("."):
            assert (DEPLOY / source).exists(), source
        elif not source.startswith("/"):
            assert source in COMPOSE["volumes"]


def test_prometheus_asks_the_service() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    host, _, port = target.partition(":")
    assert job["metrics_path"] == "/metrics"
    for name in OURS:
        assert host in SERVICES[name]["networks"]["default"]["aliases"]
        assert SERVICES[name]["ports"][0].endswith(f":{port}")
    assert all((DEPLOY / "prometheus" / file).is_file() for file in config["rule_files"])


def test_grafana_asks_prometheus_and_has_the_dashboard() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "nbest.yaml").read_text())["providers"]
    mounts = dict(volume.split(":")[:2][::-1] for volume in SERVICES["grafana"]["volumes"])
    assert mounts[provider["options"]["path"]] == "./grafana/dashboards"
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / "grafana" / "dashboards" / Path(home).name).is_file()
    dashboard = (DEPLOY / "grafana" / "dashboards" / "nbest.json").read_text()
    assert set(re.findall(r'"type": "prometheus",\s*"uid": "([^"]+)"', dashboard)) == {source["uid"]}
