"""A host with the role hugepages reserves its planned pages at every boot."""

from __future__ import annotations

from collections.abc import Callable

from support.expected import Expected
from testinfra.host import Host

UNIT = "/etc/systemd/system/hotpath-hugepages.service"


def test_the_unit_reserves_the_planned_pages(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    pages = expected(host, "hugepages")["hugepages_pages"]
    arguments = [f"{page['numa_node']}:{page['size_kib']}:{page['count']}" for page in pages]
    (command,) = (line for line in host.file(UNIT).content_string.splitlines() if line.startswith("ExecStart="))
    assert command.removeprefix("ExecStart=").split() == ["/usr/libexec/hotpath/hugepages", *arguments]


def test_systemd_understands_unit_and_mount(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    mount = "/etc/systemd/system/" + expected(host, "hugepages")["__hugepages_mount_unit"]
    assert host.run("systemd-analyze verify %s %s", UNIT, mount).stderr == ""


def test_pages_and_mount_are_there(
    host: Host, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    values = expected(host, "hugepages")
    mount = host.mount_point(values["hugepages_mount"])
    if in_container(host):
        assert not mount.exists, "pages are the machine's"
        return
    assert mount.exists and mount.filesystem == "hugetlbfs"
    for page in values["hugepages_pages"]:
        pool = f"/sys/devices/system/node/node{page['numa_node']}/hugepages/hugepages-{page['size_kib']}kB"
        assert int(host.file(f"{pool}/nr_hugepages").content_string) >= page["count"]
