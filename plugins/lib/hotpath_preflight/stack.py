"""Rules about the tested set: known, in itself consistent, and on offer in the repositories."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .problem import Problem
from .values import Values

Survey = Mapping[str, Any]


def version_key(version: str) -> tuple[int, ...]:
    """A dotted version so that versions compare by number."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def known(values: Values) -> Iterator[Problem]:
    for variable, name in (("stack_name", values.stack_name), ("stack_service", values.stack_service)):
        if name not in values.stacks:
            yield Problem(
                "stack",
                f"{variable} is {name!r}",
                "Versions are only taken from a set that was tested together.",
                f"Choose one of {', '.join(values.stacks)}, or describe yours in stack_table.",
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
    for name in values.cuda_packages:
        if not name.startswith("cuda-toolkit-"):
            yield Problem(
                "cuda",
                f"{name} in cuda_toolkit_packages",
                "A metapackage other than cuda-toolkit-* brings the newest driver along and replaces the pinned one.",
                "Name the toolkit, for example cuda-toolkit-11-6.",
            )


def _fitting(values: Values) -> str:
    fits = [
        name
        for name, stack in values.stacks.items()
        if stack["driver_minimum"] and version_key(values.driver_version) >= version_key(stack["driver_minimum"])
    ]
    return ", ".join(fits)


def repositories(survey: Survey) -> Iterator[Problem]:
    for name, repository in survey["repositories"].items():
        if repository["problem"]:
            yield Problem(
                "repository",
                f"{name} at {repository['address']}: {repository['problem']}",
                "Nothing can be installed from it.",
                "Correct the address (el8_repositories_mirror and its neighbours), or give the host a way to it.",
            )


def streams(survey: Survey, values: Values) -> Iterator[Problem]:
    """The module stream and the driver's version in it; unknown where the repository does not answer."""
    if re.fullmatch(r"\d+(\.\d+)+", values.driver_stream):
        yield Problem(
            "driver stream",
            values.driver_stream,
            "This is a version, and a stream is a branch with the way its module is made.",
            f"Write nvidia_driver_stream: {values.driver_stream.split('.')[0]}-dkms beside nvidia_driver_version.",
        )
    elif not values.driver_version or survey["streams"] is None:
        return
    elif values.driver_stream not in survey["streams"]:
        yield Problem(
            "driver stream",
            f"nvidia-driver has no stream {values.driver_stream}",
            f"The repository offers: {', '.join(sorted(survey['streams'])) or 'none'}.",
            "Choose one of these as nvidia_driver_stream, or a mirror that still has it.",
        )
    elif values.driver_version not in survey["streams"][values.driver_stream]:
        offered = ", ".join(survey["streams"][values.driver_stream]) or "none"
        yield Problem(
            "driver",
            f"{values.driver_version} is not in stream {values.driver_stream}",
            f"The repository offers there: {offered}.",
            "Choose one of these as nvidia_driver_version, or another stream.",
        )


def packages(survey: Survey, values: Values) -> Iterator[Problem]:
    """CUDA, cuDNN and Python that are neither installed nor on offer."""
    wanted = {**dict.fromkeys(values.cuda_packages, ""), values.cudnn_package: values.cudnn_version}
    for name, version in wanted.items():
        offered = survey["offered"].get(name)
        if offered is not None and not any(version in ("", evr.split(":")[-1]) for evr in offered):
            yield Problem(
                "package",
                f"{' '.join((name, version)).strip()} is not on offer",
                f"The repositories offer: {', '.join(offered) or 'no version of it'}.",
                "Choose a version that is on offer, another stack_name, or a mirror that has it.",
            )
    python, package = values.service.get("python_version", ""), values.service.get("python_package", "")
    if python and python not in survey["pythons"] and survey["offered"].get(package) == []:
        yield Problem(
            "python",
            f"Python {python} is neither there nor on offer as {package}",
            f"The wheels of the set {values.stack_service} are for this Python.",
            "Choose another stack_service, or a release of CentOS that has it (el8_repositories_release: 8-stream).",
        )
