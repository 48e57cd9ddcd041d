"""A host with the role trimmed_services runs nothing of its table that nobody uses."""

from __future__ import annotations

from collections.abc import Callable

from support.expected import Expected
from testinfra.host import Host


def test_unneeded_units_are_off(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    values = expected(host, "trimmed_services")
    mounted = host.file("/proc/mounts").content_string
    table = [
        service
        for service in values["trimmed_services_table"]
        if service["name"] not in values["trimmed_services_keep"]
        and not any(f" {kind} " in mounted for kind in service.get("mounts", []))
    ]
    units = [unit for service in table for unit in service["units"]]
    shown = host.check_output(f"systemctl show --property=Id,ActiveState,UnitFileState {' '.join(units)}")
    on = [block for block in shown.split("\n\n") if "ActiveState=active" in block or "UnitFileState=enabled" in block]
    assert on == []


def test_what_the_host_needs_still_runs(host: Host) -> None:
    assert host.check_output("systemctl is-active dbus") == "active"
