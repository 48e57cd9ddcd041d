"""One dnf transaction that is resolved, judged, checked for signatures and only then run.

Works with dnf 4.2 and later; runs on the host's Python 3.6. dnf's plugins are not loaded: locks are judged here,
because a lock that merely hides packages makes dnf say "nothing provides" where "it is locked" would be the reason.
"""

import tempfile
from typing import Any, List, Mapping, Optional

from ansible.module_utils.dnf_offers import Refused, best_match, enable_stream, evr_of, unsolved
from ansible.module_utils.host_dnf import (
    NoAnswer,
    configured,
    leave_records,
    load,
    plan_repositories,
    unreadable_repositories,
)
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

# Packages that a message names.
NAMED = 12
# What dnf answers of a package whose key is not trusted, and which its repository names.
KEY_MISSING = 1


def run_transaction(request: Mapping[str, Any], lock_text: str, dry_run: bool) -> List[str]:
    """Bring the requested packages to their versions and return the changes in words.

    request: the parameters of the module pinned_packages, `leaving` (names to remove) and `reset` (a module, or "");
    its `planned` repositories are taken for written in a dry run, which writes nothing but dnf's cache. Raises Refused
    before anything has changed.
    """
    dnf = _load()
    with tempfile.TemporaryDirectory(prefix="hotpath-dnf-") as folder:
        base = _open(dnf, request["planned"] if dry_run else None, folder if dry_run else None)
        try:
            return _transaction(dnf, base, request, lock_text, dry_run)
        finally:
            base.close()


def _transaction(dnf: Any, base: Any, request: Mapping[str, Any], lock_text: str, dry_run: bool) -> List[str]:
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
            if is_leftover(installed.name, evr_of(installed), request["packages"], request["family"]):
                base.remove(str(installed))  # with what only it needed, which package_remove would leave
        base.resolve(allow_erasing=True)
    except dnf.exceptions.DepsolveError as error:
        if request["state"] == "present" and request["leaving"]:
            # What is wanted needs a package that was to retire, so it stays.
            return run_transaction(dict(request, leaving=[]), lock_text, dry_run)
        raise unsolved(base, _names(request), str(error)) from error
    changes = _changes(base)
    names = {package["name"]: package["version"] for package in request["packages"]}
    names.update(dict.fromkeys(request["leaving"], ""))
    locks = {name: evrs for name, evrs in parse_locks(lock_text).items() if name not in names}
    reasons = refusals(changes, names, request["family"], locks, request["refuse"])
    if reasons:
        raise Refused(
            "Nothing was changed. The installation of {0} was refused. {1}".format(
                _names(request), " ".join(reason.cause for reason in reasons)
            ),
            " ".join(reason.remedy for reason in reasons),
        )
    trusted = [] if dry_run else _run(dnf, base)
    return sorted(describe(change) for change in changes) + trusted


def _names(request: Mapping[str, Any]) -> str:
    names = [(package["name"] + " " + package["version"]).strip() for package in request["packages"]]
    if len(names) > NAMED:
        names[NAMED:] = ["{0} others".format(len(names) - NAMED)]
    return ", ".join(names) or "nothing, and the removal of " + ", ".join(request["leaving"])


def _load() -> Any:
    try:
        return load()
    except NoAnswer as error:
        raise Refused("{0}.".format(error), "Then run again.") from error


def _open(dnf: Any, planned: Optional[Mapping[str, Any]], folder: Optional[str]) -> Any:
    """A base that is ready to resolve; in a dry run with a folder, where it works on a copy of dnf's records."""
    try:
        base = configured(dnf)
    except NoAnswer as error:
        raise Refused("{0}.".format(error), "Mend that file: no dnf command works with it.") from error
    if folder:
        leave_records(base, folder)
    base.conf.best = True
    base.conf.clean_requirements_on_remove = True
    base.read_all_repos()
    if planned:
        try:
            plan_repositories(base, planned)
        except NoAnswer as error:
            base.close()
            raise Refused("{0}.".format(error), "Remove it there, or give it another name.") from error
    dead = unreadable_repositories(dnf, base)
    if dead:
        base.close()
        raise Refused(
            "A package repository cannot be read, and dnf installs nothing without it: {0}.".format("; ".join(dead)),
            "Correct its address (of Hotpath's own: el8_repositories_mirror), give the host a way to it, or switch it "
            "off (dnf config-manager --set-disabled ID, or skip_if_unavailable=1 in its file).",
        )
    base.fill_sack(load_system_repo=True)
    return base


def _reset(base: Any, name: str) -> None:
    from dnf.module.module_base import ModuleBase  # only on the host

    ModuleBase(base).reset([name])


def _request(base: Any, package: Mapping[str, Any], stream: str) -> None:
    """Ask for one package at its version; other installed versions of it leave."""
    query = base.sack.query().filterm(name=package["name"], arch=[base.conf.substitutions["basearch"], "noarch"])
    present = [item for item in query.installed() if version_matches(package["version"], evr_of(item))]
    if present:
        if not is_kernel_part(package["name"]):
            for extra in set(query.installed()) - set(present):
                base.package_remove(extra)
        return
    base.package_install(best_match(base, package["name"], package["version"], stream))


def _changes(base: Any) -> List[Change]:
    new = {package.name: evr_of(package) for package in base.transaction.install_set}
    old = {package.name: evr_of(package) for package in base.transaction.remove_set}
    unneeded = {package.name for package in base.transaction.remove_set if package.reason in DEPENDENCY}
    return [
        Change(name, new.get(name, ""), old.get(name, ""), name in unneeded) for name in sorted(set(new) | set(old))
    ]


def fetch(dnf: Any, base: Any, packages: List[Any], so_far: str, remedy: str) -> List[str]:
    """Download packages and check who signed them; returns whose keys had to be trusted for that, in words.

    Raises Refused, which begins with what was done `so_far` and gives the remedy for a failed download.
    """
    try:
        base.download_packages(packages)
    except dnf.exceptions.DownloadError as error:
        raise Refused("{0} A package could not be downloaded: {1}.".format(so_far, error), remedy) from error
    unsigned, trusted = [], set()
    for package in packages:
        code, message = base.package_signature_check(package)
        if code == KEY_MISSING and all(key.startswith("file://") for key in package.repo.gpgkey):
            # The system's own repositories name the key that came with the system, as dnf itself would take it.
            try:
                base.package_import_key(package, fullaskcb=lambda _: True)
                trusted.add(
                    "trust the key of repository {0} ({1})".format(package.repoid, " ".join(package.repo.gpgkey))
                )
                continue
            except (dnf.exceptions.Error, ValueError, OSError) as error:
                message = str(error)
        if code != 0:
            unsigned.append("{0} ({1})".format(package, message))
    if unsigned:
        raise Refused(
            "{0} Not signed by a trusted key: {1}.".format(so_far, ", ".join(sorted(unsigned))),
            "Either the repository is not the one it claims to be, or its key changed: put the right key with its "
            "fingerprint into el8_repositories_fingerprints.",
        )
    return sorted(trusted)


def _run(dnf: Any, base: Any) -> List[str]:
    packages = list(base.transaction.install_set)
    remedy = "Check the repository's address and the free space of /var."
    trusted = fetch(dnf, base, packages, "Nothing was changed.", remedy)
    try:
        base.do_transaction()
    except dnf.exceptions.Error as error:
        raise Refused("dnf could not run the transaction: {0}.".format(error), "See /var/log/dnf.rpm.log.") from error
    return trusted
