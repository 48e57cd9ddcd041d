"""A host with the role hugepages reserves its planned pages at every boot."""

from __future__ import annotations

from collections.abc import Callable

from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host

UNIT = "/etc/systemd/system/hotpath-hugepages.service"


def test_program_unit_and_mount_are_as_rendered(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    check.files(expected(host, "hugepages").written_files())


def test_the_unit_reserves_the_planned_pages(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    pages = expected(host, "hugepages")["hugepages_pages"]
    arguments = [f"{page['numa_node']}:{page['size_kib']}:{page['count']}" for page in pages]
    commands = [line for line in check.text(UNIT).splitlines() if line.startswith("ExecStart=")]
    check.equal(
        f"commands of {UNIT}",
        expected=[" ".join(["ExecStart=/usr/libexec/hotpath/hugepages", *arguments])],
        found=[" ".join(command.split()) for command in commands],
    )


def test_systemd_understands_unit_and_mount(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    mount = "/etc/systemd/system/" + expected(host, "hugepages")["__hugepages_mount_unit"]
    said = host.run("systemd-analyze verify %s %s", UNIT, mount).stderr
    check.equal("systemd's objections to unit and mount", expected="", found=said.strip())


def test_pages_and_mount_are_there(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    values = expected(host, "hugepages")
    mount = host.mount_point(values["hugepages_mount"])
    if in_container(host):
        # Pages are the machine's.
        check.equal(f"{values['hugepages_mount']} in a container is mounted", expected=False, found=mount.exists)
        return
    check.in_effect("the pages and their mount", values["__hugepages_units"])
    kind = mount.filesystem if mount.exists else "not mounted"
    check.equal(values["hugepages_mount"], expected="hugetlbfs", found=kind)
    for page in values["hugepages_pages"]:
        pool = f"/sys/devices/system/node/node{page['numa_node']}/hugepages/hugepages-{page['size_kib']}kB"
        reserved = int(check.text(f"{pool}/nr_hugepages"))
        what = f"hugepages of {page['size_kib']} KiB on node {page['numa_node']}"
        check.equal(what, expected=max(page["count"], reserved), found=reserved)
