"""One dnf transaction that is resolved, judged, checked for signatures and only then run.

Works with dnf 4.2 and later; runs on the host's Python 3.6. dnf's plugins are not loaded: locks are judged here,
because a lock that merely hides packages makes dnf say "nothing provides" where "it is locked" would be the reason.
"""

from typing import Any, List, Mapping

from ansible.module_utils.rpm_pins import (
    Change,
    describe,
    is_kernel_part,
    is_leftover,
    parse_locks,
    refusals,
    version_matches,
)

# Why dnf's history says a package was installed, where nobody asked for it by name.
DEPENDENCY = ("dependency", "weak-dependency", "clean")


class Refused(Exception):
    """The transaction cannot or must not run; the message names cause and remedy."""

    def __init__(self, message: str, not_on_offer: bool = False) -> None:
        super(Refused, self).__init__(message)
        self.not_on_offer = not_on_offer


def run_transaction(request: Mapping[str, Any], lock_text: str, dry_run: bool) -> List[str]:
    """Bring the requested packages to their versions and return the changes in words.

    request: the parameters of the module pinned_packages, `leaving` (names to remove) and `reset` (a module, or "").
    Raises Refused before anything on the host has changed.
    """
    import dnf  # only on the host

    base = _open(dnf)
    try:
        try:
            if request["reset"]:
                _reset(base, request["reset"])
            elif request["stream"] and request["state"] == "present":
                enable_stream(dnf, base, request["stream"])
            for name in request["leaving"]:
                base.remove(name)
            for package in request["packages"]:
                _request(base, package, request["stream"])
            for installed in base.sack.query().installed() if request["state"] == "present" else ():
                if is_leftover(installed.name, _evr(installed), request["packages"], request["family"]):
                    base.remove(str(installed))  # with what only it needed, which package_remove would leave
            base.resolve(allow_erasing=True)
        except dnf.exceptions.DepsolveError as error:
            if request["state"] == "present" and request["leaving"]:
                # What is wanted needs a package that was to retire, so it stays.
                return run_transaction(dict(request, leaving=[]), lock_text, dry_run)
            raise Refused(
                "dnf finds no set of packages that satisfies {0}: {1}. Check that the repositories hold the "
                "packages it names, and that no other installed package needs another version.".format(
                    _names(request), str(error).strip()
                )
            ) from error
        changes = _changes(base)
        names = {package["name"]: package["version"] for package in request["packages"]}
        names.update(dict.fromkeys(request["leaving"], ""))
        locks = {name: evrs for name, evrs in parse_locks(lock_text).items() if name not in names}
        reasons = refusals(changes, names, request["family"], locks, request["refuse"])
        if reasons:
            raise Refused(
                "Nothing was changed. The installation of {0} was refused. {1}".format(
                    _names(request), " ".join(reasons)
                )
            )
        if not dry_run:
            _run(dnf, base)
        return sorted(describe(change) for change in changes)
    finally:
        base.close()


def _names(request: Mapping[str, Any]) -> str:
    names = [(package["name"] + " " + package["version"]).strip() for package in request["packages"]]
    return ", ".join(names) or "nothing, and the removal of " + ", ".join(request["leaving"])


def _open(dnf: Any) -> Any:
    base = dnf.Base()
    base.conf.read()
    base.conf.substitutions.update_from_etc("/", varsdir=base.conf.varsdir)
    base.conf.best = True
    base.conf.clean_requirements_on_remove = True
    base.read_all_repos()
    try:
        base.fill_sack(load_system_repo=True)
    except dnf.exceptions.RepoError as error:
        base.close()
        raise Refused(
            "A package repository cannot be read: {0}. Check its address in /etc/yum.repos.d, or set "
            "el8_repositories_mirror to a mirror that the host reaches.".format(error),
            not_on_offer=True,
        ) from error
    return base


def enable_stream(dnf: Any, base: Any, spec: str) -> None:
    """Enable `module:stream`; Refused names what is on offer instead."""
    from dnf.module.module_base import ModuleBase  # only on the host

    name, stream = spec.split(":")
    modules = ModuleBase(base)
    offered = sorted({module.getStream() for module in modules.get_modules(name)[0]})
    if stream not in offered:
        raise Refused(
            "Module {0} has no stream '{1}'; the repositories offer: {2}. Choose one of these, or a repository "
            "that has it.".format(name, stream, ", ".join(offered) or "no stream at all"),
            not_on_offer=True,
        )
    try:
        modules.enable([spec])
    except dnf.exceptions.MarkingErrors as error:
        raise Refused("dnf cannot enable {0}: {1}".format(spec, error)) from error


def _reset(base: Any, name: str) -> None:
    from dnf.module.module_base import ModuleBase  # only on the host

    ModuleBase(base).reset([name])


def _request(base: Any, package: Mapping[str, Any], stream: str) -> None:
    """Ask for one package at its version; other installed versions of it leave."""
    query = base.sack.query().filterm(name=package["name"], arch=[base.conf.substitutions["basearch"], "noarch"])
    present = [item for item in query.installed() if version_matches(package["version"], _evr(item))]
    if present:
        if not is_kernel_part(package["name"]):
            for extra in set(query.installed()) - set(present):
                base.package_remove(extra)
        return
    base.package_install(best_match(base, package["name"], package["version"], stream))


def best_match(base: Any, name: str, version: str, stream: str) -> Any:
    """The newest package on offer that is of the version; Refused names what is on offer instead."""
    query = base.sack.query().available().filterm(name=name, arch=[base.conf.substitutions["basearch"], "noarch"])
    candidates = [item for item in query if version_matches(version, _evr(item))]
    if not candidates:
        raise Refused(
            "{0} {1} is not on offer{2}; the repositories offer: {3}. Choose one of these, or a repository that "
            "has it.".format(
                name,
                version,
                " in stream " + stream if stream else "",
                ", ".join(sorted({_evr(item) for item in query})) or "no version at all",
            ),
            not_on_offer=True,
        )
    return max(candidates)


def _evr(package: Any) -> str:
    return "{0}:{1}-{2}".format(package.epoch, package.version, package.release)


def _changes(base: Any) -> List[Change]:
    new = {package.name: _evr(package) for package in base.transaction.install_set}
    old = {package.name: _evr(package) for package in base.transaction.remove_set}
    unneeded = {package.name for package in base.transaction.remove_set if package.reason in DEPENDENCY}
    return [
        Change(name, new.get(name, ""), old.get(name, ""), name in unneeded) for name in sorted(set(new) | set(old))
    ]


def fetch(dnf: Any, base: Any, packages: List[Any], so_far: str, remedy: str) -> None:
    """Download packages and check who signed them.

    Raises Refused, which begins with what was done `so_far` and gives the remedy for a failed download.
    """
    try:
        base.download_packages(packages)
    except dnf.exceptions.DownloadError as error:
        raise Refused("{0} A package could not be downloaded: {1}. {2}".format(so_far, error, remedy)) from error
    unsigned = []
    for package in packages:
        code, message = base.package_signature_check(package)
        if code != 0:
            unsigned.append("{0} ({1})".format(package, message))
    if unsigned:
        raise Refused(
            "{0} Not signed by a trusted key: {1}. Either the repository is not the one it claims to be, or its key "
            "changed: put the right key with its fingerprint into el8_repositories_fingerprints.".format(
                so_far, ", ".join(sorted(unsigned))
            )
        )


def _run(dnf: Any, base: Any) -> None:
    packages = list(base.transaction.install_set)
    fetch(dnf, base, packages, "Nothing was changed.", "Check the repository's address and the free space of /var.")
    try:
        base.do_transaction()
    except dnf.exceptions.Error as error:
        raise Refused("dnf could not run the transaction: {0}".format(error)) from error
