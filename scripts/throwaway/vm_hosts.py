"""Make, find and remove virtual machines: each is a copy of one machine's snapshot, resumed in about two seconds."""

from __future__ import annotations

import shutil
import time

from .cache import CACHE, lock, run, say
from .hosts import PREFIX, Host
from .vm_image import LOGS, VmImage, ensure_vm_image
from .vm_qemu import Machine
from .vm_ssh import wait_for

STATE = CACHE / "vm"
RESUME_SECONDS = 60


def machine(name: str, accelerator: str = "tcg") -> Machine:
    """The machine of a host, whether it exists or not; how it is accelerated matters only to start it."""
    return Machine(STATE / name, LOGS / f"{name}.log", accelerator)


def hosts() -> dict[str, Host]:
    """Every virtual machine of this checkout by name."""
    found = {}
    for key in sorted(STATE.glob("*/image")):
        name = key.parent.name
        running = machine(name).pid() is not None
        found[name] = Host(name, PREFIX + name, running, key.read_text(), port=None)
    return found


def up(names: list[str]) -> list[Host]:
    """Bring the named machines up; one that already runs on the present image is left alone."""
    if not names:
        return []
    with lock("vm-hosts"):
        image = ensure_vm_image()
        found = hosts()
        for name in names:
            host = found.get(name)
            if host and host.running and host.image == image.key:
                continue
            if host:
                say(f"Replacing {name}: " + ("its image is outdated" if host.running else "it does not run"))
            _remove(name)
            _start(name, image)
        return [hosts()[name] for name in names]


def down(names: list[str]) -> list[Host]:
    """Remove the named machines, all of this checkout when none is named; return what was removed."""
    with lock("vm-hosts"):
        doomed = [host for host in hosts().values() if not names or host.name in names]
        for host in doomed:
            _remove(host.name)
    return doomed


def _remove(name: str) -> None:
    machine(name).stop()
    shutil.rmtree(STATE / name, ignore_errors=True)


def _start(name: str, image: VmImage) -> None:
    new = machine(name, image.accelerator)
    new.folder.mkdir(parents=True)
    # A name for what an interrupted start leaves behind, before anything else.
    (new.folder / "image").write_text(image.key)
    run(["cp", "--sparse=always", "--reflink=auto", image.snapshot, new.disk])
    new.make_seed()
    new.resume()
    # The guest's clock stands where the snapshot was taken, and its name is that machine's.
    wait_for(new, f"date --utc --set @{time.time():.3f} && hostnamectl hostname {name}", RESUME_SECONDS)
    say(f"{name} is up")
