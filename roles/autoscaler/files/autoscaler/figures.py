"""What the autoscaler sees, decides and does, as Prometheus text at an address."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Dict, List, Optional, Tuple

from autoscaler.policy import Decision, Reading, State

HELP = {
    "hotpath_autoscaler_info": "1 for the configuration and program that it was started from.",
    "hotpath_autoscaler_demand": "Images/s that clients ask for, what was refused included.",
    "hotpath_autoscaler_needed": "Images/s that hosts must carry for that, at the target.",
    "hotpath_autoscaler_carried": "Images/s that the hosts in rotation carry.",
    "hotpath_autoscaler_hosts": "Hosts by their state at the balancers.",
    "hotpath_autoscaler_host": "1 for the state of each host, with its tier.",
    "hotpath_autoscaler_failed_hosts": "Hosts that did not come in time and are left alone for a while.",
    "hotpath_autoscaler_held": "1 while nothing is done: no data, somebody's word, or a play at work.",
    "hotpath_autoscaler_last_look_seconds": "When it looked last, in seconds since 1970.",
    "hotpath_autoscaler_changes_total": "Hosts that were asked to join or leave.",
    "hotpath_autoscaler_failures_total": "Looks at which something could not be measured or done.",
}


class Figures:
    """The last look, and counts since the start."""

    def __init__(self) -> None:
        self.digest = ""
        self._lock = threading.Lock()
        self._gauges: List[Tuple[str, Dict[str, str], float]] = []
        self._counts = {"join": 0, "leave": 0}
        self._failures = 0

    def tell(self, reading: Optional[Reading], decision: Decision, failed: int, held: bool, at: float) -> None:
        """Keep one look, made at the wall clock's `at`."""
        gauges: List[Tuple[str, Dict[str, str], float]] = [
            ("hotpath_autoscaler_failed_hosts", {}, failed),
            ("hotpath_autoscaler_held", {}, float(held)),
            ("hotpath_autoscaler_last_look_seconds", {}, at),
        ]
        if reading is not None:
            carried = sum(host.capacity or 0.0 for host in reading.hosts if host.state is State.SERVING)
            gauges.append(("hotpath_autoscaler_demand", {}, reading.demand))
            gauges.append(("hotpath_autoscaler_carried", {}, carried))
            for host in reading.hosts:
                labels = {"host": host.name, "state": host.state.value, "tier": str(host.tier)}
                gauges.append(("hotpath_autoscaler_host", labels, 1.0))
            for state in State:
                count = sum(host.state is state for host in reading.hosts)
                gauges.append(("hotpath_autoscaler_hosts", {"state": state.value}, count))
        if decision.needed is not None:
            gauges.append(("hotpath_autoscaler_needed", {}, decision.needed))
        with self._lock:
            self._gauges = gauges

    def count(self, decision: Decision, failed: bool) -> None:
        """Add what was done."""
        with self._lock:
            self._counts["join"] += len(decision.join)
            self._counts["leave"] += len(decision.leave)
            self._failures += failed

    def text(self) -> str:
        """All of it in Prometheus' text format."""
        with self._lock:
            rows = [("hotpath_autoscaler_info", {"digest": self.digest}, 1.0), *self._gauges]
            rows += [("hotpath_autoscaler_changes_total", {"change": change}, n) for change, n in self._counts.items()]
            rows.append(("hotpath_autoscaler_failures_total", {}, self._failures))
        lines = []
        for name, words in HELP.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += ["# HELP %s %s" % (name, words), "# TYPE %s %s" % (name, kind)]
            for _, labels, value in (row for row in rows if row[0] == name):
                inside = ",".join('%s="%s"' % label for label in labels.items())
                lines.append("%s%s %r" % (name, "{%s}" % inside if inside else "", float(value)))
        return "\n".join(lines) + "\n"


def serve(figures: Figures, address: str, port: int) -> HTTPServer:
    """Answer GET /metrics in a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there = self.path == "/metrics"
            body = figures.text().encode() if there else b"GET /metrics\n"
            self.send_response(200 if there else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """A scrape is not worth a line."""

    server = HTTPServer((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
