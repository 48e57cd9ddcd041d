"""Every rule of the preflight by a host that breaks it, beside one that breaks none."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hotpath_preflight import (
    Problem,
    host_plan,
    host_problems,
    inventory_problems,
    plan_pictures,
    set_problems,
    table,
    wanted_packages,
)
from hotpath_preflight.values import Values
from preflight import kernel_packages, preflight_report
from support.surveys import GIB, OPTIONS, RELEASE, SOUND, Change, judge


def without_gpus(survey: dict[str, Any], container: bool = False) -> None:
    survey.update(gpus=[], container=container)
    survey["topology"]["gpus"] = []


def with_gpu(device: str) -> Change:
    return lambda survey: survey["gpus"][0].update(device=device)


def test_a_sound_host_has_no_problem() -> None:
    assert judge() == []


RULES: list[tuple[str, str, Change, str]] = [
    ("system", "error", lambda s: s["os"].update(version="9.3"), "CentOS"),
    ("system", "error", lambda s: s["os"].update(id="debian"), "Enterprise Linux 8"),
    ("system", "error", lambda s: s["os"].update(id="anolis"), "Rocky Linux 8, AlmaLinux 8, Oracle Linux 8, RHEL 8"),
    (
        "packages",
        "error",
        lambda s: s.update(refused={"cause": "x is hidden by excludepkgs=k*.", "remedy": "Take it out."}),
        "Take it out.",
    ),
    (
        "architecture",
        "error",
        lambda s: s.update(architecture="aarch64", kernel="4.18.0-348.7.1.el8_5.aarch64"),
        "aarch64",
    ),
    ("gpu", "error", lambda s: without_gpus(s), "lspci"),
    ("gpu", "note", lambda s: without_gpus(s, container=True), "container"),
    ("secure boot", "error", lambda s: s.update(secure_boot=True), "mokutil"),
    ("kernel", "error", lambda s: s.update(kernel="4.18.0-348.rt7.130.el8.x86_64"), "real-time kernel"),
    ("kernel", "error", lambda s: s.update(kernel="5.4.17-2136.300.7.el8uek.x86_64"), "UEK"),
    ("kernel", "error", lambda s: s["installed"]["kernel-core"].append("0:4.18.0-553.el8"), "4.18.0-553.el8"),
    ("kernel", "error", lambda s: s.update(next_kernel="4.18.0-305.el8.x86_64"), "the next boot starts 4.18.0-305.el8"),
    ("signing key", "error", lambda s: s.update(key_problems=["EPEL 8: it expired. Get another."]), "Get another."),
    ("nouveau", "warning", lambda s: s.update(nouveau_loaded=True), "reboot_mode"),
    ("kernel headers", "error", lambda s: s["offered"].update({"kernel-devel": ["0:4.18.0-553.el8"]}), "553"),
    ("disk", "error", lambda s: s["disks"]["/opt"].update(free_bytes=GIB, device=2), "1.0 GiB free for /opt"),
    (
        "disk",
        "error",
        lambda s: [d.update(free_bytes=20 * GIB) for d in s["disks"].values()],
        "/opt/hotpath, /usr, /usr/local",
    ),
    ("memory", "error", lambda s: s["topology"]["nodes"][0].update(memory_kib=400 * 1024), "may take 200 MiB"),
    ("hugepages", "error", lambda s: s["topology"]["nodes"][0].update(hugepages=[]), "none at all"),
    ("plan", "error", lambda s: s["topology"].update(nodes=[]), "no node with CPUs"),
    ("glibc", "error", lambda s: s.update(glibc="2.12"), "2.17"),
    ("driver stream", "error", lambda s: s["streams"].pop("510-dkms"), "latest-dkms"),
    ("driver stream", "error", lambda s: s.update(streams={}), "without its module metadata"),
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


def provisioned(survey: dict[str, Any]) -> None:
    survey["installed"] |= {
        "nvidia-driver": ["3:510.47.03-1.el8"],
        "cuda-toolkit-11-6": ["0:11.6.2-1"],
        "libcudnn8": ["0:8.4.1.50-1.cuda11.6"],
    }


def room(survey: dict[str, Any], gib: float) -> None:
    for disk in survey["disks"].values():
        disk["free_bytes"] = int(gib * GIB)


def test_what_is_installed_needs_no_room() -> None:
    def nearly_full(survey: dict[str, Any]) -> None:
        provisioned(survey)
        survey["disks"]["/usr"] = {"free_bytes": GIB // 2, "device": 2}

    assert judge(nearly_full) == []


@pytest.mark.parametrize(
    ("deployed", "gib", "variables", "severity"),
    [
        (True, 0.1, {}, "warning"),  # a run that changes nothing needs no room
        (True, 20, {}, ""),
        (False, 9, {}, "error"),
        (True, 9, {"cudnn_version": "8.5.0.96-1.cuda11.6"}, "warning"),  # room for the package, none for a release too
        (True, 3, {"cudnn_version": "8.5.0.96-1.cuda11.6"}, "error"),
        (True, 9, {"cuda_toolkit_versions": ["11.6", "11.7"]}, "error"),  # the second one is missing
        (True, 11.5, {"cuda_toolkit_versions": ["11.6", "11.7"]}, "warning"),
    ],
)
def test_room_is_asked_for_what_is_still_to_be_written(
    deployed: bool, gib: float, variables: dict[str, Any], severity: str
) -> None:
    def change(survey: dict[str, Any]) -> None:
        provisioned(survey)
        room(survey, gib)
        survey["deployed"] = deployed

    found = [problem.severity for problem in judge(change, **variables) if problem.check == "disk"]
    assert found == [severity] * bool(severity)


def test_a_file_system_of_its_own_is_judged_alone() -> None:
    def own(survey: dict[str, Any]) -> None:
        survey["disks"]["/usr/local"] = {"free_bytes": 6 * GIB, "device": 3}
        survey["disks"]["/opt/hotpath"] = {"free_bytes": 11 * GIB, "device": 4}
        survey["disks"]["/opt"] = {"free_bytes": 0, "device": 5}

    (problem,) = judge(own)
    assert problem.found == "6.0 GiB free for /usr/local, 7.0 GiB needed"


def test_a_newer_kernel_that_the_boot_loader_does_not_start_is_no_problem() -> None:
    def kept(survey: dict[str, Any]) -> None:
        survey["installed"]["kernel-core"].append("0:4.18.0-553.el8")
        survey["next_kernel"] = survey["kernel"]

    assert judge(kept) == []


def test_a_container_is_not_judged_by_the_machines_kernel() -> None:
    def container(survey: dict[str, Any]) -> None:
        survey.update(container=True, secure_boot=True, nouveau_loaded=True)
        survey["offered"]["kernel-devel"] = []

    assert judge(container) == []


def test_a_repository_without_an_answer_says_nothing_about_packages() -> None:
    def silent(survey: dict[str, Any]) -> None:
        survey.update(streams=None, offered=dict.fromkeys(survey["offered"]))

    assert judge(silent) == []


def test_keys_that_could_not_be_looked_at_are_a_problem() -> None:
    """Also where the module that looks at them failed before it judged any."""
    survey = {"hotpath_survey": copy.deepcopy(SOUND), "__el8_repositories_survey_keys": {"msg": "gpg is not there"}}
    hostvars = {"gpu-a": {"ansible_host": "192.0.2.11", **survey}}
    report = preflight_report({"gpu_hosts": ["gpu-a"]}, hostvars, ["gpu-a"])
    assert "ERROR   gpu-a: signing key: gpg is not there" in report["table"]


VARIABLES: list[tuple[dict[str, Any], str, str]] = [
    ({"nvidia_driver_stream": "510.47.03"}, "driver stream", "510-dkms"),
    ({"nvidia_driver_version": "470.199.02"}, "driver", "510.39.01"),
    ({"stack_service": "cuda12"}, "driver", "525.60.13"),
    ({"nvidia_driver_version": "newest"}, "driver", "no version of a driver"),
    ({"nvidia_driver_stream": "510", "stack_name": "cuda11.6"}, "driver stream", "no stream 510"),
    ({"stack_table": {"cuda11.6": {"driver_version": "510.47.03"}}}, "stack", "lacks backend, cuda_version"),
    (
        {"host_plan_policy": "latency", "host_plan_overrides": {"engines": [{"device": "cuda:0", "cpus": [0, 4]}]}},
        "plan",
        "CPU 0",
    ),
    ({"host_plan_overrides": {"housekeeping_cpus": [0, 99]}}, "plan", "CPU 99 is not online"),
    ({"host_plan_overrides": {"nic_queues": [{"interface": "eth9", "cpus": [0]}]}}, "plan", "eth9"),
    ({"host_plan_overrides": {"cpus": [1]}}, "variables", "cpus"),
    ({"boot_arguments_extra": {"isolcpus": "0-7"}}, "boot arguments", "isolates every CPU"),
    ({"boot_arguments_extra": {"nohz_full": "1;3"}}, "boot arguments", "'1;3' is no CPU"),
    ({"boot_arguments_extra": {"intel_iommu": True}}, "boot arguments", "Quote the word that you mean"),
    ({"boot_arguments_extra": {"dyndbg": "file a.c +p"}}, "boot arguments", "/etc/modprobe.d"),
    ({"inference_service_workers": 40}, "workers", "40 HTTP workers"),
    ({"inference_service_listen": "everywhere"}, "variables", "IPv4"),
    ({"cudnn_version": "8.5.0.96-1.cuda11.7"}, "cudnn", "built for CUDA 11.7"),
    ({"cuda_toolkit_packages": ["cuda-11-6"]}, "cuda", "cuda-toolkit-11-6"),
    ({"cuda_toolkit_versions": ["11.6", "12.8"]}, "cuda", "runs on driver 525.60.13 or newer"),
    ({"stack_name": "cuda99", "stack_service": "cuda11.6"}, "stack", "cuda11.6, cuda12, cuda13, cpu"),
    ({"inference_service_port": "http"}, "variables", "int"),
    ({"inference_service_port": 70000}, "variables", "65535"),
    ({"inference_service_port": 0}, "variables", "65535"),
    ({"inference_service_grpc_port": 70000}, "variables", "65535"),
    ({"host_plan_policy": "fastest"}, "variables", "throughput, latency, shared"),
    ({"nvidia_driver_fabric_manager": " "}, "variables", "'auto'"),
    ({"el8_repositories_removed_keys": {"a": 1}}, "variables", "list"),
    ({"inference_servce_port": 8000}, "variables", "Did you mean inference_service_port?"),
    ({"host_plan_colour": "red"}, "variables", "host_plan_colour is no variable of any role"),
    ({"cuda_toolkit_versions": {"a": 1}}, "variables", "list"),
]


@pytest.mark.parametrize(("variables", "check", "words"), VARIABLES)
def test_a_variable_that_cannot_hold(variables: dict[str, Any], check: str, words: str) -> None:
    found = [problem for problem in judge(**variables) if problem.check == check]
    assert any(words in " ".join((problem.found, problem.reason, problem.remedy)) for problem in found), judge(
        **variables
    )


def test_a_secret_of_the_wrong_type_is_named_and_not_shown() -> None:
    found = [problem for problem in judge(inference_service_keys="s3cret-token") if problem.check == "variables"]
    assert ["inference_service_keys" in problem.found for problem in found] == [True]
    assert "s3cret" not in repr(found)


GPUS = [
    ("0x2330", {}, "drivers know Hopper from branch 520 on"),  # H100
    ("0x2330", {}, "torch holds code for 3.7"),
    ("0x2330", {"stack_name": "cuda12"}, ""),
    ("0x2684", {"nvidia_driver_version": "515.105.01"}, "drivers know ada from branch 520 on"),  # RTX 4090
    ("0x1db4", {"nvidia_driver_version": "590.10.01"}, "branch 580 is the last"),  # V100
    ("0x1db4", {"nvidia_driver_version": "515.105.01", "nvidia_driver_stream": "515-open"}, "proprietary stream"),
    ("0x2901", {"stack_name": "cuda12"}, "570-open"),  # B200
    ("0x102d", {}, "branch 470 is the last"),  # K80
    ("0xffff", {}, ""),  # newer than the table: nothing is claimed
]


@pytest.mark.parametrize(("device", "variables", "words"), GPUS)
def test_gpus_against_driver_and_compiled_code(device: str, variables: dict[str, Any], words: str) -> None:
    found = [problem for problem in judge(with_gpu(device), **variables) if problem.check == "gpu"]
    said = " ".join(f"{problem.found} {problem.reason} {problem.remedy}" for problem in found).lower()
    assert words.lower() in said if words else not found, said


@pytest.mark.parametrize(
    ("stream", "owner", "accepted"),
    [("510-dkms", "dkms", True), ("510-dkms", "nvidia", False), ("510", "nvidia", True), ("510", "dkms", False)],
)
def test_secure_boot_accepts_the_key_that_signs_the_module(stream: str, owner: str, accepted: bool) -> None:
    def enrolled(survey: dict[str, Any]) -> None:
        survey.update(secure_boot=True, enrolled_keys={"dkms": owner == "dkms", "nvidia": owner == "nvidia"})
        survey["streams"]["510"] = ["510.47.03"]

    found = [problem.check for problem in judge(enrolled, nvidia_driver_stream=stream)]
    assert found == ([] if accepted else ["secure boot"])


def test_a_debugging_kernel_has_headers_of_its_own() -> None:
    assert kernel_packages("4.18.0-348.7.1.el8_5.x86_64+debug") == {
        "version": "4.18.0-348.7.1.el8_5",
        "headers": "kernel-debug-devel",
    }
    wanted = wanted_packages(Values.of({}, OPTIONS), "4.18.0-348.7.1.el8_5.x86_64+debug")
    assert ("kernel-debug-devel", "4.18.0-348.7.1.el8_5") in [(item["name"], item["version"]) for item in wanted]


def test_a_precompiled_module_for_another_kernel() -> None:
    def another(survey: dict[str, Any]) -> None:
        survey["streams"]["510"] = ["510.47.03"]
        survey["offered"]["kmod-nvidia-510.47.03-4.18.0-348.7.1"] = []

    (problem,) = judge(another, nvidia_driver_stream="510")
    assert problem.check == "kernel module" and "510-dkms" in problem.remedy


def test_templates_are_left_to_ansible() -> None:
    assert judge(inference_service_port="{{ port_of_the_site }}") == []
    assert judge(inference_service_grpc_port=0) == judge(inference_service_grpc_port=8001) == []


def test_a_host_that_does_not_answer_and_one_that_cannot_be_looked_at() -> None:
    for survey, check, words in (
        ({"skipped": True}, "connection", "192.0.2.11"),
        ({"failed": True, "msg": "sudo: a password\nis required"}, "survey", "sudo: a password is required"),
    ):
        (problem,) = host_problems("gpu-a", {"ansible_host": "192.0.2.11"}, survey, OPTIONS, RELEASE)
        assert problem.check == check and words in problem.found


def test_wanted_packages_follow_the_stack() -> None:
    wanted = wanted_packages(Values.of({}, OPTIONS), "4.18.0-348.7.1.el8_5.x86_64")
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
    assert "Did you mean balancers?" in found({"gpu_hosts": ["a"], "balancer": ["b"]}, a={}, b={})
    assert "b of standby_hosts is not in gpu_hosts" in found({"gpu_hosts": ["a"], "standby_hosts": ["b"]}, a={}, b={})
    same = {"ansible_host": "192.0.2.11"}
    assert "a, b have the same ansible_host 192.0.2.11" in found({"gpu_hosts": ["a", "b"]}, a=same, b=same)
    other_port = {**same, "ansible_port": 2222}
    assert "0 errors" in found({"gpu_hosts": ["a", "b"]}, a=same, b=other_port)


def test_the_table_shows_errors_first_and_counts() -> None:
    note = Problem("gpu", "none", "why", "what", "note", "a")
    error = Problem("disk", "full", "why", "what", "error", "b")
    text = table([note, error], ["a", "b"])
    assert text.index("ERROR") < text.index("NOTE")
    assert text.endswith("2 hosts judged: 1 error, 0 warnings, 1 note")


def test_what_several_hosts_share_is_said_once() -> None:
    error = Problem("variables", "x", "why", "what")
    assert table([error.on("a"), error.on("b")], ["a", "b"]).count("ERROR   a, b: variables: x") == 1


def test_a_set_that_is_not_locked() -> None:
    locks = Path(__file__).resolve().parents[2] / "service" / "locks"
    assert list(set_problems(Values.of({}, OPTIONS), locks)) == []
    values = Values.of({"stack_service": "mine", "stack_table": {"mine": {"python_version": "3.9"}}}, OPTIONS)
    (problem,) = set_problems(values, locks)
    assert "mine-py39.txt" in problem.found


def test_the_plans_picture_is_shared_by_hosts_that_are_alike() -> None:
    lines = host_plan({}, SOUND, OPTIONS)
    assert any("engine cuda:0 at 0000:65:00.0" in line for line in lines)
    text = plan_pictures({"a": lines, "b": lines, "c": ["policy shared"]})
    assert text.startswith("PLAN of a, b\n  policy throughput") and "PLAN of c\n  policy shared" in text
