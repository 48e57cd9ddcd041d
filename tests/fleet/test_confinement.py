"""The front door's unit, by systemd's own count of what it exposes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.expected import Inventory
from support.front_door import FACTS

MOST_EXPOSED = 20  # of 100


def test_the_unit_exposes_little(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("balancers: {hosts: {door: {}}}\n")
    role = Inventory(str(inventory)).expected("door", "load_balancer", FACTS)
    unit = tmp_path / "hotpath-balancer.service"
    unit.write_text(str(role.template("{{ lookup('ansible.builtin.template', 'hotpath-balancer.service.j2') }}")))
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit)]
    judged = subprocess.run(command, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr
