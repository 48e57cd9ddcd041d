"""What takes an emulated processor half an hour: the service installed and its model built, as files on a second disk.

A container host made them natively, with the same roles; `plant` copies them to where the roles look for them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import hosts as containers
from . import vm_hosts
from .cache import CACHE, PROJECT, Failure, content_key, lock, run, run_narrated, say
from .engine import runtime_options
from .hosts import PREFIX
from .vm_qemu import SEED_MIB
from .vm_ssh import ask

SEEDS = CACHE / "image" / "seed"
BUNDLE = CACHE / "bundle" / "cpu.json"
NURSERY = "seed"  # the container host that it is made on
# Everything that a deployment makes and names by its content; no link, so nothing is deployed yet.
PLANTED = ("opt/hotpath/archives", "opt/hotpath/releases", "var/lib/hotpath/builds", "var/lib/hotpath/models")
COPY_SECONDS = 600
COPY = """
set -e
blockdev --flushbufs /dev/vdb   # the kernel still knows the empty disk of the snapshot
mkdir -p /srv/seed
mount -o ro /dev/vdb /srv/seed
cp -a /srv/seed/opt/hotpath /opt/
cp -a /srv/seed/var/lib/hotpath /var/lib/
umount /srv/seed
restorecon -R /opt/hotpath /var/lib/hotpath
"""


def plant(name: str) -> None:
    """Put release and model on a virtual machine that runs."""
    if name not in vm_hosts.hosts():
        raise Failure(f"There is no virtual machine {name}: make it with `scripts/hosts.py up {name}`")
    seed = ensure_seed()
    machine = vm_hosts.machine(name)
    # Into the file that QEMU has open, so it stays the same file.
    run(["dd", f"if={seed}", f"of={machine.seed}", "bs=4M", "conv=notrunc,sparse", "status=none"])
    copied = ask(machine, COPY, COPY_SECONDS)
    if copied.returncode != 0:
        raise Failure(f"{name} could not copy the seed: {copied.stderr.strip()}. The console: {machine.console}")
    say(f"{name} has the release and the model")


def ensure_seed() -> Path:
    """The disk for the present service, model and roles, made first when there is none."""
    _play("playbooks/bundle.yml")
    built = json.loads(BUNDLE.read_text())
    key = content_key(
        [Path(__file__)], built["release"], built["dependencies"], *(model["key"] for model in built["models"])
    )
    with lock("vm-seed"):
        disk = SEEDS / f"{key}.ext4"
        if not disk.exists():
            say("Installing the service on a container host, to be planted on virtual machines (about 2 minutes)")
            shutil.rmtree(SEEDS, ignore_errors=True)
            SEEDS.mkdir(parents=True)
            half = disk.with_suffix(".half")
            _grow(half)
            half.rename(disk)
    return disk


def _grow(disk: Path) -> None:
    containers.up([NURSERY])
    try:
        for playbook in ("playbooks/provision.yml", "playbooks/deploy.yml"):
            _play(playbook)
        with tempfile.TemporaryDirectory(dir=SEEDS) as folder:
            export = ["podman", *runtime_options(), "exec", PREFIX + NURSERY, "tar", "-C", "/", "-c"]
            links = ["--exclude=opt/hotpath/current", "--exclude=var/lib/hotpath/models/*/current"]
            with subprocess.Popen([*export, *links, *PLANTED], stdout=subprocess.PIPE) as archive:
                subprocess.run(["tar", "-C", folder, "-x", "--same-owner"], stdin=archive.stdout, check=True)
            if archive.returncode != 0:
                raise Failure(f"{NURSERY} gave no archive of {', '.join(PLANTED)} (tar's status {archive.returncode})")
            run(["mke2fs", "-q", "-t", "ext4", "-d", folder, disk, f"{SEED_MIB}m"])
    finally:
        containers.down([NURSERY])


def _play(playbook: str) -> None:
    os.environ["HOTPATH_DEMO_HOSTS"] = NURSERY
    play = Path(sys.executable).with_name("ansible-playbook")
    run_narrated(["env", "-C", PROJECT, "ANSIBLE_NOCOLOR=1", play, playbook], prefix="PLAY [")
