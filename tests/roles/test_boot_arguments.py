"""A host with the role boot_arguments starts with the wanted arguments."""

from __future__ import annotations

from collections.abc import Callable

from boot_tokens import boot_arguments_missing
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


def test_the_wanted_arguments_are_recorded(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    check.files(expected(host, "boot_arguments").written_files())


def test_the_kernel_started_with_them(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    if in_container(host):
        # The machine's kernel: no boot entry of this host exists that could have been changed.
        check.equal("boot entries of a container", expected=False, found=host.file("/boot/loader/entries").exists)
        return
    wanted = " ".join(expected(host, "boot_arguments")["__boot_arguments_wanted"])
    missing = boot_arguments_missing(wanted, check.text("/proc/cmdline"))
    check.equal("boot arguments that the running kernel lacks", expected=[], found=missing)
