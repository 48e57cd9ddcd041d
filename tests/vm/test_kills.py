"""A play that is killed between a file and what makes the kernel take it is completed by the next one."""

from __future__ import annotations

import json
import signal

from support.drifts import BALANCER, INTERRUPTS, MANAGER, MOUNT, PAGES, TUNED, changes
from support.killing import Kill, run
from support.throwaway import Throwaway

PLAYBOOK = "molecule/vm/converge.yml"
TUNING = ("--tags", "hugepages_configure,cpu_affinity_configure,nic_irq_affinity_configure")
# Two plans that one boot serves, which differ in every file that these roles write.
PLANS = (
    {"isolated_cpus": [6], "hugepages": [{"numa_node": 0, "count": 48}, {"numa_node": 1, "count": 96}]},
    {
        "isolated_cpus": [6],
        "hugepages": [{"numa_node": 0, "count": 64}, {"numa_node": 1, "count": 32}],
        "nic_queues": [{"interface": "eth0", "cpus": [4]}],
    },
)
# Right before the kernel is to take what was written, and while it does; and while files are written.
POINTS = (
    ("hugepages : Install the program", 1.5),
    ("hugepages : Reserve and mount the pages", 0),
    ("hugepages : Reserve and mount the pages", 2),
    ("hugepages : Say what was done", 0),
    ("cpu_affinity : Describe the profile", 1.5),
    ("cpu_affinity : Run tuned, irqbalance and systemd", 0),
    ("cpu_affinity : Run tuned, irqbalance and systemd", 2),
    ("cpu_affinity : Run tuned, irqbalance and systemd", 6),
    ("nic_irq_affinity : Install the programs", 1.5),
    ("nic_irq_affinity : Place the interrupts now", 0),
    ("nic_irq_affinity : Place the interrupts now", 2),
    ("nic_irq_affinity : Find the units of interfaces", 0),
)
FILES = "/etc/tuned /etc/hotpath /etc/systemd/system.conf.d /etc/sysconfig/irqbalance /usr/libexec/hotpath"
SETTINGS = (
    PAGES,
    INTERRUPTS,
    TUNED,
    BALANCER,
    MANAGER,
    f"findmnt --noheadings {MOUNT}",
    "sysctl --all --pattern '^(vm|net.core|kernel.(numa|sched|nmi|timer))' | grep -v nr_hugepages_mempolicy",
    "cat /sys/devices/virtual/workqueue/cpumask /sys/kernel/mm/transparent_hugepage/enabled",
    "systemctl show --property=Id,ActiveState,UnitFileState,NeedDaemonReload tuned irqbalance hotpath-hugepages"
    " hotpath-nic-irq-affinity@eth0",
    f"find {FILES} /etc/systemd/system -type f -print0 | sort -z | xargs -0 sha256sum",
)


def settings(host: Throwaway) -> list[str]:
    """What the running host has of the plan, and the files that say so."""
    found = []
    for probe in SETTINGS:
        done = host.run(probe)
        assert done.returncode == 0, f"{probe}: {done.stderr}"
        found += done.stdout.splitlines()
    return found


def test_killed_between_every_file_and_the_kernel(tuned: Throwaway) -> None:
    unharmed = []
    for plan in reversed(PLANS):
        done = tuned.play(PLAYBOOK, *TUNING, host_plan_overrides=plan)
        assert done.code == 0, done.output[-6000:]
        unharmed.append(settings(tuned))
    for number, (task, after_s) in enumerate(POINTS):
        plan, whole = PLANS[1 - number % 2], unharmed[number % 2]
        stopped = run(tuned, PLAYBOOK, *TUNING, kill=Kill(task, after_s), host_plan_overrides=plan)
        at = stopped.begun[-1][1] if stopped.begun else "the beginning"
        print(f"kill {number + 1}: {after_s} s into {task}; happened in {at}", flush=True)
        assert stopped.code == -signal.SIGKILL, f"the play ended before: {stopped.output[-4000:]}"
        completed = tuned.play(PLAYBOOK, *TUNING, host_plan_overrides=plan)
        assert completed.code == 0, completed.output[-6000:]
        difference = sorted(set(whole) ^ set(settings(tuned)))
        assert difference == [], f"after {task}: {json.dumps(difference[:20], indent=1)}"
    again = tuned.play(PLAYBOOK, *TUNING, host_plan_overrides=PLANS[0])
    assert again.code == 0 and changes(again) == 0, again.output[-6000:]
