"""What a connected machine gathers with playbooks/bundle.yml is all that a host and a controller without internet need.

The throwaway mirror is the connected side. The copy of it is carried to a host that has lost the mirror, and the wheels
and the model to a controller that asks no index.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.throwaway import PROJECT, Play, Throwaway, play, throwaway

MADE = "/srv/hotpath-mirror"
CARRIED = "/srv/carried"


@pytest.fixture(scope="module")
def builder() -> Iterator[Throwaway]:
    with throwaway("offline-builder") as made:
        yield made


@pytest.fixture(scope="module")
def host() -> Iterator[Throwaway]:
    with throwaway("offline-host") as made:
        made.in_mounts("umount", "/srv/mirror")
        assert made.run("ls /srv/mirror").stdout == ""
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("offline")


def reached(host: Throwaway) -> tuple[dict[str, Any], dict[str, Any]]:
    """How Ansible reaches a throwaway host, and the keys of its mirror."""
    listed = subprocess.run(
        [sys.executable, "inventory/demo/hosts.py", "--list"],
        cwd=PROJECT,
        env={**os.environ, "HOTPATH_DEMO_HOSTS": host.name},
        capture_output=True,
        check=True,
    )
    demo = json.loads(listed.stdout)
    return demo["_meta"]["hostvars"][host.name], demo["gpu_hosts"]["vars"]


def inventory(folder: Path, host: Throwaway, builder: Throwaway | None) -> str:
    """The file of an inventory: the host, and the machine that mirrors where there is one."""
    reach, mirror = reached(host)
    wanted = {**reach, **mirror, "el8_repositories_mirror": f"file://{CARRIED}", "stack_service": "cpu"}
    # One precision is built in half the time of all; no build asks anything of the network.
    model = {"source": "efficientnet_lite0", "backend": "onednn", "precision": "float32"}
    wanted["inference_service_models"] = [model]
    mirrors = {builder.name: {**reached(builder)[0], **mirror}} if builder else {}
    groups = {"gpu_hosts": {"hosts": {host.name: wanted}}, "package_mirrors": {"hosts": mirrors}}
    path = folder / ("connected.json" if builder else "offline.json")
    path.write_text(json.dumps(groups))
    return str(path)


@pytest.fixture(scope="module")
def bundle(folder: Path, host: Throwaway, builder: Throwaway) -> Play:
    """The one playbook on the connected side."""
    done = play("playbooks/bundle.yml", "-i", inventory(folder, host, builder))
    assert done.code == 0, done.output[-6000:]
    return done


def mirrored(builder: Throwaway) -> set[str]:
    found = builder.run(f"find {MADE} -name '*.rpm' -printf '%f\\n'").stdout.split()
    return {re.sub(r"\.x86_64\.rpm$", "", name) for name in found}


def test_the_mirror_holds_what_the_host_needs_and_no_more(bundle: Play, builder: Throwaway) -> None:
    found = mirrored(builder)
    needed = {
        "nvidia-driver-510.47.03-1.el8",
        "nvidia-fabric-manager-510.47.03-1.el8",
        "kernel-devel-4.18.0-348.7.1.el8_5",
        "cuda-toolkit-11-6-11.6.2-1",
        "cuda-nvcc-11-6-11.6.2-1",  # required by one of the wanted
        "dkms-3.1.8-1.el8",
        "tuned-8-1.el8",
        "python3.11-8-1.el8",
    }
    assert needed <= found, needed - found
    unneeded = [name for name in found if re.search(r"530\.30|515\.105|470\.199|cuda-toolkit-1[12]-[78]|htop", name)]
    assert unneeded == []
    assert f"{MADE} holds {len(found)} packages" in bundle.words


def test_a_second_run_changes_nothing(bundle: Play, folder: Path, host: Throwaway, builder: Throwaway) -> None:
    again = play("playbooks/bundle.yml", "-i", inventory(folder, host, builder))
    assert re.search(rf"{builder.name} +: ok=\d+ +changed=0 ", again.words), again.output[-3000:]


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("expired-key", "Nothing was copied. NVIDIA: the key"), ("wrong-key", "Not signed by a trusted key")],
)
def test_what_cannot_be_trusted_is_not_mirrored(
    bundle: Play, folder: Path, host: Throwaway, builder: Throwaway, fault: str, cause: str
) -> None:
    before = mirrored(builder)
    root = f"/srv/mirror/faults/{fault}"
    keys = json.loads(builder.run(f"cat {root}/keys/fingerprints.json").stdout)
    options = ("-i", inventory(folder, host, builder), "--limit", "package_mirrors")
    stopped = play(
        "playbooks/bundle.yml", *options, el8_repositories_mirror=f"file://{root}", el8_repositories_fingerprints=keys
    )
    assert stopped.code == 2 and cause in stopped.words, stopped.output[-3000:]
    assert mirrored(builder) == before


def test_a_host_with_nothing_but_the_mirror_goes_all_the_way(
    bundle: Play, folder: Path, host: Throwaway, builder: Throwaway, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried = host.feed(f"mkdir {CARRIED} && tar -x -C {CARRIED}", [*builder.shell, f"tar -c -C {MADE} ."])
    assert carried == 0
    moved = folder / "controller" / "bundle"
    shutil.copytree(PROJECT / ".cache" / "bundle", moved, ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("HOTPATH_TORCH_WHEELS", raising=False)
    done = play(
        "site.yml",
        "-i",
        inventory(folder, host, None),
        service_bundle_directory=str(moved),
        inference_service_bundle=str(moved / "cpu.json"),
    )
    assert done.code == 0, done.output[-6000:]
    assert host.run("rpm -q --qf '%{VERSION}' nvidia-driver").stdout == "510.47.03"
    assert host.run("curl -sf http://127.0.0.1:8000/readyz").returncode == 0
    assert host.run("ls /srv/mirror").stdout == ""
