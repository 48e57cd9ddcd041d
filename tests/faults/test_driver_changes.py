"""One living host goes from driver to driver and from toolkit to toolkit, and in the end is rid of all of them.

It looks like a machine with eight A100 behind NVSwitches (support/pretence.py); the packages are doubles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.machines import Device, Machine
from support.pretence import Look, pretend
from support.throwaway import Play, Throwaway, throwaway

PLAYBOOK = "tests/faults/driver_host.yml"
DRIVER_ONLY = ("--tags", "nvidia_driver_install,nvidia_driver_configure,nvidia_driver_verify,always")
TOOLKIT_ONLY = ("--tags", "cuda_toolkit_install,cuda_toolkit_configure,cuda_toolkit_verify,always")
GPUS = [Device(f"0000:{bus:02x}:00.0", 0, device_id="0x20b2") for bus in range(0x10, 0x18)]
SWITCHES = [Device(f"0000:c{slot}:00.0", 0, device_id="0x1af1", pci_class="0x068000") for slot in range(4, 10)]
HGX = Machine(1, 16, 2, 512, (*GPUS, *SWITCHES, Device("0000:3d:00.0", 0, "eno1", 8)))
FAMILY = "^(nvidia-|kmod-nvidia|cuda-drivers)"
# Parts of the kernel that many hosts have, other kernels beside it, and what goes with any.
BESIDE = (
    "kernel-modules-internal kernel-debug kernel-debug-core kernel-rt kernel-rt-core kernel-rt-modules"
    " kernel-tools kernel-tools-libs perf"
)
ENGINES: dict[str, Any] = {"host_plan_engines_on": "gpu"}


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the host takes its hardware from, and so its firmware's variables."""
    return tmp_path_factory.mktemp("hgx")


@pytest.fixture(scope="module")
def host(firmware: Path) -> Iterator[Throwaway]:
    with throwaway("driver-changes") as made:
        baseos = "/srv/mirror/centos/8-stream/BaseOS/x86_64/os/Packages"
        beside = " ".join(f"{baseos}/{name}-4.18.0-348*.rpm" for name in BESIDE.split())
        pretend(made, Look(HGX, setup=f"rpm --install --nosignature {beside}"), firmware)
        yield made


@pytest.fixture(scope="module")
def untouched(host: Throwaway) -> set[str]:
    """The packages before any play."""
    return packages(host)


def packages(host: Throwaway, pattern: str = "") -> set[str]:
    listed = host.run("rpm -qa --queryformat '%{NAME} %{VERSION}\\n'").stdout.splitlines()
    return {line for line in listed if re.search(pattern, line) and not line.startswith("gpg-pubkey")}


def locks(host: Throwaway) -> str:
    return host.run("cat /etc/dnf/plugins/versionlock.list").stdout


def converge(host: Throwaway, *options: str, **variables: Any) -> Play:
    done = host.play(PLAYBOOK, *options, **ENGINES, **variables)
    assert done.code == 0, done.output[-6000:]
    return done


def assert_driver(host: Throwaway, version: str, stream: str, module: str) -> None:
    """Every package of the driver's family is of that version, and the module comes from one package alone."""
    found = packages(host, FAMILY)
    others = {line for line in found if line.split()[1] != version}
    assert not others, others
    assert {line.split()[0] for line in found if line.startswith("kmod-")} == {module}
    assert "nvidia-fabric-manager " + version in found
    assert f"stream={stream}\n" in host.run("cat /etc/dnf/modules.d/nvidia-driver.module").stdout.replace(" ", "")
    assert host.run("nvidia-smi --query-gpu=driver_version --format=csv,noheader").stdout.split() == [version]
    assert f"nvidia-fabric-manager-0:{version}-" in locks(host)
    assert host.run("systemctl is-active nvidia-fabricmanager nvidia-persistenced").stdout.split() == ["active"] * 2


def test_a_host_with_nvswitches_gets_the_fabric_manager_of_the_drivers_version(
    host: Throwaway, untouched: set[str]
) -> None:
    assert not any(re.search(FAMILY, line) for line in untouched)
    converge(host)
    assert_driver(host, "510.47.03", "510-dkms", "kmod-nvidia-latest-dkms")
    assert "modprobe.blacklist=nouveau" in host.run("cat /etc/hotpath/boot-arguments").stdout


def test_an_update_brings_no_kernel_without_a_driver(host: Throwaway) -> None:
    """A newer one is on offer, and the locks hide it with all its parts; what goes with any kernel is updated."""

    def built(name: str) -> set[str]:
        return set(host.run(f"rpm -q {name} --queryformat '%{{VERSION}}-%{{RELEASE}}\\n'").stdout.split())

    installed = host.run("dnf --assumeyes install kernel-modules-extra")  # after the locks were set
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert built("kernel-modules-extra") == built("kernel-core")
    parts = ["kernel-core", "kernel-modules-extra", *BESIDE.split()[:-3]]
    before = {name: built(name) for name in parts}
    updated = host.run("dnf --assumeyes update")
    assert updated.returncode == 0, updated.stdout + updated.stderr
    assert {name: built(name) for name in parts} == before
    assert built("kernel-tools") == built("kernel-tools-libs") == built("perf") == {"4.18.0-553.el8"}
    host.run("dnf --quiet --assumeyes remove kernel-modules-extra")
    offered = host.run("dnf --quiet --disableplugin=versionlock check-update kernel-core kernel kernel-modules")
    assert offered.returncode == 100 and "553.el8" in offered.stdout, offered.stderr
    assert host.run("dnf --quiet check-update kernel-core kernel kernel-modules kernel-devel").returncode == 0


def test_to_the_open_modules_of_a_newer_branch(host: Throwaway) -> None:
    newer = {"nvidia_driver_version": "515.105.01", "nvidia_driver_stream": "515-open"}
    converge(host, *DRIVER_ONLY, **newer)
    assert_driver(host, "515.105.01", "515-open", "kmod-nvidia-open-dkms")
    assert re.search(rf"{host.name} +: ok=\d+ +changed=0 ", converge(host, *DRIVER_ONLY, **newer).words)


def test_back_to_an_older_branch_with_a_precompiled_module(host: Throwaway) -> None:
    converge(host, *DRIVER_ONLY, nvidia_driver_stream="510")
    assert_driver(host, "510.47.03", "510", "kmod-nvidia-510.47.03-4.18.0-348.7.1")
    assert host.run("rpm -q dkms").returncode == 1, "what only the other way of making the module needed is still there"


def test_to_a_compiled_module_of_the_same_version(host: Throwaway) -> None:
    converge(host, *DRIVER_ONLY)
    assert_driver(host, "510.47.03", "510-dkms", "kmod-nvidia-latest-dkms")


def test_a_fabric_manager_of_another_version_is_put_right(host: Throwaway) -> None:
    """And what somebody installed of the driver besides is kept at its version, so that updates pass it by."""
    by_hand = host.run(
        "sed -i /fabric/d /etc/dnf/plugins/versionlock.list && rpm --upgrade --nosignature"
        " /srv/mirror/nvidia/rhel8/x86_64/Packages/nvidia-fabric-manager-515*.rpm"
        " && dnf --quiet --assumeyes install nvidia-driver-devel-510.47.03"
    )
    assert by_hand.returncode == 0, by_hand.stderr
    converge(host, *DRIVER_ONLY)
    assert_driver(host, "510.47.03", "510-dkms", "kmod-nvidia-latest-dkms")
    assert "nvidia-driver-devel-3:510.47.03-" in locks(host)
    updated = host.run("dnf --assumeyes update")
    assert updated.returncode == 0, updated.stdout + updated.stderr
    host.run("dnf --quiet --assumeyes remove nvidia-driver-devel")


def test_secure_boot_is_judged_before_anything_is_changed(host: Throwaway, firmware: Path) -> None:
    variable = firmware / "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    before = packages(host)
    host.run(f"printf '\\006\\000\\000\\000\\001' > {variable}")
    newer = {"nvidia_driver_version": "515.105.01", "nvidia_driver_stream": "515-dkms"}
    stopped = host.play(PLAYBOOK, *DRIVER_ONLY, **ENGINES, **newer)
    assert stopped.code == 2
    assert "Nothing was changed. secure boot: on." in stopped.words and "mokutil --import" in stopped.words
    assert packages(host) == before
    host.run(f"printf '\\006\\000\\000\\000\\000' > {variable}")


# The ramdisk of these doubles is an archive of /etc/modprobe.d.
DRACUT = '#!/bin/sh\nexec tar -c -f "$2" -C / etc/modprobe.d\n'
LSINITRD = '#!/bin/sh\ntar -x -O -f "$3" "${2#/}" 2>/dev/null\nexit 0\n'


def test_the_initial_ramdisk_follows_the_blacklist(host: Throwaway) -> None:
    """Rebuilt when it lacks the blacklist, also after a play that was killed before; left alone when it is right."""

    def rebuilt(blacklisted: bool) -> bool:
        done = host.play("tests/faults/ramdisk_host.yml", blacklisted=blacklisted)
        assert done.code == 0, done.output
        return " changed=1 " in done.words

    for name, text in (("dracut", DRACUT), ("lsinitrd", LSINITRD)):
        host.feed(f"cat > /usr/local/bin/{name} && chmod 755 /usr/local/bin/{name}", ["printf", "%s", text])
    assert rebuilt(True)
    assert "blacklist nouveau" in host.run("lsinitrd -f /etc/modprobe.d/hotpath-nouveau.conf /boot/*.img").stdout
    assert not rebuilt(True)
    host.run("rm /boot/initramfs-*.img")
    assert rebuilt(True)
    host.run("mv /etc/modprobe.d/hotpath-nouveau.conf /root")
    assert rebuilt(False) and not rebuilt(False)
    host.run("mv /root/hotpath-nouveau.conf /etc/modprobe.d; rm /boot/initramfs-*.img /usr/local/bin/*")


def default_toolkit(host: Throwaway) -> str:
    answer = host.run("env -i sh -c '. /etc/profile; nvcc --version'").stdout
    linked = host.run("readlink -f /usr/local/cuda").stdout.strip()
    (version,) = re.findall(r"release ([\d.]+),", answer)
    assert linked == f"/usr/local/cuda-{version}"
    return str(version)


def test_toolkits_side_by_side_and_another_default(host: Throwaway) -> None:
    by_hand = host.run("dnf --quiet --assumeyes install cuda-toolkit-12-8")
    assert by_hand.returncode == 0, by_hand.stderr
    for versions in (["11.6", "11.7"], ["11.7", "11.6"]):
        converge(host, *TOOLKIT_ONLY, cuda_toolkit_versions=versions)
        assert default_toolkit(host) == versions[0]
        for version in versions:
            assert f"release {version}," in host.run(f"/usr/local/cuda-{version}/bin/nvcc --version").stdout


def test_a_play_that_ended_before_the_linker_knew_the_libraries_is_completed(host: Throwaway) -> None:
    """What is there is compared, not what this run has written."""
    library = "/usr/local/cuda/lib64/libz.so.1"
    host.run("mkdir -p /usr/local/cuda/lib64 && cp /lib/x86_64-linux-gnu/libz.so.1 /usr/local/cuda/lib64")
    assert host.run(f"ldconfig -p | grep {library}").returncode == 1
    toolkits = {"cuda_toolkit_versions": ["11.7", "11.6"]}
    assert re.search(rf"{host.name} +: ok=\d+ +changed=1 ", converge(host, *TOOLKIT_ONLY, **toolkits).words)
    assert host.run(f"ldconfig -p | grep {library}").returncode == 0
    host.run(f"rm {library}")
    converge(host, *TOOLKIT_ONLY, **toolkits)
    assert host.run(f"ldconfig -p | grep {library}").returncode == 1
    assert re.search(rf"{host.name} +: ok=\d+ +changed=0 ", converge(host, *TOOLKIT_ONLY, **toolkits).words)


def test_a_toolkit_that_is_no_longer_wanted_leaves_and_somebody_elses_stays(host: Throwaway) -> None:
    converge(host, *TOOLKIT_ONLY, cuda_toolkit_versions=["11.7"])
    assert default_toolkit(host) == "11.7"
    assert packages(host, "^cuda-.*-11-6 ") == set()
    assert "11-6" not in locks(host)
    assert "cuda-11.6" not in host.run("alternatives --display cuda").stdout
    assert packages(host, "^cuda-toolkit-12-8 ") == {"cuda-toolkit-12-8 12.8.1"}
    again = converge(host, *TOOLKIT_ONLY, cuda_toolkit_versions=["11.7"])
    assert re.search(rf"{host.name} +: ok=\d+ +changed=0 ", again.words), again.output
    host.run("dnf --quiet --assumeyes remove cuda-toolkit-12-8")


def test_everything_leaves_as_it_came(host: Throwaway, untouched: set[str]) -> None:
    gone: dict[str, Any] = {"nvidia_driver_state": "absent", "cuda_toolkit_versions": [], "cudnn_package": ""}
    checked = converge(host, "--check", **gone)
    assert not re.search(rf"{host.name} +: ok=\d+ +changed=0 ", checked.words)
    assert packages(host, FAMILY), "check mode removed it"
    converge(host, **gone)
    assert packages(host) - untouched == {"python3-dnf-plugin-versionlock 8"}
    assert untouched <= packages(host)
    assert locks(host) == ""
    assert "nouveau" not in host.run("cat /etc/hotpath/boot-arguments").stdout
    left = host.run(
        "ls -d /etc/modprobe.d/hotpath-nouveau.conf /etc/profile.d/hotpath-cuda.sh /etc/ld.so.conf.d/hotpath-cuda.conf"
        " /usr/local/cuda /etc/alternatives/cuda 2>/dev/null; find /usr/local/cuda-* -type f"
    )
    assert left.stdout == ""
    assert not re.search(r"state=enabled", host.run("cat /etc/dnf/modules.d/nvidia-driver.module").stdout)
    assert re.search(rf"{host.name} +: ok=\d+ +changed=0 ", converge(host, **gone).words)
