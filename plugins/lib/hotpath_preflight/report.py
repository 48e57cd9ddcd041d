"""All rules on one host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hotpath_models.release import Release

from . import firewall, gpus, machine, models, offers, plan, reach, stack
from .driver import driver_problems
from .problem import Problem
from .values import Values
from .variables import variable_problems


def host_problems(
    host: str,
    variables: Mapping[str, Any],
    survey: Mapping[str, Any],
    options: Mapping[str, Mapping[str, Any]],
    release: Release,
) -> list[Problem]:
    """`survey` is what host_survey returned, or the failure that came in its place."""
    found = list(variable_problems(variables, options))
    values = Values.of(variables, options)
    found += stack.known(values)
    found += reach.local(variables, values)
    if "os" not in survey:
        found.append(_unjudged(survey, str(variables.get("ansible_host", host)), variables))
    else:
        found += _judge(survey, values)
        found += models.models(survey, values, release)
    return [problem.on(host) for problem in found]


def host_plan(variables: Mapping[str, Any], survey: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """The picture of a host's plan, no line where there is none."""
    return plan.picture(survey, Values.of(variables, options)) if "topology" in survey else []


def _judge(survey: Mapping[str, Any], values: Values) -> Iterator[Problem]:
    yield from machine.system(survey)
    about_gpus = list(gpus.gpus(survey, values))
    survey = gpus.serving(survey, values)
    about_gpus += stack.compiled_code(survey, values)
    if values.driver_version:
        about_gpus += driver_problems(survey, values.driver_version, values.driver_stream)
    yield from about_gpus
    yield from machine.nouveau(survey, values)
    yield from machine.disk(survey, values)
    yield from machine.port(survey, values)
    yield from machine.address(values)
    yield from machine.fapolicyd(survey)
    if values.firewall_enabled:
        yield from firewall.port_problems(survey, values.firewall_ports, values.firewall_closed_ports)
        if not survey["container"]:
            yield from firewall.firewall_problems(survey)
    blamed = not survey["gpus"] or any((p.check, p.severity) == ("gpu", "error") for p in about_gpus)
    yield from plan.plan_problems(survey, values, blamed)
    yield from stack.consistent(survey, values)
    if "repositories" in survey:
        yield from offers.judge_offers(survey, values)


def _unjudged(survey: Mapping[str, Any], address: str, variables: Mapping[str, Any]) -> Problem:
    if survey.get("failed"):
        message = " ".join(str(survey.get("msg", "no message")).split())
        python = variables.get("ansible_python_interpreter", "/usr/libexec/platform-python")
        remedy = f"Check that {python} (ansible_python_interpreter) exists and that the user may use sudo."
        return Problem("survey", message, "The host answered, but could not be looked at.", remedy)
    return Problem(
        "connection",
        f"no answer from {address}",
        "A host that cannot be reached cannot be judged.",
        "Check address, user and key (ansible HOST -m ping), or leave the host out with --limit 'all:!HOST'.",
    )
