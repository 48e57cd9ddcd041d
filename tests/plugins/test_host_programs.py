"""The programs that roles leave on a host, against sysfs trees, under the host's Python 3.6."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from affinity_plan import affinity_plan
from host_topology import topology
from support.machines import EIGHT_GPUS, VM_WITHOUT_GPU, Device, Machine, build, write
from support.python36 import ROOT, interpreter
from support.shapes import SHAPES

HUGEPAGES = ROOT / "roles/hugepages/files/reserve-hugepages.py"
NIC_IRQ_AFFINITY = ROOT / "roles/nic_irq_affinity/files/nic-irq-affinity.py"


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([interpreter(), str(program), *arguments], capture_output=True, text=True)


def pool(root: Path, node: int, size_kib: int = 2048) -> Path:
    return root / f"sys/devices/system/node/node{node}/hugepages/hugepages-{size_kib}kB/nr_hugepages"


def reserve(root: Path, *pages: str) -> subprocess.CompletedProcess[str]:
    return run(HUGEPAGES, f"--sys={root}/sys", f"--state={root}/run/hotpath/hugepages.json", "--pause=0", *pages)


def test_hugepages_are_reserved_on_each_node(tmp_path: Path) -> None:
    build(EIGHT_GPUS, tmp_path)
    result = reserve(tmp_path, "0:2048:512", "1:2048:256")
    assert result.returncode == 0, result.stderr
    assert [pool(tmp_path, node).read_text() for node in (0, 1)] == ["512", "256"]
    assert "node 1: 256 of 256 hugepages of 2048 KiB" in result.stdout


def test_more_hugepages_than_asked_are_left(tmp_path: Path) -> None:
    build(EIGHT_GPUS, tmp_path)
    pool(tmp_path, 0).write_text("900\n")
    assert reserve(tmp_path, "0:2048:512").returncode == 0
    assert pool(tmp_path, 0).read_text() == "900\n"


def test_a_smaller_plan_gives_back_what_the_larger_added_and_no_more(tmp_path: Path) -> None:
    build(EIGHT_GPUS, tmp_path)
    pool(tmp_path, 1).write_text("100\n")  # somebody else's
    reserve(tmp_path, "0:2048:512", "1:2048:300")
    result = reserve(tmp_path, "0:2048:128")
    assert result.returncode == 0, result.stderr
    assert [pool(tmp_path, node).read_text().strip() for node in (0, 1)] == ["128", "100"]
    assert "node 1: 200 hugepages of 2048 KiB given back" in result.stdout
    reserve(tmp_path)
    assert [pool(tmp_path, node).read_text().strip() for node in (0, 1)] == ["0", "100"]


def test_check_says_what_a_call_would_change_and_changes_nothing(tmp_path: Path) -> None:
    build(EIGHT_GPUS, tmp_path)
    reserve(tmp_path, "0:2048:512", "1:2048:256")
    assert reserve(tmp_path, "--check", "0:2048:512", "1:2048:256").returncode == 0
    pool(tmp_path, 0).write_text("0\n")
    result = reserve(tmp_path, "--check", "0:2048:512", "1:2048:128")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "node 0 has 0 of 512 hugepages of 2048 KiB",
        "node 1 has 128 hugepages of 2048 KiB more than it is to have",
    ]
    assert [pool(tmp_path, node).read_text().strip() for node in (0, 1)] == ["0", "256"]


@pytest.mark.parametrize("left", ["0", "40"])
def test_pages_that_others_took_away_come_back_and_are_counted_once(tmp_path: Path, left: str) -> None:
    """A restarted systemd-sysctl writes vm.nr_hugepages, which says how many all nodes have together."""
    build(EIGHT_GPUS, tmp_path)
    reserve(tmp_path, "0:2048:64", "1:2048:128")
    for node in (0, 1):
        pool(tmp_path, node).write_text(left)
    assert reserve(tmp_path, "0:2048:64", "1:2048:128").returncode == 0
    assert [pool(tmp_path, node).read_text() for node in (0, 1)] == ["64", "128"]
    pool(tmp_path, 0).write_text("164\n")  # a hundred of somebody else's
    reserve(tmp_path)
    assert [pool(tmp_path, node).read_text().strip() for node in (0, 1)] == ["100", "0"]


def test_pages_that_moved_to_another_node_move_back(tmp_path: Path) -> None:
    build(EIGHT_GPUS, tmp_path)
    wanted = ("0:2048:48", "1:2048:96")
    reserve(tmp_path, *wanted)
    pool(tmp_path, 0).write_text("96")
    pool(tmp_path, 1).write_text("48")
    assert reserve(tmp_path, "--check", *wanted).returncode == 1
    assert reserve(tmp_path, *wanted).returncode == 0
    assert [pool(tmp_path, node).read_text() for node in (0, 1)] == ["48", "96"]


def test_a_record_that_was_cut_short_is_no_record(tmp_path: Path) -> None:
    build(EIGHT_GPUS, tmp_path)
    write(tmp_path / "run/hotpath/hugepages.json", '{"0:2048": 5')
    assert reserve(tmp_path, "0:2048:8").returncode == 0


def test_gib_pages_of_the_boot_loader_move_to_the_nodes_that_want_them(tmp_path: Path) -> None:
    build(EIGHT_GPUS, tmp_path)
    for node in (0, 1):
        pool(tmp_path, node, 1048576).write_text("2\n")  # the kernel spreads hugepages=4 evenly
    result = reserve(tmp_path, "0:1048576:3", "1:1048576:1")
    assert result.returncode == 0, result.stderr
    assert [pool(tmp_path, node, 1048576).read_text() for node in (0, 1)] == ["3", "1"]
    assert reserve(tmp_path, "1:1048576:4").returncode == 0
    assert [pool(tmp_path, node, 1048576).read_text() for node in (0, 1)] == ["0", "4"]


def test_a_node_that_gives_fewer_hugepages_is_compacted_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("reserve_hugepages", HUGEPAGES)
    assert spec is not None and spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    build(EIGHT_GPUS, tmp_path)
    compacted = []

    def stingy_kernel(path: str, value: int) -> None:
        """Grants three pages at most."""
        if path.endswith("compact"):
            compacted.append(path)
        else:
            Path(path).write_text(str(min(value, 3)))

    monkeypatch.setattr(program, "write", stingy_kernel)
    assert program.main([f"--sys={tmp_path}/sys", f"--state={tmp_path}/run/state", "--pause=0", "1:2048:5"]) == 1
    output = capsys.readouterr()
    assert "node 1: 3 of 5 hugepages of 2048 KiB" in output.out
    assert "node 1 is short of memory" in output.err
    assert compacted == [f"{tmp_path}/sys/devices/system/node/node1/compact"] * (program.ATTEMPTS - 1)


def test_a_node_that_the_host_lacks_is_named(tmp_path: Path) -> None:
    build(VM_WITHOUT_GPU, tmp_path)
    result = reserve(tmp_path, "5:2048:1")
    assert result.returncode == 1 and result.stderr.startswith("node 5: ")


def place(machine: Machine, root: Path, interface: str, cpus: list[int], **choices: object) -> Path:
    build(machine, root)
    plan = {"interfaces": {interface: cpus}, "xps": True, "rps": True, "rfs_entries": 0, **choices}
    write(root / "etc/hotpath/nic-irq-affinity.json", json.dumps(plan))
    return root


def affinities(root: Path, first: int, count: int) -> list[str]:
    return [(root / f"proc/irq/{irq}/smp_affinity_list").read_text() for irq in range(first, first + count)]


def test_interrupts_take_the_planned_cpus_in_turn(tmp_path: Path) -> None:
    place(VM_WITHOUT_GPU, tmp_path, "eth0", [1, 2])
    assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "--check", "eth0").returncode == 1
    result = run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eth0")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "eth0: 12 of 12 settings hold\n"
    assert affinities(tmp_path, 100, 4) == ["1", "2", "1", "2"]
    assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "--check", "eth0").returncode == 0


def test_each_transmit_queue_serves_its_cpus(tmp_path: Path) -> None:
    place(VM_WITHOUT_GPU, tmp_path, "eth0", [1])
    run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eth0")
    queues = tmp_path / "sys/class/net/eth0/queues"
    masks = [int((queues / f"tx-{queue}/xps_cpus").read_text(), 16) for queue in range(4)]
    assert masks == [0b00010001, 0b00100010, 0b01000100, 0b10001000]


def test_transmit_queues_serve_online_cpus_only(tmp_path: Path) -> None:
    """The kernel takes no others into a mask, so it would never read back as written."""
    place(VM_WITHOUT_GPU, tmp_path, "eth0", [2])
    write(tmp_path / "sys/devices/system/cpu/online", "0,2,4,6-7")
    run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eth0")
    queues = tmp_path / "sys/class/net/eth0/queues"
    masks = [int((queues / f"tx-{queue}/xps_cpus").read_text(), 16) for queue in range(4)]
    assert masks == [0b10000001, 0b00000100, 0b00010000, 0b01000000]


def test_masks_hold_however_wide_the_kernel_writes_them(tmp_path: Path) -> None:
    place(VM_WITHOUT_GPU, tmp_path, "eth0", [1])
    run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eth0")
    for queue, mask in enumerate(["11", "00,00000022", "44", "88"]):
        (tmp_path / f"sys/class/net/eth0/queues/tx-{queue}/xps_cpus").write_text(f"{mask}\n")
    assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "--check", "eth0").returncode == 0


def test_what_moved_is_named_by_check(tmp_path: Path) -> None:
    place(VM_WITHOUT_GPU, tmp_path, "eth0", [1])
    run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eth0")
    (tmp_path / "proc/irq/102/smp_affinity_list").write_text("7\n")
    result = run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "--check", "eth0")
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path}/proc/irq/102/smp_affinity_list holds 7 instead of 1\n"


def test_an_irqbalance_that_may_move_the_interrupts_is_named_by_check(tmp_path: Path) -> None:
    """It may have been started before the plan, or before a link made new interrupts."""
    place(VM_WITHOUT_GPU, tmp_path, "eth0", [1])
    run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eth0")
    write(tmp_path / "proc/77/comm", "irqbalance")
    write(tmp_path / "proc/77/cmdline", "irqbalance\0--foreground\0--banirq=100\0--banirq=101\0--banirq=103\0")
    result = run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "--check", "eth0")
    assert result.returncode == 1
    assert result.stderr == "irqbalance runs without --banirq for the interrupts of eth0: 102\n"
    write(tmp_path / "proc/77/comm", "sshd")
    assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "--check", "eth0").returncode == 0


def test_an_unplanned_interface_is_refused_with_the_way_out(tmp_path: Path) -> None:
    place(VM_WITHOUT_GPU, tmp_path, "eth0", [1])
    result = run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eth9")
    assert result.returncode == 1 and "run the role nic_irq_affinity again" in result.stderr


def test_irqbalance_is_kept_off_the_interrupts_of_every_planned_interface(tmp_path: Path) -> None:
    place(VM_WITHOUT_GPU, tmp_path, "eth0", [1])
    written = tmp_path / "run/hotpath/irqbalance"
    assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", f"--ban={written}").returncode == 0
    bans = " ".join(f"--banirq={irq}" for irq in range(100, 104))
    assert written.read_text() == f"IRQBALANCE_ARGS={bans}\n"


def test_fewer_receive_queues_than_planned_cpus_share_them(tmp_path: Path) -> None:
    machine = Machine(1, 16, 2, 64, (Device("0000:03:00.0", 0, "eno1", 1),))
    place(machine, tmp_path, "eno1", [2, 18], rfs_entries=32768)
    write(tmp_path / "proc/sys/net/core/rps_sock_flow_entries", "0")
    write(tmp_path / "sys/class/net/eno1/queues/rx-0/rps_flow_cnt", "0")
    assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eno1").returncode == 0
    queue = tmp_path / "sys/class/net/eno1/queues/rx-0"
    assert int((queue / "rps_cpus").read_text(), 16) == 1 << 2 | 1 << 18
    assert (queue / "rps_flow_cnt").read_text() == "32768"
    assert (tmp_path / "proc/sys/net/core/rps_sock_flow_entries").read_text() == "32768"


def test_as_many_receive_queues_as_cpus_need_no_sharing(tmp_path: Path) -> None:
    place(VM_WITHOUT_GPU, tmp_path, "eth0", [1, 2])
    write(tmp_path / "sys/class/net/eth0/queues/rx-0/rps_cpus", "ff")
    run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eth0")
    assert int((tmp_path / "sys/class/net/eth0/queues/rx-0/rps_cpus").read_text(), 16) == 0


def test_an_interface_without_message_signalled_interrupts_has_its_line_placed(tmp_path: Path) -> None:
    place(Machine(1, 4, 1, 8, (Device("0000:03:00.0", 0, "eno1", 1),)), tmp_path, "eno1", [3])
    slot = (tmp_path / "sys/class/net/eno1/device").resolve()
    shutil.rmtree(slot / "msi_irqs")
    result = run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eno1")
    assert result.returncode == 1 and "eno1 has no interrupt in sysfs" in result.stderr
    write(slot / "irq", "17")
    write(tmp_path / "proc/irq/17/smp_affinity_list", "0")
    assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "eno1").returncode == 0
    assert affinities(tmp_path, 17, 1) == ["3"]


def two_ports(root: Path, first: list[int], second: list[int]) -> Path:
    """A ConnectX-3 of four interrupts whose ports are planned with these CPUs."""
    build(Machine(1, 16, 2, 64, (Device("0000:18:00.0", 0, "ens1", 4, second_port="ens1d1"),)), root)
    plan = {"interfaces": {"ens1": first, "ens1d1": second}, "xps": True, "rps": True, "rfs_entries": 0}
    write(root / "etc/hotpath/nic-irq-affinity.json", json.dumps(plan))
    return root


@pytest.mark.parametrize(
    ("first", "second", "turn"),
    [
        ([2, 3], [2, 3], ["2", "3", "2", "3"]),
        ([2, 3, 4], [3, 4, 2], ["2", "3", "4", "2"]),
        ([2, 3], [4, 5], ["2", "3", "4", "5"]),
        ([9], [4, 5], ["9", "4", "5", "9"]),
    ],
)
def test_two_ports_of_one_function_have_their_interrupts_in_one_turn(
    first: list[int], second: list[int], turn: list[str], tmp_path: Path
) -> None:
    root = two_ports(tmp_path, first, second)
    for interface in ("ens1", "ens1d1", "ens1"):
        assert run(NIC_IRQ_AFFINITY, f"--root={root}", interface).returncode == 0
        assert affinities(root, 100, 4) == turn
    for interface in ("ens1", "ens1d1"):
        result = run(NIC_IRQ_AFFINITY, f"--root={root}", "--check", interface)
        assert result.returncode == 0, result.stderr


def test_shared_interrupts_are_banned_once(tmp_path: Path) -> None:
    result = run(NIC_IRQ_AFFINITY, f"--root={two_ports(tmp_path, [2], [3])}", "--ban=-")
    assert result.stdout == "IRQBALANCE_ARGS=--banirq=100 --banirq=101 --banirq=102 --banirq=103\n"


def test_cards_on_one_line_agree_where_it_is_served(tmp_path: Path) -> None:
    """Neither has interrupts by message, and their slots share a pin."""
    cards = (Device("0000:03:00.0", 0, "eno1", 1), Device("0000:04:00.0", 0, "eno2", 1))
    build(Machine(1, 4, 1, 8, cards), tmp_path)
    for interface in ("eno1", "eno2"):
        slot = (tmp_path / "sys/class/net" / interface / "device").resolve()
        shutil.rmtree(slot / "msi_irqs")
        write(slot / "irq", "17")
    write(tmp_path / "proc/irq/17/smp_affinity_list", "0")
    plan = {"interfaces": {"eno1": [1], "eno2": [2]}, "xps": True, "rps": True, "rfs_entries": 0}
    write(tmp_path / "etc/hotpath/nic-irq-affinity.json", json.dumps(plan))
    for interface in ("eno2", "eno1"):
        assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", interface).returncode == 0
    for interface in ("eno2", "eno1"):
        assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "--check", interface).returncode == 0


def test_both_cards_of_a_bond_are_placed_each_on_its_node(tmp_path: Path) -> None:
    """The bond itself has no interrupt; NetworkManager tells of each of its cards apart."""
    machine = SHAPES["bond-over-two-nodes"].machine
    plan = affinity_plan(topology(str(build(machine, tmp_path))))
    interfaces = {nic["interface"]: nic["cpus"] for nic in plan["nic_queues"]}
    choices = {"xps": True, "rps": True, "rfs_entries": 0}
    write(tmp_path / "etc/hotpath/nic-irq-affinity.json", json.dumps({"interfaces": interfaces, **choices}))
    for interface, cpus in interfaces.items():
        result = run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", interface)
        assert result.returncode == 0, result.stderr
        irqs = [path.name for path in (tmp_path / "sys/class/net" / interface / "device/msi_irqs").iterdir()]
        served = {(tmp_path / f"proc/irq/{irq}/smp_affinity_list").read_text() for irq in irqs}
        assert served <= set(map(str, cpus))
    assert sorted(interfaces) == ["ens1f0", "ens2f0"]
    assert run(NIC_IRQ_AFFINITY, f"--root={tmp_path}", "bond0").returncode == 1
