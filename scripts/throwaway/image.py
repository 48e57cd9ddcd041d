"""The image of the throwaway hosts: the look-alike, or a real EL8 image that HOTPATH_HOST_IMAGE names."""

from __future__ import annotations

import os
from pathlib import Path

from .cache import PROJECT, content_key, lock, need_programs, run, say
from .debian import base_name, ensure_base
from .engine import image_exists, need_engine
from .mirror import ensure_mirror, mirror_key

IMAGES = PROJECT / "molecule" / "images"
LOOKALIKE_NAME = "localhost/hotpath-el8-lookalike"
REAL_NAME = "localhost/hotpath-el8-real"


def real_base() -> str:
    """The real EL8 image to put the hosts on, empty for the look-alike."""
    return os.environ.get("HOTPATH_HOST_IMAGE", "")


def image_name() -> str:
    """Name of the image that belongs to the present inputs, built or not."""
    if real_base():
        return f"{REAL_NAME}:{content_key([IMAGES / 'centos-stream8'], real_base())}"
    return f"{LOOKALIKE_NAME}:{content_key([IMAGES / 'lookalike'], mirror_key(), base_name())}"


def ensure_image() -> str:
    """Return the name of the hosts' image, built first when there is none for the present inputs."""
    need_engine()
    name = image_name()
    if image_exists(name):
        return name
    if real_base():
        with lock("image"):
            build_image(name, IMAGES / "centos-stream8", real_base(), [])
        return name
    need_programs({"mmdebstrap": "mmdebstrap", "rpmbuild": "rpm", "createrepo_c": "createrepo-c", "gpg": "gnupg"})
    mirror = ensure_mirror()
    base = ensure_base()
    with lock("image"):
        if not image_exists(name):
            build_image(name, IMAGES / "lookalike", base, ["--volume", f"{mirror}:/srv/mirror:ro"])
    return name


def build_image(name: str, folder: Path, base: str, options: list[str]) -> None:
    """Build one image from the Containerfile of a folder on a base."""
    say(f"Building {name} on {base}")
    # chroot isolation asks nothing of the machine's cgroups; podman's own cache does not see that the mirror changed.
    command = ["podman", "build", "--quiet", "--no-cache", "--isolation=chroot", "--build-arg", f"BASE={base}"]
    run([*command, *options, "--tag", name, folder])
    say("Image ready")
