"""What is installed, read from the rpm database and dnf's own files. Runs on the host's Python 3.6."""

import os
from typing import Any, Dict, Iterable, List, Set

MODULES_DIRECTORY = "/etc/dnf/modules.d"


def _text(value: Any) -> str:
    """A tag of an rpm header as text: bytes with the rpm of EL8.0, text since."""
    return value.decode() if isinstance(value, bytes) else value


def installed_versions(names: Iterable[str]) -> Dict[str, List[str]]:
    """name -> list of the different installed "epoch:version-release", empty when the package is not there."""
    import rpm  # only on the host

    transaction = rpm.TransactionSet()
    return {
        name: sorted(
            {
                "{0}:{1}-{2}".format(header["epoch"] or 0, _text(header["version"]), _text(header["release"]))
                for header in transaction.dbMatch("name", name)
            }
        )
        for name in names
    }


def installed_family(globs: Iterable[str]) -> Dict[str, List[str]]:
    """The installed packages whose names match one of the shell patterns, as installed_versions returns them."""
    import rpm  # only on the host

    transaction = rpm.TransactionSet()
    names: Set[str] = set()
    for glob in globs:
        found = transaction.dbMatch()
        found.pattern("name", rpm.RPMMIRE_GLOB, glob)
        names.update(_text(header["name"]) for header in found)
    return installed_versions(names)


def enabled_stream(module_name: str, directory: str = MODULES_DIRECTORY) -> str:
    """The stream of a dnf module that is enabled on the host, "" when none is."""
    path = os.path.join(directory, module_name + ".module")
    if not os.path.exists(path):
        return ""
    settings = {}
    with open(path) as lines:
        for line in lines:
            key, found, value = line.partition("=")
            if found:
                settings[key.strip()] = value.strip()
    return settings.get("stream", "") if settings.get("state") == "enabled" else ""
