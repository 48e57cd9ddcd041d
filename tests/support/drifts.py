"""What drifts in the kernel of a virtual machine that is as its plan says, and how a run is to put it right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from support.throwaway import Play, Throwaway

PAGES = "cd /sys/devices/system/node && tail -n 1 node*/hugepages/hugepages-2048kB/nr_hugepages"
MOUNT = "/dev/hugepages-hotpath"
INTERRUPTS = (
    "cd /sys/class/net/eth0/device/../msi_irqs && for irq in *; do cat /proc/irq/$irq/smp_affinity_list; done; "
    "cat /sys/class/net/eth0/queues/*/?ps_cpus"
)
TUNED = "busctl call com.redhat.tuned /Tuned com.redhat.tuned.control active_profile; cat /run/hotpath/tuned-profile"
BALANCER = "cd /proc/$(pidof irqbalance) && tr '\\0' '\\n' < environ | grep BANNED | sort && tr '\\0' ' ' < cmdline"
MANAGER = "grep Cpus_allowed_list /proc/1/status"


RESTART = "systemctl restart irqbalance && until pidof irqbalance; do sleep 1; done"


@dataclass(frozen=True)
class Drift:
    """What somebody did; `probe` shows the part of the running host that it changes, `word` what a run says of it."""

    name: str
    role: str
    plant: str
    probe: str
    word: str
    changes: int = 1  # tasks; a file that must be written again is one more


def behind_its_back(file: str, edit: str, act: str) -> str:
    """Have something running take another content of a file that is then as it was, to its very time of change."""
    return f"cp -p {file} /tmp/kept && sed -i {edit} {file} && {act}; mv /tmp/kept {file}"


DRIFTS = (
    Drift(
        "pages-of-a-node-dropped",
        "hugepages",
        "echo 0 > /sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages",
        PAGES,
        "hotpath-hugepages.service is applied again: node 1 has 0 of 96 hugepages of 2048 KiB",
    ),
    Drift(
        "pages-spread-by-sysctl",
        "hugepages",
        "echo vm.nr_hugepages=64 > /etc/sysctl.d/70-pages.conf && systemctl restart systemd-sysctl"
        " && rm /etc/sysctl.d/70-pages.conf",
        PAGES,
        "of 48 hugepages of 2048 KiB",
    ),
    Drift(
        "mount-lost",
        "hugepages",
        f"umount {MOUNT}",
        f"findmnt --noheadings {MOUNT} || true",
        r"dev-hugepages\x2dhotpath.mount was inactive and is started",
    ),
    Drift(
        "mount-that-others-may-not-use",
        "hugepages",
        f"umount {MOUNT} && mount -t hugetlbfs -o pagesize=2M,mode=0700 hugetlbfs {MOUNT}",
        f"findmnt --noheadings --output FSTYPE,OPTIONS {MOUNT} || true",
        f"no hugetlbfs with pages of 2048 KiB and mode 0770 is mounted at {MOUNT}",
    ),
    Drift(
        "unit-edited-without-a-reload",
        "hugepages",
        "sed -i s/multi-user/graphical/ /etc/systemd/system/hotpath-hugepages.service",
        "systemctl show --property NeedDaemonReload hotpath-hugepages.service",
        "systemd reads its units again: the files of hotpath-hugepages.service changed",
        changes=2,
    ),
    Drift(
        "interrupt-moved",
        "nic_irq_affinity",
        "cd /sys/class/net/eth0/device/../msi_irqs && echo 0 > /proc/irq/$(ls | tail -n 1)/smp_affinity_list",
        INTERRUPTS,
        "smp_affinity_list holds 0 instead of",
    ),
    Drift(
        "transmit-queue-serves-nobody",
        "nic_irq_affinity",
        "echo 0 > /sys/class/net/eth0/queues/tx-1/xps_cpus",
        INTERRUPTS,
        "tx-1/xps_cpus holds 00",
    ),
    Drift(
        "irqbalance-without-its-bans",
        "nic_irq_affinity",
        behind_its_back("/etc/hotpath/nic-irq-affinity.json", "s/eth0/eth9/", RESTART),
        BALANCER,
        "irqbalance runs without --banirq for the interrupts of eth0",
    ),
    Drift(
        "irqbalance-with-an-old-environment",
        "cpu_affinity",
        behind_its_back("/etc/sysconfig/irqbalance", "s/=[0-9].*/=0/", RESTART),
        BALANCER,
        "irqbalance runs with IRQBALANCE_BANNED_CPULIST=0 instead of",
    ),
    Drift(
        "systemd-with-other-cpus",
        "cpu_affinity",
        behind_its_back(
            "/etc/systemd/system.conf.d/hotpath.conf", "s/^CPUAffinity=.*/CPUAffinity=0/", "systemctl daemon-reload"
        ),
        MANAGER,
        "init.scope is applied again: systemd starts services on the CPUs 0 instead of",
    ),
    Drift(
        "tuned-switched-off",
        "cpu_affinity",
        "tuned-adm off",
        TUNED,
        "tuned.service is applied again: tuned's profile is none instead of hotpath",
        changes=2,
    ),
    Drift(
        "profile-loaded-before-its-variables-changed",
        "cpu_affinity",
        behind_its_back("/etc/tuned/cpu-partitioning-variables.conf", "s/=.*/=5/", "systemctl restart tuned"),
        TUNED,
        "tuned.service is applied again: tuned has loaded another profile than the files hold",
    ),
    Drift(
        "sysctl-of-the-profile",
        "cpu_affinity",
        "sysctl -w net.core.somaxconn=128",
        "sysctl net.core.somaxconn",
        "tuned says that its profile did not take",
    ),
    Drift(
        "transparent-hugepages",
        "cpu_affinity",
        "echo always > /sys/kernel/mm/transparent_hugepage/enabled",
        "cat /sys/kernel/mm/transparent_hugepage/enabled",
        "tuned says that its profile did not take",
    ),
    Drift(
        "watch-of-links-stopped",
        "nic_irq_affinity",
        "systemctl stop hotpath-nic-link-watch",
        "systemctl is-active hotpath-nic-link-watch || true",
        "hotpath-nic-link-watch.service was inactive and is started",
    ),
    Drift(
        "unit-disabled",
        "cpu_affinity",
        "systemctl disable irqbalance",
        "systemctl is-enabled irqbalance || true",
        "irqbalance.service starts at every boot",
    ),
    Drift(
        "selinux-permissive",
        "selinux",
        "setenforce 0",
        "getenforce",
        "changed: [",
    ),
)


# Planted together before one run of the scenario vm: something of each role and each kind.
TOGETHER = (
    "pages-spread-by-sysctl",
    "mount-lost",
    "interrupt-moved",
    "systemd-with-other-cpus",
    "profile-loaded-before-its-variables-changed",
    "irqbalance-with-an-old-environment",
)


def put_right(host: Throwaway, drifts: Sequence[Drift], playbook: str, *options: str) -> Play:
    """Plant drifts and have a play put them right: it names each of them, and the host shows what it showed before."""
    before = {drift.name: shown(host, drift) for drift in drifts}
    for drift in drifts:
        planted = host.run(drift.plant)
        assert planted.returncode == 0, f"{drift.name}: {planted.stdout}{planted.stderr}"
    for drift in drifts:
        assert shown(host, drift) != before[drift.name], f"{drift.name} was not planted"
    done = host.play(playbook, *options)
    assert done.code == 0, done.output[-6000:]
    for drift in drifts:
        assert drift.word in done.words, f"nothing was said of {drift.name}: {done.output[-6000:]}"
        assert shown(host, drift) == before[drift.name], f"{drift.name} was not put right"
    return done


def changes(done: Play) -> int:
    """How many tasks of a play changed something."""
    (count,) = re.findall(r" : ok=\d+ +changed=(\d+) ", done.words)
    return int(count)


def shown(host: Throwaway, drift: Drift) -> str:
    """What the running host has of the part that the drift changes."""
    done = host.run(drift.probe)
    assert done.returncode == 0, f"{drift.name}: {done.stdout}{done.stderr}"
    return done.stdout
