"""Spare hosts of a fleet of throwaway hosts join and leave by the load, by the autoscaler on its monitor."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.fleet import BALANCERS, GPU_HOSTS, address
from support.site import assert_converged
from support.throwaway import Throwaway
from support.watched_fleet import MONITOR, WatchedFleet

STANDBY = GPU_HOSTS[1:]
JOIN_S = 90.0  # from the first request of a load that has tripled to the last spare in rotation
LEAVE_S = 300.0
# Clients. A host carries some 40 images/s by its warm-up, and at the target 28: one is enough for the calm, and three
# for what comes then.
REST_S = 0.15  # of each between two requests
CALM = 6  # some 24 images/s
TRIPLED = 4 * CALM  # who wait longer for their answers where so many ask: three times the images/s


@pytest.fixture(scope="module")
def scaled(fleet: WatchedFleet) -> Iterator[WatchedFleet]:
    """The fleet with two of its hosts as spares; afterwards all serve again."""
    model = {"source": str(fleet.folder / "colours")}
    fleet.serve(model, standby=STANDBY)
    fleet.watch()
    try:
        yield fleet
    finally:
        fleet.serve(model)
        fleet.watch()
        assert_converged(fleet.play("playbooks/scale_out.yml", "--limit", ",".join(STANDBY)))
        fleet.whole()


def after(condition: Callable[[], bool], patience_s: float, live: Callable[[], str] | None = None) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience_s, "waited in vain"
        if live:
            print(f"{time.monotonic() - began:5.0f} s: {live()}")
        time.sleep(2)
    return time.monotonic() - began


def serving(fleet: WatchedFleet, count: int) -> bool:
    return all(len(fleet.in_rotation(balancer)) == count for balancer in BALANCERS)


def seen(fleet: WatchedFleet) -> str:
    figures = ("hotpath_autoscaler_demand", "hotpath_autoscaler_needed", "hotpath_autoscaler_carried")
    values = ", ".join(f"{name.rpartition('_')[2]} {fleet.prometheus.value(name) or 0:.1f}" for name in figures)
    return f"{values}; in rotation {sorted(fleet.in_rotation())}"


def journal(fleet: WatchedFleet) -> list[dict[str, object]]:
    """What the autoscaler wrote of its changes and reasons."""
    lines = Throwaway(MONITOR).run("journalctl -u hotpath-autoscaler -o cat").stdout.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_a_load_that_triples_is_carried_by_spares_that_leave_again(scaled: WatchedFleet) -> None:
    changes = "sum(hotpath_autoscaler_changes_total)"
    with scaled.load(CALM, rest_s=REST_S) as calm:
        left = after(lambda: serving(scaled, 1), LEAVE_S, lambda: seen(scaled))
        print(f"at the minimum after {left:.0f} s")
        calm.more(20)
        before = scaled.prometheus.value(changes) or 0.0
        with scaled.load(TRIPLED - CALM, rest_s=REST_S) as more:
            joined = after(lambda: serving(scaled, 3), JOIN_S, lambda: seen(scaled))
            print(f"three hosts in rotation {joined:.0f} s after the load tripled")
            more.more(300)
        left = after(lambda: serving(scaled, 1), LEAVE_S, lambda: seen(scaled))
        print(f"one host again {left:.0f} s after it fell")
        calm.more(20)
    time.sleep(20)
    made = (scaled.prometheus.value(changes) or 0.0) - before
    answers = len(calm.answers) + len(more.answers)
    print(f"{answers} requests, {calm.failed() + more.failed()} failed, {made:.0f} changes")
    assert calm.failed() == more.failed() == []
    assert made == 4, "two that join and two that leave"


def test_without_prometheus_nothing_is_changed_and_it_goes_on_by_itself(scaled: WatchedFleet) -> None:
    monitor = Throwaway(MONITOR)
    in_rotation = scaled.in_rotation()
    monitor.run("systemctl stop hotpath-prometheus")
    try:
        with scaled.load(TRIPLED, rest_s=REST_S) as clients:
            clients.more(300)
            held = after(lambda: "Prometheus" in str(journal(scaled)[-1]), 60.0)
            print(f"says so after {held:.0f} s: {journal(scaled)[-1]}")
            assert scaled.in_rotation() == in_rotation
            monitor.run("systemctl start hotpath-prometheus")
            joined = after(lambda: serving(scaled, 3), 2 * JOIN_S)
            print(f"three hosts in rotation {joined:.0f} s after Prometheus came back")
    finally:
        monitor.run("systemctl start hotpath-prometheus")
    assert clients.failed() == []


PROMETHEUS_DATA = "/var/lib/hotpath-prometheus"
FULL_S = 420.0  # the samples have to be three minutes old for a minute


def test_with_prometheus_disk_full_nothing_is_changed_and_people_are_told(scaled: WatchedFleet) -> None:
    """Its data lie on a disk of 64 MB that something else fills."""
    monitor = Throwaway(MONITOR)
    filler = f"{PROMETHEUS_DATA}/filler"
    monitor.run("systemctl stop hotpath-prometheus")
    monitor.in_mounts("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", PROMETHEUS_DATA)
    try:
        monitor.run("systemctl start hotpath-prometheus")
        after(lambda: serving(scaled, 1), LEAVE_S)
        monitor.run(f"cat /dev/zero > {filler}")
        with scaled.load(TRIPLED, rest_s=REST_S) as clients:
            held = after(lambda: "stays as it is" in str(journal(scaled)[-1]), 120.0)
            print(f"holds after {held:.0f} s: {journal(scaled)[-1]['reason']}")
            told = after(lambda: "PrometheusStoresNothing" in scaled.firing(), FULL_S)
            print(f"told {told:.0f} s later")
            assert serving(scaled, 1)
            monitor.run(f"rm {filler}")
            joined = after(lambda: serving(scaled, 3), 2 * JOIN_S)
            print(f"three hosts in rotation {joined:.0f} s after there was room again")
        after(lambda: "PrometheusStoresNothing" not in scaled.firing(), 120.0)
        assert clients.failed() == []
    finally:
        monitor.run("systemctl stop hotpath-prometheus")
        monitor.in_mounts("umount", PROMETHEUS_DATA)
        monitor.run("systemctl start hotpath-prometheus")


FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)
OFFSET = "/etc/hotpath/offset"
ANOTHER_CLOCK = f"""mkdir -p /run/systemd/system/hotpath-autoscaler.service.d
cat > /run/systemd/system/hotpath-autoscaler.service.d/clock.conf <<'END'
[Service]
Environment=LD_PRELOAD=/usr/local/lib/faketime.so FAKETIME_DONT_FAKE_MONOTONIC=1
Environment=FAKETIME_TIMESTAMP_FILE={OFFSET} FAKETIME_NO_CACHE=1
END
systemctl daemon-reload; systemctl restart hotpath-autoscaler"""
OWN_CLOCK = f"""rm -rf /run/systemd/system/hotpath-autoscaler.service.d {OFFSET}
systemctl daemon-reload; systemctl restart hotpath-autoscaler"""


def test_where_clocks_disagree_nothing_is_changed_until_they_agree_again(scaled: WatchedFleet) -> None:
    """The autoscaler's is ten minutes ahead of Prometheus's, then as much behind."""
    assert FAKETIME, "libfaketime is one of the packages that scripts/bootstrap.sh installs"
    monitor = Throwaway(MONITOR)
    after(lambda: serving(scaled, 1), LEAVE_S)
    assert monitor.feed("cat > /usr/local/lib/faketime.so", ["cat", str(FAKETIME)]) == 0
    monitor.run(f"echo +600 > {OFFSET}; {ANOTHER_CLOCK}")
    try:
        with scaled.load(TRIPLED, rest_s=REST_S) as clients:
            for offset, words in (("+600", "s old"), ("-600", "ahead of this clock")):
                monitor.run(f"echo {offset} > {OFFSET}")
                held = after(lambda words=words: words in str(journal(scaled)[-1]), 60.0)  # type: ignore[misc]
                print(f"{offset} s: holds after {held:.0f} s: {journal(scaled)[-1]['reason']}")
                time.sleep(30)
                assert serving(scaled, 1)
            monitor.run(f"echo +0 > {OFFSET}")
            joined = after(lambda: serving(scaled, 3), 2 * JOIN_S)
            print(f"three hosts in rotation {joined:.0f} s after the clocks agreed")
        assert clients.failed() == []
    finally:
        monitor.run(OWN_CLOCK)


def test_a_hold_is_respected_and_told(scaled: WatchedFleet) -> None:
    monitor = Throwaway(MONITOR)
    monitor.run("touch /etc/hotpath/autoscaler.hold")
    try:
        after(lambda: scaled.prometheus.value("hotpath_autoscaler_held") == 1.0, 60.0)
        in_rotation = scaled.in_rotation()
        time.sleep(30)
        assert scaled.in_rotation() == in_rotation
    finally:
        monitor.run("rm -f /etc/hotpath/autoscaler.hold")
    after(lambda: scaled.prometheus.value("hotpath_autoscaler_held") == 0.0, 60.0)


KEY = "/var/lib/hotpath-autoscaler/key-of-hosts"
# All that the key of the colder tier can do on a host.
FORCED = """#!/bin/sh
case "$SSH_ORIGINAL_COMMAND" in
  start\\ *) exec systemctl start hotpath.socket hotpath ;;
  stop\\ *) exec systemctl stop hotpath.socket hotpath ;;
esac
exit 1
"""


def tier(host: str) -> dict[str, object]:
    """A host of it has its service stopped; a key of the autoscaler's own can start and stop that, and nothing else."""
    way = ["ssh", "-i", KEY, "-oBatchMode=yes", "-oStrictHostKeyChecking=accept-new"]
    way += [f"-oUserKnownHostsFile={KEY}.known_hosts", f"root@{address(host)}"]
    return {"wake": [*way, "start"], "sleep": [*way, "stop"], "start_s": 120}


def give_key(host: str) -> None:
    monitor = Throwaway(MONITOR)
    make = f"test -e {KEY} || sudo -u hotpath-autoscaler ssh-keygen -q -t ed25519 -N '' -f {KEY}; cat {KEY}.pub"
    public = monitor.run(make).stdout.strip()
    assert public.startswith("ssh-ed25519 ")
    forced = ["printf", "%s", FORCED]
    install = "cat > /usr/local/sbin/service-word && chmod 755 /usr/local/sbin/service-word"
    assert Throwaway(host).feed(install, forced) == 0
    # The key by which this machine enters is mounted in place of root's own list.
    line = f'restrict,command="/usr/local/sbin/service-word" {public}'
    listed = "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys_of_hosts"
    allowed = (
        f"echo '{line}' > /etc/ssh/keys_of_hosts; echo '{listed}' > /etc/ssh/sshd_config.d/hosts.conf; "
        "systemctl reload ssh"
    )
    assert Throwaway(host).run(allowed).returncode == 0


def test_a_host_of_a_colder_tier_is_woken_and_sleeps_again(scaled: WatchedFleet) -> None:
    cold = STANDBY[-1]
    give_key(cold)

    def sleeps() -> bool:
        return Throwaway(cold).run("systemctl is-active hotpath").stdout.strip() == "inactive"

    scaled.scaling.update(autoscaler_tiers=[tier(cold)], autoscaler_tier_of={cold: 1})
    try:
        scaled.serve({"source": str(scaled.folder / "colours")}, standby=STANDBY)
        scaled.watch()
        Throwaway(cold).run("systemctl stop hotpath.socket hotpath")  # as its operator leaves it
        asleep = after(lambda: serving(scaled, 1) and sleeps(), LEAVE_S)
        print(f"asleep after {asleep:.0f} s")
        with scaled.load(TRIPLED, rest_s=REST_S) as clients:
            joined = after(lambda: serving(scaled, 3), 3 * JOIN_S, lambda: seen(scaled))
            print(f"woken and in rotation {joined:.0f} s after the load tripled")
            clients.more(100)
        asleep = after(sleeps, LEAVE_S)
        print(f"asleep again {asleep:.0f} s after it fell")
        assert clients.failed() == []
        told = scaled.firing()
        assert cold not in told.get("ServiceDown", set()) | told.get("HostOutOfRotation", set())
    finally:
        scaled.scaling.pop("autoscaler_tiers", None)
        scaled.scaling.pop("autoscaler_tier_of", None)
        Throwaway(cold).run("systemctl start hotpath.socket hotpath")
