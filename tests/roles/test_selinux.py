"""A host with the role selinux is in the wanted mode, now and after a reboot."""

from __future__ import annotations

from collections.abc import Callable

from support.expected import Expected
from testinfra.host import Host


def test_the_next_boot_has_mode_and_policy(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    values = expected(host, "selinux")
    lines = host.file("/etc/selinux/config").content_string.splitlines()
    assert f"SELINUX={values['selinux_mode']}" in lines
    assert f"SELINUXTYPE={values['selinux_policy']}" in lines


def test_the_running_kernel_has_the_mode(
    host: Host, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    if in_container(host):
        assert not host.file("/sys/fs/selinux/enforce").exists, "the mode is the machine's"
        return
    assert host.check_output("getenforce").lower() == expected(host, "selinux")["selinux_mode"]
