"""A host with the role nic_irq_affinity serves network interrupts where the plan says, also after a link went up."""

from __future__ import annotations

from collections.abc import Callable

from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host

PROGRAM = "/usr/libexec/hotpath/nic-irq-affinity"
WATCH = "hotpath-nic-link-watch.service"


def test_program_placement_unit_and_link_up_script_are_as_rendered(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    check.files(expected(host, "nic_irq_affinity").written_files())


def test_an_unplanned_interface_is_refused(host: Host, check: Checks) -> None:
    refusal = host.run(f"{PROGRAM} lo")
    check.equal(f"exit code of {PROGRAM} for an unplanned interface", expected=1, found=refusal.rc)
    refused = "lo has no place" in refusal.stderr
    check.equal(f"{PROGRAM} names the interface without a place", expected=True, found=refused)


def test_links_are_watched(host: Host, check: Checks, in_container: Callable[[Host], bool]) -> None:
    # A container has no physical link, and its condition keeps the unit from starting.
    state = "inactive" if in_container(host) else "active"
    check.equal(f"state of {WATCH}", expected=state, found=host.run("systemctl is-active %s", WATCH).stdout.strip())


def test_interrupts_are_in_their_place_and_irqbalance_leaves_them(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    queues = expected(host, "nic_irq_affinity")["nic_irq_affinity_queues"]
    if in_container(host):
        # It has no physical interface, and so no interrupt that irqbalance must leave.
        bans = check.answer("interrupts that irqbalance must leave", f"{PROGRAM} --ban -").partition("=")[2]
        check.equal("interrupts that irqbalance must leave", expected="", found=bans)
        check.equal("planned interfaces of a container", expected=[], found=[queue["interface"] for queue in queues])
        return
    units = expected(host, "nic_irq_affinity")["__nic_irq_affinity_in_effect"]
    check.in_effect("queues, rings and interrupts", units)
