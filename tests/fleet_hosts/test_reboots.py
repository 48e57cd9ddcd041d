"""Hosts that serve are rebooted in turns, each out of rotation meanwhile, and clients notice nothing.

A container can't reboot: a double of shutdown(8) ends the service, forgets what /run would forget, shows another boot
id and starts the service again, which is what Ansible and the balancers see of a reboot.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from support.fleet import GPU_HOSTS, Fleet
from support.killing import Kill
from support.site import assert_converged
from support.throwaway import Throwaway

PLAYBOOK = "tests/fleet/reboot_hosts.yml"
BOOT_ID = "/var/tmp/boot-id"
SHUTDOWN = f"""#!/bin/sh
systemd-run --quiet sh -c 'systemctl stop hotpath.socket hotpath
rm -rf /run/hotpath/reboot-required.d; date >> /var/tmp/reboots
cat /proc/sys/kernel/random/uuid > {BOOT_ID}; systemctl start hotpath.socket hotpath'
"""
MARK = "mkdir -p /run/hotpath/reboot-required.d && echo another kernel > /run/hotpath/reboot-required.d/nvidia_driver"


def prepare(host: Throwaway) -> None:
    """Let the host be one that can reboot, and that a role wants to reboot."""
    host.run(f"test -e {BOOT_ID} || echo first > {BOOT_ID}")
    if host.run("cat /proc/sys/kernel/random/boot_id").stdout != host.run(f"cat {BOOT_ID}").stdout:
        host.in_mounts("mount", "--bind", BOOT_ID, "/proc/sys/kernel/random/boot_id")
    host.run(f"cat > /usr/local/sbin/shutdown <<'EOF'\n{SHUTDOWN}EOF\nchmod +x /usr/local/sbin/shutdown")
    host.run(f"ln -sf /usr/local/sbin/shutdown /sbin/shutdown; rm -f /var/tmp/reboots; {MARK}")


@contextmanager
def fewest(fleet: Fleet) -> Iterator[list[int]]:
    """How many hosts were in rotation, looked at all the time."""
    seen: list[int] = []
    ends = threading.Event()

    def look() -> None:
        while not ends.is_set():
            seen.append(len(fleet.in_rotation()))
            time.sleep(0.1)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield seen
    finally:
        ends.set()
        watch.join()


def reboots(fleet: Fleet) -> list[int]:
    """How often each host was rebooted."""
    return [int(fleet.host(name).run("wc -l < /var/tmp/reboots || echo 0").stdout or 0) for name in GPU_HOSTS]


def test_hosts_that_serve_reboot_in_turns(fleet: Fleet) -> None:
    fleet.whole()
    for name in GPU_HOSTS:
        prepare(fleet.host(name))
    with fleet.load() as load, fewest(fleet) as seen:
        load.more(20)
        assert_converged(fleet.play(PLAYBOOK))
        load.more(20)
    assert reboots(fleet) == [1, 1, 1]
    assert load.failed() == []
    assert min(seen) == len(GPU_HOSTS) - 1, "more than one was out at once, or none"
    fleet.whole()


def test_a_run_that_was_killed_after_the_reboot_is_finished_by_the_next(fleet: Fleet) -> None:
    fleet.whole()
    first = GPU_HOSTS[0]
    prepare(fleet.host(first))
    with fleet.load() as load:
        killed = fleet.killed(PLAYBOOK, Kill("Require that none of the plan's services failed", 0), "--limit", first)
        assert killed.code != 0 and first not in fleet.in_rotation(), killed.output[-3000:]
        assert_converged(fleet.play(PLAYBOOK, "--limit", first, play_lock_wait_s=120))
    assert load.failed() == [] and reboots(fleet)[0] == 1
    fleet.whole()
