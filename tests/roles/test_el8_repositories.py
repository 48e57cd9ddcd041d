"""A host with the role el8_repositories can install packages, and trusts exactly the keys it should."""

from __future__ import annotations

import configparser
from collections.abc import Callable

import pytest
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host

GONE = ("mirrorlist.centos.org", "mirror.centos.org")


@pytest.fixture
def repositories(check: Checks) -> dict[str, configparser.SectionProxy]:
    """Every enabled repository that dnf would read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(check.answer("/etc/yum.repos.d", "cat /etc/yum.repos.d/*.repo"))
    return {name: parser[name] for name in parser.sections() if parser[name].get("enabled", "1") == "1"}


def test_repositories_have_the_wanted_addresses(
    host: Host,
    check: Checks,
    expected: Callable[[Host, str], Expected],
    repositories: dict[str, configparser.SectionProxy],
) -> None:
    for item in expected(host, "el8_repositories")["__el8_repositories_table"]:
        section: configparser.SectionProxy | dict[str, str] = repositories.get(item["id"], {})
        check.equal(f"address of {item['id']}", expected=item["address"], found=section.get("baseurl", "none"))


def test_the_repository_file_is_as_rendered(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    check.files(expected(host, "el8_repositories").written_files("install.yml"))


def test_no_repository_skips_signatures(check: Checks, repositories: dict[str, configparser.SectionProxy]) -> None:
    for name, section in repositories.items():
        check.equal(f"gpgcheck of {name}", expected="1", found=section.get("gpgcheck", "0"))


def test_no_repository_asks_a_server_that_is_gone(
    check: Checks, repositories: dict[str, configparser.SectionProxy]
) -> None:
    for name, section in repositories.items():
        asked = [server for server in GONE if server in " ".join(section.values())]
        check.lacks(f"servers of {name} that are gone", unwanted=GONE, found=asked)


def test_only_the_wanted_keys_are_trusted(host: Host, check: Checks, expected: Callable[[Host, str], Expected]) -> None:
    values = expected(host, "el8_repositories")
    # rpm answers 1 when it trusts no key at all.
    trusted = host.run("rpm -q gpg-pubkey --qf '%{VERSION} '").stdout.split()
    wanted = [key["fingerprint"] for key in values["__el8_repositories_keys"]]  # CentOS's where its archive is used
    named = {name: mark for name, mark in values["el8_repositories_fingerprints"].items() if mark in wanted}
    for name, fingerprint in named.items():
        check.contains(f"trusted signing keys: {name}", expected=[fingerprint[-8:].lower()], found=trusted)
    removed = [key.lower() for key in values["el8_repositories_removed_keys"]]
    check.lacks("trusted keys that were replaced", unwanted=removed, found=trusted)


def test_dnf_reads_every_repository(host: Host, check: Checks, expected: Callable[[Host, str], Expected]) -> None:
    """A fresh look at the metadata, so that a server which stopped answering is noticed."""
    ids = [item["id"] for item in expected(host, "el8_repositories")["__el8_repositories_table"]]
    answer = check.answer(
        "metadata of the repositories",
        "dnf --quiet --refresh --disablerepo='*' --enablerepo='hotpath-*' repolist",
    )
    check.equal(
        "repositories that dnf reads",
        expected=sorted(ids),
        found=sorted(line.split()[0] for line in answer.splitlines()[1:]),
    )


def test_dnf_respects_version_locks(check: Checks) -> None:
    check.succeeds("dnf's plugin for version locks", "dnf --quiet versionlock list")
