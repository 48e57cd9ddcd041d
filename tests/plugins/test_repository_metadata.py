"""What a repository offers, from metadata as createrepo_c and modifyrepo_c write it."""

from __future__ import annotations

import bz2
import ctypes
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


def zstd(content: bytes) -> bytes:
    """Packed by libzstd in two frames, as a program that packs in pieces does."""
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = ctypes.c_size_t
    frames = b""
    for part in (content[:100], content[100:]):
        room = ctypes.create_string_buffer(len(part) + 1000)
        size = library.ZSTD_compress(room, ctypes.c_size_t(len(room)), part, ctypes.c_size_t(len(part)), 3)
        frames += room.raw[:size]
    return frames


PACKED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gz", gzip.compress),
    ("xz", lzma.compress),
    ("bz2", bz2.compress),
    ("zst", zstd),
    ("gz", bytes),  # a server that unpacks what it sends, under the name that it has
]


def server(suffix: str, pack: Callable[[bytes], bytes]) -> Callable[[str], bytes]:
    files = {
        "http://m/repodata/repomd.xml": REPOMD.format(suffix=suffix).encode(),
        f"http://m/repodata/1-primary.xml.{suffix}": pack(PRIMARY),
        "http://m/repodata/2-modules.yaml": MODULES.encode(),
    }
    return files.__getitem__


@pytest.mark.parametrize(("suffix", "pack"), PACKED)
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


@pytest.mark.parametrize(("suffix", "pack"), PACKED)
@pytest.mark.parametrize("damage", [lambda packed: packed[:-40], lambda packed: packed[:30] + b"\0" * 30 + packed[60:]])
def test_damaged_metadata_is_named(
    suffix: str, pack: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(Unreadable, match=r"its primary metadata (cannot be unpacked|is no XML): ."):
        Repository("http://m", server(suffix, lambda content: damage(pack(content)))).versions(["libcudnn8"])


def test_content_of_some_size_is_unpacked_whole() -> None:
    content = PRIMARY.replace(b"</metadata>", b"<!--" + bytes(range(65, 90)) * 200_000 + b"--></metadata>")
    served = server("zst", lambda _: zstd(content))
    assert Repository("http://m", served).read("primary") == content


def test_an_address_that_is_no_repository() -> None:
    with pytest.raises(Unreadable, match=r"repomd\.xml is no XML"):
        Repository("http://m", lambda address: b"<html>Sign in")
