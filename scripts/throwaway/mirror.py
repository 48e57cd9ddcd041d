"""The offline mirror: stub rpms in signed repositories laid out like the public ones, and faulty variants of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from .cache import CACHE, content_key, lock, run, say
from .catalog import DOUBLES, Source, Streams, load_sources, load_streams, modules_yaml
from .rpms import Signer, build_rpms, keyring, new_signer

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
    overlay: str = ""  # repository whose rpms replace the sound ones of the same name


FAULTS = {
    "expired-key": Fault(signer="expired", published_key="expired"),
    "wrong-key": Fault(signer="stranger"),
    "missing-stream": Fault(without_streams="510"),
    "newer-kernel": Fault(overlay="newer-kernel"),
}


@dataclass(frozen=True)
class Build:
    """What the parts of one mirror build share."""

    tree: Path
    rpms: Path  # unsigned, a folder for each repository
    sources: list[Source]
    streams: Streams
    signers: dict[str, Signer]


def mirror_key() -> str:
    """Content key of everything the mirror is made from."""
    return content_key([DOUBLES, *_code()])


def mirror_folder() -> Path:
    """Where the mirror of the present inputs lies, built or not."""
    return CACHE / "mirror" / mirror_key()


def ensure_mirror() -> Path:
    """Return the mirror's folder, built first when there is none for the present inputs."""
    target = mirror_folder()
    if target.is_dir():
        return target
    with lock("mirror"):
        if target.is_dir():
            return target
        say("Building the offline mirror of stub rpms")
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with keyring() as home:
            _build(partial, home)
        partial.rename(target)
        say(f"Mirror ready: {sum(1 for _ in target.rglob('*.rpm'))} rpms")
    return target


def _code() -> list[Path]:
    here = Path(__file__).parent
    return [here / name for name in ("mirror.py", "rpms.py", "catalog.py")]


def _build(tree: Path, home: Path) -> None:
    work = tree / "work"
    signers = {
        "centos": new_signer(home, "CentOS (test double) <centos@example.test>"),
        "epel": new_signer(home, "Fedora EPEL 8 (test double) <epel@example.test>"),
        "nvidia": new_signer(home, "cudatools (test double) <cudatools@example.test>"),
        "stranger": new_signer(home, "Stranger (test double) <stranger@example.test>"),
        # Made and expired in the past, and it signs as if it were then.
        "expired": new_signer(home, "cudatools 2019 (test double) <old@example.test>", clock="20190101T000000", expires="1y"),
    }
    sources = load_sources()
    for source in sources:
        for build in source.builds:
            build_rpms(source, build, work / "rpms" / source.repository, work / "build" / f"{source.name}-{build}")
    say("Signing and indexing the mirror")
    parts = Build(tree, work / "rpms", sources, load_streams(), signers)
    for repository in FOLDERS:
        _repository(parts, tree, repository, Fault())
    _publish_keys(parts, tree, Fault())
    for name, fault in FAULTS.items():
        _faulty_mirror(parts, name, fault)
    shutil.copy(DOUBLES / "MIRROR.md", tree / "README.md")
    shutil.rmtree(work)


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
    if repository == "nvidia":
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
