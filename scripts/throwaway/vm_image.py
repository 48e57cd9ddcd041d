"""The image of the virtual machines: a disk and, over it, the snapshot of a machine that has booted."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .cache import CACHE, Failure, content_key, lock, need_programs, run, say
from .engine import need_engine
from .image import real_base
from .vm_disk import disk_key, write_disk
from .vm_qemu import Machine, Monitor
from .vm_ssh import wait_until_booted

IMAGES = CACHE / "image" / "vm"
LOGS = CACHE / "logs"
PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mke2fs": "e2fsprogs",
    "sfdisk": "fdisk",
    "nc": "netcat-openbsd",
    "ip": "iproute2",
}
TCG_BOOT_SECONDS = 600
# A nested KVM may start a guest that then hangs: it is believed only when a machine boots in a fraction of TCG's time.
KVM_BOOT_SECONDS = 30


@dataclass(frozen=True)
class VmImage:
    """A folder with the disk, the overlay that holds the snapshot, and the accelerator's name, written last."""

    folder: Path

    @property
    def snapshot(self) -> Path:
        """The overlay; it names its disk by path, so the folder does not move."""
        return self.folder / "disk.qcow2"

    @property
    def key(self) -> str:
        """Content key of what it was made from."""
        return self.folder.name

    @property
    def complete(self) -> bool:
        return self._accelerator_file.exists()

    @property
    def accelerator(self) -> str:
        """With what the snapshot was taken; it can be resumed with nothing else."""
        return self._accelerator_file.read_text()

    @property
    def _accelerator_file(self) -> Path:
        return self.folder / "accelerator"

    def build(self) -> None:
        """Write the disk, boot from it and keep what has booted."""
        for old in IMAGES.glob("*"):
            Machine(old, LOGS, "tcg").stop()  # left by a build that was killed
            shutil.rmtree(old)  # a host that runs keeps the files it has open
        self.folder.mkdir(parents=True)
        disk = self.folder / "disk.raw"
        write_disk(disk)
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", disk, "-F", "raw", self.snapshot])
        self._accelerator_file.write_text(self._take_snapshot())

    def _take_snapshot(self) -> str:
        """Return the accelerator with which a machine booted."""
        if os.access("/dev/kvm", os.R_OK | os.W_OK):
            try:
                self._boot("kvm", KVM_BOOT_SECONDS)
            except Failure as failure:
                say(f"  KVM is there, but no machine boots with it ({failure}): emulating the processor")
            else:
                return "kvm"
        self._boot("tcg", TCG_BOOT_SECONDS)
        return "tcg"

    def _boot(self, accelerator: str, limit: float) -> None:
        machine = Machine(self.folder, LOGS / "vm-image.log", accelerator)
        machine.make_seed()
        say(f"Booting a virtual machine for the snapshot, with {accelerator}")
        command = machine.command("-qmp", "stdio")
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
            try:
                monitor = Monitor(process)
                wait_until_booted(machine, limit)
                say("  it has booted; saving it")
                monitor.save_snapshot()
            finally:
                process.kill()


def ensure_vm_image() -> VmImage:
    """Return the present image, built first when there is none for the present inputs."""
    need_engine()
    need_programs(PROGRAMS)
    if os.geteuid() != 0:
        raise Failure("Virtual machines need root, for the network namespace in which each of them runs: use sudo")
    if real_base():
        raise Failure("HOTPATH_HOST_IMAGE is set, but virtual machines are made from the look-alike only: unset it")
    with lock("vm-image"):
        image = VmImage(IMAGES / _key())
        if not image.complete:
            say("Building the image of the virtual machines (about 2 minutes, once)")
            LOGS.mkdir(parents=True, exist_ok=True)
            image.build()
            say("The image of the virtual machines is ready")
    return image


def _key() -> str:
    """A snapshot can be resumed only by the same machine, so the emulated hardware is part of the key."""
    nowhere = Path("/")
    return content_key([], disk_key(), *Machine(nowhere, nowhere, "tcg").command())
