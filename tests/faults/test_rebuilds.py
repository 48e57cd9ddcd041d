"""Other systems of Enterprise Linux 8, by what they say of themselves: their repositories stay, NVIDIA's and EPEL come.

Both lie behind a proxy that only dnf's settings name, with a password that no output may show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.rebuilds import (
    ALMA,
    ANOLIS,
    ORACLE,
    OWN_FILE,
    OWN_REPOSITORIES,
    RHEL,
    ROCKY,
    Identity,
    become,
    give_repositories,
)
from support.throwaway import Throwaway, throwaway

CONVERGE = "molecule/nvidia/converge.yml"
PROXY = Path(__file__).resolve().parents[1] / "support" / "proxy.py"
SETTINGS = "proxy=http://127.0.0.1:3128\nproxy_username=site\nproxy_password=s3cret\n"
ASKED = "/root/asked-of-the-proxy"


@pytest.fixture(scope="module")
def host() -> Iterator[Throwaway]:
    with throwaway("faults-rebuilds") as made:
        become(made, ROCKY)
        give_repositories(made)
        assert made.feed("cat > /root/proxy.py", ["cat", str(PROXY)]) == 0
        started = made.run(
            "systemd-run --quiet --unit=proxy /usr/bin/python3 /root/proxy.py 3128 site:s3cret mirror.test /srv/mirror"
            f" {ASKED} && printf '{SETTINGS}' >> /etc/dnf/dnf.conf"
        )
        assert started.returncode == 0, started.stderr
        yield made


@pytest.fixture(scope="module")
def variables(host: Throwaway) -> dict[str, Any]:
    fingerprints = json.loads(host.run("cat /srv/mirror/keys/fingerprints.json").stdout)
    return {"el8_repositories_mirror": "http://mirror.test", "el8_repositories_fingerprints": fingerprints}


def test_it_is_judged_by_its_own_repositories_and_over_its_proxy(host: Throwaway, variables: dict[str, Any]) -> None:
    play = host.play("playbooks/preflight.yml", **variables)
    assert play.code == 0 and "0 errors" in play.words, play.output
    asked = host.run(f"cat {ASKED}").stdout
    assert "/nvidia/rhel8/x86_64/repodata/repomd.xml" in asked and "/keys/D42D0685.pub" in asked
    assert "/centos/" not in asked
    host.run("sed -i s/^proxy_password=.*/proxy_password=wr0ng/ /etc/dnf/dnf.conf")
    refused = host.play("playbooks/preflight.yml", "-vvv", **variables)
    host.run("sed -i s/^proxy_password=.*/proxy_password=s3cret/ /etc/dnf/dnf.conf")
    assert refused.code == 2 and "407" in refused.words, refused.output
    assert "wr0ng" not in refused.output and "s3cret" not in play.output


def test_its_own_repositories_stay_and_give_the_headers(host: Throwaway, variables: dict[str, Any]) -> None:
    play = host.play(CONVERGE, **variables)
    assert play.code == 0, play.output
    assert host.run(f"cat {OWN_FILE}").stdout == OWN_REPOSITORIES
    written = re.findall(r"^\[(.*)\]", host.run("cat /etc/yum.repos.d/hotpath.repo").stdout, re.MULTILINE)
    assert written == ["hotpath-epel", "hotpath-nvidia"]
    origin = host.run("dnf --quiet repoquery --installed --queryformat '%{from_repo}' kernel-devel").stdout.strip()
    assert origin == "baseos"
    again = host.play(CONVERGE, **variables)
    assert again.code == 0 and "changed=0" in again.words, again.output


@pytest.mark.parametrize("identity", [ALMA, ORACLE, RHEL], ids=lambda identity: identity.id)
def test_others_are_treated_alike(host: Throwaway, variables: dict[str, Any], identity: Identity) -> None:
    become(host, identity)
    play = host.play("molecule/el8_repositories/converge.yml", "--check", **variables)
    assert play.code == 0 and "changed=0" in play.words, play.output


def test_one_that_nobody_knows_is_refused(host: Throwaway, variables: dict[str, Any]) -> None:
    become(host, ANOLIS)
    play = host.play("playbooks/preflight.yml", **variables)
    assert play.code == 2
    assert "system: Anolis OS release 8.8" in play.words and "Rocky Linux 8, AlmaLinux 8" in play.words
