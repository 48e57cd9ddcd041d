"""What a package repository offers, read from its own metadata, whatever the host's dnf is configured to.

So a host can be judged before a repository file is written on it. Runs on the host's Python 3.6.
"""

import bz2
import gzip
import io
import lzma
import posixpath
import re
from typing import IO, Any, Callable, Dict, Iterable, List, Optional, Set
from xml.etree import ElementTree

from ansible.module_utils.urls import fetch_url

REPOMD = "{http://linux.duke.edu/metadata/repo}"
COMMON = "{http://linux.duke.edu/metadata/common}"
_OPENERS: Dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}


class Unreadable(Exception):
    """Metadata that cannot be had or understood; the message says why."""


def fetcher(module: Any, timeout: int) -> Callable[[str], bytes]:
    """A function that brings the content at file:// or http(s)://, or raises Unreadable; `timeout` in seconds."""

    def fetch(address: str) -> bytes:
        if address.startswith("file://"):
            try:
                with open(address[len("file://") :], "rb") as stream:
                    return stream.read()
            except OSError as error:
                raise Unreadable(str(error)) from error
        response, info = fetch_url(module, address, timeout=timeout)
        if info["status"] != 200:
            raise Unreadable(info["msg"])
        return bytes(response.read())

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

    def open(self, part: str) -> Optional[IO[bytes]]:
        """A file object of the unpacked metadata of one type ("primary", "modules"); None when there is none."""
        if part not in self.parts:
            return None
        content = io.BytesIO(self.fetch(self.address + self.parts[part]))
        suffix = posixpath.splitext(self.parts[part])[1]
        if suffix in (".xml", ".yaml"):
            return content
        if suffix not in _OPENERS:
            raise Unreadable("its {0} metadata is packed as {1}".format(part, suffix))
        unpacked: IO[bytes] = _OPENERS[suffix](content)
        return unpacked

    def versions(self, names: Iterable[str]) -> Dict[str, List[str]]:
        """name -> sorted "epoch:version-release" on offer."""
        found: Dict[str, Set[str]] = {name: set() for name in names}
        stream = self.open("primary")
        for _, package in ElementTree.iterparse(stream) if stream else ():
            if package.tag != COMMON + "package":
                continue
            name = package.findtext(COMMON + "name")
            version = package.find(COMMON + "version")
            if name in found and version is not None:
                found[name].add("{0}:{1}-{2}".format(version.get("epoch"), version.get("ver"), version.get("rel")))
            package.clear()
        return {name: sorted(versions) for name, versions in found.items()}

    def streams(self, module: str, package: str) -> Dict[str, List[str]]:
        """Stream of a dnf module -> versions of one of its packages."""
        stream = self.open("modules")
        return parse_streams(stream.read().decode(), module, package) if stream else {}


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
