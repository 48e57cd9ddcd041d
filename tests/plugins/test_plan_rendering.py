"""What the tuning roles make of a plan that a container never gets: dedicated CPUs, a GPU, a network card."""

from __future__ import annotations

from base64 import b64encode
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from affinity_plan import affinity_plan
from boot_tokens import gib_pages
from host_topology import topology
from support.expected import PROJECT, Expected, Inventory
from support.machines import XEON_A5000, build


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    hosts = tmp_path_factory.mktemp("inventory") / "hosts.ini"
    hosts.write_text("[gpu_hosts]\nxeon\n")
    return Inventory(str(hosts))


class Host:
    """The article's host under one policy."""

    def __init__(self, inventory: Inventory, plan: dict[str, Any]) -> None:
        self.inventory, self._plan = inventory, plan

    def values(self, role: str) -> Expected:
        return self.inventory.expected("xeon", role, {"hotpath_plan": self._plan, "ansible_managed": "managed"})

    def file(self, role: str, template: str) -> list[str]:
        """Lines of a rendered template, without comments and empty ones."""
        path = PROJECT / "roles" / role / "templates" / template
        text = self.values(role).template(f"{{{{ lookup('ansible.builtin.template', '{path}') }}}}")
        return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture
def throughput(inventory: Inventory, tmp_path: Path) -> Host:
    return Host(inventory, affinity_plan(topology(str(build(XEON_A5000, tmp_path)))))


@pytest.fixture
def latency(inventory: Inventory, tmp_path: Path) -> Host:
    pages = [{"numa_node": 0, "size_kib": 1048576, "count": 2}]
    plan = affinity_plan(
        topology(str(build(XEON_A5000, tmp_path / "latency"))), policy="latency", overrides={"hugepages": pages}
    )
    return Host(inventory, plan)


def test_throughput_asks_the_kernel_for_no_isolation(throughput: Host) -> None:
    assert throughput.values("boot_arguments")["__boot_arguments_tokens"] == [
        "modprobe.blacklist=nouveau",
        "rd.driver.blacklist=nouveau",
    ]


def test_latency_isolates_the_engines_cpus_and_takes_gib_pages_at_boot(latency: Host) -> None:
    assert latency.values("boot_arguments")["__boot_arguments_tokens"] == [
        "isolcpus=managed_irq,domain,2,14",
        "nohz_full=2,14",
        "rcu_nocbs=2,14",
        "skew_tick=1",
        "hugepagesz=1G",
        "hugepages=2",
        "modprobe.blacklist=nouveau",
        "rd.driver.blacklist=nouveau",
    ]


def test_the_profile_keeps_deferred_work_on_housekeeping_cpus(throughput: Host, latency: Host) -> None:
    lines = throughput.file("cpu_affinity", "tuned.conf.j2")
    assert "include=throughput-performance" in lines
    assert "/sys/devices/virtual/workqueue/cpumask=00001001" in lines
    disabled = [title for title, state in pairwise(lines) if state == "enabled=false"]
    assert disabled == ["[bootloader]", "[systemd]", "[irqbalance]"]
    isolating = latency.file("cpu_affinity", "tuned.conf.j2")
    assert "include=cpu-partitioning" in isolating
    assert any(line.startswith("ps_blacklist=.*hotpath.*") for line in isolating)
    assert "tuned-profiles-cpu-partitioning" in latency.values("cpu_affinity")["__cpu_affinity_packages"]


def test_systemd_and_irqbalance_keep_to_housekeeping_cpus(throughput: Host) -> None:
    assert throughput.file("cpu_affinity", "system.conf.j2") == ["[Manager]", "CPUAffinity=0 12"]
    assert throughput.file("cpu_affinity", "irqbalance.j2") == [
        "IRQBALANCE_BANNED_CPUS=00ffeffe",
        "IRQBALANCE_BANNED_CPULIST=1-11,13-23",
    ]


def test_interrupts_of_the_card_have_their_cpus(throughput: Host) -> None:
    values = throughput.values("nic_irq_affinity")
    assert values["__nic_irq_affinity_placement"] == {
        "interfaces": {"eno1": [1, 13]},
        "xps": True,
        "rps": True,
        "rfs_entries": 0,
        "channels": "keep",
        "rings": "keep",
    }


def test_each_interface_has_a_unit_of_its_name_as_systemd_writes_it(throughput: Host) -> None:
    assert throughput.values("nic_irq_affinity")["__nic_irq_affinity_units"] == [
        "hotpath-nic-irq-affinity@eno1.service"
    ]
    fabric = Host(throughput.inventory, {"nic_queues": [{"interface": "fabric-a", "cpus": [1]}]})
    assert fabric.values("nic_irq_affinity")["__nic_irq_affinity_units"] == [
        r"hotpath-nic-irq-affinity@fabric\x2da.service"
    ]


def test_the_units_ask_for_the_planned_pages(throughput: Host, latency: Host) -> None:
    unit = throughput.file("hugepages", "hotpath-hugepages.service.j2")
    assert "ExecStart=/usr/libexec/hotpath/hugepages 0:2048:128" in unit
    assert "Options=pagesize=2048K,mode=0770,gid=hotpath" in throughput.file("hugepages", "hugepages.mount.j2")
    assert "Options=pagesize=1048576K,mode=0770,gid=hotpath" in latency.file("hugepages", "hugepages.mount.j2")
    assert throughput.values("hugepages")["__hugepages_mount_unit"] == r"dev-hugepages\x2dhotpath.mount"


@pytest.mark.parametrize(
    ("found", "wanted", "next_boot", "labels"),
    [
        ("Disabled", "enforcing", "permissive", True),
        ("Disabled", "permissive", "permissive", True),
        ("Disabled", "disabled", "disabled", False),
        ("Permissive", "enforcing", "enforcing", False),
        ("Enforcing", "disabled", "disabled", False),
    ],
)
def test_files_are_labelled_before_a_policy_is_enforced_on_them(
    throughput: Host, found: str, wanted: str, next_boot: str, labels: bool
) -> None:
    values = throughput.values("selinux")
    known = {"__selinux_running": {"stdout": found}, "selinux_mode": wanted}
    assert values.template("{{ __selinux_next_boot }}", **known) == next_boot
    assert values.template("{{ __selinux_unlabelled }}", **known) is labels


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/srv/my models(/.*)?", "/srv/my models"),
        ("/srv/models.*", "/srv/models"),
        (r"/etc/dispatcher\.d/90-hotpath", "/etc/dispatcher.d/90-hotpath"),
    ],
)
def test_a_path_to_label_ends_where_the_expression_begins(throughput: Host, target: str, path: str) -> None:
    contexts = [{"target": target, "type": "etc_t"}]
    assert throughput.values("selinux").template("{{ __selinux_labelled_paths }}", selinux_contexts=contexts) == [path]


@pytest.mark.parametrize(
    ("there", "started_with", "waits"),
    [
        (0, "quiet", True),
        (1, "quiet hugepagesz=1G hugepages=1", True),
        (1, "quiet hugepagesz=1G hugepages=2", False),  # what it was asked for and has not given, no other boot brings
        (2, "quiet", False),
    ],
)
def test_gib_pages_are_waited_for_until_a_boot_was_asked_for_them(
    latency: Host, there: int, started_with: str, waits: bool
) -> None:
    node = {"id": 0, "hugepages": [{"size_kib": 1048576, "total": there}, {"size_kib": 2048, "total": 9}]}
    known = {
        "__host_plan": {"topology": {"nodes": [node]}},
        "__hugepages_lines": {"results": [{"content": b64encode(started_with.encode()).decode()}]},
    }
    values = latency.values("hugepages")
    assert values.template("{{ __hugepages_wait }}", **known) is waits
    units = values.template("{{ __hugepages_units }}", **known)
    assert [unit["start"] for unit in units] == [not waits, not waits]
    assert units[0]["holds"] == ["/usr/libexec/hotpath/hugepages --check 0:1048576:2"]
    assert "--options pagesize=1024M,mode=770" in units[1]["holds"][0]


@pytest.mark.parametrize(
    ("arguments", "pages"),
    [
        ("hugepagesz=1G hugepages=40", 40),
        ("hugepages=40 hugepagesz=1G", 0),  # they are of the default size
        ("hugepagesz=2M hugepages=512 hugepagesz=1G hugepages=4 quiet", 4),
        ("hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=512", 4),
        ("default_hugepagesz=1G hugepages=3", 3),
        ("quiet", 0),
    ],
)
def test_pages_that_a_kernel_is_asked_for_are_of_the_size_before_them(arguments: str, pages: int) -> None:
    assert gib_pages(arguments) == pages
