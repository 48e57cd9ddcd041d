"""The inference service runs what was deployed, confined as its unit says, and takes photographs for what they show."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.expected import Expected
from testinfra.host import Host

RELEASES = "/opt/hotpath/releases"
MODELS = "/var/lib/hotpath/models"
CONFIG = "/etc/hotpath/hotpath.toml"

ExpectedOf = Callable[[Host, str], Expected]


def show(host: Host, unit: str, *properties: str) -> dict[str, str]:
    """What systemd itself says of a unit."""
    shown = host.check_output("systemctl show %s --property=%s", unit, ",".join(properties))
    return dict(line.split("=", 1) for line in shown.splitlines())


@pytest.fixture
def service(host: Host, expected: ExpectedOf) -> Expected:
    """The role's variables on this host."""
    return expected(host, "inference_service")


@pytest.fixture
def main_pid(host: Host) -> str:
    """The process id of the supervisor."""
    pid = show(host, "hotpath.service", "MainPID")["MainPID"]
    assert pid != "0", "hotpath.service does not run"
    return pid


@pytest.fixture
def model(host: Host) -> dict[str, Any]:
    """The deployed model's description, with its directory."""
    directory = host.check_output("readlink -f %s/*/current", MODELS)
    return {**json.loads(host.file(f"{directory}/model.json").content_string), "directory": directory}


@pytest.mark.parametrize("unit", ["hotpath.service", "hotpath.socket"])
def test_unit_runs_and_starts_at_boot(host: Host, unit: str) -> None:
    state = show(host, unit, "ActiveState", "UnitFileState", "NeedDaemonReload", "Result")
    assert state == {"ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no", "Result": "success"}


def test_port_is_held_by_systemd(host: Host, service: Expected) -> None:
    listen = f"{service['inference_service_listen']}:{service['inference_service_port']}"
    assert listen in show(host, "hotpath.socket", "Listen")["Listen"]
    assert host.socket(f"tcp://{listen}").is_listening


def test_release_is_complete_and_not_the_services_to_change(host: Host) -> None:
    release = host.check_output("readlink -f /opt/hotpath/current")
    assert release.startswith(RELEASES)
    assert host.file(f"{release}/.complete").is_file
    assert host.check_output("find %s -not -user root -o -perm /022 -not -type l", release) == ""


def test_model_is_whole_and_not_the_services_to_change(host: Host, model: dict[str, Any]) -> None:
    assert host.check_output("find %s -not -user root -o -perm /022 -not -type l", model["directory"]) == ""
    judged = host.run("/opt/hotpath/current/venv/bin/python -m hotpath check --config %s", CONFIG)
    assert judged.rc == 0, judged.stdout + judged.stderr


def test_what_runs_is_what_was_deployed(host: Host, model: dict[str, Any]) -> None:
    """The restart after the last change really happened, and release and model are the ones that it names."""
    text = host.file("/etc/hotpath/deployment").content_string
    assert host.file("/run/hotpath/deployment").content_string == text
    wanted = dict(line.split("=", 1) for line in text.splitlines())
    assert host.check_output("readlink /opt/hotpath/current") == f"releases/{wanted['release']}"
    assert wanted["model"] == f"{model['name']}/{model['version']}"


def test_processes_are_confined(host: Host, main_pid: str) -> None:
    """Read from the kernel, not from the unit: user, no new privileges, system call filter, no capability."""
    status = dict(line.split(":", 1) for line in host.file(f"/proc/{main_pid}/status").content_string.splitlines())
    uid = host.user("hotpath").uid
    assert status["Uid"].split() == [str(uid)] * 4
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0


def test_processes_stay_on_the_plans_cpus(host: Host, main_pid: str) -> None:
    engines = json.loads(host.file("/etc/hotpath/plan.json").content_string)["engines"]
    planned = {cpu for engine in engines for cpu in engine["cpus"] + engine["worker_cpus"]}
    status = dict(line.split(":", 1) for line in host.file(f"/proc/{main_pid}/status").content_string.splitlines())
    allowed: set[int] = set()
    for part in status["Cpus_allowed_list"].strip().split(","):
        first, _, last = part.partition("-")
        allowed |= set(range(int(first), int(last or first) + 1))
    assert allowed <= planned


def test_open_file_limit_reaches_the_process(host: Host, main_pid: str, in_container: Callable[[Host], bool]) -> None:
    """A container's own limit may be lower, and systemd takes that then."""
    assert show(host, "hotpath.service", "LimitNOFILE")["LimitNOFILE"] == "65536"
    if in_container(host):
        return
    limits = host.file(f"/proc/{main_pid}/limits").content_string.splitlines()
    assert next(line for line in limits if line.startswith("Max open files")).split()[3] == "65536"


def test_photographs_are_taken_for_what_they_show(host: Host, service: Expected, model: dict[str, Any]) -> None:
    """Every photograph that came with the model, through HTTP, asked from the host itself."""
    address = service["inference_service_listen"].replace("0.0.0.0", "127.0.0.1")
    url = f"http://{address}:{service['inference_service_port']}/predict"
    for probe in model["probes"]:
        command = "curl -sS --fail-with-body --data-binary @%s -H 'Content-Type: application/octet-stream' %s"
        answer = json.loads(host.check_output(command, f"{model['directory']}/{probe['file']}", url))
        assert answer["label"] in probe["accept"], f"{probe['file']}: {answer['label']}"
        assert answer["model"] == {"name": model["name"], "version": model["version"]}
