"""Filters of playbooks/preflight.yml: what to look for on a host, and the judgement of the whole fleet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

PLUGINS = Path(__file__).resolve().parents[1]
# Ansible loads each plugin file by itself, so the package that the filters share is not on the path.
sys.path.append(str(PLUGINS / "lib"))

from hotpath_models import Release  # noqa: E402
from hotpath_preflight import (  # noqa: E402
    Problem,
    Values,
    balancer_problems,
    driver_problems,
    firewall_problems,
    headers_package,
    host_plan,
    host_problems,
    inventory_problems,
    kernel_version,
    load_options,
    plan_pictures,
    set_problems,
    table,
)
from hotpath_preflight import wanted_packages as _wanted_packages  # noqa: E402
from hotpath_preflight import wanted_transaction as _wanted_transaction  # noqa: E402

__all__ = [
    "FilterModule",
    "driver_obstacles",
    "firewall_obstacles",
    "kernel_packages",
    "preflight_packages",
    "preflight_port",
    "preflight_report",
    "preflight_request",
]

SERVICE = PLUGINS.parent / "service"
LOCKS = SERVICE / "locks"


@cache
def _options() -> dict[str, dict[str, Any]]:
    return load_options(PLUGINS.parent / "roles")


def preflight_packages(variables: Mapping[str, Any], kernel: str) -> list[dict[str, str]]:
    """Packages that the host will need, for the module host_survey; `kernel` as uname says it, "" in a container."""
    return _wanted_packages(Values.of(variables, _options()), kernel)


def preflight_request(variables: Mapping[str, Any], survey: Mapping[str, Any]) -> dict[str, Any]:
    """What the host's dnf will be asked for, for the module pinned_packages; `survey` of the host and its packages."""
    return _wanted_transaction(variables, Values.of(variables, _options()), _options(), survey)


def kernel_packages(kernel: str) -> dict[str, str]:
    """Of a kernel as uname says it: its `version` as rpm writes it, and the package of its `headers`."""
    return {"version": kernel_version(kernel), "headers": headers_package(kernel)}


def preflight_port(variables: Mapping[str, Any]) -> list[int]:
    """The port that the service will listen on; none when the variable is no number."""
    port = Values.of(variables, _options()).port
    return [] if port is None else [port]


def preflight_report(
    groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str]
) -> dict[str, Any]:
    """The table of every problem of the inventory and of `hosts`, the plans of these, and the number of errors."""
    problems = [*inventory_problems(groups, hostvars), *balancer_problems(groups, hostvars, _options())]
    plans = {}
    for host in hosts:
        variables = hostvars[host]
        survey = _survey(variables)
        problems += host_problems(host, variables, survey, _options(), Release.of(SERVICE))
        problems += [problem.on(host) for problem in set_problems(Values.of(variables, _options()), LOCKS)]
        plans[host] = host_plan(variables, survey, _options())
    errors = sum(problem.severity == "error" for problem in problems)
    pictures = plan_pictures({host: lines for host, lines in plans.items() if lines})
    return {"errors": errors, "table": "\n\n".join(filter(None, [pictures, table(problems, hosts)]))}


def _survey(variables: Mapping[str, Any]) -> dict[str, Any]:
    """What the tasks of the playbook found, as one; only a failure where the host could not be looked at."""
    found = {**variables.get("hotpath_survey", {}), **variables.get("__el8_repositories_survey", {})}
    if "topology" in variables.get("hotpath_topology", {}):
        found["topology"] = variables["hotpath_topology"]["topology"]
    keys = variables.get("__el8_repositories_survey_keys", {})
    # Where the module itself failed, that is what is wrong with the keys.
    found["key_problems"] = keys.get("problems") or ([keys["msg"]] if "msg" in keys and "imported" not in keys else [])
    rehearsal = variables.get("__el8_repositories_rehearsal", {})
    if ("msg" in rehearsal and "changes" not in rehearsal) or "cause" in rehearsal:
        found["refused"] = {"cause": rehearsal.get("cause", rehearsal["msg"]), "remedy": rehearsal.get("remedy", "")}
    return found


def driver_obstacles(survey: Mapping[str, Any], version: str, stream: str) -> list[str]:
    """Why this driver cannot be put on a host that host_survey looked at, with the way out; none when it can."""
    problems = driver_problems(survey, version, stream)
    return [_told(problem) for problem in problems if problem.severity == "error"]


def firewall_obstacles(survey: Mapping[str, Any]) -> list[str]:
    """What firewalld would break, or be broken by, on a host that host_survey looked at, with the way out."""
    return [_told(problem) for problem in firewall_problems(survey) if problem.severity == "error"]


def _told(problem: Problem) -> str:
    return f"{problem.check}: {problem.found}. {problem.reason} {problem.remedy}"


class FilterModule:
    """Entry point that Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "driver_obstacles": driver_obstacles,
            "firewall_obstacles": firewall_obstacles,
            "kernel_packages": kernel_packages,
            "preflight_packages": preflight_packages,
            "preflight_port": preflight_port,
            "preflight_report": preflight_report,
            "preflight_request": preflight_request,
        }
