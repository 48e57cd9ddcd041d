"""The stub rpms and module streams of the offline mirror, read from molecule/doubles/."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cache import PROJECT, Failure

DOUBLES = PROJECT / "molecule" / "doubles"


@dataclass(frozen=True)
class Package:
    """One binary package; texts may hold {version} and {evr} of the source it is built from."""

    name: str
    epoch: int | None = None  # None: the source's
    only: list[str] = field(default_factory=list)  # versions that have it; empty: all
    requires: list[str] = field(default_factory=list)
    provides: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)  # path on the host -> file in molecule/doubles/files


@dataclass(frozen=True)
class Source:
    """One rpmbuild for each of `builds` (version-release), giving all `packages` and `stubs`."""

    name: str
    repository: str
    builds: list[str]
    epoch: int = 0
    packages: list[Package] = field(default_factory=list)
    stubs: list[str] = field(default_factory=list)

    def contents(self, version: str) -> list[Package]:
        """Every package of the source at a version, the stubs as packages without content."""
        present = [package for package in self.packages if not package.only or version in package.only]
        return present + [Package(name) for name in self.stubs]


@dataclass(frozen=True)
class Streams:
    """The module nvidia-driver: streams, the default one and the profiles that each of them has."""

    default: str
    streams: dict[str, dict[str, Any]]
    profiles: dict[str, list[str]]


def load_sources(path: Path = DOUBLES / "packages.toml") -> list[Source]:
    """Read the declared sources; Failure when an entry has an unknown or missing key."""
    sources = []
    for entry in tomllib.loads(path.read_text())["source"]:
        packages = [Package(**package) for package in entry.pop("packages", [])]
        try:
            sources.append(Source(packages=packages, **entry))
        except TypeError as error:
            raise Failure(f"{path}: source {entry.get('name', '?')}: {error}") from error
    return sources


def load_streams(path: Path = DOUBLES / "streams.toml") -> Streams:
    """Read the module streams."""
    return Streams(**tomllib.loads(path.read_text()))


def modules_yaml(sources: list[Source], streams: Streams) -> str:
    """Render modules.yaml as NVIDIA's repository carries it."""
    driver = next(source for source in sources if source.name == "nvidia-driver")
    documents = [_stream_document(driver, streams, name) for name in streams.streams]
    profiles = "".join(f'    "{name}": [default]\n' for name in streams.streams)
    default = f'  stream: "{streams.default}"\n' if streams.default in streams.streams else ""
    documents.append(
        "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: nvidia-driver\n"
        f"{default}  profiles:\n{profiles}...\n"
    )
    return "".join(documents)


def _stream_document(driver: Source, streams: Streams, name: str) -> str:
    stream = streams.streams[name]
    kmod, drivers = stream["kmod"], stream["drivers"]
    newest = drivers[-1]
    artifacts = []
    for build in driver.builds:
        version = build.partition("-")[0]
        if version not in drivers:
            continue
        for package in driver.contents(version):
            if package.name.startswith("kmod-") and package.name != kmod:
                continue
            epoch = driver.epoch if package.epoch is None else package.epoch
            artifacts.append(f"{package.name.format(version=version)}-{epoch}:{build}.x86_64")
    profiles = "".join(
        f"    {profile}:\n      rpms: [{', '.join(n.format(kmod=kmod.format(version=newest)) for n in names)}]\n"
        for profile, names in streams.profiles.items()
    )
    return (
        f'---\ndocument: modulemd\nversion: 2\ndata:\n  name: nvidia-driver\n  stream: "{name}"\n'
        "  version: 20220501000000\n  context: 0123abcd\n  arch: x86_64\n"
        f"  summary: Test double of NVIDIA's driver, stream {name}\n  description: Test double\n"
        "  license:\n    module: [MIT]\n  dependencies: []\n"
        f"  profiles:\n{profiles}  artifacts:\n    rpms:\n" + "".join(f"      - {a}\n" for a in artifacts) + "...\n"
    )
