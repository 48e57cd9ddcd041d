"""What dnf has on offer for a request, and in words what is missing or hidden. Runs on the host's Python 3.6."""

import re
from typing import Any, List

from ansible.module_utils.host_dnf import hawkey, what_hides
from ansible.module_utils.rpm_pins import version_matches


class Refused(Exception):
    """The transaction cannot or must not run, and nothing has changed: the cause, and the way out."""

    def __init__(self, cause: str, remedy: str) -> None:
        super(Refused, self).__init__("{0} {1}".format(cause, remedy))
        self.cause = cause
        self.remedy = remedy


def enable_stream(dnf: Any, base: Any, spec: str) -> None:
    """Enable `module:stream`; Refused names what is on offer instead."""
    from dnf.module.module_base import ModuleBase  # only on the host

    name, stream = spec.split(":")
    modules = ModuleBase(base)
    offered = sorted({module.getStream() for module in modules.get_modules(name)[0]})
    if stream not in offered:
        raise Refused(
            "Module {0} has no stream '{1}'; the repositories offer: {2}.".format(
                name, stream, ", ".join(offered) or "no stream at all"
            ),
            "Choose one of these, or a repository that has it.",
        )
    try:
        modules.enable([spec])
    except dnf.exceptions.Error as error:
        raise Refused(
            "dnf cannot enable {0}: {1}.".format(spec, error), "See dnf module list {0}.".format(name)
        ) from error


def best_match(base: Any, name: str, version: str, stream: str) -> Any:
    """The newest package on offer that is of the version; Refused names what hides it, or what is on offer instead."""

    def offered(flags: int) -> List[Any]:
        arches = [base.conf.substitutions["basearch"], "noarch"]
        return list(base.sack.query(flags=flags).available().filterm(name=name, arch=arches))

    def fitting(packages: List[Any]) -> List[Any]:
        return [item for item in packages if version_matches(version, evr_of(item))]

    found = offered(hawkey().APPLY_EXCLUDES)
    if fitting(found):
        return max(fitting(found))
    wanted = (name + " " + version).strip()
    hidden = fitting(offered(hawkey().IGNORE_REGULAR_EXCLUDES))
    if hidden:
        raise Refused(
            "{0} is hidden from dnf by {1}.".format(wanted, what_hides(base, max(hidden))),
            "Take that out: what is installed is locked at its version, the kernel too.",
        )
    if fitting(offered(hawkey().IGNORE_MODULAR_EXCLUDES)):
        raise Refused(
            "{0} is hidden from dnf: it belongs to a module of which another stream, or none, is enabled.".format(
                wanted
            ),
            "Enable the stream that holds it (dnf module list shows which), or reset the module.",
        )
    raise Refused(
        "{0} is not on offer{1}; the repositories offer: {2}.".format(
            wanted,
            " in stream " + stream if stream else "",
            ", ".join(sorted({evr_of(item) for item in found})) or "no version at all",
        ),
        "Choose one of these, or a repository that has it.",
    )


def unsolved(base: Any, wanted: str, problem: str) -> Refused:
    """What dnf's solver says, its first problem alone, with the settings that hide what is missing."""
    first = " ".join(re.split(r"\bProblem 2:", problem)[0].split())
    query = base.sack.query(flags=hawkey().IGNORE_REGULAR_EXCLUDES).available()
    missing = set(re.findall(r"package (\S+) is filtered out by exclude filtering", first))
    hidden = [
        "{0} is hidden by {1}".format(package, what_hides(base, package))
        for package in query
        if str(package) in missing
    ]
    if hidden:
        cause = "{0}. It is needed for {1}.".format("; ".join(sorted(hidden)), wanted)
        return Refused(cause, "Take that out: what is installed is locked at its version, the kernel too.")
    return Refused(
        "dnf finds no set of packages that fits together: {0}. Asked for were {1}.".format(first, wanted),
        "Check that the repositories hold the packages it names, and that no other installed package needs another "
        "version.",
    )


def evr_of(package: Any) -> str:
    """A package's "epoch:version-release"."""
    return "{0}:{1}-{2}".format(package.epoch, package.version, package.release)
