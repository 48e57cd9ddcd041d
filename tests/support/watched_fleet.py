"""A fleet of throwaway hosts with a monitor that watches it: what it says, and what it tells people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.fleet import BALANCERS, BALANCING, GPU_HOSTS, Fleet, address, set_up
from support.services import until
from support.site import assert_converged
from support.throwaway import Throwaway, several
from throwaway.watching import Prometheus, watching

MONITOR = "monitor-1"
STATISTICS = 8404
BATCH_S = 0.1  # so that two cores carry three such hosts
CERTIFICATE = "/etc/hotpath/door.pem"  # of no use but to end
# Keeps what Alertmanager sends, a line each, with the second at which it came.
RECEIVER = """
import http.server, json, time
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("/run/told", "a") as kept:
            for one in told["alerts"]:
                kept.write(json.dumps({"at": time.time(), "status": one["status"], **one["labels"]}) + "\\n")
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 9999), Receiver).serve_forever()
"""
RECEIVERS = {name: {"webhook_configs": [{"url": "http://127.0.0.1:9999"}]} for name in ("page", "ticket")}


@dataclass(frozen=True)
class WatchedFleet(Fleet):
    """The fleet with its monitor. Names of the group standby_hosts join and leave by the load."""

    prometheus: Prometheus = field(kw_only=True)
    scaling: dict[str, Any] = field(default_factory=dict)

    @property
    def all(self) -> Throwaway:
        return Throwaway(",".join((*GPU_HOSTS, *BALANCERS, MONITOR)))

    def inventory(self, models: list[dict[str, Any]], standby: Sequence[str]) -> dict[str, Any]:
        written = super().inventory(models, standby)
        written["balancers"]["vars"] = {**BALANCING, "node_metrics_certificates": [CERTIFICATE]}
        written["balancers"]["hosts"] = {
            name: {"node_metrics_address": address(name), "load_balancer_statistics": f"{address(name)}:{STATISTICS}"}
            for name in BALANCERS
        }
        variables = {
            "node_metrics_address": address(MONITOR),
            "prometheus_receivers": RECEIVERS,
            "autoscaler_balancers": {name: address(name) for name in BALANCERS},
            **self.scaling,
        }
        written["monitors"] = {"hosts": {MONITOR: {}}, "vars": variables}
        return written

    def statistics_page(self, balancer: str) -> str:
        return f"http://{address(balancer)}:{STATISTICS}/;csv"

    def watch(self) -> None:
        """Have the monitor watch what the inventory names, and tell somebody who writes it down."""
        assert_converged(self.play("playbooks/balance.yml playbooks/monitor.yml playbooks/autoscale.yml"))

    def firing(self) -> dict[str, set[str]]:
        """The names of alerts that fire, each with the hosts that it is about."""
        found: dict[str, set[str]] = {}
        for alert in self.prometheus.ask("alerts")["alerts"]:
            if alert["state"] == "firing":
                labels = alert["labels"]
                about = labels.get("server") or labels.get("host") or labels.get("instance", "")
                found.setdefault(labels["alertname"], set()).add(about)
        return found

    def told(self) -> list[dict[str, Any]]:
        """What people were told, in its order."""
        kept = Throwaway(MONITOR).run("cat /run/told 2>/dev/null").stdout
        return [json.loads(line) for line in kept.splitlines()]


@contextmanager
def watched_fleet(folder: Path, **scaling: Any) -> Iterator[WatchedFleet]:
    """The fleet, deployed and watched. HOTPATH_KEEP_FLEET names a folder that keeps it for the next test run."""
    kept = os.environ.get("HOTPATH_KEEP_FLEET")
    place = Path(kept) if kept else folder
    with several(*GPU_HOSTS, *BALANCERS, MONITOR, keep=kept is not None), watching(MONITOR) as prometheus:
        made = WatchedFleet(place, batch_s=BATCH_S, prometheus=prometheus, scaling=scaling)
        if not (made.folder / "inventory.json").exists():
            set_up(made)
        for balancer in BALANCERS:
            certificate(balancer, 400)
        receive()
        made.watch()
        made.whole()
        until(lambda: all(target["health"] == "up" for target in prometheus.ask("targets")["activeTargets"]))
        yield made


def certificate(balancer: str, days: int) -> None:
    """One that ends in so many days, where the balancer's own would lie."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=door -keyout /dev/null"
    source = ["sh", "-c", f"{command} -days {days} 2>/dev/null"]
    assert Throwaway(balancer).feed(f"cat > {CERTIFICATE} && chmod 644 {CERTIFICATE}", source) == 0


def receive() -> None:
    """Start who is told on the monitor, where it does not run yet."""
    monitor = Throwaway(MONITOR)
    if monitor.run("systemctl is-active told").returncode != 0:
        assert monitor.feed("cat > /usr/local/sbin/told", [sys.executable, "-c", f"print({RECEIVER!r})"]) == 0
        started = monitor.run("systemd-run --unit told /usr/libexec/platform-python /usr/local/sbin/told")
        assert started.returncode == 0, started.stderr
