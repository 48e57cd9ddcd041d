"""What the roles of the monitors make of an inventory, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.expected import PROJECT, Expected, Inventory
from support.front_door import FACTS

SERVICE_METRICS = PROJECT / "service" / "src" / "hotpath" / "metrics" / "layout.py"


def role(folder: Path, name: str, host: str = "mon", **groups: dict[str, dict[str, Any]]) -> Expected:
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({group: {"hosts": hosts} for group, hosts in groups.items()}))
    return Inventory(str(inventory)).expected(host, name, FACTS)


@pytest.mark.parametrize(
    ("hosts", "variables", "gigabytes"),
    [
        (199, {}, "172.8"),
        (9, {}, "8.7"),
        (199, {"prometheus_interval_s": 30, "prometheus_retention_days": 90}, "259.2"),
    ],
)
def test_disk_is_reckoned_by_machines_interval_and_days(
    tmp_path: Path, hosts: int, variables: dict[str, Any], gigabytes: str
) -> None:
    gpus: dict[str, dict[str, Any]] = {f"gpu-{number}": {} for number in range(hosts)}
    asked = role(tmp_path, "prometheus", gpu_hosts=gpus, monitors={"mon": variables})
    assert str(asked["__prometheus_needed_gb"]) == gigabytes


def test_a_key_is_for_the_service_alone_and_stands_in_no_readable_file(tmp_path: Path) -> None:
    monitors = {"mon": {"prometheus_metrics_key": "k-secret"}}
    asked = role(tmp_path, "prometheus", gpu_hosts={"gpu-1": {}}, monitors=monitors)
    jobs = {job["job_name"]: job for job in yaml.safe_load(asked["__prometheus_text"])["scrape_configs"]}
    assert {name for name, job in jobs.items() if "authorization" in job} == {"hotpath"}
    assert not any("k-secret" in str(file["content"]) for file in asked["__prometheus_files"])


def test_another_rule_key_or_receiver_makes_another_set(tmp_path: Path) -> None:
    def digest(**variables: Any) -> str:
        return str(role(tmp_path, "prometheus", monitors={"mon": variables})["__prometheus_digest"])

    others: tuple[dict[str, Any], ...] = (
        {"prometheus_metrics_key": "k"},
        {"prometheus_receivers": {"page": {}}},
        {"prometheus_interval_s": 30},
    )
    assert len({digest(), digest(), *(digest(**other) for other in others)}) == 4


def test_a_certificate_is_told_where_there_is_one(tmp_path: Path) -> None:
    """A path without a file would be told as one that has ended."""
    balancers: dict[str, dict[str, Any]] = {"with": {}, "without": {"load_balancer_tls": False}}
    told = {
        host: role(tmp_path, "node_metrics", host, balancers=balancers)["node_metrics_certificates"]
        for host in balancers
    }
    assert told == {"with": ["/etc/hotpath/balancer.pem"], "without": []}


@pytest.mark.parametrize(
    ("address", "allowed"), [("192.0.2.8", "IPAddressAllow=localhost 192.0.2.8"), ("monitor.example", "")]
)
def test_the_node_exporter_answers_the_monitors_alone_where_they_are_known(
    tmp_path: Path, address: str, allowed: str
) -> None:
    asked = role(
        tmp_path,
        "node_metrics",
        host="gpu-1",
        gpu_hosts={"gpu-1": {"ansible_host": "192.0.2.1", "stack_service": "cpu"}},
        monitors={"mon": {"ansible_host": address}},
    )
    unit = str(asked.template("{{ lookup('ansible.builtin.template', 'hotpath-node-exporter.service.j2') }}"))
    assert "--web.listen-address=192.0.2.1:9100 " in unit
    assert ("IPAddressDeny=any" in unit) == bool(allowed)
    assert allowed in unit
    assert asked["__node_metrics_units"] == ["node-exporter", "host-metrics"]


def test_latency_is_judged_by_a_bucket_that_the_service_has() -> None:
    specification = yaml.safe_load((PROJECT / "roles/prometheus/meta/argument_specs.yml").read_text())
    offered = specification["argument_specs"]["main"]["options"]["prometheus_objective_latency_s"]["choices"]
    (line,) = [line for line in SERVICE_METRICS.read_text().splitlines() if line.startswith("_SECONDS = ")]
    assert offered == [float(bound) for bound in line.partition("(")[2].rstrip(")").split(",")]


GRAFANA = {"grafana_archive_sha256": "a" * 64, "grafana_admin_password": "p-secret-p-secret"}


def test_grafanas_set_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    def digest(**variables: Any) -> str:
        return str(role(tmp_path, "grafana", monitors={"mon": {**GRAFANA, **variables}})["__grafana_digest"])

    changes: list[dict[str, Any]] = [
        {"grafana_anonymous": True},
        {"grafana_listen": "192.0.2.5:3000"},
        {"prometheus_listen": "192.0.2.5:9090"},
        {"prometheus_interval_s": 30},
    ]
    assert len({digest(), *(digest(**change) for change in changes)}) == 1 + len(changes)


def test_grafanas_set_tells_everybody_no_password(tmp_path: Path) -> None:
    files = role(tmp_path, "grafana", monitors={"mon": GRAFANA})["__grafana_files"]
    assert not any("p-secret" in str(file["content"]) for file in files)
    (ini,) = [str(file["content"]) for file in files if str(file["path"]).endswith("grafana.ini")]
    assert "admin_password = $__file{/etc/hotpath/grafana/admin_password}" in ini


def test_the_autoscaler_knows_every_balancer_by_its_own_keys(tmp_path: Path) -> None:
    """A line each, or ssh takes all but the first for a remark, and only one balancer would be spoken to."""
    balancers = {
        f"door-{number}": {
            "ansible_host": f"192.0.2.{number}",
            "__autoscaler_host_keys": {"stdout_lines": [f"ssh-ed25519 A{number} root@x", f"ssh-rsa B{number} root@x"]},
        }
        for number in (1, 2)
    }
    known = role(tmp_path, "autoscaler", monitors={"mon": {}}, balancers=balancers)["__autoscaler_known"]
    assert str(known).split("\n") == [
        "192.0.2.1 ssh-ed25519 A1",
        "192.0.2.1 ssh-rsa B1",
        "192.0.2.2 ssh-ed25519 A2",
        "192.0.2.2 ssh-rsa B2",
        "",
    ]
