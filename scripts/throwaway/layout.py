"""How the offline mirror is laid out, signed and indexed: like the public repositories, with faulty variants."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .cache import run
from .catalog import Source, Streams, modules_yaml
from .signing import Signer

# Repository -> its folder in the mirror and the key that signs it.
FOLDERS = {
    "baseos": ("centos/8-stream/BaseOS/x86_64/os", "centos"),
    "appstream": ("centos/8-stream/AppStream/x86_64/os", "centos"),
    "powertools": ("centos/8-stream/PowerTools/x86_64/os", "centos"),
    "extras": ("centos/8-stream/extras/x86_64/os", "centos"),
    "epel": ("epel/8/Everything/x86_64", "epel"),
    "nvidia": ("nvidia/rhel8/x86_64", "nvidia"),
}
# The names under which the public repositories publish their keys.
KEY_FILES = {"centos": "RPM-GPG-KEY-centosofficial", "epel": "RPM-GPG-KEY-EPEL-8", "nvidia": "D42D0685.pub"}


@dataclass(frozen=True)
class Fault:
    """How the NVIDIA repository of a faulty mirror differs from the sound one."""

    signer: str = "nvidia"
    published_key: str = "nvidia"
    without_streams: str = ""  # prefix of the stream names that are missing
    without_modules: bool = False  # as a copy of the packages has none
    overlay: str = ""  # repository whose rpms replace the sound ones of the same name


FAULTS = {
    "expired-key": Fault(signer="expired", published_key="expired"),
    "wrong-key": Fault(signer="stranger"),
    "missing-stream": Fault(without_streams="510"),
    "no-modules": Fault(without_modules=True),
    "newer-kernel": Fault(overlay="newer-kernel"),
}


@dataclass(frozen=True)
class Build:
    """What the parts of one mirror build share."""

    tree: Path
    rpms: Path  # unsigned, a folder for each repository
    sources: list[Source]
    streams: Streams
    signers: Mapping[str, Signer]


def lay_out(parts: Build) -> None:
    """Make the sound mirror at the root of the tree and the faulty ones below faults/."""
    for repository in FOLDERS:
        _repository(parts, parts.tree, repository, Fault())
    _publish_keys(parts, parts.tree, Fault())
    for name, fault in FAULTS.items():
        _faulty_mirror(parts, name, fault)


def _repository(parts: Build, root: Path, repository: str, fault: Fault) -> None:
    """Lay out, sign and index one repository below `root`."""
    folder, owner = FOLDERS[repository]
    packages = root / folder / "Packages"
    signer = parts.signers[fault.signer if repository == "nvidia" else owner]
    signed_already = parts.tree / folder / "Packages"
    if fault.signer == "nvidia" and signed_already.is_dir():
        shutil.copytree(signed_already, packages)
    else:
        shutil.copytree(parts.rpms / repository, packages)
        signer.sign(sorted(packages.glob("*.rpm")))
    if fault.overlay:
        replaced = [Path(shutil.copy(rpm, packages)) for rpm in (parts.rpms / fault.overlay).glob("*.rpm")]
        signer.sign(replaced)
    run(["createrepo_c", "--quiet", root / folder])
    if repository == "nvidia" and not fault.without_modules:
        modules = packages.parent / "modules.yaml"
        modules.write_text(modules_yaml(parts.sources, _offered(parts.streams, fault)))
        run(["modifyrepo_c", "--mdtype=modules", modules, root / folder / "repodata"])
        modules.unlink()


def _offered(streams: Streams, fault: Fault) -> Streams:
    if not fault.without_streams:
        return streams
    left = {name: value for name, value in streams.streams.items() if not name.startswith(fault.without_streams)}
    return replace(streams, streams=left)


def _publish_keys(parts: Build, root: Path, fault: Fault) -> None:
    """Write the public keys, and their fingerprints for who must pin them."""
    keys = root / "keys"
    keys.mkdir()
    fingerprints = {}
    for owner, name in KEY_FILES.items():
        signer = parts.signers[fault.published_key if owner == "nvidia" else owner]
        (keys / name).write_text(signer.public_key())
        fingerprints[name] = signer.fingerprint
    shutil.copy(keys / KEY_FILES["nvidia"], root / FOLDERS["nvidia"][0])
    (keys / "fingerprints.json").write_text(json.dumps(fingerprints, indent=2) + "\n")


def _faulty_mirror(parts: Build, name: str, fault: Fault) -> None:
    """A whole mirror with one fault: its NVIDIA repository; the other repositories are links to the sound ones."""
    root = parts.tree / "faults" / name
    root.mkdir(parents=True)
    for sound in ("centos", "epel"):
        (root / sound).symlink_to(Path("../..") / sound)
    _repository(parts, root, "nvidia", fault)
    _publish_keys(parts, root, fault)
