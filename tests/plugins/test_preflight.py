"""Every rule of the preflight by a host that breaks it, beside one that breaks none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hotpath_preflight import Problem, host_problems, inventory_problems, load_options, table, wanted_packages
from hotpath_preflight.values import Values

OPTIONS = load_options(Path(__file__).resolve().parents[2] / "roles")
GIB = 1024**3
SOUND: dict[str, Any] = {
    "os": {"name": "CentOS Stream 8", "version": "8", "like": ["centos", "rhel", "fedora"]},
    "architecture": "x86_64",
    "glibc": "2.28",
    "pythons": ["3.6", "3.8"],
    "container": False,
    "selinux": "enforcing",
    "kernel": "4.18.0-348.7.1.el8_5.x86_64",
    "nvidia_loaded": "",
    "nouveau_loaded": False,
    "secure_boot": False,
    "gpus": [{"address": "0000:65:00.0", "device": "0x2231"}],
    "nvswitches": [],
    "memory_kib": {"0": 64 * 1024 * 1024},
    "disks": {path: {"free_bytes": 100 * GIB, "device": 1} for path in ("/", "/usr", "/opt", "/var", "/var/lib")},
    "listeners": {},
    "installed": {},
    "repositories": {"hotpath-baseos": {"address": "https://mirror/BaseOS", "problem": ""}},
    "streams": {"510-dkms": ["510.47.03"], "latest-dkms": ["530.30.02"]},
    "offered": {
        "kernel-devel": ["0:4.18.0-348.7.1.el8_5"],
        "cuda-toolkit-11-6": ["0:11.6.2-1"],
        "libcudnn8": ["0:8.4.1.50-1.cuda11.6"],
        "python38": [],
    },
}
Change = Callable[[dict[str, Any]], object]


def judge(change: Change | None = None, **variables: Any) -> list[Problem]:
    survey = copy.deepcopy(SOUND)
    if change:
        change(survey)
    return host_problems("gpu-a", {"ansible_host": "192.0.2.11", **variables}, survey, OPTIONS)


def test_a_sound_host_has_no_problem() -> None:
    assert judge() == []


RULES: list[tuple[str, str, Change, str]] = [
    ("system", "error", lambda s: s["os"].update(version="9.3"), "CentOS"),
    ("system", "error", lambda s: s["os"].update(like=["debian"]), "Enterprise Linux 8"),
    (
        "architecture",
        "error",
        lambda s: s.update(architecture="aarch64", kernel="4.18.0-348.7.1.el8_5.aarch64"),
        "aarch64",
    ),
    ("gpu", "error", lambda s: s.update(gpus=[]), "lspci"),
    ("gpu", "note", lambda s: s.update(gpus=[], container=True), "container"),
    ("secure boot", "error", lambda s: s.update(secure_boot=True), "mokutil"),
    ("nouveau", "warning", lambda s: s.update(nouveau_loaded=True), "reboot_mode"),
    ("kernel headers", "error", lambda s: s["offered"].update({"kernel-devel": ["0:4.18.0-553.el8"]}), "553"),
    ("disk", "error", lambda s: s["disks"]["/opt"].update(free_bytes=GIB, device=2), "1.0 GiB free for /opt"),
    ("disk", "error", lambda s: [d.update(free_bytes=20 * GIB) for d in s["disks"].values()], "/opt, /usr, /var"),
    ("memory", "error", lambda s: s.update(memory_kib={"0": 400 * 1024}), "host_plan_hugepages_mib"),
    ("glibc", "error", lambda s: s.update(glibc="2.12"), "2.17"),
    ("driver stream", "error", lambda s: s["streams"].pop("510-dkms"), "latest-dkms"),
    ("driver", "error", lambda s: s["streams"].update({"510-dkms": ["510.108.03"]}), "510.108.03"),
    ("package", "error", lambda s: s["offered"].update({"libcudnn8": ["0:8.5.0.96-1.cuda11.7"]}), "8.5.0.96"),
    ("python", "error", lambda s: s.update(pythons=["3.6"]), "python38"),
    (
        "repository",
        "error",
        lambda s: s["repositories"]["hotpath-baseos"].update(problem="HTTP Error 404: Not Found"),
        "https://mirror/BaseOS",
    ),
    (
        "port",
        "error",
        lambda s: s["listeners"].update({"8000": [{"pid": 77, "process": "httpd", "unit": "httpd.service"}]}),
        "httpd (pid 77, httpd.service)",
    ),
]


@pytest.mark.parametrize(("check", "severity", "change", "words"), RULES)
def test_a_host_that_breaks_one_rule(check: str, severity: str, change: Change, words: str) -> None:
    (problem,) = judge(change)
    assert (problem.check, problem.severity, problem.host) == (check, severity, "gpu-a")
    assert words in " ".join((problem.found, problem.reason, problem.remedy))


def test_our_own_service_may_hold_the_port() -> None:
    holders = [{"pid": 1, "process": "systemd", "unit": "hotpath.socket"}]
    assert judge(lambda s: s["listeners"].update({"8000": holders})) == []


def test_what_is_installed_needs_no_room() -> None:
    def nearly_full(survey: dict[str, Any]) -> None:
        survey["disks"]["/usr"] = {"free_bytes": GIB // 2, "device": 2}
        survey["installed"] = {name: ["x"] for name in ("nvidia-driver", "cuda-toolkit-11-6", "libcudnn8")}

    assert judge(nearly_full) == []


def test_a_container_is_not_judged_by_the_machines_kernel() -> None:
    def container(survey: dict[str, Any]) -> None:
        survey.update(container=True, secure_boot=True, nouveau_loaded=True)
        survey["offered"]["kernel-devel"] = []

    assert judge(container) == []


def test_a_repository_without_an_answer_says_nothing_about_packages() -> None:
    def silent(survey: dict[str, Any]) -> None:
        survey.update(streams=None, offered=dict.fromkeys(survey["offered"]))

    assert judge(silent) == []


VARIABLES: list[tuple[dict[str, Any], str, str]] = [
    ({"nvidia_driver_stream": "510.47.03"}, "driver stream", "510-dkms"),
    ({"nvidia_driver_version": "470.199.02"}, "driver", "510.39.01"),
    ({"stack_service": "cuda12"}, "driver", "525.60.13"),
    ({"cudnn_version": "8.5.0.96-1.cuda11.7"}, "cudnn", "built for CUDA 11.7"),
    ({"cuda_toolkit_packages": ["cuda-11-6"]}, "cuda", "cuda-toolkit-11-6"),
    ({"stack_name": "cuda99", "stack_service": "cuda11.6"}, "stack", "cuda11.6, cuda12, cuda13, cpu"),
    ({"inference_service_port": "http"}, "variables", "int"),
    ({"inference_service_port": 70000}, "variables", "65535"),
    ({"host_plan_policy": "fastest"}, "variables", "throughput, latency, shared"),
    ({"nvidia_driver_fabric_manager": " "}, "variables", "'auto'"),
    ({"el8_repositories_removed_keys": {"a": 1}}, "variables", "list"),
    ({"inference_servce_port": 8000}, "variables", "Did you mean inference_service_port?"),
]


@pytest.mark.parametrize(("variables", "check", "words"), VARIABLES)
def test_a_variable_that_cannot_hold(variables: dict[str, Any], check: str, words: str) -> None:
    found = [problem for problem in judge(**variables) if problem.check == check]
    assert any(words in " ".join((problem.found, problem.reason, problem.remedy)) for problem in found), judge(
        **variables
    )


def test_templates_are_left_to_ansible() -> None:
    assert judge(inference_service_port="{{ port_of_the_site }}") == []


def test_a_host_that_does_not_answer_and_one_that_cannot_be_looked_at() -> None:
    for survey, check, words in (
        ({"skipped": True}, "connection", "192.0.2.11"),
        ({"failed": True, "msg": "sudo: a password\nis required"}, "survey", "sudo: a password is required"),
    ):
        (problem,) = host_problems("gpu-a", {"ansible_host": "192.0.2.11"}, survey, OPTIONS)
        assert problem.check == check and words in problem.found


def test_wanted_packages_follow_the_stack() -> None:
    wanted = wanted_packages(Values.of({}, OPTIONS), "4.18.0-348.7.1.el8_5")
    assert {item["name"]: item["version"] for item in wanted} == {
        "cuda-toolkit-11-6": "",
        "libcudnn8": "8.4.1.50-1.cuda11.6",
        "kernel-devel": "4.18.0-348.7.1.el8_5",
        "python38": "",
    }
    cpu = wanted_packages(Values.of({"stack_name": "cpu"}, OPTIONS), "4.18.0-348.7.1.el8_5")
    assert [item["name"] for item in cpu] == ["python3.11"]


def test_inventories() -> None:
    def found(groups: dict[str, list[str]], **hosts: dict[str, Any]) -> str:
        return table(list(inventory_problems(groups, hosts)), list(hosts))

    assert "0 errors" in found({"gpu_hosts": ["a"], "rack_1": ["a"]}, a={})
    assert "The group gpu_hosts is missing; the inventory has web" in found({"web": ["a"]}, a={})
    assert "The group gpu_hosts is empty" in found({"gpu_hosts": []})
    assert "Did you mean load_balancers?" in found({"gpu_hosts": ["a"], "load_balancer": ["b"]}, a={}, b={})
    same = {"ansible_host": "192.0.2.11"}
    assert "a, b have the same ansible_host 192.0.2.11" in found({"gpu_hosts": ["a", "b"]}, a=same, b=same)
    other_port = {**same, "ansible_port": 2222}
    assert "0 errors" in found({"gpu_hosts": ["a", "b"]}, a=same, b=other_port)


def test_the_table_shows_errors_first_and_counts() -> None:
    note = Problem("gpu", "none", "why", "what", "note", "a")
    error = Problem("disk", "full", "why", "what", "error", "b")
    text = table([note, error], ["a", "b"])
    assert text.index("ERROR") < text.index("NOTE")
    assert text.endswith("2 hosts judged: 1 errors, 0 warnings, 1 notes")
