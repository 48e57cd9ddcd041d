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

from hotpath_preflight import (  # noqa: E402
    Values,
    host_problems,
    inventory_problems,
    load_options,
    table,
)
from hotpath_preflight import wanted_packages as _wanted_packages  # noqa: E402

__all__ = ["FilterModule", "preflight_packages", "preflight_port", "preflight_report"]


@cache
def _options() -> dict[str, dict[str, Any]]:
    return load_options(PLUGINS.parent / "roles")


def preflight_packages(variables: Mapping[str, Any], kernel: str) -> list[dict[str, str]]:
    """Packages that the host will need, for the module host_survey; `kernel` as uname says it, "" in a container."""
    return _wanted_packages(Values.of(variables, _options()), kernel.rsplit(".x86_64", 1)[0])


def preflight_port(variables: Mapping[str, Any]) -> list[int]:
    """The port that the service will listen on; none when the variable is no number."""
    port = Values.of(variables, _options()).port
    return [] if port is None else [port]


def preflight_report(
    groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str]
) -> dict[str, Any]:
    """The table of every problem of the inventory and of `hosts`, and the number of errors."""
    problems = list(inventory_problems(groups, hostvars))
    for host in hosts:
        variables = hostvars[host]
        survey = {**variables.get("hotpath_survey", {}), **variables.get("__el8_repositories_survey", {})}
        problems += host_problems(host, variables, survey, _options())
    errors = sum(problem.severity == "error" for problem in problems)
    return {"errors": errors, "table": table(problems, hosts)}


class FilterModule:
    """Entry point that Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "preflight_packages": preflight_packages,
            "preflight_port": preflight_port,
            "preflight_report": preflight_report,
        }
