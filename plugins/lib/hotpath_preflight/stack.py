"""Rules about the tested set: known, locked, in itself consistent, and fit for the host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hotpath_planning.architectures import architecture_of, runs_on

from .driver import gpu_problem, version_key
from .problem import Problem
from .values import NO_STACK, Values

Survey = Mapping[str, Any]
# The oldest driver for each major version of CUDA: NVIDIA's table of minor-version compatibility.
CUDA_DRIVERS = {"11": "450.80.02", "12": "525.60.13", "13": "580.65.06"}
OPTIONAL = {"gpu_capabilities"}  # without them no GPU is judged by its architecture


def known(values: Values) -> Iterator[Problem]:
    for variable, name in (("stack_name", values.stack_name), ("stack_service", values.stack_service)):
        if name not in values.stacks:
            yield Problem(
                "stack",
                f"{variable} is {name!r}",
                "Versions are only taken from a set that was tested together.",
                f"Choose one of {', '.join(values.stacks)}, or describe yours in stack_table.",
            )
    for name, stack in values.stacks.items():
        if lacking := sorted(set(NO_STACK) - OPTIONAL - set(stack)):
            yield Problem(
                "stack",
                f"the set {name} in stack_table lacks {', '.join(lacking)}",
                "A set names every version, so that no role chooses one by itself.",
                "Complete it after the example of the others (roles/stack/defaults/main.yml).",
            )
        elif unknown := sorted(set(stack) - set(NO_STACK)):
            yield Problem(
                "stack",
                f"the set {name} in stack_table has the unknown {', '.join(unknown)}",
                "No role reads it.",
                f"A set has: {', '.join(NO_STACK)}.",
            )


def set_problems(values: Values, locks: Path) -> Iterator[Problem]:
    """Whether the controller can build the service's set at all: its wheels must be locked."""
    python = values.service.get("python_version", "")
    lock = locks / f"{values.stack_service}-py{python.replace('.', '')}.txt"
    if python and not lock.exists():
        known = sorted(name for name in values.stacks if list(locks.glob(f"{name}-py*.txt")))
        yield Problem(
            "stack",
            f"no wheels are locked for the set {values.stack_service} and Python {python} ({lock.name})",
            "The service is installed from locked wheels alone.",
            f"Choose stack_service among {', '.join(known)}, or lock the set with `make lock` (service/locks).",
        )


def consistent(survey: Survey, values: Values) -> Iterator[Problem]:
    """Versions against each other and against the host's C library."""
    stack = values.stacks.get(values.stack_name, {})
    for name, minimum in (
        (values.stack_name, stack.get("driver_minimum", "")),
        (values.stack_service, values.service.get("driver_minimum", "")),
    ):
        if minimum and version_key(values.driver_version) < version_key(minimum):
            yield Problem(
                "driver",
                f"{values.driver_version or 'no driver'}, but the set {name} needs {minimum} or newer",
                "CUDA refuses to start on an older driver.",
                f"Raise nvidia_driver_version, or choose a set that fits: {_fitting(values) or 'cpu'}.",
            )
    built_for = re.search(r"\.cuda(\d+\.\d+)$", values.cudnn_version)
    if built_for and values.cuda_version and built_for.group(1) != values.cuda_version:
        yield Problem(
            "cudnn",
            f"{values.cudnn_version} with CUDA {values.cuda_version}",
            f"This cuDNN was built for CUDA {built_for.group(1)}.",
            f"Choose a cudnn_version that ends in .cuda{values.cuda_version}.",
        )
    needed = values.service.get("glibc_minimum", "")
    if needed and survey["glibc"] and version_key(survey["glibc"]) < version_key(needed):
        yield Problem(
            "glibc",
            f"{survey['glibc']}, but the wheels of the set {values.stack_service} need {needed}",
            "Their libraries would not load.",
            "Choose another stack_service.",
        )
    yield from _toolkits(values)
    for name in values.cuda_packages:
        if not name.startswith("cuda-toolkit-"):
            yield Problem(
                "cuda",
                f"{name} in cuda_toolkit_packages",
                "A metapackage other than cuda-toolkit-* brings the newest driver along and replaces the pinned one.",
                "Name the toolkit, for example cuda-toolkit-11-6.",
            )


def _toolkits(values: Values) -> Iterator[Problem]:
    """Toolkits beside the set's own; to compile with one needs no driver, to run what it made does."""
    for version in values.cuda_versions if values.driver_version else ():
        minimum = CUDA_DRIVERS.get(version.split(".")[0], "")
        if minimum and version_key(values.driver_version) < version_key(minimum):
            yield Problem(
                "cuda",
                f"toolkit {version} with driver {values.driver_version}",
                f"What it compiles runs on driver {minimum} or newer.",
                "Take it out of cuda_toolkit_versions, or raise nvidia_driver_version; for compiling alone it will do.",
                "warning",
            )


def compiled_code(survey: Survey, values: Values) -> Iterator[Problem]:
    """The service's libraries hold machine code for some architectures alone."""
    compiled = values.service.get("gpu_capabilities", [])
    gpus = survey["gpus"] if compiled and values.engines_on == "gpu" else []
    lacking = []
    for gpu in gpus:
        known = architecture_of(gpu["device"])
        if known and not runs_on(known.capability, compiled):
            lacking.append((gpu, known))
    for gpu, known in lacking:
        sets = [
            name
            for name, stack in values.stacks.items()
            if runs_on(known.capability, stack.get("gpu_capabilities") or [])
        ]
        yield gpu_problem(
            f"{known.name} GPU at {gpu['address']} (capability {known.capability}), set {values.stack_service}",
            f"Its torch holds code for {', '.join(compiled)}; on this GPU it says 'no kernel image is available'.",
            f"Choose a set whose torch has code for it: {', '.join(sets) or 'none is in stack_table'}.",
            others=len(lacking) < len(gpus),
        )


def _fitting(values: Values) -> str:
    fits = [
        name
        for name, stack in values.stacks.items()
        if stack.get("driver_minimum") and version_key(values.driver_version) >= version_key(stack["driver_minimum"])
    ]
    return ", ".join(fits)
