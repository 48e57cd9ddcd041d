"""A host with the role reboot waits for no reboot, and what the last boot was to bring is there."""

from __future__ import annotations

from collections.abc import Callable

from boot_tokens import isolated_cpus
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


def test_no_role_waits_for_a_reboot(host: Host, check: Checks, expected: Callable[[Host, str], Expected]) -> None:
    """Also where reboot_mode is never: the host is not yet what its roles make of it."""
    folder = expected(host, "reboot")["__reboot_requests"]
    asked = host.run("cd %s 2>/dev/null && grep -H . *", folder).stdout.splitlines()
    check.equal("roles that wait for a reboot", expected=[], found=sorted(line.replace(":", ": ", 1) for line in asked))


def test_none_of_the_plans_services_failed(check: Checks) -> None:
    failed = check.answer("systemd", "systemctl list-units --state=failed --plain --no-legend 'hotpath*'")
    check.equal("services of Hotpath that failed", expected=[], found=[line.split()[0] for line in failed.splitlines()])


def test_the_kernel_isolated_what_it_was_asked_to(
    host: Host, check: Checks, in_container: Callable[[Host], bool]
) -> None:
    """A kernel that does not know a flag of isolcpus ignores all of it; a container has the machine's kernel."""
    if not in_container(host):
        asked = isolated_cpus(check.text("/proc/cmdline"))
        check.equal("isolated CPUs", expected=asked, found=check.text("/sys/devices/system/cpu/isolated"))
