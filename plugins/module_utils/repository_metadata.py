"""What a package repository offers, read from its own metadata, whatever the host's dnf is configured to.

So a host can be judged before a repository file is written on it. Runs on the host's Python 3.6.
"""

import bz2
import gzip
import io
import lzma
import re
import zlib
from typing import Callable, Dict, Iterable, List, Optional, Set
from urllib.parse import urljoin
from xml.etree import ElementTree

from ansible.module_utils import zstd
from ansible.module_utils.host_dnf import NoAnswer, download

REPOMD = "{http://linux.duke.edu/metadata/repo}"
COMMON = "{http://linux.duke.edu/metadata/common}"
# By what a file begins with: some servers unpack what they send, and leave its name.
_UNPACK: Dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
    b"BZh": bz2.decompress,
    b"\x28\xb5\x2f\xfd": zstd.decompress,
}
_DAMAGED = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


class Unreadable(Exception):
    """Metadata that cannot be had or understood; the message says why."""


def fetcher(timeout: int) -> Callable[[str], bytes]:
    """A function that brings the content at file:// or http(s)://, or raises Unreadable; `timeout` in seconds."""

    def fetch(address: str) -> bytes:
        try:
            content: bytes = download(address, timeout)
        except NoAnswer as error:
            raise Unreadable(str(error)) from error
        return content

    return fetch


class Repository:
    """A repository at an address; `fetch(address)` returns bytes or raises Unreadable."""

    def __init__(self, address: str, fetch: Callable[[str], bytes]) -> None:
        self.address = address.rstrip("/") + "/"
        self.fetch = fetch
        try:
            root = ElementTree.fromstring(fetch(self.address + "repodata/repomd.xml"))
        except ElementTree.ParseError as error:
            raise Unreadable("its repomd.xml is no XML ({0}): is this a repository?".format(error)) from error
        self.parts: Dict[str, str] = {}
        for data in root.iter(REPOMD + "data"):
            location = data.find(REPOMD + "location")
            if location is not None:
                self.parts[data.get("type", "")] = location.get("href", "")

    def read(self, part: str) -> Optional[bytes]:
        """The unpacked metadata of one type ("primary", "modules"); None when there is none."""
        if part not in self.parts:
            return None
        content = self.fetch(urljoin(self.address, self.parts[part]))
        for start, unpack in _UNPACK.items():
            if content.startswith(start):
                try:
                    return unpack(content)
                except _DAMAGED as error:
                    raise Unreadable("its {0} metadata cannot be unpacked: {1}".format(part, error)) from error
        return content

    def versions(self, names: Iterable[str]) -> Dict[str, List[str]]:
        """name -> sorted "epoch:version-release" on offer."""
        found: Dict[str, Set[str]] = {name: set() for name in names}
        content = self.read("primary")
        try:
            for _, package in ElementTree.iterparse(io.BytesIO(content)) if content else ():
                if package.tag != COMMON + "package":
                    continue
                name = package.findtext(COMMON + "name")
                version = package.find(COMMON + "version")
                if name in found and version is not None:
                    found[name].add("{0}:{1}-{2}".format(version.get("epoch"), version.get("ver"), version.get("rel")))
                package.clear()
        except ElementTree.ParseError as error:
            raise Unreadable("its primary metadata is no XML: {0}".format(error)) from error
        return {name: sorted(versions) for name, versions in found.items()}

    def streams(self, module: str, package: str) -> Dict[str, List[str]]:
        """Stream of a dnf module -> versions of one of its packages; empty where the metadata knows no modules."""
        content = self.read("modules")
        return parse_streams(content.decode("utf-8", "replace"), module, package) if content else {}


def parse_streams(text: str, module: str, package: str) -> Dict[str, List[str]]:
    """The streams in modulemd documents. EL8's platform-python has no YAML parser, and these few keys need none."""
    found: Dict[str, Set[str]] = {}
    for document in re.split(r"^---\s*$", text, flags=re.MULTILINE):
        values = dict(
            re.findall(r"^\s*(document|name|stream):\s*[\"']?([^\"'\s]+)", document, flags=re.MULTILINE)[::-1]
        )
        if values.get("document") != "modulemd" or values.get("name") != module or "stream" not in values:
            continue
        artifact = r"^\s*-\s*[\"']?" + re.escape(package) + r"-(?:\d+:)?([^-\s]+)-[^-\s]+\.[^.\s]+[\"']?\s*$"
        found.setdefault(values["stream"], set()).update(re.findall(artifact, document, flags=re.MULTILINE))
    return {stream: sorted(versions) for stream, versions in found.items()}
