"""Alerts on a fleet of throwaway hosts: none in quiet minutes; each by its real condition, in time, and its end too."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

import yaml
from support.expected import PROJECT
from support.fleet import BALANCERS, GPU_HOSTS
from support.load import Load
from support.throwaway import Throwaway
from support.watched_fleet import MONITOR, WatchedFleet, certificate
from throwaway import hosts

FIRST, SECOND, THIRD = GPU_HOSTS
LEFT, RIGHT = BALANCERS
QUIET_S = float(os.environ.get("HOTPATH_QUIET_S", "600"))
INTERVAL_S = 15.0
LOOK_S = 5.0
# The Watchdog always fires. Nobody sets this machine's clock by another one, which is so on every container of it.
ALWAYS = {"Watchdog", "ClockUnsynchronised"}
RULES = PROJECT / "roles" / "prometheus" / "files" / "rules"


@dataclass
class Fault:
    """Something that breaks, the alert that is to tell of it, and about whom."""

    alert: str
    about: str
    window_s: float = 0.0  # that its expression looks back, beside what `for` says
    resolves: bool = True  # within minutes of its end
    once_fired: Callable[[], object] | None = None  # for what the others need
    fired_s: float | None = field(default=None, init=False)
    resolved_s: float | None = field(default=None, init=False)

    @property
    def stated_s(self) -> float:
        """Within which it is to fire: what is looked back on, `for`, and what scraping and evaluating take."""
        return self.window_s + holds_for(self.alert) + 4 * INTERVAL_S


@cache
def holds_for(alert: str) -> float:
    """The seconds of a rule's `for`."""
    groups = [group for path in RULES.glob("*.yml") for group in yaml.safe_load(path.read_text())["groups"]]
    (rule,) = [rule for group in groups for rule in group["rules"] if rule.get("alert") == alert]
    number, unit = re.fullmatch(r"(\d+)([smh])", rule.get("for", "0s")).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def fires(fleet: WatchedFleet, fault: Fault) -> bool:
    return fault.about in fleet.firing().get(fault.alert, set())


def follow(fleet: WatchedFleet, faults: Iterable[Fault], wanted: bool, patience_s: float) -> None:
    """Wait until all of them fire, or none does, and write down after how many seconds."""
    began = time.monotonic()
    left = list(faults)
    while left and time.monotonic() - began < patience_s:
        firing = fleet.firing()
        for fault in list(left):
            if (fault.about in firing.get(fault.alert, set())) is wanted:
                after = time.monotonic() - began
                fault.fired_s, fault.resolved_s = (after, None) if wanted else (fault.fired_s, after)
                left.remove(fault)
                if wanted and fault.once_fired:
                    fault.once_fired()
                print(f"{after:5.0f} s: {fault.alert} of {fault.about or 'all'} {'fires' if wanted else 'has ended'}")
        time.sleep(LOOK_S)


def table(faults: Iterable[Fault]) -> None:
    print(f"\n{'alert':26}{'about':14}{'stated s':>9}{'fired s':>9}{'ended s':>9}")
    for one in faults:
        seconds = "".join(f"{'-' if at is None else round(at):>9}" for at in (one.fired_s, one.resolved_s))
        print(f"{one.alert:26}{one.about:14}{round(one.stated_s):>9}{seconds}")


def judge(fleet: WatchedFleet, faults: list[Fault], heal: Callable[[], None]) -> None:
    """All fire in their time; after the mending all end but those that look back for longer."""
    try:
        follow(fleet, faults, True, max(fault.stated_s for fault in faults) + 30)
    finally:
        heal()
    ending = [fault for fault in faults if fault.resolves]
    follow(fleet, ending, False, 600)
    table(faults)
    assert [one.alert for one in faults if one.fired_s is None or one.fired_s > one.stated_s] == []
    assert [one.alert for one in ending if one.resolved_s is None] == []


def test_none_fires_in_ten_quiet_minutes(fleet: WatchedFleet) -> None:
    seen: dict[str, set[str]] = {}
    end = time.monotonic() + QUIET_S
    with fleet.load(rest_s=0.5) as clients:
        while time.monotonic() < end:
            for alert, about in fleet.firing().items():
                seen.setdefault(alert, set()).update(about)
            time.sleep(LOOK_S)
        clients.more(20)
    print(f"\n{len(clients.answers)} requests, {len(clients.failed())} failed, told meanwhile: {sorted(seen)}")
    assert {name: about for name, about in seen.items() if name not in ALWAYS} == {}
    assert clients.failed() == []


def kill_an_engine(host: str, times: int) -> None:
    """Each time once another runs; a killed one takes moments to be replaced."""
    killed = ""
    for _ in range(times):
        done = Throwaway(host).run(
            f"for n in $(seq 120); do pid=$(pgrep -o engine);"
            f' [ -n "$pid" ] && [ "$pid" != "{killed}" ] && kill -9 $pid && echo $pid && exit; sleep 0.5; done; exit 1'
        )
        assert done.returncode == 0, done.stdout + done.stderr
        killed = done.stdout.strip()


def verify(fleet: WatchedFleet, host: str) -> None:
    """Its result is the metric; its exit code says that there are drifts."""
    fleet.play("playbooks/verify.yml", "--limit", f"{host},localhost")


def test_what_breaks_on_hosts_is_told_and_its_end_too(fleet: WatchedFleet) -> None:
    """A host is killed, engines die in a loop, a balancer ends, a disk fills, certificates end, a file is changed.

    And more is asked meanwhile than what is left carries.
    """
    container = hosts.hosts()[THIRD].container
    photograph = (fleet.folder / "colours" / "probes" / "red.png").read_bytes()
    # A balancer lets 64 wait for each host in rotation. A host promises an answer within 10 s, so at 20 images/s it
    # takes some 200 in at most.
    heavy, direct = (
        Load([("127.0.0.1", hosts.hosts()[name].port or 0)], photograph, clients=240, rest_s=1.0, patience_s=120)
        for name in (LEFT, FIRST)
    )

    subprocess.run(["podman", "kill", container], check=True, capture_output=True)
    Throwaway(RIGHT).run("systemctl stop hotpath-balancer")
    monitor = Throwaway(MONITOR)
    monitor.run("systemctl stop hotpath-alertmanager hotpath-host-metrics")
    Throwaway(FIRST).run("mkdir -p /srv/full")
    Throwaway(FIRST).in_mounts("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", "/srv/full")
    Throwaway(FIRST).run("head -c 95M /dev/zero > /srv/full/file; systemctl restart hotpath-node-exporter")
    certificate(LEFT, 10)
    certificate(RIGHT, 1)
    Throwaway(RIGHT).run("echo '# by hand' >> /etc/hotpath/balancer.cfg")
    verify(fleet, RIGHT)

    def heal() -> None:
        direct.__exit__()
        heavy.__exit__()
        certificate(LEFT, 400)
        certificate(RIGHT, 400)
        Throwaway(FIRST).run("rm /srv/full/file")
        subprocess.run(["podman", "start", container], check=True, capture_output=True)
        fleet.serve({"source": str(fleet.folder / "colours")})  # a container that starts again has another address
        fleet.watch()
        verify(fleet, RIGHT)
        fleet.whole()

    heavy.__enter__()
    direct.__enter__()
    kill_an_engine(SECOND, 4)
    faults = [
        Fault("HostDown", THIRD),
        Fault("HostOutOfRotation", THIRD),
        Fault("EnginesRestarting", SECOND, window_s=60, resolves=False),
        Fault("BalancerDown", RIGHT),
        Fault("AlertmanagerDown", MONITOR, once_fired=lambda: monitor.run("systemctl start hotpath-alertmanager")),
        Fault("ReadingsOld", MONITOR, window_s=180),
        Fault("DiskShort", FIRST),
        Fault("CertificateExpires", LEFT, window_s=60),
        Fault("CertificateExpired", RIGHT, window_s=60),
        Fault("Drifted", RIGHT),
        Fault("LatencyBudgetBurnsFast", "", window_s=300, resolves=False),
        Fault("BalancerRefuses", LEFT, window_s=300),
        Fault("BalancerQueueLong", LEFT, window_s=60),
        Fault("RequestsShed", "", window_s=300),
    ]
    judge(fleet, faults, heal)


def test_a_frozen_host_and_a_fleet_without_a_service_are_told(fleet: WatchedFleet) -> None:
    """One stands still, on the others the service was stopped: clients get 503 at once."""
    container = hosts.hosts()[THIRD].container
    with fleet.load(clients=6, rest_s=0.1) as clients:
        clients.more(30)
        subprocess.run(["podman", "pause", container], check=True, capture_output=True)
        for host in (FIRST, SECOND):
            Throwaway(host).run("systemctl stop hotpath.socket hotpath")

        def heal() -> None:
            subprocess.run(["podman", "unpause", container], check=True, capture_output=True)
            for host in (FIRST, SECOND):
                assert Throwaway(host).run("systemctl start hotpath.socket hotpath").returncode == 0
            fleet.whole()

        faults = [
            Fault("FleetDown", ""),
            Fault("NoHostInRotation", LEFT),
            Fault("HostDown", THIRD),
            Fault("ServiceDown", FIRST),
            Fault("ErrorBudgetBurnsFast", "", window_s=300, resolves=False),
        ]
        judge(fleet, faults, heal)


def test_people_were_told_of_each_and_of_its_end(fleet: WatchedFleet) -> None:
    """By the webhook of their severity. What a dead host's alert silences is told by nobody."""
    told = {(one["alertname"], one["status"]) for one in fleet.told()}
    print(f"\n{len(fleet.told())} messages: {sorted(told)}")
    for alert in ("HostDown", "BalancerDown", "CertificateExpires", "Drifted", "DiskShort", "FleetDown"):
        assert (alert, "firing") in told
    for alert in ("HostDown", "BalancerDown", "CertificateExpires"):
        assert (alert, "resolved") in told


def test_a_killed_prometheus_comes_back_with_what_it_had(fleet: WatchedFleet) -> None:
    before = fleet.prometheus.value("count(max_over_time(up[1h]))")
    killed = Throwaway(MONITOR).run("systemctl kill --signal KILL hotpath-prometheus")
    assert killed.returncode == 0
    deadline = time.monotonic() + 120
    found = None
    while found is None and time.monotonic() < deadline:
        time.sleep(1)
        try:
            found = fleet.prometheus.value("count(max_over_time(up[1h]))")
        except OSError:
            continue
    assert found == before
    journal = Throwaway(MONITOR).run("journalctl -u hotpath-prometheus -n 40").stdout
    assert "signal" in journal and "KILL" in journal
