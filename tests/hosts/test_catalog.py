"""The declared stub rpms and streams fit together, without building them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from throwaway import catalog, rpms
from throwaway.cache import Failure

SOURCES = catalog.load_sources()
STREAMS = catalog.load_streams()
DRIVER = next(source for source in SOURCES if source.name == "nvidia-driver")


def test_every_package_is_declared_once_for_a_version() -> None:
    sound = [source for source in SOURCES if source.repository != "newer-kernel"]
    built = [
        (package.name.format(version=build.partition("-")[0]), build)
        for source in sound
        for build in source.builds
        for package in source.contents(build.partition("-")[0])
    ]
    assert len(built) == len(set(built))


def test_every_file_of_a_package_has_its_double() -> None:
    named = {name for source in SOURCES for package in source.packages for name in package.files.values()}
    assert named == {path.name for path in (catalog.DOUBLES / "files").iterdir()}


@pytest.mark.parametrize("stream", STREAMS.streams)
def test_a_stream_holds_what_its_profiles_install(stream: str) -> None:
    documents = catalog.modules_yaml(SOURCES, STREAMS).split("---\n")
    document = next(text for text in documents if f'stream: "{stream}"\n' in text)
    artifacts = {line.strip(" -") for line in document.partition("rpms:\n")[2].splitlines()}
    offered = {artifact.rsplit("-", 2)[0] for artifact in re.findall(r"      - (\S+)", document)}
    assert artifacts
    for names in re.findall(r"rpms: \[(.*)\]", document):
        assert set(names.split(", ")) <= offered


def test_streams_name_only_drivers_that_are_built() -> None:
    built = {build.partition("-")[0] for build in DRIVER.builds}
    assert all(set(stream["drivers"]) <= built for stream in STREAMS.streams.values())


def test_a_spec_carries_epoch_requirements_and_the_version_in_its_files(tmp_path: Path) -> None:
    spec = rpms.render_spec(DRIVER, "510.47.03-1.el8", tmp_path)
    assert "Requires: nvidia-driver-libs = 3:510.47.03-1.el8" in spec
    assert "%package -n kmod-nvidia-510.47.03-4.18.0-348.7.1\n" in spec
    assert "%package -n kmod-nvidia-open-dkms\n" not in spec, "open kernel modules begin with 515"
    smi = next(tmp_path.glob("nvidia-driver-cuda.*")).read_text()
    assert 'VERSION = "510.47.03"' in smi


def test_a_misspelt_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "packages.toml"
    path.write_text('[[source]]\nname = "x"\nrepository = "epel"\nbuilds = []\nstub = []\n')
    with pytest.raises(Failure, match=r"source x.*'stub'"):
        catalog.load_sources(path)
