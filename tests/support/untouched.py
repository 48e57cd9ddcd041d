"""What a host is made of, to tell whether something has touched it."""

from __future__ import annotations

from support.throwaway import Throwaway

RPM_READERS = "var/lib/rpm/rpmdb.sqlite-shm"  # the memory that those who query rpm's database share

# Written by any login, any query or the host's own services: not what a play is judged by.
LIVING = (
    *("proc", "sys", "dev", "run", "tmp", "root/.ansible", "var/log", "var/tmp", "var/cache", RPM_READERS),
    *("var/lib/logrotate", "var/lib/systemd/timers"),  # a machine that resumes after midnight does the day's work
)
# Services that start when something asks for them and end by themselves, whatever a play does.
ON_REQUEST = "^(systemd-(fsckd|hostnamed|localed|timedated)|NetworkManager-dispatcher|packagekit)[.]service$"
# What the roles set in a kernel of the host's own, where the files of LIVING do count.
SETTINGS = " ".join(
    (
        "/boot/grub2/grubenv",
        "/proc/cmdline",
        "/proc/irq/*/smp_affinity_list",
        "/proc/mounts",
        "/sys/class/net/*/queues/*/?ps_cpus",
        "/sys/devices/system/cpu/isolated",
        "/sys/devices/system/cpu/nohz_full",
        "/sys/devices/system/node/node*/hugepages/*/nr_hugepages",
        "/sys/devices/virtual/workqueue/cpumask",
        "/sys/fs/selinux/enforce",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    )
)


def state_of(host: Throwaway) -> list[str]:
    """Every path with type, mode, owner, size, time of change and link; each package; each unit's state."""
    pruned = " -o ".join(f"-path './{place}'" for place in LIVING)
    return _answers(
        host,
        f"cd / && find . \\( {pruned} \\) -prune -o ! -type d -printf '%p %y %m %u:%g %s %T@ %l\\n' | sort",
        f"cd / && find . \\( {pruned} \\) -prune -o -type d -printf '%p %m %u:%g\\n' | sort",
        "rpm -qa | sort; systemctl list-unit-files --no-legend | sort",
    )


def kernel_of(host: Throwaway) -> list[str]:
    """Boot environment, interrupts, hugepages, isolation, SELinux, and the kernel's settings; each unit that runs."""
    return _answers(
        host,
        f"grep --with-filename '' {SETTINGS} | tr -d '\\000'",
        "sysctl --all --pattern '^(vm|net.core|kernel.(numa|sched|nmi|timer))'",
        "systemctl list-units --type=service --state=active --no-legend --plain"
        f" | cut -d ' ' -f 1 | grep -vE '{ON_REQUEST}'",
    )


def _answers(host: Throwaway, *commands: str) -> list[str]:
    lines = []
    for command in commands:
        done = host.run(command)
        assert done.returncode == 0 and done.stdout, done.stderr
        lines += done.stdout.splitlines()
    return lines
