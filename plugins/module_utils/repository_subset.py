"""A package repository's own metadata, less the packages that were not copied. Runs on the host's Python 3.6.

Written anew from the original instead of read from the files, so that no other program is needed and what a package
says of itself stays as its vendor published it.
"""

import gzip
import hashlib
import io
import os
import re
from typing import Any, Collection, Dict, List
from xml.etree import ElementTree

from ansible.module_utils.repository_metadata import COMMON, REPOMD, Repository

FILELISTS = "{http://linux.duke.edu/metadata/filelists}"
# libsolv reads prefixes, not namespaces, so these must be written as everybody writes them.
NAMESPACES = {
    "primary": {"": COMMON[1:-1], "rpm": "http://linux.duke.edu/metadata/rpm"},
    "filelists": {"": FILELISTS[1:-1]},
}


def subset_primary(content: bytes, locations: Collection[str]) -> bytes:
    """The primary metadata with the packages at these locations alone."""
    root = ElementTree.fromstring(content)
    for package in list(root):
        place = package.find(COMMON + "location")
        if place is None or place.get("href") not in locations:
            root.remove(package)
    return _document(root, "primary")


def subset_filelists(content: bytes, checksums: Collection[str]) -> bytes:
    """The lists of files of the packages with these checksums, which stand there as pkgid."""
    root = ElementTree.fromstring(content)
    for package in list(root):
        if package.get("pkgid") not in checksums:
            root.remove(package)
    return _document(root, "filelists")


def checksums_of(primary: bytes) -> List[str]:
    """The checksum of every package in primary metadata."""
    return [element.text or "" for element in ElementTree.fromstring(primary).iter(COMMON + "checksum")]


def _document(root: Any, kind: str) -> bytes:
    root.set("packages", str(len(root)))
    for prefix, address in NAMESPACES[kind].items():
        ElementTree.register_namespace(prefix, address)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + bytes(ElementTree.tostring(root, encoding="utf-8"))


def subset_modules(text: str, names: Collection[str]) -> str:
    """Modulemd documents that still have a package: `names` are "name-epoch:version-release.arch" of what was copied.

    Artifacts that were not copied are left out, so that nobody takes them for on offer. Defaults go with their module.
    """
    documents = [part for part in re.split(r"^---\s*$", text, flags=re.MULTILINE) if part.strip()]
    kept, modules = [], set()
    for document in documents:
        if _value(document, "document") != "modulemd":
            continue
        lines = [line for line in document.splitlines() if not _is_other_artifact(line, names)]
        if any(_artifact(line) for line in lines):
            kept.append("\n".join(lines).strip("\n"))
            modules.add((_value(document, "name"), _value(document, "stream")))
    for document in documents:
        if _value(document, "document") == "modulemd-defaults":
            module = _value(document, "module")
            if (module, _value(document, "stream")) in modules:
                kept.append(document.strip("\n"))
    return "".join("---\n" + document + "\n" for document in kept)


def _value(document: str, key: str) -> str:
    match = re.search(r"^\s*" + key + r":\s*[\"']?([^\"'\s]+)", document, flags=re.MULTILINE)
    return match.group(1) if match else ""


def _artifact(line: str) -> str:
    match = re.match(r"^\s*-\s*[\"']?(\S+-\d+:[^-\s]+-[^-\s]+\.[^.\s\"']+)[\"']?\s*$", line)
    return match.group(1) if match else ""


def _is_other_artifact(line: str, names: Collection[str]) -> bool:
    return bool(_artifact(line)) and _artifact(line) not in names


def metadata_files(repository: Repository, locations: Collection[str], names: Collection[str]) -> Dict[str, bytes]:
    """The files below repodata/ by name, repomd.xml last, for the copied packages of a repository.

    locations: as the primary metadata gives them; names: as in modulemd.
    """
    parts: Dict[str, bytes] = {}
    primary = subset_primary(repository.read("primary") or b"<metadata/>", locations)
    parts["primary.xml"] = primary
    filelists = repository.read("filelists")
    if filelists:
        parts["filelists.xml"] = subset_filelists(filelists, checksums_of(primary))
    modules = subset_modules((repository.read("modules") or b"").decode(), names)
    if modules:
        parts["modules.yaml"] = modules.encode()
    files: Dict[str, bytes] = {}
    entries = []
    for name, content in parts.items():
        packed = _packed(content)
        digest = hashlib.sha256(packed).hexdigest()
        files["{0}-{1}.gz".format(digest, name)] = packed
        entries.append(_entry(name, content, packed, digest))
    files["repomd.xml"] = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="{0}">\n{1}</repomd>\n'.format(
            REPOMD[1:-1], "".join(entries)
        )
    ).encode()
    return files


def _packed(content: bytes) -> bytes:
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as stream:  # the same content gives the same bytes
        stream.write(content)
    return target.getvalue()


def _entry(name: str, content: bytes, packed: bytes, digest: str) -> str:
    return (
        '  <data type="{0}">\n    <checksum type="sha256">{1}</checksum>\n'
        '    <open-checksum type="sha256">{2}</open-checksum>\n    <location href="repodata/{1}-{3}.gz"/>\n'
        "    <timestamp>0</timestamp>\n    <size>{4}</size>\n    <open-size>{5}</open-size>\n  </data>\n"
    ).format(os.path.splitext(name)[0], digest, hashlib.sha256(content).hexdigest(), name, len(packed), len(content))
