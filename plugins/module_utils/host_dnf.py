"""The host's own dnf: its settings, its repositories, its way out. Runs on Python 3.6, dnf 4.2 and later."""

import os
import re
import shutil
import sys
from typing import Any, List, Mapping

from ansible.module_utils.rpm_pins import matches_any, pattern_matches


class NoAnswer(Exception):
    """What cannot be had from the host's dnf or over it; the message names it and the reason, and holds no password."""


def load() -> Any:
    """The package dnf, which exists for the system's own Python alone."""
    try:
        import dnf
    except ImportError as error:
        raise NoAnswer(
            "{0} has no dnf ({1}); its bindings belong to the system's own Python. Set ansible_python_interpreter to "
            "/usr/libexec/platform-python".format(sys.executable, error)
        ) from error
    return dnf


def hawkey() -> Any:
    """dnf's own library of queries."""
    import hawkey as library

    return library


def configured(dnf: Any) -> Any:
    """A dnf.Base with the settings of /etc/dnf, which the caller closes."""
    base = dnf.Base()
    try:
        base.conf.read()
    except dnf.exceptions.ConfigError as error:
        base.close()
        raise NoAnswer("dnf cannot read its settings: {0}".format(error)) from error
    base.conf.substitutions.update_from_etc("/", varsdir=base.conf.varsdir)
    return base


def leave_records(base: Any, folder: str) -> None:
    """Have a base that only asks work on a copy of dnf's records, made in a folder: to open them is to write them."""
    records = os.path.join(folder, "dnf")
    if os.path.isdir(base.conf.persistdir):
        shutil.copytree(base.conf.persistdir, records)
    base.conf.persistdir = records


# Where the role el8_repositories writes its own.
OWN_FILE = "hotpath.repo"
# What decides on the way out; the rest of the settings is about what is installed.
CONNECTION = (
    *("proxy", "proxy_username", "proxy_password", "proxy_auth_method", "ip_resolve", "timeout"),
    *("sslverify", "sslverifystatus", "sslcacert", "sslclientcert", "sslclientkey"),
)


def connect_alike(dnf: Any, base: Any) -> None:
    """Give another dnf.Base the way out of the host's own."""
    host = configured(dnf)
    for name in CONNECTION:
        if hasattr(host.conf, name):  # some are younger than dnf 4.2
            setattr(base.conf, name, getattr(host.conf, name))
    host.close()


def plan_repositories(base: Any, planned: Mapping[str, Any]) -> None:
    """Have a base whose repositories are read see those that will be written.

    planned: `repositories`, each with id and address, and `replaced`, shell patterns of files that will be gone. Raises
    NoAnswer where another file has a repository of the same id, because dnf would mix the two.
    """
    for name, repository in list(base.repos.items()):
        if matches_any(os.path.basename(repository.repofile or ""), planned["replaced"] + [OWN_FILE]):
            del base.repos[name]
    for item in planned["repositories"]:
        if item["id"] in base.repos:
            raise NoAnswer(
                "{0} has a repository of the name {1}, which is Hotpath's own".format(
                    base.repos[item["id"]].repofile, item["id"]
                )
            )
        options = {"baseurl": [item["address"]], "gpgcheck": True, "skip_if_unavailable": False}
        base.repos.add_new_repo(item["id"], base.conf, **options)


def unreadable_repositories(dnf: Any, base: Any) -> List[str]:
    """What is wrong with each enabled repository without which dnf does nothing, with its file."""
    found = []
    with dnf.lock.build_metadata_lock(
        base.conf.cachedir, base.conf.exit_on_lock
    ):  # another dnf may fill the same cache
        for repository in base.repos.iter_enabled():
            try:
                repository.load()
            except dnf.exceptions.RepoError as error:
                if not repository.skip_if_unavailable:
                    place = " of {0}".format(repository.repofile) if repository.repofile else ""
                    found.append("{0}{1} ({2})".format(repository.id, place, without_credentials(str(error))))
    return found


def what_hides(base: Any, package: Any) -> str:
    """The settings that hide a package from dnf, with the files in which they stand."""
    evr = "{0}:{1}-{2}".format(package.epoch, package.version, package.release)
    places = [(base.conf, base.conf.config_file_path), (package.repo, package.repo.repofile or package.repoid)]
    found = []
    for conf, file in places:
        for pattern in conf.excludepkgs:
            if pattern_matches(pattern, package.name, evr, package.arch):
                found.append("excludepkgs={0} in {1}".format(pattern, file))
        if conf.includepkgs and not any(
            pattern_matches(pattern, package.name, evr, package.arch) for pattern in conf.includepkgs
        ):
            found.append("includepkgs={0} in {1}".format(",".join(conf.includepkgs), file))
    return " and ".join(found) or "a setting of dnf (excludepkgs, includepkgs) or of one of its plugins"


def download(address: str, timeout: int) -> bytes:
    """The content at file:// or http(s)://, over dnf's proxy and with its certificates; `timeout` in seconds."""
    if address.startswith("file://"):
        try:
            with open(address[len("file://") :], "rb") as stream:
                return stream.read()
        except OSError as error:
            raise NoAnswer(str(error)) from error
    dnf = load()
    base = configured(dnf)
    try:
        base.conf.timeout = timeout
        with base.urlopen(address) as stream:
            return bytes(stream.read())
    except OSError as error:
        raise NoAnswer(without_credentials(str(error))) from error
    finally:
        base.close()


def without_credentials(text: str) -> str:
    """A text whose addresses name no user and no password."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1", text)
