"""A monitor of a test's own: the programs with what the role renders, on loopback, with everything quick."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from support.expected import Inventory
from support.front_door import FACTS
from support.monitors import programs
from support.services import until

HERE = "127.0.0.1"


class Monitor:
    """Prometheus and a node exporter; `variables` are those of the role prometheus.

    Alertmanager runs on throwaway monitors: Debian's needs files that only a package puts in place.
    """

    def __init__(self, root: Path, ports: list[int], targets: list[dict[str, str]], **variables: Any) -> None:
        self.root = root
        self.prometheus, self.node = (f"{HERE}:{port}" for port in ports)
        own = [("prometheus", self.prometheus), ("node", self.node)]
        self.variables = {
            "prometheus_listen": self.prometheus,
            "prometheus_interval_s": 1,
            "prometheus_targets": targets + [{"job": job, "instance": "mon", "address": at} for job, at in own],
            **variables,
        }
        self.texts = root / "texts"
        self.texts.mkdir()

    def render(self) -> Path:
        """The set as the role lays it down; answers its folder."""
        inventory = self.root / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"monitors": {"hosts": {"mon": self.variables}}}))
        role = Inventory(str(inventory)).expected("mon", "prometheus", FACTS)
        folder = self.root / str(role["__prometheus_folder"])[1:]
        written = {file["path"]: file["content"] for file in role["__prometheus_files"]}
        written[f"{role['__prometheus_folder']}/alertmanager.yml"] = role["__prometheus_alertmanager_text"]
        for path, text in written.items():
            place = self.root / path[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(str(text).replace("/etc/hotpath", f"{self.root}/etc/hotpath"))
        return folder

    @contextmanager
    def open(self) -> Iterator[Monitor]:
        """Judge the set as the role does, and run both."""
        folder = self.render()
        for tool, question, file in (
            ("promtool", ["check", "config"], "prometheus.yml"),
            ("amtool", ["check-config"], "alertmanager.yml"),
        ):
            judged = subprocess.run([programs() / tool, *question, folder / file], capture_output=True, text=True)
            assert judged.returncode == 0, judged.stdout + judged.stderr
        commands = {
            "prometheus": [
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={self.root}/data",
                f"--web.listen-address={self.prometheus}",
            ],
            "node_exporter": [
                f"--web.listen-address={self.node}",
                f"--collector.textfile.directory={self.texts}",
            ],
        }
        with ExitStack() as stack:
            for name, options in commands.items():
                log = stack.enter_context((self.root / f"{name}.log").open("w"))
                process = subprocess.Popen([programs() / name, *options], stdout=log, stderr=log)
                stack.callback(process.wait)
                stack.callback(process.kill)
            yield self

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer of Prometheus; None while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.prometheus}{path}?{urllib.parse.urlencode(query)}") as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def has(self, expression: str) -> bool:
        """Whether an expression gives anything now."""
        return bool(self.ask("/api/v1/query", query=expression)["result"])

    def states(self) -> dict[str, str]:
        """State of each alert that is pending or firing."""
        return {alert["labels"]["alertname"]: alert["state"] for alert in self.ask("/api/v1/alerts")["alerts"]}

    def firing(self) -> set[str]:
        """Alerts that fire."""
        return {name for name, state in self.states().items() if state == "firing"}

    def up(self) -> None:
        """Wait until every target was scraped."""
        wanted = len(self.variables["prometheus_targets"])

        until(lambda: sum(one["health"] == "up" for one in self.targets()) == wanted)

    def targets(self) -> list[dict[str, Any]]:
        """Each with its health and last error."""
        found = self.ask("/api/v1/targets")
        return found["activeTargets"] if found else []
