"""What a monitor scrapes: every machine once a job, at the address that it can be reached at."""

from __future__ import annotations

from typing import Any

from monitor_targets import monitor_targets

GROUPS = {"gpu_hosts": ["gpu-b", "gpu-a"], "balancers": ["door"], "monitors": ["mon-1", "mon-2"], "all": ["other"]}
HOSTS: dict[str, dict[str, Any]] = {
    "gpu-a": {"ansible_host": "192.0.2.1", "inference_service_port": 9000},
    "gpu-b": {"ansible_host": "192.0.2.2", "inference_service_address": "10.0.0.2", "node_metrics_address": "10.9.0.2"},
    "door": {"load_balancer_statistics": "192.0.2.3:8404", "node_metrics_port": 9200},
    "mon-1": {"ansible_host": "192.0.2.4"},
    "mon-2": {"ansible_host": "192.0.2.5", "prometheus_listen": "192.0.2.5:9090"},
    "other": {},
}


def seen(monitor: str, **changes: dict[str, Any]) -> set[str]:
    found = monitor_targets(GROUPS, {**HOSTS, **changes}, monitor)
    return {f"{target['job']} {target['instance']} {target['address']}" for target in found}


def test_every_machine_is_scraped_where_it_is_reached() -> None:
    assert seen("mon-1") == {
        "hotpath gpu-a 192.0.2.1:9000",
        "hotpath gpu-b 10.0.0.2:8000",
        "node gpu-a 192.0.2.1:9100",
        "node gpu-b 10.9.0.2:9100",
        "node door door:9200",
        "node mon-1 192.0.2.4:9100",
        "node mon-2 192.0.2.5:9100",
        "haproxy door 192.0.2.3:8404",
        "prometheus mon-1 127.0.0.1:9090",
        "prometheus mon-2 192.0.2.5:9090",
        "alertmanager mon-1 127.0.0.1:9093",
    }


def test_an_address_of_ipv6_is_told_from_its_port() -> None:
    found = seen(
        "mon-1", **{"gpu-a": {"ansible_host": "2001:db8::1"}, "door": {"node_metrics_address": "[2001:db8::3]"}}
    )
    assert {
        "hotpath gpu-a [2001:db8::1]:8000",
        "node gpu-a [2001:db8::1]:9100",
        "node door [2001:db8::3]:9100",
    } <= found


def test_loopback_of_another_machine_is_no_target() -> None:
    for hidden in ("127.0.0.1:8404", "localhost:8404", "[::1]:8404"):
        assert not any(
            found.startswith("haproxy") for found in seen("mon-1", door={"load_balancer_statistics": hidden})
        )
    assert "prometheus mon-1 127.0.0.1:9090" not in seen("mon-2")


def test_a_machine_in_two_groups_is_one_target() -> None:
    groups = {"gpu_hosts": ["one"], "monitors": ["one"]}
    found = monitor_targets(groups, {"one": {}}, "one")
    assert [target["job"] for target in found] == ["alertmanager", "hotpath", "node", "prometheus"]
