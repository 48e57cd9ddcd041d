"""Whether a driver can be put on a host: its GPUs, its kernel, and Secure Boot.

The role nvidia_driver asks the same before it changes anything, so that a run without preflight is as safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hotpath_planning.architectures import Misfit, architecture_of, driver_misfits

from .problem import Problem

Survey = Mapping[str, Any]
OTHER_KINDS = {r"\.rt\d": "a real-time kernel, which the module's build refuses", r"uek": "Oracle's own kernel (UEK)"}


def version_key(version: str) -> tuple[int, ...]:
    """A dotted version so that versions compare by number."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def without_dist(kernel: str) -> str:
    """A kernel's version without what names the distribution: "4.18.0-348.7.1.el8_5" -> "4.18.0-348.7.1"."""
    return re.sub(r"\.el\d.*$", "", kernel)


def compiled_on_host(stream: str) -> bool:
    """Whether the stream compiles its kernel module on the host; the others are precompiled for one kernel."""
    return "dkms" in stream or "open" in stream


def precompiled_package(version: str, kernel: str) -> str:
    """The package that holds the module of a precompiled stream for a kernel, as NVIDIA's repository names it."""
    return f"kmod-nvidia-{version}-{without_dist(kernel)}"


def kernel_version(name: str) -> str:
    """The version of a kernel as rpm writes it, of the name that uname gives: "4.18.0-348.el8.x86_64+debug"."""
    return re.sub(r"\.(x86_64|aarch64)(\+\w+)?$", "", name)


def headers_package(name: str) -> str:
    """The package of the headers that modules of a kernel are compiled with; a debugging kernel has its own."""
    return "kernel-debug-devel" if name.endswith("+debug") else "kernel-devel"


def other_kind(survey: Survey) -> str:
    """What kind of kernel runs where it is not the standard one, "" where it is."""
    for mark, kind in OTHER_KINDS.items():
        if re.search(mark, running_kernel(survey)):
            return kind
    return ""


def running_kernel(survey: Survey) -> str:
    """The running kernel as rpm writes its version."""
    return kernel_version(str(survey["kernel"]))


def driver_problems(survey: Survey, version: str, stream: str) -> Iterator[Problem]:
    """What stands against this driver on this host; of a container only its GPUs, since the kernel is the machine's."""
    if not re.fullmatch(r"\d+(\.\d+)+", version):
        yield Problem(
            "driver",
            f"{version} is no version of a driver",
            "The packages are pinned to one exact version.",
            "Write it as NVIDIA does, for example nvidia_driver_version: 510.47.03.",
        )
        return
    yield from _gpus(survey, version, stream)
    if not survey["container"]:
        yield from _kind_of_kernel(survey)
        yield from _secure_boot(survey, stream)
        yield from _unsettled_kernel(survey)


def _gpus(survey: Survey, version: str, stream: str) -> Iterator[Problem]:
    """GPUs that the driver does not take; worth no more than a warning where it takes another one."""
    misfits = {gpu["address"]: list(_misfits(gpu["device"], version, stream)) for gpu in survey["gpus"]}
    for gpu in survey["gpus"]:
        for misfit in misfits[gpu["address"]]:
            known = architecture_of(gpu["device"])
            assert known is not None, "of a GPU that is not in the table nothing is claimed"
            yield gpu_problem(
                f"the {known.name} GPU at {gpu['address']} with {misfit.what}",
                misfit.reason,
                misfit.remedy,
                others=not all(misfits.values()),
            )


def _misfits(device: str, version: str, stream: str) -> Iterator[Misfit]:
    known = architecture_of(device)
    return driver_misfits(known, version, stream) if known else iter(())


def gpu_problem(found: str, reason: str, remedy: str, others: bool) -> Problem:
    """Of a GPU that can't serve: an error, or a warning where others can."""
    if not others:
        return Problem("gpu", found, reason, remedy)
    way_out = f"Nothing, if it is not meant to serve: name it in host_plan_gpus_excluded. Otherwise: {remedy}"
    return Problem("gpu", found, f"It gets no engine. {reason}", way_out, "warning")


def _kind_of_kernel(survey: Survey) -> Iterator[Problem]:
    """Kernels that NVIDIA's module is not made for."""
    if kind := other_kind(survey):
        yield Problem(
            "kernel",
            f"{running_kernel(survey)} is {kind}",
            "NVIDIA makes and tests the module of these streams for the standard kernel of Enterprise Linux 8.",
            "Boot the standard one (grubby --info=ALL names them, grubby --set-default chooses; then reboot), or set "
            "stack_name: cpu.",
        )


def _secure_boot(survey: Survey, stream: str) -> Iterator[Problem]:
    if not survey["secure_boot"]:
        return
    if compiled_on_host(stream):
        if not survey["enrolled_keys"]["dkms"]:
            yield Problem(
                "secure boot",
                "on",
                f"The module of stream {stream} is compiled on the host, and its key is not enrolled: the kernel "
                "refuses it.",
                "Switch Secure Boot off in the firmware, or have dkms make a key (dkms generate_mok) and enrol it "
                "(mokutil --import /var/lib/dkms/mok.pub, then confirm at the console during the next boot).",
            )
    elif not survey["enrolled_keys"]["nvidia"]:
        yield Problem(
            "secure boot",
            "on",
            f"The module of stream {stream} is signed by NVIDIA, whose key the kernel does not know.",
            "Switch Secure Boot off in the firmware, or enrol NVIDIA's public key from its repository "
            "(mokutil --import, then confirm at the console during the next boot).",
        )


def _unsettled_kernel(survey: Survey) -> Iterator[Problem]:
    """The module is made for the running kernel, so the next boot must start the same."""
    running, following = str(survey["kernel"]), survey.get("next_kernel", "") or _newest_kernel(survey)
    if following != running:
        yield Problem(
            "kernel",
            f"{kernel_version(running)} runs, and the next boot starts {kernel_version(following)}",
            "For that one there would be no driver.",
            "Settle the kernel first: reboot into it, or keep the running one (grub2-editenv - unset next_entry; "
            f"grubby --set-default /boot/vmlinuz-{running}).",
        )


def _newest_kernel(survey: Survey) -> str:
    """Where the boot loader cannot be asked: the newest that is installed, which an installation makes the default."""
    running = str(survey["kernel"])
    version = kernel_version(running)
    installed = [evr.split(":")[-1] for evr in survey["installed"].get("kernel-core", [])]
    newest = max(installed, key=lambda kernel: version_key(without_dist(kernel)), default=version)
    newer = version_key(without_dist(newest)) > version_key(without_dist(version))
    return newest if version in installed and newer else running
