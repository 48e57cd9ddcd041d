"""The models that a host is to serve, as far as the controller knows them: pure functions, and a few that read files.

source.py reads what a source says of its model, release.py what this release of the service can build, entries.py the
inventory's list, devices.py which GPU a name means, memory.py what engines take there, built.py what the bundle holds.
"""

from .built import bundled, served
from .devices import DeviceError, KnownGpu, device_of
from .entries import Entry, parse
from .memory import needed_mib
from .release import Release
from .source import Source, SourceError, locate, read, renamed

__all__ = [
    "DeviceError",
    "Entry",
    "KnownGpu",
    "Release",
    "Source",
    "SourceError",
    "bundled",
    "device_of",
    "locate",
    "needed_mib",
    "parse",
    "read",
    "renamed",
    "served",
]
