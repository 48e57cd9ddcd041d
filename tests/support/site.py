"""A throwaway host with an inventory of its own, whose lines say which models it serves."""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.throwaway import PROJECT, Play, Throwaway
from throwaway import hosts

BUNDLE = "playbooks/bundle.yml"
DEPLOY = "playbooks/deploy.yml"
BUNDLED = PROJECT / ".cache" / "bundle"
SERVICE = "http://127.0.0.1:8000"


def assert_stopped(done: Play, *words: str) -> None:
    """The play failed, and its output holds each of the words."""
    assert done.code != 0, "the play went on"
    missing = [word for word in words if word not in done.words]
    assert not missing, f"not said: {missing}\n{done.output[-4000:]}"


def assert_converged(done: Play) -> None:
    assert done.code == 0, done.output[-6000:]


@dataclass(frozen=True)
class Site:
    """The host, and a folder for its inventory and its bundle, which is apart from that of plays beside these."""

    host: Throwaway
    folder: Path

    @property
    def bundle(self) -> Path:
        """The description of what the host installs."""
        return self.folder / "bundle" / "cpu.json"

    def serve(self, *models: dict[str, Any]) -> None:
        """Write these models into the inventory. What is large in the bundle is linked from the project's."""
        wanted = {"inference_service_models": list(models), "inference_service_bundle": str(self.bundle)}
        inventory = {
            "all": {"vars": {"service_bundle_directory": str(self.bundle.parent)}},
            "gpu_hosts": {"vars": wanted},
        }
        (self.folder / "inventory.json").write_text(json.dumps(inventory))
        if not self.bundle.parent.exists():
            unshared = shutil.ignore_patterns(".*", self.bundle.name)
            shutil.copytree(BUNDLED, self.bundle.parent, copy_function=os.link, ignore=unshared)

    @property
    def inventories(self) -> tuple[str, ...]:
        """The options that name them: what all throwaway hosts have, and this site's."""
        return "-i", "inventory/demo", "-i", str(self.folder / "inventory.json")

    def play(self, playbook: str, *options: str, **variables: Any) -> Play:
        """Run a playbook, or several with blanks between, by the host's inventories."""
        return self.host.play(playbook, *options, *self.inventories, **variables)

    def assert_unchanged_by(self, done: Play) -> None:
        """The play found nothing to do on the host."""
        assert re.search(rf"{self.host.name} +: ok=\d+ +changed=0 ", done.words), done.output[-4000:]

    def process(self) -> str:
        """The number of the service's process."""
        return self.host.run("systemctl show --property MainPID --value hotpath.service").stdout.strip()

    def is_ready(self) -> bool:
        return self.host.run(f"curl -sf {SERVICE}/readyz").returncode == 0

    def version(self, model: str) -> str:
        """The version that is served, which is also the one that the model's link points to."""
        (version,) = json.loads(self.host.run(f"curl -sf {SERVICE}/v2/models/{model}").stdout)["versions"]
        assert version == self.host.run(f"readlink /var/lib/hotpath/models/{model}/current").stdout.strip()
        return str(version)

    def predict(self, model: str, body: bytes, kind: str) -> dict[str, Any]:
        """What a model answers, asked from outside the host."""
        url = f"http://127.0.0.1:{hosts.hosts()[self.host.name].port}/models/{model}/predict"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, body, {"Content-Type": kind}), timeout=60
            ) as response:
                answer: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as refusal:
            answer = json.load(refusal)
        return answer
