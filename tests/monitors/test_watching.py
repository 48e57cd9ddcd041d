"""A real Prometheus with the role's configuration and rules watches a real service behind a real balancer."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dashboard_pictures
import pytest
import verify
import yaml
from autoscaler.figures import Figures, serve
from autoscaler.policy import Decision, Host, Reading, State
from support.dashboards import DASHBOARDS, expressions
from support.expected import PROJECT
from support.front_door import Door, fetch
from support.nvml import EVERYTHING, Nvml
from support.programs import program
from support.report import Drift, Report
from support.services import Service, build, until
from support.watching import HERE, Monitor

RULES = PROJECT / "roles" / "prometheus" / "files" / "rules"
PAGE = PROJECT / "docs" / "host_metrics.md"
WORD = re.compile(r"\b((?:hotpath|haproxy|node|prometheus|alertmanager|scrape)_\w+|up)\b(?!\()")
# What a fresh fleet does not have yet, with where it is shown instead.
ELSEWHERE = {
    "hotpath_certificate_expiry_seconds",  # tests/plugins/test_host_metrics.py
    "alertmanager_notifications_failed_total",  # molecule/monitor: Alertmanager does not run here
}


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind((HERE, 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("monitors")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    made = Service(folder, build(folder, 0.01), "gpu-1", HERE, free_ports(1)[0], max_batch=2)
    try:
        made.start()
        made.wait()
        yield made
    finally:
        made.kill()


@pytest.fixture(scope="module")
def monitor(folder: Path, service: Service) -> Iterator[Monitor]:
    ports = free_ports(5)
    targets = [
        {"job": "hotpath", "instance": "gpu-1", "address": f"{HERE}:{service.port}"},
        {"job": "node", "instance": "gpu-1", "address": f"{HERE}:{ports[1]}"},
        {"job": "haproxy", "instance": "door", "address": f"{HERE}:{ports[3]}"},
        {"job": "autoscaler", "instance": "mon", "address": f"{HERE}:{ports[4]}"},
    ]
    made = Monitor(folder, ports[:2], targets)
    write_readings(made.texts)
    statistics = {"load_balancer_statistics": f"{HERE}:{ports[3]}"}
    (folder / "door").mkdir()
    door = Door(folder / "door", fetch(folder), [service], ports[2], **statistics)
    with scaling(ports[4]), door.open(), made.open():
        made.up()
        yield made


@contextmanager
def scaling(port: int) -> Iterator[None]:
    """What an autoscaler tells after a look at a fleet that is large enough."""
    figures = Figures()
    hosts = (Host("gpu-1", State.SERVING, 100.0), Host("gpu-2", State.STANDBY, 100.0))
    server = serve(figures, HERE, port)
    ends = threading.Event()

    def look() -> None:
        while not ends.wait(0.5):
            now = time.time()
            figures.tell(Reading(now, 50.0, hosts), Decision((), (), 71.4, "enough"), failed=0, held=False, at=now)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield
    finally:
        ends.set()
        looker.join()
        server.shutdown()
        server.server_close()


def write_readings(place: Path) -> None:
    """What the readers write on a host with a GPU and a plan, and what verify tells."""
    nvml = Nvml(["00000000:3B:00.0"], **EVERYTHING)
    nvml.events.append((1, 31))
    reader = program("node_metrics", "gpu-metrics").Reader(nvml)
    reader.follow()
    (place / "gpus.prom").write_text("".join(f"{line}\n" for line in reader.lines()))
    host = program("node_metrics", "host-metrics")
    root = place.parent / "host"
    (root / "etc/hotpath").mkdir(parents=True)
    (root / "etc/hotpath/plan.json").write_text('{"policy": "latency", "engines": [{"device": "cuda:0", "cpus": [0]}]}')
    (root / "opt/hotpath").mkdir(parents=True)
    (root / "opt/hotpath/current").symlink_to("releases/1")
    (root / "var/lib/hotpath/models/m").mkdir(parents=True)
    (root / "var/lib/hotpath/models/m/current").symlink_to("1")
    host.write(str(place / "host.prom"), list(host.readings(str(root), [])))
    report = Report(["gpu-1"], drifts=[Drift("gpu-1", "firewall", "ports", "8000", "none")])
    (place / "verify.prom").write_text(verify.as_metrics(report, 1.8e9))


def ask(service: Service, photograph: bytes) -> None:
    request = urllib.request.Request(
        f"http://{HERE}:{service.port}/predict", photograph, {"Content-Type": "image/png"}, method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def rules() -> Iterator[dict[str, Any]]:
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def test_the_page_of_metrics_lists_what_is_written_and_no_more(monitor: Monitor) -> None:
    lines = [line for file in monitor.texts.iterdir() for line in file.read_text().splitlines()]
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `hotpath_")]
    listed = {name for row in rows for name in re.findall(r"`(hotpath_\w+)`", row.split("|")[1])}
    assert listed == {line.partition("{")[0] for line in lines} | {"hotpath_certificate_expiry_seconds"}


def test_every_metric_that_a_rule_asks_for_is_really_told(monitor: Monitor) -> None:
    """A name that is misspelt makes an alert that never fires, and no tool says so."""
    asked = {
        name for rule in rules() for name in WORD.findall(re.sub(r"\{[^}]*\}|\b(?:on|by) ?\([^)]*\)", "", rule["expr"]))
    }
    assert {"up", "hotpath_engine_pace_ratio", "haproxy_server_status", "node_timex_sync_status"} <= asked
    until(lambda: asked - set(monitor.ask("/api/v1/label/__name__/values")) <= ELSEWHERE)


def test_labels_that_rules_choose_by_are_there(monitor: Monitor) -> None:
    for expression in (
        'haproxy_frontend_http_responses_total{proxy="clients",code="5xx"}',
        'haproxy_server_status{proxy="gpu_hosts",state="UP"} == 1',
        'hotpath_requests_total{route="/predict",status="500"}',
        "hotpath_request_seconds_bucket and on (le) hotpath:objective:latency",
        'hotpath_engine_ready and on (instance, engine) hotpath_engine_model{state="live"} == 1',
        'hotpath_restarts_total{role="engine"}',
        'node_textfile_mtime_seconds{file=~".*/(gpus|host).prom"}',
    ):
        until(partial(monitor.has, expression))


def test_every_panel_of_the_dashboards_shows_something(
    monitor: Monitor, service: Service, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        ask(service, (monitor.root / "red.png").read_bytes())
    for path in DASHBOARDS:
        for expression in expressions(json.loads(path.read_text())):
            until(partial(monitor.has, expression.replace("$__rate_interval", "1m").replace("$instance", ".*")))
    arguments = ["--url", f"http://{monitor.prometheus}", "--minutes", "2", "--output", str(folder / "pictures")]
    assert dashboard_pictures.main(arguments) == 0, capsys.readouterr().out
    drawn = sorted(path.stem for path in (folder / "pictures").glob("*.png"))
    assert drawn == [path.stem for path in DASHBOARDS]
    assert dashboard_pictures.main([*arguments, "--instance", "nobody", "host"]) == 1
    assert "No data: host: Processor time by process" in capsys.readouterr().out


def test_what_is_wrong_fires_and_nothing_else(monitor: Monitor) -> None:
    """The readings tell of a drift, an Xid and a row of memory that waits; the machine itself may lack room or time."""
    told = {"Watchdog", "Drifted", "GpuXid", "GpuMemoryAgeing"}
    until(lambda: told <= monitor.firing())
    assert monitor.firing() <= told | {"DiskShort", "DiskFills", "ClockUnsynchronised", "ScrapeGaps"}


def test_a_service_that_is_killed_is_noticed(monitor: Monitor, service: Service) -> None:
    assert not {"ServiceDown", "FleetDown"} & set(monitor.states())
    service.kill()
    until(lambda: {"ServiceDown", "FleetDown", "NoHostInRotation"} <= set(monitor.states()))
    service.start()
    service.wait()
    until(lambda: not {"ServiceDown", "FleetDown", "NoHostInRotation"} & set(monitor.states()))
