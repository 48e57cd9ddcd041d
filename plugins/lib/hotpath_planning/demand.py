"""How many cores each kind of work wants on a node."""

from __future__ import annotations

from collections.abc import Sequence

from hotpath_planning.model import Core, Node
from hotpath_planning.sites import Port

# One core in eight for the kernel and one in eight for interrupts keeps decoding, the largest CPU cost of a request
# (docs/architecture.md), on the rest. Two housekeeping cores a node are enough for any size.
CORES_PER_SHARE = 8
HOUSEKEEPING_CORES_MAX = 2
# Where no HTTP worker competes, interrupts may take every other core.
CORES_PER_SHARE_WITHOUT_ENGINES = 2
# A GPU engine has one busy thread, which launches kernels; another CPU stays free for the driver's own threads.
GPU_ENGINE_CPUS = 2
# On a CPU the model itself is most of the work.
CPU_ENGINE_PART = 0.75


def housekeeping_cores(node: Node, relieved: bool) -> int:
    """Cores of a node for the kernel's own work there; one where a node without engines takes the rest of the work."""
    return 1 if relieved else min(max(len(node.cores) // CORES_PER_SHARE, 1), HOUSEKEEPING_CORES_MAX)


def interrupt_cores(node: Node, ports: Sequence[Port], engines: bool) -> int:
    """Cores that serve the interrupts of all interfaces on a node: no more than there are queues."""
    share = CORES_PER_SHARE if engines else CORES_PER_SHARE_WITHOUT_ENGINES
    return min(max(len(node.cores) // share, 1), sum(port.queues for port in ports))


def gpu_engine_cores(free: Sequence[Core], engines: int) -> int:
    """Cores for each GPU engine of a node: without SMT a second one, as long as the HTTP workers keep half."""
    single = bool(free) and len(free[0]) < GPU_ENGINE_CPUS
    return 2 if single and len(free) >= 2 * GPU_ENGINE_CPUS * engines else 1


def cpu_engine_cores(free: Sequence[Core]) -> int:
    return max(int(len(free) * CPU_ENGINE_PART), 1)


def interrupt_order(cores: Sequence[Core], placed: int) -> list[int]:
    """CPUs in the order in which an interface's queues take them.

    Every core serves a queue before a sibling does, and an interface goes on where the one before it stopped (`placed`
    queues), so that the first queues of all interfaces do not meet on one CPU.
    """
    by_thread = sorted((thread, cpu) for core in cores for thread, cpu in enumerate(core))
    cpus = [cpu for _, cpu in by_thread]
    start = placed % len(cpus)
    return cpus[start:] + cpus[:start]
