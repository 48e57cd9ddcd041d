"""A host with the role cpu_affinity keeps the system on its housekeeping CPUs."""

from __future__ import annotations

from collections.abc import Callable

from affinity_plan import cpu_mask
from support.expected import Expected
from testinfra.host import Host

PROFILE = "/etc/tuned/hotpath/tuned.conf"


def assignments(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def test_the_profile_is_chosen_by_hand_and_builds_on_its_parent(
    host: Host, expected: Callable[[Host, str], Expected]
) -> None:
    values = expected(host, "cpu_affinity")
    profile = assignments(host.file(PROFILE).content_string)
    assert host.file("/etc/tuned/active_profile").content_string.strip() == "hotpath"
    assert host.file("/etc/tuned/profile_mode").content_string.strip() == "manual"
    assert profile["include"] == values["cpu_affinity_parent_profile"]
    for name, value in values["cpu_affinity_sysctl"].items():
        assert profile[name] == str(value)


def test_tuned_reads_the_profile_and_leaves_boot_arguments_alone(host: Host) -> None:
    """tuned's own loader merges the profile with its parents."""
    script = (
        "import tuned.profiles as p, tuned.utils.global_config as g;"
        "f = p.Factory(); v = p.variables.Variables();"
        "l = p.Loader(p.Locator(['/usr/lib/tuned', '/etc/tuned']), f, p.Merger(), g.GlobalConfig(), v);"
        "units = l.load('hotpath').units;"
        "print(units['bootloader'].enabled, 'sysctl' in units)"
    )
    assert host.check_output("/usr/libexec/platform-python -c %s", script).split() == ["False", "True"]


def test_systemd_and_irqbalance_keep_off_the_planned_cpus(
    host: Host, expected: Callable[[Host, str], Expected]
) -> None:
    plan = expected(host, "cpu_affinity")["hotpath_plan"]
    manager = assignments(host.file("/etc/systemd/system.conf.d/hotpath.conf").content_string)
    banned = assignments(host.file("/etc/sysconfig/irqbalance").content_string)["IRQBALANCE_BANNED_CPUS"]
    if plan["policy"] == "shared":
        assert manager["CPUAffinity"] == "" and int(banned.replace(",", ""), 16) == 0
        return
    sets = [*(engine[key] for engine in plan["engines"] for key in ("cpus", "worker_cpus"))]
    sets += [nic["cpus"] for nic in plan["nic_queues"]]
    assert manager["CPUAffinity"].split() == [str(cpu) for cpu in plan["housekeeping_cpus"]]
    assert banned == cpu_mask([cpu for cpus in sets for cpu in cpus])


def test_irqbalance_is_told_to_leave_planned_interrupts(host: Host) -> None:
    assert host.run("sh -n /usr/libexec/hotpath/irq-policy").rc == 0
    assert host.check_output("/usr/libexec/hotpath/irq-policy /sys/devices/none 999999") == ""


def test_the_profile_took(host: Host, in_container: Callable[[Host], bool]) -> None:
    if in_container(host):
        assert not host.service("tuned").is_running, "tuned would steer the machine's kernel"
        return
    verification = host.run("tuned-adm verify")
    assert verification.rc == 0, verification.stdout
