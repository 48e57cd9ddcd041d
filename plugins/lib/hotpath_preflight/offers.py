"""Rules about what the repositories offer: that they answer, their keys, streams and packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .driver import compiled_on_host, headers_package, other_kind, precompiled_package, running_kernel
from .problem import Problem
from .values import Values

Survey = Mapping[str, Any]


# Where the system's own packages come from, on those that keep their repositories.
OWN_REPOSITORIES = {
    "rhel": " On RHEL they need a subscription with rhel-8-for-x86_64-baseos-rpms and -appstream-rpms "
    "(subscription-manager repos --list-enabled).",
    "ol": " On Oracle Linux they are ol8_baseos_latest and ol8_appstream.",
}


def judge_offers(survey: Survey, values: Values) -> Iterator[Problem]:
    """Everything about packages; what dnf itself would refuse is told where nothing plainer explains it."""
    found = [
        *repositories(survey),
        *signing_keys(survey),
        *streams(survey, values),
        *kernel_module(survey, values),
        *packages(survey, values),
    ]
    yield from found or transaction(survey)


def transaction(survey: Survey) -> Iterator[Problem]:
    """What dnf, as it is configured on the host, made of everything that the roles will ask it for."""
    refused = survey.get("refused")
    if refused:
        remedy = refused["remedy"] or "Mend it, and judge the host again."
        yield Problem(
            "packages",
            refused["cause"].replace("Nothing was changed. ", "").rstrip("."),
            "dnf on this host was asked for all that will be installed, with its own settings and repositories.",
            remedy + OWN_REPOSITORIES.get(survey["os"]["id"], ""),
        )


def repositories(survey: Survey) -> Iterator[Problem]:
    for name, repository in survey["repositories"].items():
        if repository["problem"]:
            yield Problem(
                "repository",
                f"{name} at {repository['address']}: {repository['problem']}",
                "Nothing can be installed from it.",
                "Correct the address (el8_repositories_mirror and its neighbours), or give the host a way to it.",
            )


def signing_keys(survey: Survey) -> Iterator[Problem]:
    """What the module that trusts them will refuse: expired, replaced or unreadable keys."""
    for sentence in survey.get("key_problems", ()):
        found, _, remedy = sentence.rstrip(".").partition(". ")
        yield Problem(
            "signing key",
            found,
            "Packages that cannot be checked are not installed.",
            (remedy or "Correct the address in el8_repositories_mirror, or the fingerprint that is expected") + ".",
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
    elif not survey["streams"]:
        yield Problem(
            "driver stream",
            "the repositories answer and know no stream of nvidia-driver",
            "A mirror that was copied without its module metadata has the packages and no stream to install them from.",
            "Mirror the modules too (the group package_mirrors; dnf reposync --download-metadata), or add them to the "
            "copy (modifyrepo_c --mdtype=modules modules.yaml repodata).",
        )
    elif values.driver_stream not in survey["streams"]:
        yield Problem(
            "driver stream",
            f"nvidia-driver has no stream {values.driver_stream}",
            f"The repository offers: {', '.join(sorted(survey['streams']))}.",
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


def kernel_module(survey: Survey, values: Values) -> Iterator[Problem]:
    """What the driver's module is made from, for the running kernel. A container shares the machine's kernel."""
    if not values.driver_version or survey["container"] or other_kind(survey):
        return
    running = running_kernel(survey)
    if compiled_on_host(values.driver_stream):
        headers = headers_package(str(survey["kernel"]))
        offered = survey["offered"].get(headers)
        if offered is not None and not any(evr.split(":")[-1] == running for evr in offered):
            yield Problem(
                "kernel headers",
                f"{headers} {running} is not on offer; there is: {', '.join(offered) or 'none'}",
                "The module is compiled against the headers of the running kernel; another version's do not fit.",
                "Update to a kernel that is on offer and reboot before the driver is put on, or use another mirror.",
            )
        return
    package = precompiled_package(values.driver_version, running)
    if survey["offered"].get(package) == []:
        yield Problem(
            "kernel module",
            f"{package} is not on offer",
            f"Stream {values.driver_stream} has precompiled modules, each for one kernel, and none for {running}.",
            f"Choose the stream that compiles it on the host (nvidia_driver_stream: {values.driver_stream}-dkms), or a "
            "kernel that has one.",
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
            "Choose another stack_service, or repositories that have it (CentOS: el8_repositories_release: 8-stream).",
        )
