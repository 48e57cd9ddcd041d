"""Everything that a set of packages needs on an empty system, found by dnf. Runs on the host's Python 3.6."""

import os
from typing import Any, Iterable, List, Mapping, NamedTuple

from ansible.module_utils.dnf_offers import Refused, best_match, enable_stream
from ansible.module_utils.dnf_transaction import fetch
from ansible.module_utils.host_dnf import connect_alike, load, without_credentials


class Found(NamedTuple):
    """One package; `name` as modulemd writes it, `path` of its file ("" when nothing was downloaded), size in bytes."""

    repository: str
    location: str
    name: str
    path: str
    size: int


class Closure:
    """Solves in an empty system below `root` from the given repositories (id, address) alone."""

    def __init__(self, root: str, repositories: List[Mapping[str, str]], platform: str) -> None:
        self.root = root
        self.repositories = repositories
        self.platform = platform
        os.makedirs(root, exist_ok=True)

    def packages(self, wanted: Iterable[Mapping[str, str]], stream: str, download: bool) -> List[Found]:
        """The packages with all that they require. Raises Refused with cause and remedy."""
        dnf = load()
        base = dnf.Base()
        try:
            self._open(dnf, base)
            if stream:
                enable_stream(dnf, base, stream)
            for package in wanted:
                base.package_install(best_match(base, package["name"], package["version"], stream))
            try:
                base.resolve()
            except dnf.exceptions.DepsolveError as error:
                names = ", ".join(package["name"] for package in wanted)
                raise Refused(
                    "The repositories do not hold all that {0} need: {1}.".format(names, str(error).strip()),
                    "Choose versions that fit together, or a repository that has what is missing.",
                ) from error
            found = list(base.transaction.install_set)
            if download:
                remedy = "Check the repository and the free space of this machine, and run again."
                fetch(dnf, base, found, "What was copied before stays.", remedy)
            return [self._found(item, download) for item in found]
        finally:
            base.close()

    def _open(self, dnf: Any, base: Any) -> None:
        conf = base.conf
        connect_alike(dnf, base)
        conf.installroot = self.root
        conf.cachedir = os.path.join(self.root, "cache")
        conf.module_platform_id = self.platform
        conf.install_weak_deps = False
        conf.best = True
        for item in self.repositories:
            options = {"baseurl": [item["address"]], "gpgcheck": True, "skip_if_unavailable": False}
            base.repos.add_new_repo(item["id"], conf, **options)
        try:
            base.fill_sack(load_system_repo=False, load_available_repos=True)
        except dnf.exceptions.RepoError as error:
            raise Refused(
                "A package repository cannot be read: {0}.".format(without_credentials(str(error))),
                "A mirror is made on a machine that reaches them all; check its way out and el8_repositories_mirror.",
            ) from error

    def _found(self, package: Any, downloaded: bool) -> Found:
        name = "{0}-{1}:{2}-{3}.{4}".format(package.name, package.epoch, package.version, package.release, package.arch)
        path = package.localPkg() if downloaded else ""
        return Found(package.repoid, package.location, name, path, package.downloadsize)
