"""The inference service runs what was deployed, confined as its unit says, and takes photographs for what they show."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from affinity_plan import cpu_list
from support.checks import Checks, WrittenFile
from support.expected import Expected
from testinfra.host import Host

MODELS = "/var/lib/hotpath/models"
CONFIG = "/etc/hotpath/hotpath.toml"
DEPLOYMENT = "/etc/hotpath/deployment"
BINARY = "'Content-Type: application/octet-stream'"
# A key, where the service has keys, on its way from the host's own file to curl: in no argument list and no log.
AUTHORIZATION = (
    """awk -F '"' '/^key/ {k = $2} /^allow.*"predict"/ {print "header = \\"Authorization: Bearer " k "\\""; exit}'"""
    " /etc/hotpath/keys.toml 2> /dev/null"
)
CLASSIFICATION = "image-classification"
WRITABLE = "find %s -not -user root -o -perm /022 -not -type l"

ExpectedOf = Callable[[Host, str], Expected]


def show(check: Checks, unit: str, *properties: str) -> dict[str, str]:
    """What systemd itself says of a unit."""
    shown = check.answer(unit, "systemctl show %s --property=%s", unit, ",".join(properties))
    return dict(line.split("=", 1) for line in shown.splitlines())


@pytest.fixture
def service(host: Host, expected: ExpectedOf) -> Expected:
    """The role's variables on this host."""
    return expected(host, "inference_service")


@pytest.fixture
def tables(service: Expected, models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the configuration says of each model, by the inventory's list and what is deployed."""
    return list(service.template("{{ __inference_service_served }}", **told(service, models)))


def told(service: Expected, models: list[dict[str, Any]]) -> dict[str, Any]:
    """What the role's tasks know of models and GPUs; what the controller has built may be newer than what runs."""
    entries = service["inference_service_models"]
    packed = [
        {
            "source": entry["source"],
            "as": entry.get("name") or "",
            **{key: model[key] for key in ("name", "architecture")},
            "key": "",
            "archive": {},
        }
        for entry, model in zip(entries, models, strict=False)
    ]
    return {
        "__inference_service_built": {"models": packed},
        "__inference_service_state": {"gpus": service["__host_plan"]["topology"]["gpus"]},
    }


def supervisor(check: Checks) -> dict[str, str]:
    """The kernel's word about the supervisor, /proc/PID/status."""
    pid = show(check, "hotpath.service", "MainPID")["MainPID"]
    check.equal("hotpath.service runs", expected=True, found=pid != "0")
    check.require()
    lines = check.text(f"/proc/{pid}/status").splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


@pytest.fixture
def models(check: Checks) -> list[dict[str, Any]]:
    """The description of each deployed model with its directory, in the order in which they are served."""
    deployed = dict(line.split("=", 1) for line in check.text(DEPLOYMENT).splitlines())
    found = []
    for name in (version.partition("/")[0] for version in deployed["models"].split()):
        directory = check.answer(f"link to the model {name}", "readlink -f %s/%s/current", MODELS, name)
        found.append({**json.loads(check.text(f"{directory}/model.json")), "directory": directory})
    return found


def test_units_and_configuration_are_as_rendered(
    host: Host, check: Checks, service: Expected, models: list[dict[str, Any]]
) -> None:
    known = {
        "__inference_service_known": host.ansible("systemd_directives", check=False),
        **told(service, models),
    }
    templates = {CONFIG: "hotpath.toml.j2"} | {
        unit["path"]: unit["template"] for unit in service["__inference_service_units"]
    }
    for path, template in templates.items():
        content = service.template(f"{{{{ lookup('ansible.builtin.template', '{template}') }}}}", **known)
        check.files([WrittenFile(path, content, "0644")])


def test_keys_are_the_services_alone_to_read(host: Host, check: Checks, service: Expected) -> None:
    keys = host.file("/etc/hotpath/keys.toml")
    check.equal("file of keys", expected=bool(service["inference_service_keys"]), found=keys.exists)
    if keys.exists:
        found = f"{keys.user}:{keys.group} {keys.mode:o}"
        check.equal("owner and mode of the file of keys", expected="root:hotpath 640", found=found)


@pytest.mark.parametrize("unit", ["hotpath.service", "hotpath.socket"])
def test_unit_runs_and_starts_at_boot(check: Checks, unit: str) -> None:
    wanted = {"ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no", "Result": "success"}
    state = show(check, unit, *wanted)
    for name, value in wanted.items():
        check.equal(f"{name} of {unit}", expected=value, found=state[name])


def test_port_is_held_by_systemd(host: Host, check: Checks, service: Expected) -> None:
    listen = f"{service['inference_service_listen']}:{service['inference_service_port']}"
    held = show(check, "hotpath.socket", "Listen")["Listen"]
    check.equal("address of hotpath.socket", expected=listen, found=held.partition(" ")[0])
    check.equal(f"{listen} is listening", expected=True, found=host.socket(f"tcp://{listen}").is_listening)


def test_release_is_complete_and_not_the_services_to_change(host: Host, check: Checks) -> None:
    release = check.answer("link to the release", "readlink -f /opt/hotpath/current")
    check.equal("folder of the release", expected="/opt/hotpath/releases", found=release.rpartition("/")[0])
    check.equal(f"{release} is complete", expected=True, found=host.file(f"{release}/.complete").is_file)
    loose = check.answer("the release's files", WRITABLE, release).splitlines()
    check.equal("files of the release that others may change", expected=[], found=loose)
    packages = "/opt/hotpath/current/venv/lib/python*/site-packages"
    for module in ("hotpath/http/__pycache__/worker", "uvicorn/__pycache__/server"):
        check.succeeds(f"bytecode of {module}", f"ls {packages}/{module}.*.pyc")


def test_models_are_whole_and_not_the_services_to_change(check: Checks, models: list[dict[str, Any]]) -> None:
    for model in models:
        loose = check.answer(f"files of {model['name']}", WRITABLE, model["directory"]).splitlines()
        check.equal(f"files of {model['name']} that others may change", expected=[], found=loose)
    program = "/opt/hotpath/current/venv/bin/python -m hotpath check --config %s"
    check.succeeds("models and configuration (hotpath check)", program, CONFIG)


def test_what_runs_is_what_was_deployed(check: Checks, service: Expected, models: list[dict[str, Any]]) -> None:
    """The restart after the last change really happened, and release and models are the ones that it names."""
    check.equal("number of models", expected=len(service["inference_service_models"]), found=len(models))
    deployed = check.text(DEPLOYMENT)
    check.equal(
        "what the running service was started from", expected=deployed, found=check.text("/run/hotpath/deployment")
    )
    wanted = dict(line.split("=", 1) for line in deployed.splitlines())
    release = check.answer("link to the release", "readlink /opt/hotpath/current")
    check.equal("/opt/hotpath/current", expected=f"releases/{wanted['release']}", found=release)
    found = [f"{model['name']}/{model['version']}" for model in models]
    check.equal("deployed models", expected=wanted["models"].split(), found=found)


def test_processes_are_confined(host: Host, check: Checks) -> None:
    """Read from the kernel, not from the unit: user, no new privileges, system call filter, no capability."""
    status = supervisor(check)
    uid = str(host.user("hotpath").uid)
    check.equal("users of the service's process", expected=[uid] * 4, found=status["Uid"].split())
    wanted = {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0" * 16, "CapBnd": "0" * 16}
    for name, value in wanted.items():
        check.equal(f"{name} of the service's process", expected=value, found=status[name])


def children(check: Checks) -> dict[str, str]:
    """Process ids of engines and HTTP workers by name, such as engine-0."""
    parent = supervisor(check)["Pid"]
    listed = check.answer("the service's processes", "ps --no-headers --ppid %s -o pid,comm", parent)
    return {name: pid for pid, name in map(str.split, listed.splitlines())}


def mappings(check: Checks, name: str, pid: str) -> list[str]:
    """Lines of a process's numa_maps; asked as its user, because root in a container may not look."""
    return check.answer(f"memory of {name}", "runuser -u hotpath -- cat /proc/%s/numa_maps", pid).splitlines()


def devices_of(tables: list[dict[str, Any]]) -> list[str]:
    """Every device on which some model has an engine."""
    return sorted({device for table in tables for device in table["devices"]})


def places(service: Expected, tables: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """(role, CPUs, node) of every place that the plan has for a process; HTTP workers take turns over the nodes.

    Several engines may share one.
    """
    engines = {engine["device"]: engine for engine in service["hotpath_plan"]["engines"]}
    chosen = [engines[device] for device in devices_of(tables) if device in engines]
    wanted = [("engine", cpu_list(engine["cpus"]), engine["numa_node"]) for engine in chosen]
    nodes = sorted({engine["numa_node"] for engine in engines.values()})
    for node in nodes[: service["inference_service_workers"] or None]:
        beside = [cpu for engine in engines.values() if engine["numa_node"] == node for cpu in engine["worker_cpus"]]
        wanted.append(("worker", cpu_list(beside), node))
    return sorted(set(wanted))


def worker_count(service: Expected, engines: int, quota: float, on_cpu: bool) -> int:
    """HTTP workers beside so many engines: as asked for, else one on each CPU that plan and quota leave to them."""
    planned = len({cpu for engine in service["hotpath_plan"]["engines"] for cpu in engine["worker_cpus"]})
    left = planned if math.isinf(quota) else min(planned, int(quota) // 4 if on_cpu else int(quota) - engines)
    return service["inference_service_workers"] or max(1 if quota < 2 else 2, min(left, 64, 16 * engines))


def cpu_quota(check: Checks) -> float:
    """CPUs that the unit's CPUQuota= leaves the service, infinite where it has none."""
    told = show(check, "hotpath.service", "CPUQuotaPerSecUSec")["CPUQuotaPerSecUSec"]
    seconds = {"min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
    parts = re.findall(r"([\d.]+)(min|s|ms|us)\b", told)
    return sum(float(value) * seconds[unit] for value, unit in parts) if parts else math.inf


def test_every_process_is_there(check: Checks, service: Expected, tables: list[dict[str, Any]]) -> None:
    """As many HTTP workers as asked for, and as many engines as the service says, on each device."""
    roles = [name.partition("-")[0] for name in children(check)]
    on_cpu = "cpu" in devices_of(tables)
    workers = worker_count(service, roles.count("engine"), cpu_quota(check), on_cpu)
    check.equal("HTTP workers", expected=workers, found=roles.count("worker"))
    program = "/opt/hotpath/current/venv/bin/python -m hotpath models --json --config %s"
    answer = json.loads(check.answer("the running models (hotpath models)", program, CONFIG))["models"]
    running = [model for model in answer if model["state"] != "configured"]
    engines = sum(len(model["devices"]) for model in running)
    check.equal("engines", expected=engines, found=roles.count("engine"))
    wanted = {table["name"]: sorted(table["devices"]) for table in tables}
    found = {model["name"]: sorted(set(model["devices"])) for model in running}
    check.equal("models and devices with an engine", expected=wanted, found=found)


def test_every_thread_stays_on_its_cpus_of_the_plan(
    check: Checks, service: Expected, tables: list[dict[str, Any]]
) -> None:
    found = []
    for name, pid in children(check).items():
        told = check.answer(f"CPUs of {name}", "grep -h Cpus_allowed_list: /proc/%s/task/*/status", pid)
        threads = set(told.replace("Cpus_allowed_list:", "").split())
        found.append(f"{name.partition('-')[0]} on {' and '.join(sorted(threads))}")
    wanted = sorted({f"{role} on {cpus}" for role, cpus, _ in places(service, tables)})
    check.equal("CPUs of the threads of engines and HTTP workers", expected=wanted, found=sorted(set(found)))


def test_memory_is_on_the_node_of_the_plan(
    host: Host,
    check: Checks,
    service: Expected,
    tables: list[dict[str, Any]],
    in_container: Callable[[Host], bool],
) -> None:
    """The kernel's word on the heap of each process. In a container no node is asked for: they are the machine's."""
    asked = "any" if in_container(host) else service["inference_service_memory_policy"]
    word = {"any": "default", "bind": "bind:{}", "preferred": "prefer:{}"}[asked]
    found = []
    for name, pid in children(check).items():
        policies = {line.split()[1] for line in mappings(check, name, pid) if " heap " in line}
        found.append(f"{name.partition('-')[0]} {' and '.join(sorted(policies))}")
    wanted = sorted({f"{role} {word.format(node)}" for role, _, node in places(service, tables)})
    check.equal("memory of engines and HTTP workers", expected=wanted, found=sorted(set(found)))


def test_slots_lie_in_hugepages_where_the_plan_has_some(check: Checks, service: Expected) -> None:
    directory = service["__inference_service_arena"]
    for name, pid in children(check).items():
        found = [line.split()[2] for line in mappings(check, name, pid) if " huge" in line and "hotpath-arena" in line]
        check.equal(f"{name} has slots in hugepages", expected=bool(directory), found=bool(found))
        outside = [file for file in found if not file.startswith(f"file={directory}/")]
        check.equal(f"slots of {name} outside {directory}", expected=[], found=outside)


def test_open_file_limit_reaches_the_process(host: Host, check: Checks, in_container: Callable[[Host], bool]) -> None:
    """A container's own limit may be lower, and systemd takes that then."""
    limit = show(check, "hotpath.service", "LimitNOFILE")["LimitNOFILE"]
    check.equal("LimitNOFILE of hotpath.service", expected="65536", found=limit)
    if not in_container(host):
        limits = check.text(f"/proc/{supervisor(check)['Pid']}/limits").splitlines()
        reached = next(line for line in limits if line.startswith("Max open files")).split()[3]
        check.equal("open files of the service's process", expected="65536", found=reached)


def test_photographs_are_taken_for_what_they_show(
    check: Checks, service: Expected, models: list[dict[str, Any]]
) -> None:
    """Every photograph that came with a classifier, through HTTP, from the host itself; the first is the default."""
    address = service["inference_service_listen"].replace("0.0.0.0", "127.0.0.1")
    root = f"http://{address}:{service['inference_service_port']}"
    for number, model in enumerate(models):
        for probe in model["probes"] if model["task"] == CLASSIFICATION else ():
            url = f"{root}/models/{model['name']}/predict" if number else f"{root}/predict"
            command = f"{AUTHORIZATION} | curl -sS --config - --fail-with-body --data-binary @%s -H {BINARY} %s"
            path = f"{model['directory']}/{probe['file']}"
            answer = json.loads(check.answer(f"{url} for {probe['file']}", command, path, url))
            found, right = answer["label"], answer["label"] in probe["accept"]
            check.equal(f"label of {probe['file']}", expected=found if right else probe["accept"], found=found)
            named = f"{answer['model']['name']}/{answer['model']['version']}"
            check.equal("model that answers", expected=f"{model['name']}/{model['version']}", found=named)


def test_models_of_other_tasks_answer_their_probes(check: Checks, models: list[dict[str, Any]]) -> None:
    """As `hotpath warmup` asks, which asks all models many times; so only where there is no other way."""
    if any(model["task"] != CLASSIFICATION for model in models):
        program = "/opt/hotpath/current/venv/bin/python -m hotpath warmup --config %s"
        check.succeeds("answers of every model (hotpath warmup)", program, CONFIG)
