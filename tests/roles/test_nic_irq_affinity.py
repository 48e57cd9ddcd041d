"""A host with the role nic_irq_affinity serves network interrupts where the plan says, also after a link went up."""

from __future__ import annotations

import json
from collections.abc import Callable

from support.expected import Expected
from testinfra.host import Host

PROGRAM = "/usr/libexec/hotpath/nic-irq-affinity"


def test_the_placement_is_the_planned_one(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    queues = expected(host, "nic_irq_affinity")["nic_irq_affinity_queues"]
    found = json.loads(host.file("/etc/hotpath/nic-irq-affinity.json").content_string)
    assert found["interfaces"] == {queue["interface"]: queue["cpus"] for queue in queues}


def test_an_unplanned_interface_is_refused(host: Host) -> None:
    refusal = host.run(f"{PROGRAM} lo")
    assert refusal.rc == 1
    assert "lo has no place" in refusal.stderr


def test_link_up_repeats_the_placement(host: Host) -> None:
    script = host.file("/etc/NetworkManager/dispatcher.d/90-hotpath-nic-irq-affinity")
    assert script.mode == 0o755 and script.user == "root"
    assert host.run("sh -n %s", script.path).rc == 0


def test_interrupts_are_in_their_place(
    host: Host, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    for queue in expected(host, "nic_irq_affinity")["nic_irq_affinity_queues"]:
        assert not in_container(host), "a container has no physical interface"
        judgement = host.run(f"{PROGRAM} --check {queue['interface']}")
        assert judgement.rc == 0, judgement.stderr
