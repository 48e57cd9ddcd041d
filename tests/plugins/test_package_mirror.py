"""What a mirror holds: which packages an inventory asks for, and metadata less what was not copied."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import package_mirror
import pytest
import yaml
from mirror_tree import MARK, MirrorTree, Stranger
from repository_metadata import Repository, parse_streams
from repository_subset import metadata_files

ROLES = Path(__file__).resolve().parents[2] / "roles"
REPOMD = b"""<repomd xmlns="http://linux.duke.edu/metadata/repo">
<data type="primary"><location href="repodata/primary.xml.gz"/></data>
<data type="filelists"><location href="repodata/filelists.xml.gz"/></data>
<data type="modules"><location href="repodata/modules.yaml.gz"/></data></repomd>"""
PACKAGE = """<package type="rpm"><name>{name}</name><arch>x86_64</arch><version epoch="3" ver="{ver}" rel="1.el8"/>
<checksum type="sha256" pkgid="YES">{sum}</checksum><location href="Packages/{name}-{ver}.rpm"/>
<format><rpm:requires><rpm:entry name="/bin/sh"/></rpm:requires></format></package>"""
PRIMARY = (
    '<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm">'
    + PACKAGE.format(name="nvidia-driver", ver="510.47.03", sum="aa")
    + PACKAGE.format(name="nvidia-driver", ver="530.30.02", sum="bb")
    + "</metadata>"
)
FILELISTS = """<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="2">
<package pkgid="aa" name="nvidia-driver"><file>/usr/bin/a</file></package>
<package pkgid="bb" name="nvidia-driver"><file>/usr/bin/b</file></package></filelists>"""
MODULES = """---
document: modulemd
data:
  name: nvidia-driver
  stream: "510-dkms"
  artifacts:
    rpms:
      - nvidia-driver-3:510.47.03-1.el8.x86_64
      - nvidia-driver-3:510.108.03-1.el8.x86_64
...
---
document: modulemd
data:
  name: nvidia-driver
  stream: latest-dkms
  artifacts:
    rpms:
      - nvidia-driver-3:530.30.02-1.el8.x86_64
...
---
document: modulemd-defaults
data:
  module: nvidia-driver
  stream: latest-dkms
...
"""


def subset() -> dict[str, bytes]:
    """The metadata of a repository of which one package was copied."""
    files = {
        "http://m/repodata/repomd.xml": REPOMD,
        "http://m/repodata/primary.xml.gz": gzip.compress(PRIMARY.encode()),
        "http://m/repodata/filelists.xml.gz": gzip.compress(FILELISTS.encode()),
        "http://m/repodata/modules.yaml.gz": gzip.compress(MODULES.encode()),
    }
    repository = Repository("http://m", files.__getitem__)
    return metadata_files(
        repository, {"Packages/nvidia-driver-510.47.03.rpm"}, {"nvidia-driver-3:510.47.03-1.el8.x86_64"}
    )


def part(name: str) -> str:
    (content,) = [content for path, content in subset().items() if path.endswith(f"-{name}.gz")]
    return gzip.decompress(content).decode()


def test_metadata_names_what_was_copied_and_nothing_else() -> None:
    mirror = Repository("http://n", {f"http://n/repodata/{k}": v for k, v in subset().items()}.__getitem__)
    assert mirror.versions(["nvidia-driver"]) == {"nvidia-driver": ["3:510.47.03-1.el8"]}
    assert mirror.streams("nvidia-driver", "nvidia-driver") == {"510-dkms": ["510.47.03"]}
    assert "/usr/bin/a" in part("filelists.xml") and "/usr/bin/b" not in part("filelists.xml")


def test_a_default_stream_that_was_not_copied_goes_too() -> None:
    assert "modulemd-defaults" not in part("modules.yaml")
    assert parse_streams(part("modules.yaml"), "nvidia-driver", "nvidia-driver") == {"510-dkms": ["510.47.03"]}


def test_prefixes_stay_as_solvers_read_them() -> None:
    assert '<rpm:entry name="/bin/sh"' in part("primary.xml") and "ns0:" not in part("primary.xml")


def test_repomd_comes_last_and_the_same_content_gives_the_same_files() -> None:
    assert list(subset())[-1] == "repomd.xml"
    assert subset() == subset()


def test_sets_follow_the_hosts_variables() -> None:
    hosts = [{}, {}, {"nvidia_driver_stream": "510"}, {"stack_name": "cpu", "stack_service": "cpu"}]
    compiled, precompiled, cpu = package_mirror.mirror_sets(hosts, ["tuned"], ["4.18.0-348.7.1.el8_5"])
    names = {item["name"]: item["version"] for item in compiled["packages"]}
    assert compiled["stream"] == "nvidia-driver:510-dkms"
    assert names["nvidia-fabric-manager"] == names["kmod-nvidia-latest-dkms"] == "510.47.03"
    assert "nvidia-driver-NVML" in names and "libnvidia-ml" not in names
    assert names["kernel-devel"] == "4.18.0-348.7.1.el8_5" and names["tuned"] == ""
    assert names["libcudnn8-devel"] == "8.4.1.50-1.cuda11.6" and "cuda-toolkit-11-6" in names and "python38" in names
    module = {"name": "kmod-nvidia-510.47.03-4.18.0-348.7.1", "version": "510.47.03"}
    assert module in precompiled["packages"] and precompiled["stream"] == "nvidia-driver:510"
    assert cpu == {
        "stream": "",
        "packages": [{"name": "tuned", "version": ""}, {"name": "python3.11", "version": ""}],
    }


def test_nvml_has_the_name_of_its_branch() -> None:
    (wanted,) = package_mirror.mirror_sets([{"stack_name": "cuda12"}], [], [])
    names = {item["name"] for item in wanted["packages"]}
    assert "libnvidia-ml" in names and "nvidia-driver-NVML" not in names


def test_the_default_names_every_package_that_a_role_installs_by_name() -> None:
    """A package that a role's tasks name must be in the mirror, or a host without internet stops there."""
    defaults = yaml.safe_load((ROLES / "package_mirror/defaults/main.yml").read_text())["package_mirror_packages"]
    named = {
        name
        for path in ROLES.glob("*/tasks/*.yml")
        if "pinned_packages:" in path.read_text()
        for name in re.findall(r"{\s*name: ([a-z0-9.-]+),", path.read_text())
    }
    # Where a role chooses between packages, its variable lists them. The driver's own follow from the hosts.
    for path in ROLES.glob("[!n]*/vars/main.yml"):
        for expression in re.findall(r"^__\w+_packages: >-\n((?: .*\n)+)", path.read_text(), re.MULTILINE):
            named |= {
                name for part in re.findall(r"\[([^]]*)\]", expression) for name in re.findall(r"'([^']+)'", part)
            }
    assert named == set(defaults)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("mine")
    with pytest.raises(Stranger, match="something else"):
        MirrorTree(str(tmp_path), dry_run=False)
    assert (tmp_path / "letters").read_text() == "mine"


def test_what_is_no_longer_wanted_leaves_the_mirror(tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    first = MirrorTree(str(root), dry_run=False)
    first.write("repodata/old.gz", b"1")
    first.write("repodata/repomd.xml", b"1")
    foreseen = MirrorTree(str(root), dry_run=True)
    foreseen.write("repodata/repomd.xml", b"2")
    assert foreseen.changed and (root / "repodata/repomd.xml").read_bytes() == b"1"
    second = MirrorTree(str(root), dry_run=False)
    second.write("repodata/repomd.xml", b"1")
    assert second.remove_others() == ["repodata/old.gz"] and not second.changed
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == [MARK, "repomd.xml"]
