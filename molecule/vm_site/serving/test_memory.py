"""The service's slots are in the plan's hugepages, and nothing bounds what it may pin."""

from __future__ import annotations

from typing import Any

from support.checks import Checks

POOL = "/sys/devices/system/node/node{}/hugepages/hugepages-2048kB/{}_hugepages"


def pages(check: Checks, node: int, kind: str) -> int:
    return int(check.text(POOL.format(node, kind)))


def engine(check: Checks) -> str:
    """The engine's process."""
    parent = check.answer("hotpath.service", "systemctl show hotpath.service --property=MainPID --value")
    return check.answer("the engine", "pgrep --parent %s engine", parent)


def test_free_pages_fall_when_the_service_starts(check: Checks, plan: dict[str, Any]) -> None:
    (seat,) = plan["engines"]
    node = seat["numa_node"]
    other = 1 - node
    check.succeeds("the service stops", "systemctl stop hotpath.socket hotpath.service")
    check.equal("free pages without it", expected=pages(check, node, "nr"), found=pages(check, node, "free"))
    check.succeeds("the service starts", "systemctl start hotpath.service")
    taken = pages(check, node, "nr") - pages(check, node, "free")
    # 256 slots of 224 x 224 x 3 bytes, each on whole pages of 4 KiB.
    check.equal("pages that it took on its node", expected=-(-256 * 151552 // (2 << 20)), found=taken)
    check.equal(
        "pages that it took elsewhere", expected=0, found=pages(check, other, "nr") - pages(check, other, "free")
    )


def test_the_engine_has_the_slots_in_hugepages_of_its_node(check: Checks, plan: dict[str, Any]) -> None:
    """smaps tells the size of a mapping's pages, numa_maps their node."""
    process = engine(check)
    smaps = check.text(f"/proc/{process}/smaps")
    arena = smaps.partition("/dev/hugepages-hotpath/hotpath-arena-")[2].splitlines()
    page_kib = next(int(line.split()[1]) for line in arena if line.startswith("KernelPageSize:"))
    shared_kib = next(int(line.split()[1]) for line in arena if line.startswith("Shared_Hugetlb:"))
    check.equal("KiB of a page of the arena", expected=2048, found=page_kib)
    check.equal("the arena is in memory", expected=True, found=shared_kib > 0)
    (mapping,) = [line for line in check.text(f"/proc/{process}/numa_maps").splitlines() if "hotpath-arena" in line]
    nodes = [word.partition("=")[0] for word in mapping.split() if word.startswith("N")]
    check.equal("nodes of the arena", expected=[f"N{plan['engines'][0]['numa_node']}"], found=nodes)


def test_pinned_memory_is_unlimited(check: Checks) -> None:
    limits = check.text(f"/proc/{engine(check)}/limits").splitlines()
    (locked,) = [line.split() for line in limits if line.startswith("Max locked memory")]
    check.equal("locked memory", expected=["unlimited", "unlimited"], found=locked[3:5])
