"""Wrong repositories and packages: the play stops before the host has changed, says why, and converges when mended.

One host goes through all of it in order, as a host in the field would; each test leaves it as it found it or better.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.throwaway import Throwaway, throwaway

CONVERGE = "molecule/nvidia/converge.yml"
DRIVER = "510.47.03"


@pytest.fixture(scope="module")
def host() -> Iterator[Throwaway]:
    with throwaway("faults-packages") as made:
        yield made


def packages(host: Throwaway) -> set[str]:
    """Everything in the rpm database except trusted keys."""
    return {line for line in host.run("rpm -qa").stdout.split() if not line.startswith("gpg-pubkey")}


def mirror_with(host: Throwaway, fault: str) -> dict[str, object]:
    """Variables that point a play to a mirror with one fault and to the keys that this mirror publishes."""
    root = f"/srv/mirror/faults/{fault}"
    fingerprints = json.loads(host.run(f"cat {root}/keys/fingerprints.json").stdout)
    return {"el8_repositories_mirror": f"file://{root}", "el8_repositories_fingerprints": fingerprints}


def test_an_expired_key_is_named_with_its_date_and_nothing_is_written(host: Throwaway) -> None:
    before = packages(host)
    play = host.play(CONVERGE, **mirror_with(host, "expired-key"))
    assert play.code == 2
    assert "NVIDIA: the key" in play.words and "expired on 2020-01-01" in play.words
    assert "get the vendor's renewed key" in play.words.replace("''", "'")
    assert packages(host) == before
    assert host.run("rpm -q gpg-pubkey; ls /etc/yum.repos.d").stdout.count("hotpath") == 0


def test_a_key_of_another_vendor_is_refused(host: Throwaway) -> None:
    variables = {
        **mirror_with(host, "expired-key"),
        "el8_repositories_fingerprints": {
            "RPM-GPG-KEY-centosofficial": "0" * 40,
            "RPM-GPG-KEY-EPEL-8": "1" * 40,
            "D42D0685.pub": "2" * 40,
        },
    }
    play = host.play(CONVERGE, **variables)
    assert play.code == 2
    assert "No key was imported" in play.words
    assert all(f"expected {digit * 40}" in play.words for digit in "012")


SITE = "printf '[site]\\nname=site\\nbaseurl=http://127.0.0.1:9/\\n' > /etc/yum.repos.d/site.repo"


@pytest.mark.parametrize(
    ("planted", "mirror", "words"),
    [
        (
            "echo 'excludepkgs=kernel*' >> /etc/dnf/dnf.conf",
            "",
            "kernel-devel 4.18.0-348.7.1.el8_5 is hidden from dnf by excludepkgs=kernel* in /etc/dnf/dnf.conf",
        ),
        # The older spelling, and a package that only another one needs.
        ("echo 'exclude=dkms' >> /etc/dnf/dnf.conf", "", "is hidden by excludepkgs=dkms in /etc/dnf/dnf.conf. It is"),
        (SITE, "", "site of /etc/yum.repos.d/site.repo (Failed to download metadata for repo 'site'"),
        ("true", "no-modules", "driver stream: the repositories answer and know no stream of nvidia-driver"),
    ],
)
def test_settings_that_would_stop_the_play_half_way_are_found_before(
    host: Throwaway, planted: str, mirror: str, words: str
) -> None:
    state = "find /etc/yum.repos.d /etc/dnf/modules.d /etc/dnf/plugins -type f; rpm -qa"
    before = host.run(state).stdout
    host.run(f"cp /etc/dnf/dnf.conf /root/dnf.conf && {planted}")
    play = host.play("playbooks/preflight.yml", **(mirror_with(host, mirror) if mirror else {}))
    host.run("cp /root/dnf.conf /etc/dnf/dnf.conf; rm --force /etc/yum.repos.d/site.repo")
    assert play.code == 2 and "1 error," in play.words and words in play.words, play.output
    assert host.run(state).stdout == before


@pytest.mark.parametrize(
    ("fault", "cause", "remedy"),
    [
        ("wrong-key", "Not signed by a trusted key: ", "put the right key with its fingerprint"),
        ("missing-stream", "has no stream '510-dkms'; the repositories offer: 470-dkms", "Choose one of these"),
        ("newer-kernel", "install kernel-core 0:4.18.0-553.el8", "Update the kernel first and reboot"),
    ],
)
def test_a_faulty_repository_leaves_the_packages_as_they_were(
    host: Throwaway, fault: str, cause: str, remedy: str
) -> None:
    play = host.play(CONVERGE, **mirror_with(host, fault))
    words = play.words.replace("''", "'")
    assert play.code == 2
    assert cause in words and remedy in words
    assert not any("nvidia" in name or "4.18.0-553" in name for name in packages(host))
    assert host.run("cat /etc/dnf/modules.d/nvidia-driver.module").returncode != 0


def test_with_a_sound_mirror_the_same_host_converges(host: Throwaway) -> None:
    play = host.play(CONVERGE)
    assert play.code == 0, play.output
    again = host.play(CONVERGE)
    assert again.code == 0 and "changed=0" in again.output, again.output


def test_a_metapackage_that_drags_another_driver_in_is_refused(host: Throwaway) -> None:
    before = packages(host)
    play = host.play(CONVERGE, cuda_toolkit_packages=["cuda-11-6"])
    assert play.code == 2
    assert "Only the role nvidia_driver chooses the driver" in play.words
    assert "cuda-toolkit-11-6 instead of cuda-11-6" in play.words
    assert packages(host) == before


def test_a_driver_that_came_in_behind_our_back_is_put_right(host: Throwaway) -> None:
    """Somebody lifted the locks and took the newest stream by hand."""
    by_hand = host.run(
        "dnf --quiet --assumeyes versionlock clear && dnf --quiet --assumeyes module reset nvidia-driver"
        " && dnf --quiet --assumeyes --allowerasing install @nvidia-driver:latest-dkms"
    )
    assert by_hand.returncode == 0, by_hand.stderr
    assert "530.30.02" in host.run("nvidia-smi").stdout
    play = host.play(CONVERGE)
    assert play.code == 0, play.output
    assert host.run("nvidia-smi --query-gpu=driver_version --format=csv,noheader").stdout.strip() == DRIVER
    assert not any("530.30.02" in name for name in packages(host))
    assert "stream=510-dkms" in host.run("cat /etc/dnf/modules.d/nvidia-driver.module").stdout


def test_an_interrupted_lock_list_is_mended(host: Throwaway) -> None:
    host.run("sed -i /nvidia-driver-libs/d /etc/dnf/plugins/versionlock.list")
    play = host.play(CONVERGE)
    assert play.code == 0 and "changed=1" in play.output, play.output
    assert "nvidia-driver-libs-3:510.47.03" in host.run("cat /etc/dnf/plugins/versionlock.list").stdout


def test_preflight_says_beforehand_what_would_fail(host: Throwaway) -> None:
    """The repositories are looked into where they are, whatever dnf on the host is configured to."""
    play = host.play(
        "playbooks/preflight.yml",
        **mirror_with(host, "missing-stream"),
        cudnn_version="8.4.0.27-1.cuda11.6",
        inference_service_port=22,
    )
    assert play.code == 2
    for line in (
        "driver stream: nvidia-driver has no stream 510-dkms",
        "package: libcudnn8 8.4.0.27-1.cuda11.6 is not on offer",
        "The repositories offer: 0:8.4.1.50-1.cuda11.6, 0:8.5.0.96-1.cuda11.7.",
        "port: TCP 22 is held by sshd",
    ):
        assert line in play.words, play.output
