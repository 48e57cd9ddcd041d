"""What an exact set of rpm packages may do to a host: version locks and the judgement of a transaction.

Pure functions, so that they are tested without dnf. Runs on the host's Python 3.6.
"""

import re
from fnmatch import fnmatchcase
from typing import Any, Collection, Dict, Iterable, List, Mapping, NamedTuple, Set


class Change(NamedTuple):
    """One package that a transaction changes; `new` and `old` are "epoch:version-release", "" where there is none.

    `unneeded`: it came as a requirement of another package, and nothing needs it any more.
    """

    name: str
    new: str
    old: str
    unneeded: bool = False


class Refusal(NamedTuple):
    """Why a transaction must not run, and the way out."""

    cause: str
    remedy: str


# The parts of the standard kernel, of which dnf would otherwise install the newest beside an older one.
_STANDARD_KERNEL = (
    *("kernel", "kernel-core", "kernel-devel"),
    *("kernel-modules", "kernel-modules-extra", "kernel-modules-internal"),
)
# Words in the names of packages that are made together with a kernel and go with any.
_WITH_ANY_KERNEL = frozenset(["headers", "tools", "doc", "abi", "macros", "debuginfo", "selftests", "ipaclones"])

# "name-epoch:version-release.arch", the form that `dnf versionlock add` writes; the epoch may be missing.
_LOCK = re.compile(r"^(?P<name>[^!\s].*)-(?P<evr>(?:\d+:)?[^-\s]+-[^-\s]+)\.[^.\s]+$")


def is_kernel_part(name: str) -> bool:
    """Whether a package is part of one kernel, whatever its kind (kernel-rt-core, kernel-modules-extra, kernel-devel).

    dnf keeps several versions of these side by side, and each needs the others of its own version.
    """
    words = name.split("-")
    return words[0] == "kernel" and not _WITH_ANY_KERNEL.intersection(words)


def kernel_locks(kernel: str, installed: Mapping[str, List[str]]) -> Dict[str, str]:
    """name -> version at which every part of a kernel is locked, so that an update brings no other kernel.

    `kernel` is a version as rpm writes it. A part that is not installed is locked too, so that it comes at the right
    version. One that is there at another version, another kind of kernel for example, is locked at its newest: its
    update would need, or be, a newer kernel.
    """
    running = [evr for evr in installed.get("kernel-core", []) if version_matches(kernel, evr)]
    locks = dict.fromkeys(_STANDARD_KERNEL, running[0]) if running else {}
    for name, versions in installed.items():
        if versions and is_kernel_part(name):
            fitting = [evr for evr in versions if version_matches(kernel, evr)]
            locks[name] = fitting[0] if fitting else max(versions, key=_by_number)
    return locks


def _by_number(evr: str) -> List[int]:
    return [int(part) for part in re.findall(r"\d+", evr)]


def version_matches(wanted: str, evr: str) -> bool:
    """Whether `evr` ("3:510.47.03-1.el8") is the version asked for, given with or without release and epoch."""
    if not wanted:
        return True
    without_epoch = evr.split(":", 1)[-1]
    return wanted in (evr, without_epoch, without_epoch.rsplit("-", 1)[0])


def in_place(name: str, wanted: str, versions: Collection[str]) -> bool:
    """Whether a package is installed at the wanted version and, unless versions lie side by side, in no other."""
    fitting = [evr for evr in versions if version_matches(wanted, evr)]
    return bool(fitting) and (is_kernel_part(name) or len(versions) == 1)


def all_in_place(packages: Iterable[Mapping[str, Any]], installed: Mapping[str, List[str]]) -> bool:
    """Whether every wanted package is in place; `installed` maps names to versions."""
    return all(in_place(package["name"], package["version"], installed[package["name"]]) for package in packages)


def is_leftover(name: str, evr: str, packages: Collection[Mapping[str, Any]], family: Collection[str]) -> bool:
    """Whether an installed package is of the family (shell patterns) but of none of the versions wanted of it."""
    if not matches_any(name, family) or any(package["name"] == name for package in packages):
        return False
    versions = [package["version"] for package in packages if matches_any(package["name"], family)]
    return not any(version_matches(version, evr) for version in versions)


def family_locks(
    packages: Collection[Mapping[str, Any]], family: Collection[str], installed: Mapping[str, List[str]]
) -> Dict[str, str]:
    """name -> version of what is installed of the family besides the wanted packages, and of their version.

    Their updates would need the newer version of a package that is locked.
    """
    return {
        name: evr
        for name, versions in installed.items()
        for evr in versions
        if not is_leftover(name, evr, packages, family)
    }


def locks_for(packages: Iterable[Mapping[str, Any]], installed: Mapping[str, List[str]]) -> Dict[str, str]:
    """name -> version to lock. Of versions side by side it is the wanted one."""
    found = {}
    for package in packages:
        fitting = [evr for evr in installed[package["name"]] if version_matches(package["version"], evr)]
        if package["lock"] and len(fitting) == 1:
            found[package["name"]] = fitting[0]
    return found


def parse_locks(text: str) -> Dict[str, Set[str]]:
    """The locked packages of a versionlock list: name -> set of "epoch:version-release"."""
    locks: Dict[str, Set[str]] = {}
    for line in text.splitlines():
        match = _LOCK.match(line.strip())
        if match and not line.startswith("#"):
            locks.setdefault(match.group("name"), set()).add(match.group("evr"))
    return locks


def merge_locks(text: str, wanted: Mapping[str, str], dropped: Collection[str] = ()) -> str:
    """The versionlock list with exactly one lock for each name in `wanted` (name -> evr) and none for the `dropped`.

    Other lines stay.
    """
    kept = []
    for line in text.splitlines():
        match = _LOCK.match(line.strip())
        if not (match and (match.group("name") in wanted or match.group("name") in dropped)):
            kept.append(line)
    lines = kept + ["{0}-{1}.*".format(name, evr) for name, evr in sorted(wanted.items())]
    merged = "".join(line + "\n" for line in lines)
    # The order of unchanged lines is no difference: a second run must leave the file as it is.
    return text if sorted(merged.splitlines()) == sorted(text.splitlines()) else merged


def matches_any(name: str, globs: Iterable[str]) -> bool:
    """Whether a package's name matches one of the shell patterns."""
    return any(fnmatchcase(name, glob) for glob in globs)


def pattern_matches(pattern: str, name: str, evr: str, arch: str) -> bool:
    """Whether dnf takes a package for meant by a pattern of excludepkgs: by its name, with or without the rest."""
    epoch, _, plain = evr.rpartition(":")
    versions = (plain, "{0}:{1}".format(epoch, plain), plain.rsplit("-", 1)[0])
    forms = [name, "{0}.{1}".format(name, arch)]
    forms += ["{0}-{1}".format(name, version) for version in versions]
    forms += ["{0}-{1}.{2}".format(name, version, arch) for version in versions[:2]]
    return any(fnmatchcase(form, pattern) for form in forms)


def describe(change: Change) -> str:
    """One change in words."""
    if not change.old:
        return "install {0} {1}".format(change.name, change.new)
    if not change.new:
        return "remove {0} {1}".format(change.name, change.old)
    return "replace {0} {1} by {2}".format(change.name, change.old, change.new)


def refusals(
    changes: Collection[Change],
    requested: Mapping[str, str],
    replaceable: Collection[str],
    locks: Mapping[str, Set[str]],
    rules: Iterable[Mapping[str, Any]],
) -> List[Refusal]:
    """Why a transaction must not run, none when it may.

    requested: names asked for and their versions, "" for any; replaceable: globs of packages that may leave;
    locks: name -> evrs locked by others; rules: dictionaries with `packages` (globs), `reason`, `remedy`.
    """
    found = []
    # A kernel of another version than the one that is guarded was not asked for, although its name was.
    unasked = [
        change
        for change in changes
        if change.name not in requested or (change.new and not version_matches(requested[change.name], change.new))
    ]
    for rule in rules:
        hits = [change for change in unasked if matches_any(change.name, rule["packages"])]
        # A rule is about what comes: a forbidden package that leaves, leaves by the other judgements below.
        hits = [change for change in hits if change.new]
        if hits:
            words = ", ".join(sorted(describe(change) for change in hits))
            found.append(Refusal("It would {0}. {1}".format(words, rule["reason"]), rule["remedy"]))
            unasked = [change for change in unasked if change not in hits]
    for change in unasked:
        allowed = matches_any(change.name, replaceable)
        if change.name in locks and change.new not in locks[change.name] and not allowed:
            locked = ", ".join(sorted(locks[change.name]))
            cause = "It would {0}, which is locked at {1}.".format(describe(change), locked)
            found.append(Refusal(cause, "Ask for a version that fits, or change the lock with the role that set it."))
        elif not change.new and not allowed and not change.unneeded:
            cause = "It would {0}, which nobody asked for.".format(describe(change))
            found.append(Refusal(cause, "Remove the package yourself if it is not needed."))
    return found
