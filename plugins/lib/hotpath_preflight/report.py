"""All rules on one host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import machine, stack
from .problem import Problem
from .values import Values
from .variables import variable_problems


def host_problems(
    host: str, variables: Mapping[str, Any], survey: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]
) -> list[Problem]:
    """`survey` is what host_survey returned, or the failure that came in its place."""
    found = list(variable_problems(variables, options))
    values = Values.of(variables, options)
    found += stack.known(values)
    if "os" not in survey:
        found.append(_unjudged(survey, str(variables.get("ansible_host", host))))
    else:
        found += _judge(survey, values)
    return [problem.on(host) for problem in found]


def _judge(survey: Mapping[str, Any], values: Values) -> Iterator[Problem]:
    yield from machine.system(survey)
    yield from machine.gpus(survey, values)
    yield from machine.disk(survey, values)
    yield from machine.memory(survey, values)
    yield from machine.port(survey, values)
    yield from stack.consistent(survey, values)
    if "repositories" in survey:
        yield from machine.kernel(survey, values)
        yield from stack.repositories(survey)
        yield from stack.streams(survey, values)
        yield from stack.packages(survey, values)


def _unjudged(survey: Mapping[str, Any], address: str) -> Problem:
    if survey.get("failed"):
        message = " ".join(str(survey.get("msg", "no message")).split())
        remedy = "Check that /usr/libexec/platform-python exists and that the user may use sudo."
        return Problem("survey", message, "The host answered, but could not be looked at.", remedy)
    return Problem(
        "connection",
        f"no answer from {address}",
        "A host that cannot be reached cannot be judged.",
        "Check address, user and key (ansible HOST -m ping), or leave the host out with --limit 'all:!HOST'.",
    )
