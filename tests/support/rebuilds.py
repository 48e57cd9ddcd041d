"""A throwaway host that says it is another system of Enterprise Linux 8, with repositories of its own."""

from __future__ import annotations

from dataclasses import dataclass

from support.throwaway import Throwaway


@dataclass(frozen=True)
class Identity:
    """What tells a system from others: its words in /etc/os-release, and the file that only it has, with its line."""

    id: str
    name: str
    file: str
    line: str


ROCKY = Identity("rocky", "Rocky Linux", "/etc/rocky-release", "Rocky Linux release 8.10 (Green Obsidian)")
ALMA = Identity("almalinux", "AlmaLinux", "/etc/almalinux-release", "AlmaLinux release 8.10 (Cerulean Leopard)")
ORACLE = Identity("ol", "Oracle Linux Server", "/etc/oracle-release", "Oracle Linux Server release 8.10")
RHEL = Identity(
    "rhel", "Red Hat Enterprise Linux", "/etc/redhat-release", "Red Hat Enterprise Linux release 8.10 (Ootpa)"
)
ANOLIS = Identity("anolis", "Anolis OS", "/etc/anolis-release", "Anolis OS release 8.8")

# As the packages of such systems have them: the key came with the system, and is not trusted before it is needed.
OWN_REPOSITORIES = """\
[baseos]
name=$basearch - BaseOS
baseurl=file:///srv/mirror/centos/8-stream/BaseOS/$basearch/os/
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-own

[appstream]
name=$basearch - AppStream
baseurl=file:///srv/mirror/centos/8-stream/AppStream/$basearch/os/
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-own
"""
OWN_FILE = "/etc/yum.repos.d/System-Base.repo"


def become(host: Throwaway, identity: Identity) -> None:
    """Make the host say that it is this system; what it has besides stays."""
    others = " ".join(other.file for other in (ROCKY, ALMA, ORACLE, RHEL, ANOLIS))
    release = f'NAME="{identity.name}"\nID="{identity.id}"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.10"\n'
    release += f'PRETTY_NAME="{identity.line}"\nPLATFORM_ID="platform:el8"\n'
    done = host.run(
        f"rm --force /etc/centos-release {others}"
        f" && printf '%s\\n' '{identity.line}' | tee /etc/redhat-release > {identity.file}"
        f" && printf '%s' '{release}' > /etc/os-release"
    )
    assert done.returncode == 0, done.stderr


def give_repositories(host: Throwaway) -> None:
    """Replace CentOS's repositories by the system's own, which work."""
    done = host.run(
        "rm /etc/yum.repos.d/*.repo && mkdir -p /etc/pki/rpm-gpg"
        " && cp /srv/mirror/keys/RPM-GPG-KEY-centosofficial /etc/pki/rpm-gpg/RPM-GPG-KEY-own"
        f" && printf '%s' '{OWN_REPOSITORIES}' > {OWN_FILE}"
    )
    assert done.returncode == 0, done.stderr
