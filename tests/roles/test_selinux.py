"""A host with the role selinux is in the wanted mode, now and after a reboot."""

from __future__ import annotations

from collections.abc import Callable

from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


def test_the_next_boot_has_mode_and_policy(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    check.files(expected(host, "selinux").written_files())


def test_the_running_kernel_has_the_mode(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    if in_container(host):
        # The mode is the machine's.
        found = host.file("/sys/fs/selinux/enforce").exists
        check.equal("a container has SELinux of its own", expected=False, found=found)
        return
    mode = check.answer("SELinux's mode", "getenforce").lower()
    check.equal("SELinux's mode", expected=expected(host, "selinux")["selinux_mode"], found=mode)
