"""What can go wrong in a deployment stops it with cause and remedy, and the mended next run converges.

One throwaway host goes through the cases in their order; each test leaves it mended. Its models are the service's
stand-in, which is built in no time, and one with a user's own task; EfficientNet-Lite0 is what the demo deploys.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.model_sources import own_task, plain_answers, stand_in, train
from support.site import BUNDLE, BUNDLED, DEPLOY, Site, assert_converged, assert_stopped
from support.throwaway import PROJECT, play, throwaway

PLAYBOOK = "tests/faults/deploy_host.yml"


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    """The bundle of the set that throwaway hosts use."""
    assert_converged(play(BUNDLE, service_bundle_sets=["cpu"]))
    described: dict[str, Any] = json.loads((BUNDLED / "cpu.json").read_text())
    return described


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def colours(folder: Path) -> dict[str, Any]:
    """The inventory's entry of the stand-in."""
    return {"source": stand_in(folder / "colours")}


@pytest.fixture(scope="module")
def own(folder: Path) -> dict[str, Any]:
    """The inventory's entry of a user's own model, under a name of its own."""
    source = own_task(folder / "readings")
    return {"source": source, "backend": "torchscript", "name": "wear", "engines": 1, "places": 10}


@pytest.fixture(scope="module")
def site(bundle: dict[str, Any], folder: Path, colours: dict[str, Any]) -> Iterator[Site]:
    with throwaway("deploy-faults") as host:
        made = Site(host, folder)
        made.serve(colours)
        yield made


def test_too_little_disk_and_a_taken_port(site: Site) -> None:
    """A real file system of 100 MiB where the releases go, and a real server on the port; both are said at once."""
    site.host.run("mkdir -p /opt/hotpath")
    site.host.in_mounts("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", "/opt/hotpath")
    site.host.run("systemd-run --unit port-thief python3 -m http.server 8000; sleep 1")
    stopped = site.play(f"{BUNDLE} {PLAYBOOK}")
    assert_stopped(stopped, "Too little disk", "MiB below /opt/hotpath", "Free space there", "nothing was changed")
    assert_stopped(stopped, "Port 8000 is taken by python3", "set inference_service_port to a free port")
    assert re.search(r"python3 \(process \d+, port-thief\.service\)", stopped.words)
    site.host.in_mounts("umount", "/opt/hotpath")
    site.host.run("systemctl stop port-thief")


def test_truncated_archive_of_the_model(site: Site, tmp_path: Path) -> None:
    """The copy on the controller lost its end; nothing of it is used."""
    damaged = json.loads(site.bundle.read_text())
    archive = damaged["models"][0]["archive"]
    whole = Path(archive["path"])
    short = tmp_path / whole.name
    short.write_bytes(whole.read_bytes()[:-1000])
    archive["path"] = str(short)
    description = tmp_path / "cpu.json"
    description.write_text(json.dumps(damaged))
    stopped = site.play(DEPLOY, inference_service_bundle=str(description))
    assert_stopped(stopped, f"archives/{short.name} is damaged", "run playbooks/bundle.yml")
    assert_converged(site.play(DEPLOY))


def test_truncated_built_model(site: Site) -> None:
    """The damage is named, what runs goes on, and the named remedy leads to a model that is built anew."""
    version = "$(readlink -f /var/lib/hotpath/models/*/current)"
    site.host.run(f"truncate --size=100 {version}/weights.npz")
    stopped = site.play(DEPLOY)
    assert_stopped(stopped, "weights.npz", "damaged", "remove its directory", "/var/lib/hotpath/models/", "built anew")
    assert site.is_ready()
    site.host.run(f"rm -rf {version}")
    assert_converged(site.play(DEPLOY))


def test_start_that_answers_wrongly_is_put_back(site: Site) -> None:
    """Photographs larger than the limit are refused by the warm-up's requests, so the start fails."""
    before = site.host.run("cat /etc/hotpath/hotpath.toml /run/hotpath/deployment").stdout
    stopped = site.play(DEPLOY, inference_service_pixels=1000)
    assert_stopped(stopped, "did not start with the models", "What ran before was put back", "The journal's last lines")
    assert site.host.run("cat /etc/hotpath/hotpath.toml /run/hotpath/deployment").stdout == before
    assert site.is_ready()
    site.assert_unchanged_by(site.play(DEPLOY))


def test_a_users_own_model_and_task_come_by_a_line_of_the_inventory(
    site: Site, colours: dict[str, Any], own: dict[str, Any]
) -> None:
    """The host builds it beside the first, and answers as plain numpy does; check mode has foretold it."""
    site.serve(colours, own)
    assert_converged(site.play(BUNDLE))
    process = site.process()
    foreseen = site.play(DEPLOY, "--check")
    assert_converged(foreseen)
    assert re.search(rf"{site.host.name} +: ok=\d+ +changed=[1-9]", foreseen.words), foreseen.output[-4000:]
    assert site.process() == process and site.host.run("test -e /var/lib/hotpath/models/wear").returncode == 1

    assert_converged(site.play(DEPLOY))
    assert_answers_as_trained(site, Path(own["source"]))
    assert site.predict("wear", b"hot,loud\n", "text/csv")["error"]["code"] == "no_readings"
    red = (Path(colours["source"]) / "probes" / "red.png").read_bytes()
    answer = site.predict("colours", red, "image/png")
    assert (answer["label"], answer["model"]["name"]) == ("red", "colours")
    site.assert_unchanged_by(site.play(DEPLOY))


def test_another_version_of_one_model_comes_in_without_a_restart(site: Site, own: dict[str, Any]) -> None:
    process, first, second = site.process(), site.version("colours"), site.version("wear")
    train(Path(own["source"]), seed=2)
    assert_converged(site.play(f"{BUNDLE} {DEPLOY}"))
    assert (site.process(), site.version("colours")) == (process, first)
    assert site.version("wear") != second
    assert_answers_as_trained(site, Path(own["source"]))
    assert site.host.run("cmp /etc/hotpath/deployment /run/hotpath/deployment").returncode == 0
    site.assert_unchanged_by(site.play(DEPLOY))


def assert_answers_as_trained(site: Site, source: Path) -> None:
    """Of readings that the build has not seen, in which the machine is less and more worn."""
    bodies = ["".join(f"{60 + n},{shaking + n / 100:.2f}\n" for n in range(7)) for shaking in (0.3, 0.5, 0.7)]
    for body, wanted in zip(bodies, plain_answers(source, bodies), strict=True):
        answer = site.predict("wear", body.encode(), "text/csv")
        assert (answer["state"], answer["model"]["name"]) == (wanted["state"], "wear")
        assert answer["shares"] == pytest.approx(wanted["shares"], abs=1e-4)


def test_a_model_that_the_running_service_refuses_changes_nothing(
    site: Site, own: dict[str, Any], tmp_path: Path
) -> None:
    """Its input is larger than the slots that the service was started with."""
    process, version = site.process(), site.version("colours")
    site.serve({"source": stand_in(tmp_path / "larger", size=24)}, own)
    stopped = site.play(f"{BUNDLE} {DEPLOY}")
    assert_stopped(
        stopped, "refused the model", "needs slots of 1728 bytes", "inference_service_model_change to restart"
    )
    assert (site.process(), site.version("colours")) == (process, version)
    assert site.host.run("cmp /etc/hotpath/deployment /run/hotpath/deployment").returncode == 0
    assert_converged(site.play(DEPLOY, inference_service_model_change="restart"))
    assert site.process() != process


def test_a_model_leaves_with_its_line(site: Site, colours: dict[str, Any]) -> None:
    site.serve(colours)
    assert_converged(site.play(f"{BUNDLE} {DEPLOY}"))
    assert site.predict("wear", b"61.5,0.02\n", "text/csv")["error"]["code"] == "unknown_model"
    assert site.host.run("ls /var/lib/hotpath/models /var/lib/hotpath/builds | grep wear").stdout == ""
    site.assert_unchanged_by(site.play(DEPLOY))


def test_wheel_with_another_digest(bundle: dict[str, Any], tmp_path: Path) -> None:
    """A directory of wheels stands in for the index; one wheel in it was altered, then is mended."""
    wheels = tmp_path / "wheels"
    archives = json.loads(json.dumps(bundle["archives"]))
    unpack = ["tar", "-x", "-f", archives["dependencies"]["path"], "-C", str(tmp_path)]
    subprocess.run(unpack, check=True)
    (tmp_path / "dependencies").rename(wheels)
    altered = next(wheels.glob("anyio-*.whl"))
    right = altered.read_bytes()
    altered.write_bytes(right + b"\0")
    variables: dict[str, Any] = {
        "service_bundle_wheels": str(wheels),
        "service_bundle_directory": str(tmp_path / "bundle" / "new"),
    }
    stopped = play(BUNDLE, service_bundle_sets=["cpu"], **variables)
    assert_stopped(stopped, "anyio", "another sha256 than cpu-py311.txt allows", "Replace it in", "make lock")
    altered.write_bytes(right)
    for lock in ("scripts/bundling/build_tools.txt", "service/models/efficientnet_lite0/requirements.txt"):
        fetch(PROJECT / lock, wheels)
    mended = play(BUNDLE, service_bundle_sets=["cpu"], **variables)
    assert_converged(mended)
    described = json.loads((tmp_path / "bundle" / "new" / "cpu.json").read_text())
    assert described["archives"]["dependencies"]["sha256"] == archives["dependencies"]["sha256"]


def fetch(lock: Path, wheels: Path) -> None:
    """Bring what a lock names into the directory, as somebody who prepares a controller without an index would."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(wheels)]
    subprocess.run([*command, "-r", str(lock)], check=True)
