"""What can go wrong in a deployment stops it with cause and remedy, and the mended next run converges.

One throwaway host goes through the cases in their order; each test leaves it mended.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.throwaway import PROJECT, Play, Throwaway, play, throwaway

BUNDLE = PROJECT / ".cache" / "bundle"
PLAYBOOK = "tests/faults/deploy_host.yml"
DEPLOY = "playbooks/deploy.yml"


@pytest.fixture(scope="module")
def bundle() -> dict[str, object]:
    """The bundle of the set that throwaway hosts use."""
    built = play("playbooks/bundle.yml", service_bundle_sets=["cpu"])
    assert built.code == 0, built.output
    described: dict[str, object] = json.loads((BUNDLE / "cpu.json").read_text())
    return described


@pytest.fixture(scope="module")
def host(bundle: dict[str, object]) -> Iterator[Throwaway]:
    with throwaway("deploy-faults") as made:
        yield made


def assert_stopped(done: Play, *words: str) -> None:
    """The play failed, and its output holds each of the words."""
    assert done.code != 0, "the play went on"
    missing = [word for word in words if word not in done.words]
    assert not missing, f"not said: {missing}\n{done.output[-4000:]}"


def assert_converged(done: Play) -> None:
    assert done.code == 0, done.output[-6000:]


def test_too_little_disk(host: Throwaway) -> None:
    """A real file system of 100 MiB where the releases go."""
    host.run("mkdir -p /opt/hotpath")
    host.in_mounts("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", "/opt/hotpath")
    stopped = host.play(PLAYBOOK)
    assert_stopped(stopped, "Too little disk", "MiB below /opt/hotpath", "Free space there", "nothing was changed")
    host.in_mounts("umount", "/opt/hotpath")


def test_port_taken(host: Throwaway) -> None:
    host.run("systemd-run --unit port-thief python3 -m http.server 8000; sleep 1")
    stopped = host.play(DEPLOY)
    assert_stopped(stopped, "Port 8000 is taken by python3", "set inference_service_port to a free port")
    assert re.search(r"python3 \(process \d+, port-thief\.service\)", stopped.words)
    host.run("systemctl stop port-thief")


def test_truncated_archive_of_the_model(host: Throwaway, bundle: dict[str, object], tmp_path: Path) -> None:
    """The copy on the controller lost its end; nothing of it is used."""
    damaged = json.loads(json.dumps(bundle))
    model = Path(damaged["models"][0]["archive"]["path"])
    short = tmp_path / model.name
    short.write_bytes(model.read_bytes()[:1_000_000])
    damaged["models"][0]["archive"]["path"] = str(short)
    description = tmp_path / "cpu.json"
    description.write_text(json.dumps(damaged))
    stopped = host.play(DEPLOY, inference_service_bundle=str(description))
    assert_stopped(stopped, f"archives/{model.name} is damaged", "run playbooks/bundle.yml")
    assert_converged(host.play(DEPLOY))


def test_truncated_built_model(host: Throwaway) -> None:
    """The damage is named, what runs goes on, and the named remedy leads to a model that is built anew."""
    version = "$(readlink -f /var/lib/hotpath/models/*/current)"
    host.run(f"truncate --size=100000 {version}/model.pt")
    assert_stopped(
        host.play(DEPLOY), "model.pt", "damaged", "remove its directory", "/var/lib/hotpath/models/", "built anew"
    )
    assert host.run("curl -sf http://127.0.0.1:8000/readyz").returncode == 0
    host.run(f"rm -rf {version}")
    assert_converged(host.play(DEPLOY))


def test_start_that_answers_wrongly_is_put_back(host: Throwaway) -> None:
    """Photographs larger than the limit are refused by the warm-up's requests, so the start fails."""
    before = host.run("cat /etc/hotpath/hotpath.toml /run/hotpath/deployment").stdout
    stopped = host.play(DEPLOY, inference_service_body_bytes=10_000)
    assert_stopped(stopped, "did not start with the models", "What ran before was put back", "The journal's last lines")
    assert host.run("cat /etc/hotpath/hotpath.toml /run/hotpath/deployment").stdout == before
    assert host.run("curl -sf http://127.0.0.1:8000/readyz").returncode == 0
    again = host.play(DEPLOY)
    assert_converged(again)
    assert re.search(rf"{host.name} +: ok=\d+ +changed=0 ", again.words)


def bundle_with(bundle: dict[str, object], directory: Path, *changes: tuple[str, str]) -> str:
    """The description of the bundle with another version of its model: `changes` are made in model.toml."""
    described = json.loads(json.dumps(bundle))
    archive = described["models"][0]["archive"]
    changed = directory / "model.tar"
    with tarfile.open(archive["path"]) as old, tarfile.open(changed, "w") as new:
        for member in old:
            content = old.extractfile(member)
            data = content.read() if content else b""
            if member.name.endswith("model.toml"):
                for before, after in changes:
                    assert before.encode() in data
                    data = data.replace(before.encode(), after.encode())
                member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    data = changed.read_bytes()
    archive.update(path=str(changed), sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    described["models"][0]["key"] = archive["sha256"][:12]
    description = directory / "cpu.json"
    description.write_text(json.dumps(described))
    return str(description)


def process_of(host: Throwaway) -> str:
    return host.run("systemctl show --property MainPID --value hotpath.service").stdout.strip()


def live_version(host: Throwaway, model: str = "efficientnet_lite0") -> str:
    answer = host.run(f"curl -sf http://127.0.0.1:8000/v2/models/{model}").stdout
    (version,) = json.loads(answer)["versions"]
    return str(version)


def test_another_model_alone_comes_in_without_a_restart(
    host: Throwaway, bundle: dict[str, object], tmp_path: Path
) -> None:
    process, version = process_of(host), live_version(host)
    other = bundle_with(bundle, tmp_path, ('license = "Apache-2.0"', 'license = "Apache-2.0"\ntop_k = 3'))
    assert_converged(host.play(DEPLOY, inference_service_bundle=other))
    assert process_of(host) == process
    assert live_version(host) != version
    linked = host.run("readlink /var/lib/hotpath/models/efficientnet_lite0/current").stdout.strip()
    assert live_version(host) == linked
    assert host.run("cmp /etc/hotpath/deployment /run/hotpath/deployment").returncode == 0
    again = host.play(DEPLOY, inference_service_bundle=other)
    assert re.search(rf"{host.name} +: ok=\d+ +changed=0 ", again.words), again.output[-4000:]


def test_a_model_that_the_running_service_refuses_changes_nothing(
    host: Throwaway, bundle: dict[str, object], tmp_path: Path
) -> None:
    """Its input is larger than the slots that the service was started with."""
    process, version = process_of(host), live_version(host)
    larger = bundle_with(
        bundle,
        tmp_path,
        ("height = 224", "height = 256"),
        ("width = 224", "width = 256"),
        ("resize_shorter = 256", "resize_shorter = 292"),
    )
    stopped = host.play(DEPLOY, inference_service_bundle=larger)
    assert_stopped(
        stopped, "refused the model", "needs slots of 196608 bytes", "inference_service_model_change to restart"
    )
    assert (process_of(host), live_version(host)) == (process, version)
    assert host.run("cmp /etc/hotpath/deployment /run/hotpath/deployment").returncode == 0
    restarted = host.play(DEPLOY, inference_service_bundle=larger, inference_service_model_change="restart")
    assert_converged(restarted)
    assert process_of(host) != process
    assert_converged(host.play(DEPLOY))


def write_source(directory: Path, **choices: Any) -> str:
    """The service's own stand-in for a model, which tells colours."""
    code = "from pathlib import Path; from support.colours import write_source; "
    code += f"write_source(Path({str(directory)!r}), **{choices!r})"
    python = str(PROJECT / ".cache" / "venv" / "service" / "bin" / "python")
    subprocess.run([python, "-c", code], cwd=PROJECT / "service" / "tests", check=True)
    return str(directory)


def bundle_of(models: list[dict[str, Any]], directory: Path) -> str:
    """The description of a bundle with other models, apart from the one that plays beside this one use."""
    if not directory.exists():
        shutil.copytree(BUNDLE, directory, copy_function=os.link, ignore=shutil.ignore_patterns(".*", "cpu.json"))
    built = play(
        "playbooks/bundle.yml",
        service_bundle_sets=["cpu"],
        service_bundle_directory=str(directory),
        service_bundle_models=models,
    )
    assert_converged(built)
    return str(directory / "cpu.json")


def answer_for(host: Throwaway, model: str, file: str) -> tuple[str, str]:
    """What a model says of one of its own photographs, and which model it says that it is."""
    path = f"/var/lib/hotpath/models/{model}/current/probes/{file}"
    url = f"http://127.0.0.1:8000/models/{model}/predict"
    answer = json.loads(host.run(f"curl -s --data-binary @{path} -H 'Content-Type: image/png' {url}").stdout)
    return answer["label"], answer["model"]["name"]


def test_a_second_model_comes_is_swapped_and_goes(host: Throwaway, tmp_path: Path) -> None:
    """Beside the first, under a name of its own; another version of it comes in without a restart."""
    first: dict[str, Any] = {"source": "efficientnet_lite0"}
    second: dict[str, Any] = {
        "source": write_source(tmp_path / "colours"),
        "name": "shades",
        "engines": 1,
        "places": 10,
    }
    models = [first, second]
    wanted = {
        "inference_service_bundle": bundle_of(models, tmp_path / "bundle"),
        "inference_service_models": models,
    }
    process = process_of(host)
    foreseen = host.play(DEPLOY, "--check", **wanted)
    assert_converged(foreseen)
    assert re.search(rf"{host.name} +: ok=\d+ +changed=[1-9]", foreseen.words), foreseen.output[-4000:]
    assert process_of(host) == process and host.run("test -e /var/lib/hotpath/models/shades").returncode == 1

    assert_converged(host.play(DEPLOY, **wanted))
    assert answer_for(host, "shades", "red.png") == ("red", "shades")
    assert answer_for(host, "efficientnet_lite0", "coffee.png") == ("espresso", "efficientnet_lite0")
    process, version, other = process_of(host), live_version(host, "shades"), live_version(host)
    again = host.play(DEPLOY, **wanted)
    assert re.search(rf"{host.name} +: ok=\d+ +changed=0 ", again.words), again.output[-4000:]

    labels = {colour: f"dark {colour}" for colour in ("red", "green", "blue", "white", "black", "grey")}
    second["source"] = write_source(tmp_path / "darker", labels=labels)
    bundle_of(models, tmp_path / "bundle")
    assert_converged(host.play(DEPLOY, **wanted))
    assert process_of(host) == process
    assert answer_for(host, "shades", "red.png") == ("dark red", "shades")
    assert (live_version(host, "shades") == version, live_version(host) == other) == (False, True)

    assert_converged(host.play(DEPLOY))
    assert host.run("curl -sf http://127.0.0.1:8000/v2/models/shades").returncode != 0
    assert host.run("ls /var/lib/hotpath/models /var/lib/hotpath/builds | grep shades").stdout == ""
    again = host.play(DEPLOY)
    assert re.search(rf"{host.name} +: ok=\d+ +changed=0 ", again.words), again.output[-4000:]


def test_wheel_with_another_digest(bundle: dict[str, object], tmp_path: Path) -> None:
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
    stopped = play("playbooks/bundle.yml", service_bundle_sets=["cpu"], **variables)
    assert_stopped(stopped, "anyio", "another sha256 than cpu-py311.txt allows", "Replace it in", "make lock")
    altered.write_bytes(right)
    for lock in ("scripts/bundling/build_tools.txt", "service/models/efficientnet_lite0/requirements.txt"):
        fetch(PROJECT / lock, wheels)
    mended = play("playbooks/bundle.yml", service_bundle_sets=["cpu"], **variables)
    assert_converged(mended)
    described = json.loads((tmp_path / "bundle" / "new" / "cpu.json").read_text())
    assert described["archives"]["dependencies"]["sha256"] == archives["dependencies"]["sha256"]


def fetch(lock: Path, wheels: Path) -> None:
    """Bring what a lock names into the directory, as somebody who prepares a controller without an index would."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(wheels)]
    subprocess.run([*command, "-r", str(lock)], check=True)
