"""Every unit that serves somebody, by systemd's own count of what it exposes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.expected import PROJECT, Inventory
from support.front_door import FACTS

MOST_EXPOSED = 20  # of 100
HOST = "host"
SHARED = {
    "floating_address_ip": "192.0.2.10",
    "floating_address_interface": "eth0",
    "floating_address_own": "192.0.2.1",
}
# Root's own, begun by systemd, that open no socket; what they set in the kernel is what the sandbox would forbid.
SETTERS = {"hotpath-hugepages.service.j2", "unit.service.j2", "nic-link-watch.service"}


def directives() -> list[str]:
    """All that the role inference_service knows to ask systemd for, as if the host's had them all."""
    text = (PROJECT / "roles/inference_service/templates/hotpath.service.j2").read_text()
    sandbox = "\n".join(path.read_text() for path in (PROJECT / "roles/inference_service/vars/main").glob("*.yml"))
    return sorted(set(re.findall(r"\b(?:name: |^)([A-Z][A-Za-z]+)\b", sandbox + text, re.MULTILINE)))


KNOWN = {
    "hotpath_plan": {"engines": [], "hugepages": []},
    "stack_service": "cpu",
    "__inference_service_known": {"directives": {"Service": directives()}},
}
UNITS = {
    "hotpath-balancer.service.j2": "load_balancer",
    "hotpath-address.service.j2": "floating_address",
    "hotpath.service.j2": "inference_service",
    "hotpath-prometheus.service.j2": "prometheus",
    "hotpath-alertmanager.service.j2": "prometheus",
    "hotpath-node-exporter.service.j2": "node_metrics",
    "hotpath-host-metrics.service.j2": "node_metrics",
    "hotpath-gpu-metrics.service.j2": "node_metrics",
    "hotpath-autoscaler.service.j2": "autoscaler",
    "hotpath-grafana.service.j2": "grafana",
}


@pytest.mark.parametrize("template", UNITS)
def test_the_unit_exposes_little(template: str, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    groups = f"{{hosts: {{{HOST}: {SHARED}}}}}"
    inventory.write_text(f"balancers: {groups}\ngpu_hosts: {groups}\nmonitors: {groups}\n")
    facts = {**FACTS, **KNOWN, "ansible_facts": {**FACTS["ansible_facts"], "virtualization_type": "NA"}}
    role = Inventory(str(inventory)).expected(HOST, UNITS[template], facts)
    unit = tmp_path / template.removesuffix(".j2")
    unit.write_text(str(role.template(f"{{{{ lookup('ansible.builtin.template', '{template}') }}}}")))
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit)]
    judged = subprocess.run(command, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_no_unit_is_passed_over() -> None:
    found = [path for path in (PROJECT / "roles").rglob("*") if re.search(r"\.service(\.j2)?$", path.name)]
    assert {path.name for path in found} == UNITS.keys() | SETTERS
