"""What a repository offers, from metadata as createrepo_c and modifyrepo_c write it."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable

import pytest
from repository_metadata import Repository, Unreadable, parse_streams

REPOMD = """<repomd xmlns="http://linux.duke.edu/metadata/repo">
<data type="primary"><location href="repodata/1-primary.xml.{suffix}"/></data>
<data type="modules"><location href="repodata/2-modules.yaml"/></data></repomd>"""
PRIMARY = b"""<metadata xmlns="http://linux.duke.edu/metadata/common">
<package type="rpm"><name>libcudnn8</name><version epoch="0" ver="8.5.0.96" rel="1.cuda11.7"/></package>
<package type="rpm"><name>libcudnn8</name><version epoch="0" ver="8.4.1.50" rel="1.cuda11.6"/></package>
<package type="rpm"><name>other</name><version epoch="0" ver="1" rel="1"/></package></metadata>"""
MODULES = """---
document: modulemd-defaults
version: 1
data:
  module: nvidia-driver
  stream: latest-dkms
---
document: modulemd
version: 2
data:
  name: nvidia-driver
  stream: "510-dkms"
  artifacts:
    rpms:
      - nvidia-driver-3:510.108.03-1.el8.x86_64
      - nvidia-driver-3:510.47.03-1.el8.x86_64
      - nvidia-driver-libs-3:510.39.01-1.el8.x86_64
...
---
document: modulemd
data:
  name: 389-ds
  stream: 1.4
"""


def server(suffix: str, pack: Callable[[bytes], bytes]) -> Callable[[str], bytes]:
    files = {
        "http://m/repodata/repomd.xml": REPOMD.format(suffix=suffix).encode(),
        f"http://m/repodata/1-primary.xml.{suffix}": pack(PRIMARY),
        "http://m/repodata/2-modules.yaml": MODULES.encode(),
    }
    return files.__getitem__


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_versions_on_offer(suffix: str, pack: Callable[[bytes], bytes]) -> None:
    repository = Repository("http://m", server(suffix, pack))
    assert repository.versions(["libcudnn8", "absent"]) == {
        "libcudnn8": ["0:8.4.1.50-1.cuda11.6", "0:8.5.0.96-1.cuda11.7"],
        "absent": [],
    }


def test_streams_of_one_module_with_the_versions_of_one_package() -> None:
    streams = Repository("http://m/", server("gz", gzip.compress)).streams("nvidia-driver", "nvidia-driver")
    assert streams == {"510-dkms": ["510.108.03", "510.47.03"]}


def test_a_module_without_documents_has_no_streams() -> None:
    assert parse_streams("", "nvidia-driver", "nvidia-driver") == {}


def test_packing_that_platform_python_cannot_read_is_named() -> None:
    with pytest.raises(Unreadable, match=r"packed as \.zst"):
        Repository("http://m", server("zst", bytes)).versions(["libcudnn8"])


def test_an_address_that_is_no_repository() -> None:
    with pytest.raises(Unreadable, match=r"repomd\.xml is no XML"):
        Repository("http://m", lambda address: b"<html>Sign in")
