"""A host with the role el8_repositories can install packages, and trusts exactly the keys it should."""

from __future__ import annotations

import configparser
from collections.abc import Callable

from support.expected import Expected
from testinfra.host import Host


def repositories(host: Host) -> dict[str, configparser.SectionProxy]:
    """Every enabled repository that dnf would read."""
    parser = configparser.ConfigParser(interpolation=None)
    for name in host.file("/etc/yum.repos.d").listdir():
        if name.endswith(".repo"):
            parser.read_string(host.file(f"/etc/yum.repos.d/{name}").content_string)
    return {name: parser[name] for name in parser.sections() if parser[name].get("enabled", "1") == "1"}


def test_repositories_have_the_wanted_addresses(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    wanted = expected(host, "el8_repositories")["__el8_repositories_table"]
    found = repositories(host)
    assert {item["id"]: item["address"] for item in wanted} == {
        item["id"]: found[item["id"]]["baseurl"] for item in wanted
    }


def test_no_repository_skips_signatures(host: Host) -> None:
    assert [name for name, section in repositories(host).items() if section.get("gpgcheck", "0") != "1"] == []


def test_no_repository_asks_a_server_that_is_gone(host: Host) -> None:
    gone = ("mirrorlist.centos.org", "mirror.centos.org")
    asked = {name: " ".join(section.values()) for name, section in repositories(host).items()}
    assert [name for name, text in asked.items() if any(server in text for server in gone)] == []


def test_only_the_wanted_keys_are_trusted(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    values = expected(host, "el8_repositories")
    trusted = host.check_output("rpm -q gpg-pubkey --qf '%{VERSION}\\n'").split()
    wanted = {fingerprint[-8:].lower() for fingerprint in values["el8_repositories_fingerprints"].values()}
    assert wanted <= set(trusted)
    assert not {key.lower() for key in values["el8_repositories_removed_keys"]} & set(trusted)


def test_dnf_reads_every_repository(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    """A fresh look at the metadata, so that a server which stopped answering is noticed."""
    ids = [item["id"] for item in expected(host, "el8_repositories")["__el8_repositories_table"]]
    found = host.run("dnf --quiet --refresh --disablerepo='*' --enablerepo='hotpath-*' repolist")
    assert found.rc == 0, found.stderr
    assert {line.split()[0] for line in found.stdout.splitlines()[1:]} == set(ids)


def test_dnf_respects_version_locks(host: Host) -> None:
    assert host.run("dnf --quiet versionlock list").rc == 0
