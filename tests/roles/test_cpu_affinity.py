"""A host with the role cpu_affinity keeps the system on its housekeeping CPUs."""

from __future__ import annotations

from collections.abc import Callable

from affinity_plan import cpu_list, cpu_mask
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host

PROFILE = "/etc/tuned/hotpath/tuned.conf"


def assignments(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def test_profile_limits_and_policy_are_as_rendered(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    check.files(expected(host, "cpu_affinity").written_files())


def test_the_profile_builds_on_its_parent(host: Host, check: Checks, expected: Callable[[Host, str], Expected]) -> None:
    values = expected(host, "cpu_affinity")
    profile = assignments(check.text(PROFILE))
    check.equal(
        f"parent of {PROFILE}", expected=values["cpu_affinity_parent_profile"], found=profile.get("include", "")
    )
    for name, value in values["cpu_affinity_sysctl"].items():
        check.equal(f"{name} of {PROFILE}", expected=str(value), found=profile.get(name, ""))


def test_tuned_reads_the_profile_and_leaves_boot_arguments_alone(check: Checks) -> None:
    """tuned's own loader merges the profile with its parents."""
    script = (
        "import tuned.profiles as p, tuned.utils.global_config as g;"
        "f = p.Factory(); v = p.variables.Variables();"
        "l = p.Loader(p.Locator(['/usr/lib/tuned', '/etc/tuned']), f, p.Merger(), g.GlobalConfig(), v);"
        "units = l.load('hotpath').units;"
        "print(units['bootloader'].enabled, 'sysctl' in units)"
    )
    read = check.answer("tuned's loader", "/usr/libexec/platform-python -c %s", script)
    check.equal("tuned's loader: bootloader plugin on, sysctl there", expected="False True", found=read)


def test_systemd_and_irqbalance_keep_off_the_planned_cpus(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    plan = expected(host, "cpu_affinity")["hotpath_plan"]
    planned: list[int] = []
    if plan["policy"] != "shared":
        planned = [cpu for engine in plan["engines"] for cpu in engine["cpus"] + engine["worker_cpus"]]
        planned += [cpu for nic in plan["nic_queues"] for cpu in nic["cpus"]]
    manager = assignments(check.text("/etc/systemd/system.conf.d/hotpath.conf"))
    check.equal(
        "CPUAffinity of systemd",
        expected=" ".join(map(str, plan["housekeeping_cpus"])),
        found=manager.get("CPUAffinity", "absent"),
    )
    limits = assignments(check.text("/etc/sysconfig/irqbalance"))
    for name, value in (("BANNED_CPUS", cpu_mask(planned)), ("BANNED_CPULIST", cpu_list(planned))):
        found = limits.get(f"IRQBALANCE_{name}", "absent")
        check.equal(f"IRQBALANCE_{name} of /etc/sysconfig/irqbalance", expected=value, found=found)


def test_tuned_irqbalance_and_systemd_run_by_their_files(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    if in_container(host):
        # They would steer the machine's kernel.
        check.equal("tuned in a container runs", expected=False, found=host.service("tuned").is_running)
        return
    units = expected(host, "cpu_affinity")["__cpu_affinity_units"]
    check.in_effect("tuned, irqbalance and systemd", units)
