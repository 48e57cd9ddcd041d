"""The unit as it is rendered for hosts that no test here can be: CentOS 8 with GPUs on one node and on two."""

from __future__ import annotations

import configparser
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from support.expected import PROJECT, Expected, Inventory

ROLE = PROJECT / "roles" / "inference_service"
# What EL8's systemd 239 knows of the directives that the unit may carry.
EL8_LACKS = {"ProtectHostname", "ProtectKernelLogs", "ProtectClock", "ProtectProc", "OOMPolicy"}


def load(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return values


def engine(device: int, node: int, cpus: list[int], worker_cpus: list[int]) -> dict[str, Any]:
    return {"device": f"cuda:{device}", "numa_node": node, "cpus": cpus, "worker_cpus": worker_cpus}


def variables_of(engines: list[dict[str, Any]], **variables: Any) -> dict[str, Any]:
    """The role's variables on a host with this plan."""
    Inventory("localhost,")  # loads the project's plugins
    known: dict[str, Any] = {"role_path": str(ROLE), "stack_name": "cuda11.6", "ansible_managed": "Ansible managed"}
    for name in ("stack", "inference_service"):
        known.update(load(PROJECT / "roles" / name / "defaults" / "main.yml"))
    for path in (ROLE / "vars" / "main").glob("*.yml"):
        known.update(load(path))
    known.update(
        hotpath_plan={"engines": engines, "hugepages": []},
        ansible_facts={"virtualization_type": "NA", "virtualization_role": "host"},
    )
    return {**known, **variables}


def unit(
    engines: list[dict[str, Any]], hugepages: Sequence[dict[str, Any]] = (), **variables: Any
) -> tuple[str, dict[str, list[str]]]:
    """The rendered text, and its [Service] section with every value of a repeated name."""
    known = variables_of(engines)
    names = {directive["name"] for directive in known["__inference_service_sandbox"]}
    names |= {"NUMAPolicy", "NUMAMask", "PrivateDevices", "DevicePolicy", "DeviceAllow", "ReadWritePaths"}
    service = sorted(names - EL8_LACKS)
    known.update(
        __inference_service_known={"directives": {"Service": service}},
        hotpath_plan={"engines": engines, "hugepages": hugepages},
        **variables,
    )
    text = Expected(DataLoader(), known).template((ROLE / "templates" / "hotpath.service.j2").read_text())
    section: dict[str, list[str]] = {}
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line == "[Service]"
        elif inside and "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            section.setdefault(name, []).append(value)
    configparser.ConfigParser(strict=False, interpolation=None).read_string(text)  # refuses stray lines
    return text, section


def test_one_gpu_binds_to_its_node() -> None:
    text, service = unit([engine(0, 0, [1, 2], [3, 15])])
    assert service["CPUAffinity"] == ["3 15"], "an engine's CPUs are for engines; they move there themselves"
    assert service["NUMAPolicy"] == ["bind"] and service["NUMAMask"] == ["0"]
    assert service["DevicePolicy"] == ["closed"] and "char-nvidia rw" in service["DeviceAllow"]
    assert "PrivateDevices" not in service
    assert "nvidia-persistenced.service nvidia-fabricmanager.service" in text
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in service["Environment"]


def test_gpus_on_two_nodes_leave_the_policy_to_the_processes() -> None:
    _, service = unit([engine(0, 0, [1], [2]), engine(1, 1, [9], [10])])
    assert service["CPUAffinity"] == ["2 10"]
    assert service["NUMAPolicy"] == ["default"] and "NUMAMask" not in service


def test_memory_that_may_lie_anywhere_is_not_bound() -> None:
    _, service = unit([engine(0, 0, [1], [2])], inference_service_memory_policy="preferred")
    assert "NUMAPolicy" not in service


PAGES = [{"numa_node": 0, "size_kib": 2048, "count": 128}]


def test_the_plans_hugepages_are_mounted_first_and_within_reach() -> None:
    text, service = unit([{**engine(0, 0, [0], [1]), "device": "cpu"}], hugepages=PAGES, stack_service="cpu")
    assert "RequiresMountsFor=/dev/hugepages-hotpath\n" in text
    assert service["PrivateDevices"] == ["false"], "it would hide them"
    assert service["ReadWritePaths"] == ["/dev/hugepages-hotpath"]


def test_slots_may_be_in_ordinary_memory() -> None:
    text, service = unit([engine(0, 0, [0], [1])], hugepages=PAGES, inference_service_arena="")
    assert "RequiresMountsFor" not in text and "ReadWritePaths" not in service


def test_what_el8s_systemd_lacks_is_left_out_and_named() -> None:
    text, service = unit([])
    assert not EL8_LACKS & set(service)
    note = next(line for line in text.splitlines() if line.startswith("# Not known"))
    assert all(name in note for name in EL8_LACKS)
    assert service["ProtectSystem"] == ["strict"] and service["CapabilityBoundingSet"] == [""]


def test_a_host_may_go_without_a_directive() -> None:
    _, service = unit([], inference_service_sandbox_exclude=["ProtectHome"])
    assert "ProtectHome" not in service and "ProtectSystem" in service


def test_the_drain_ends_before_systemd_kills() -> None:
    _, service = unit([], inference_service_drain_timeout_s=70, inference_service_shutdown_delay_s=20)
    assert int(service["TimeoutStopSec"][0]) > 90


def test_a_host_without_gpu_sees_no_device() -> None:
    text, service = unit([{**engine(0, 0, [0], [1]), "device": "cpu"}], stack_service="cpu")
    assert service["PrivateDevices"] == ["true"] and "DeviceAllow" not in service
    assert "nvidia" not in text


def role_values(engines: list[dict[str, Any]], models: list[dict[str, Any]], **variables: Any) -> Expected:
    """The role's values on a host that is to serve these models; each has a source of its own name in the bundle."""
    packed = [
        {"source": model["source"], "as": model.get("name", ""), "name": model.get("name", model["source"])}
        | {"key": "k", "architecture": "resnet50", "archive": {"path": "/a.tar"}}
        for model in models
    ]
    known = variables_of(engines, __inference_service_built={"models": packed}, inference_service_models=models)
    return Expected(DataLoader(), {**known, **variables}, ROLE)


def configuration(
    engines: list[dict[str, Any]], models: list[dict[str, Any]], **variables: Any
) -> list[dict[str, Any]]:
    """The models of the service's configuration."""
    values = role_values(engines, models, **variables)
    text = values.template((ROLE / "templates" / "hotpath.toml.j2").read_text())
    return list(tomllib.loads(text)["models"])


def test_every_model_has_a_table_in_the_order_of_the_list() -> None:
    gpus = [{**engine(0, 0, [1], [2]), "pci": "0000:65:00.0"}, {**engine(1, 0, [3], [4]), "pci": "0000:b1:00.0"}]
    first, second = configuration(
        gpus, [{"source": "b", "name": "c", "devices": ["b1:00.0"], "places": 9}, {"source": "a", "engines": 2}]
    )
    assert first == {
        "name": "c",
        "path": "/var/lib/hotpath/models/c/current",
        "backend": "tensorrt",
        "devices": ["cuda:1"],
        "engines": 0,
        "threads": 0,
        "places": 9,
    }
    assert (second["name"], second["devices"], second["engines"]) == ("a", ["cuda:0", "cuda:1"], 2)


def test_a_new_release_judges_the_versions_that_were_built() -> None:
    paths = {"a": "/var/lib/hotpath/models/a/v2"}
    tables = configuration(
        [], [{"source": "a"}, {"source": "b"}], stack_service="cpu", __inference_service_trial_paths=paths
    )
    assert [table["path"] for table in tables] == ["/var/lib/hotpath/models/a/v2", "/var/lib/hotpath/models/b/current"]
    assert [table["devices"] for table in tables] == [["cpu"], ["cpu"]]


@pytest.mark.parametrize(
    ("models", "checking", "runs"),
    [
        ([{"source": "a"}], False, True),  # what the stack's table names
        ([{"source": "a", "backend": "torchscript"}, {"source": "b", "backend": "tensorrt"}], False, True),
        ([{"source": "a", "backend": "torchscript"}], False, False),
        ([{"source": "a"}], True, False),
    ],
)
def test_engines_of_tensorrt_are_made_where_a_model_needs_some(
    models: list[dict[str, Any]], checking: bool, runs: bool
) -> None:
    values = role_values([engine(0, 0, [1], [2])], models, ansible_check_mode=checking)
    task = making_engines(values)
    assert values.template("{{ " + task["when"] + " }}") is runs


@pytest.mark.parametrize("changed", [True, False])
def test_making_engines_changes_the_host_where_some_were_missing(changed: bool) -> None:
    values = role_values([], [])
    task = making_engines(values)
    answer = {"rc": 0, "stdout": json.dumps({"changed": changed, "engines": []})}
    assert values.template("{{ " + task["changed_when"] + " }}", **{task["register"]: answer}) is changed
    assert values.template("{{ " + task["changed_when"] + " }}", **{task["register"]: {"rc": 1, "stdout": ""}}) is False


def making_engines(values: Expected) -> dict[str, Any]:
    """The role's task that runs `hotpath engines`; before the judgement, which wants them."""
    commands = [task for task in values.tasks("configure.yml") if "ansible.builtin.command" in task]
    subcommands = [task["ansible.builtin.command"]["argv"][3] for task in commands]
    assert subcommands == ["engines", "check"]
    return commands[0]
