"""Real machine shapes, by the name of their golden plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from support.machines import CONTAINER, EIGHT_GPUS, VM_WITHOUT_GPU, XEON_A5000, Device, Machine


@dataclass(frozen=True)
class Shape:
    """A machine and what it is to do."""

    machine: Machine
    engines_on: str = "gpu"
    choices: dict[str, Any] = field(default_factory=dict)
    """Further arguments of the planner"""


def _gpus(*places: tuple[int, int]) -> tuple[Device, ...]:
    """GPUs from (PCI bus, node)."""
    return tuple(Device(f"0000:{bus:02x}:00.0", node) for bus, node in places)


# EPYC 7742 twice in NPS4: each quadrant of a socket is a node, and the PCI switches hang at nodes 1, 3, 5 and 7.
# Compute network ib0 to ib7, storage network ib8 and ib9 (ib9 without link), Ethernet enp226s0.
DGX_A100 = Machine(
    8,
    16,
    2,
    128,
    (
        *_gpus((0x07, 3), (0x0F, 3), (0x47, 1), (0x4E, 1), (0x87, 7), (0x90, 7), (0xB7, 5), (0xBD, 5)),
        *(
            Device(f"0000:{bus:02x}:00.0", node, f"ib{number}", 63)
            for number, (bus, node) in enumerate(
                ((0x0C, 3), (0x12, 3), (0x4B, 1), (0x54, 1), (0x8D, 7), (0x94, 7), (0xBA, 5), (0xCC, 5), (0x61, 1))
            )
        ),
        Device("0000:e1:00.0", 5, "ib9", 63, link=False),
        Device("0000:e2:00.0", 5, "enp226s0", 4),
    ),
)
NIC_NODE_0 = Device("0000:18:00.0", 0, "ens1f0", 32)
NIC_NODE_1 = Device("0000:86:00.0", 1, "ens2f0", 32)
KVM_NIC = Device("0000:01:00.0", -1, "eth0", 8, virtio=True)

SHAPES = {
    # Supermicro 2U, one Xeon Silver 4214, one RTX A5000: the article's host.
    "xeon-a5000": Shape(XEON_A5000),
    "dgx-a100-nps4": Shape(DGX_A100),
    # Two Xeon Platinum 8358, one node a socket.
    "eight-gpus": Shape(EIGHT_GPUS),
    "gpu-and-nic-apart": Shape(Machine(2, 16, 2, 128, (*_gpus((0x3B, 0)), NIC_NODE_1))),
    "four-gpus-one-socket": Shape(
        Machine(2, 20, 2, 256, (*_gpus((0x1A, 0), (0x1C, 0), (0x1D, 0), (0x1E, 0)), NIC_NODE_0))
    ),
    # One port of each card, so that neither a card nor a socket takes the host off the network.
    "bond-over-two-nodes": Shape(
        Machine(2, 16, 2, 128, (*_gpus((0x3B, 0), (0xAF, 1)), NIC_NODE_0, NIC_NODE_1), bond=("ens1f0", "ens2f0"))
    ),
    # Two sockets and a CXL expander, which the kernel shows as a node without CPUs.
    "cxl-memory": Shape(Machine(2, 24, 2, 256, (*_gpus((0x27, 0), (0xA8, 1)), NIC_NODE_0), memory_only_gib=(256,))),
    # nosmt: the second thread of every core is there, but offline.
    "smt-off": Shape(Machine(1, 16, 2, 128, (*_gpus((0x65, 0)), NIC_NODE_0), offline=range(16, 32))),
    # A core and a lone thread are taken away: 5 with its sibling 13, and 15, the sibling of 7.
    "offline-cpus": Shape(Machine(1, 8, 2, 64, (*_gpus((0x65, 0)), NIC_NODE_0), offline=(5, 13, 15))),
    # KVM with a GPU passed through: siblings are neighbours, the kernel shows no nodes, devices say -1.
    "vm-without-numa": Shape(Machine(1, 8, 2, 64, (*_gpus((0x06, -1)), KVM_NIC), adjacent=True, numa=False)),
    "vm-without-gpu": Shape(VM_WITHOUT_GPU, "cpu"),
    # Two equal nodes without GPU: the network decides.
    "no-gpu-two-sockets": Shape(Machine(2, 16, 2, 128, (NIC_NODE_1,)), "cpu"),
    "more-queues-than-cpus": Shape(Machine(1, 6, 2, 32, (*_gpus((0x01, 0)), Device("0000:02:00.0", 0, "enp2s0", 63)))),
    # Two cards with a queue each.
    "single-queues": Shape(
        Machine(
            1,
            16,
            2,
            64,
            (*_gpus((0x65, 0)), Device("0000:03:00.0", 0, "eno1", 1), Device("0000:04:00.0", 0, "eno2", 1)),
        )
    ),
    # Core i7-12850HX without two of its small cores: 7 large cores with two threads, 5 small ones with one.
    "hybrid-odd": Shape(
        Machine(
            1, 7, 2, 64, (*_gpus((0x01, -1)), Device("0000:02:00.0", -1, "enp2s0", 4)), adjacent=True, small_cores=5
        )
    ),
    "container": Shape(CONTAINER, "cpu"),
    # A workstation: three A5000, of which the first is a virtual machine's and the last waits for its turn to be.
    "gpus-of-virtual-machines": Shape(
        Machine(
            1,
            16,
            2,
            128,
            (
                Device("0000:21:00.0", 0, driver="vfio-pci"),
                Device("0000:41:00.0", 0, driver="nvidia"),
                Device("0000:61:00.0", 0, driver="nvidia", reserved_for="vfio-pci"),
                NIC_NODE_0,
            ),
        )
    ),
    # A Quadro P620 for the screen, before the A5000 on the bus, and a Quadro K5000, which driver 510 no longer knows.
    "display-cards": Shape(
        Machine(
            1,
            16,
            2,
            128,
            (
                Device("0000:01:00.0", 0, device_id="0x11ba"),
                Device("0000:02:00.0", 0, device_id="0x1cb6"),
                *_gpus((0x65, 0)),
                NIC_NODE_0,
            ),
        ),
        choices={
            "gpus": {
                "excluded": ["Quadro P"],
                "driver_version": "510.47.03",
                "driver_stream": "510-dkms",
                "capabilities": ["7.5", "8.0", "8.6"],
            }
        },
    ),
    # EPYC in NPS4 with memory in two of four quadrants; the GPUs and the card hang at the two others.
    "quadrants-without-memory": Shape(
        Machine(
            4,
            8,
            2,
            128,
            (*_gpus((0x01, 1), (0xC1, 3)), Device("0000:86:00.0", 3, "ens2f0", 16)),
            without_memory=(1, 3),
            distances=((10, 12, 12, 12), (12, 10, 12, 12), (12, 12, 10, 11), (12, 12, 11, 10)),
        )
    ),
    # ConnectX-3: both ports are one PCI function with one set of interrupts.
    "two-ports-of-one-function": Shape(
        Machine(1, 16, 2, 128, (*_gpus((0x65, 0)), Device("0000:18:00.0", 0, "ens1", 16, second_port="ens1d1")))
    ),
    # The firmware names no node for GPU and card; the owner does.
    "nodes-told-by-hand": Shape(
        Machine(2, 12, 2, 128, (*_gpus((0x65, -1)), Device("0000:3d:00.0", -1, "eno1", 8))),
        choices={
            "overrides": {
                "engines": [{"device": "cuda:0", "numa_node": 1}],
                "nic_queues": [{"interface": "eno1", "numa_node": 1}],
            }
        },
    ),
}
