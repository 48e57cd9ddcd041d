"""The disk of the virtual machines: the look-alike on a kernel, labelled for SELinux, made without a loop device."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .cache import content_key, run, say
from .catalog import DOUBLES
from .debian import ensure_base
from .engine import image_exists, runtime_options
from .hosts import PREFIX
from .image import IMAGES, LOOKALIKE_NAME, build_image, image_name
from .mirror import ensure_mirror
from .ssh import KEY, ensure_ssh_key

KERNEL_NAME = "localhost/hotpath-el8-lookalike-kernel"
MACHINE_NAME = f"{LOOKALIKE_NAME}-vm"
SIZE_MIB = 8192  # sparse: only what is written takes room
OFFSET_MIB = 1  # room for GRUB before the only partition
INPUTS = (IMAGES / "vm", DOUBLES / "vm")
# What roles ask for in a virtual machine, as rpm's database has it on a host that was provisioned before: to install it
# once more in an emulated machine would show nothing that a container does not.
INSTALLED = (
    "tuned",
    "tuned-profiles-cpu-partitioning",
    "irqbalance",
    "python3-libselinux",
    "policycoreutils",
    "policycoreutils-python-utils",
    "selinux-policy",
    "selinux-policy-targeted",
)
INSTALL = (
    "cd /srv/mirror/centos/8-stream && "
    'for name; do find . -name "$name-[0-9]*.rpm"; done | xargs rpm --install --nosignature'
)
# A mount namespace of its own: nothing is left mounted, however this ends.
LABEL = (
    'mount -t proc proc "$1/proc" && exec chroot "$1" setfiles -F -e /proc -e /sys -e /dev '
    "/etc/selinux/targeted/contexts/files/file_contexts /"
)


def disk_key() -> str:
    """Content key of everything that a disk is made from."""
    ensure_ssh_key()
    return content_key([*INPUTS, Path(__file__), KEY.with_suffix(".pub")], ensure_base(), image_name())


def write_disk(raw: Path) -> None:
    """Write a raw disk that boots."""
    with _mounted(_machine_image()) as root:
        say("Preparing the file system of the virtual machines")
        _prepare(root)
        run(["unshare", "--mount", "sh", "-c", LABEL, "sh", root])
        say("Writing their disk")
        _write_partition(root, raw)
        _write_boot_loader(root, raw)


def _machine_image() -> str:
    """The image whose content goes on the disk: the kernel under the look-alike's identity."""
    base, mirror = ensure_base(), ensure_mirror()
    kernel = f"{KERNEL_NAME}:{content_key(INPUTS, base)}"
    if not image_exists(kernel):
        build_image(kernel, IMAGES / "vm", base, ["--volume", f"{DOUBLES / 'vm'}:/doubles:ro"])
    machine = f"{MACHINE_NAME}:{content_key([IMAGES / 'lookalike'], kernel, image_name())}"
    if not image_exists(machine):
        build_image(machine, IMAGES / "lookalike", kernel, ["--volume", f"{mirror}:/srv/mirror:ro"])
    return machine


@contextmanager
def _mounted(image: str) -> Iterator[Path]:
    """The image's content in a folder that may be written to."""
    container = "disk-of-" + PREFIX.rstrip("-")
    podman = ["podman", *runtime_options()]
    run([*podman, "rm", "--force", "--ignore", container])  # left by a run that was killed
    run([*podman, "create", "--name", container, image])
    try:
        yield Path(run([*podman, "mount", container]).strip())
    finally:
        run([*podman, "umount", container])
        run([*podman, "rm", "--force", container])


def _prepare(root: Path) -> None:
    """Add what a container gets from the engine when it starts."""
    shutil.rmtree(root / "srv/mirror", ignore_errors=True)
    shutil.copytree(ensure_mirror(), root / "srv/mirror", symlinks=True)
    run(["chroot", root, "sh", "-c", INSTALL, "sh", *INSTALLED])
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    authorized = root / "root/.ssh/authorized_keys"
    authorized.write_text(KEY.with_suffix(".pub").read_text())
    authorized.chmod(0o600)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    # Names that can't be resolved would stall every lookup for seconds.
    (root / "etc/resolv.conf").write_text("")


def _write_partition(root: Path, raw: Path) -> None:
    with raw.open("wb") as disk:
        disk.truncate(SIZE_MIB << 20)
    run(["sfdisk", "--quiet", raw], stdin=f"{OFFSET_MIB * 2048},,L,*\n")
    # GRUB 2.06 does not read every newer feature.
    features, extended = "^metadata_csum,^64bit", f"offset={OFFSET_MIB << 20},root_owner=0:0"
    partition = [str(raw), f"{SIZE_MIB - OFFSET_MIB}m"]
    run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-O", features, "-E", extended, "-d", root, *partition])


def _write_boot_loader(root: Path, raw: Path) -> None:
    """Put GRUB's first stage in the boot record, before the partition table, and its core in the gap after it."""
    first_stage = (root / "usr/lib/grub/i386-pc/boot.img").read_bytes()[:440]
    core = (root / "boot/grub2/core.img").read_bytes()
    with raw.open("r+b") as disk:
        disk.write(first_stage)
        disk.seek(512)
        disk.write(core)
