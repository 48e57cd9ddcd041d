"""A host with the role trimmed_services runs nothing of its table that nobody uses."""

from __future__ import annotations

import json
from collections.abc import Callable

from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


def test_unneeded_units_are_off(host: Host, check: Checks, expected: Callable[[Host, str], Expected]) -> None:
    """What is in use stays, and the role's own module says what is: in check mode it switches nothing."""
    values = expected(host, "trimmed_services")
    keep, table = values["trimmed_services_keep"], values["trimmed_services_table"]
    judged = host.ansible("trimmed_units", json.dumps({"services": table, "keep": keep}), check=True)
    table = [service for service in table if service["name"] not in [*keep, *judged["in_use"]]]
    units = [unit for service in table for unit in service["units"]]
    shown = check.answer("systemd", f"systemctl show --property=Id,ActiveState,UnitFileState {' '.join(units)}")
    states = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n")]
    for unit, state in zip(units, states, strict=True):
        on = [word for word in (state["ActiveState"], state["UnitFileState"]) if word in ("active", "enabled")]
        check.lacks(f"{unit} runs or starts at boot", unwanted=["active", "enabled"], found=on)


def test_what_the_host_needs_still_runs(check: Checks) -> None:
    check.equal("dbus", expected="active", found=check.answer("dbus", "systemctl is-active dbus"))
