"""A host with the role boot_arguments starts with the wanted arguments."""

from __future__ import annotations

from collections.abc import Callable

from boot_tokens import boot_arguments_missing
from support.expected import Expected
from testinfra.host import Host


def wanted(host: Host, expected: Callable[[Host, str], Expected]) -> list[str]:
    tokens: list[str] = expected(host, "boot_arguments")["__boot_arguments_tokens"]
    return tokens


def test_the_wanted_arguments_are_recorded(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    assert host.file("/etc/hotpath/boot-arguments").content_string.split() == wanted(host, expected)


def test_the_kernel_started_with_them(
    host: Host, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    if in_container(host):
        # The machine's kernel: no boot entry of this host exists that could have been changed.
        assert not host.file("/boot/loader/entries").exists
        return
    running = host.file("/proc/cmdline").content_string
    assert boot_arguments_missing(" ".join(wanted(host, expected)), running) == []
