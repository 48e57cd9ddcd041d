"""Rules about the GPUs of a host: whether there is one, and which of them can serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hotpath_planning import PlanError
from hotpath_planning.gpus import Choice, GpuDemands, choose
from hotpath_planning.model import Topology

from .driver import gpu_problem
from .problem import Problem
from .values import Values

Survey = Mapping[str, Any]


def gpus(survey: Survey, values: Values) -> Iterator[Problem]:
    """What there is, and what cannot serve for a reason other than its architecture."""
    if not survey["gpus"]:
        if values.driver_version:
            yield _none(values, survey["container"])
        return
    if values.engines_on != "gpu":
        return
    try:
        choices = choices_of(survey, values)
    except PlanError:
        return  # the plan says it
    others = any(choice.serves for choice in choices)
    for choice in choices:
        if choice.kind == "away" or (choice.kind == "unfit" and choice.gpu.mig):
            yield gpu_problem(f"{choice.gpu.title}: {choice.refusal}", *_reason_and_remedy(choice), others=others)
    if all(choice.kind == "excluded" for choice in choices):
        yield Problem(
            "gpu",
            f"host_plan_gpus_excluded leaves none of {len(choices)}",
            "Engines run on GPUs, one on each that can serve.",
            "Take one out of host_plan_gpus_excluded, or set host_plan_engines_on: cpu.",
        )


def choices_of(survey: Survey, values: Values) -> list[Choice]:
    """What the plan makes of each GPU. Raises PlanError."""
    return choose(Topology.parse(survey["topology"]).gpus, GpuDemands.parse(values.gpu_demands))


def serving(survey: Survey, values: Values) -> Survey:
    """The survey with those GPUs alone that drivers and libraries are to be judged by: not what is left out or away."""
    try:
        out = {choice.gpu.pci for choice in choices_of(survey, values) if choice.kind in ("excluded", "away")}
    except PlanError:
        return survey
    return {**survey, "gpus": [gpu for gpu in survey["gpus"] if gpu["address"] not in out]}


def _none(values: Values, container: bool) -> Problem:
    return Problem(
        "gpu",
        "no NVIDIA GPU on the PCI bus",
        f"The stack {values.stack_name} installs a driver for one."
        + (" This is a container, so the machine's bus says nothing." if container else ""),
        "Nothing to do on a throwaway host."
        if container
        else "Look at the slot and its power (lspci -d 10de:), or set stack_name: cpu for this host.",
        "note" if container else "error",
    )


def _reason_and_remedy(choice: Choice) -> tuple[str, str]:
    address = choice.gpu.pci
    if choice.gpu.mig:
        return (
            "CUDA shows a process one instance of it at most, and none where no instance was made.",
            f"Switch it off (nvidia-smi -i {address} -mig 0, then reboot).",
        )
    return (
        "CUDA sees only what NVIDIA's driver holds.",
        f"Give it back to NVIDIA's driver (driverctl unset-override {address}; /etc/modprobe.d, vfio-pci.ids and "
        "NVreg_ExcludedGpus name such devices), then reboot.",
    )
