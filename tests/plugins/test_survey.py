"""host_survey against trees of files, and once as a whole on the host's Python 3.6."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import host_survey
import pytest
import survey_boot
import survey_machine
import survey_ports
from host_dnf import without_credentials
from support.python36 import run_module
from survey_fapolicyd import fapolicyd

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0100007F:1F40 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 4712 1
"""


def tree(root: Path, files: dict[str, str]) -> str:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return str(root)


def test_gpus_and_nvswitches_by_vendor_and_class(tmp_path: Path) -> None:
    devices = {
        "0000:65:00.0": ("0x10de", "0x030200"),
        "0000:65:00.1": ("0x10de", "0x040300"),  # the sound function of a GPU
        "0000:65:00.4": ("0x10de", "0x030200"),  # a virtual function of it
        "0000:c4:00.0": ("0x10de", "0x068000"),
        "0000:03:00.0": ("0x1a03", "0x030000"),  # the graphics of a management controller
    }
    files: dict[str, str] = {}
    for address, (vendor, device_class) in devices.items():
        folder = f"sys/bus/pci/devices/{address}"
        files |= {f"{folder}/vendor": vendor, f"{folder}/class": device_class, f"{folder}/device": "0x2231"}
    files["sys/bus/pci/devices/0000:65:00.4/physfn/vendor"] = "0x10de"
    assert survey_machine.pci(tree(tmp_path, files)) == {
        "gpus": [{"address": "0000:65:00.0", "device": "0x2231"}],
        "nvswitches": [{"address": "0000:c4:00.0", "device": "0x2231"}],
    }


def test_the_loaded_driver_proprietary_and_open(tmp_path: Path) -> None:
    for number, line in enumerate(
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  510.47.03  Mon Jan 24 22:58:54 UTC 2022",
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  510.47.03  Release Build",
        )
    ):
        root = tree(tmp_path / str(number), {"proc/driver/nvidia/version": line})
        assert survey_machine.kernel(root)["nvidia_loaded"] == "510.47.03"


def test_secure_boot_is_the_byte_after_the_attributes(tmp_path: Path) -> None:
    variable = tmp_path / "sys/firmware/efi/efivars/SecureBoot-8be4df61"
    variable.parent.mkdir(parents=True)
    for state in (0, 1):
        variable.write_bytes(bytes([6, 0, 0, 0, state]))
        assert survey_machine.kernel(str(tmp_path))["secure_boot"] is bool(state)


def test_keys_that_the_owner_enrolled(tmp_path: Path) -> None:
    listed = tmp_path / "sys/firmware/efi/efivars/MokListRT-605dab50"
    own = tmp_path / "var/lib/dkms/mok.pub"
    for path in (listed, own):
        path.parent.mkdir(parents=True, exist_ok=True)
    own.write_bytes(b"\x30\x82 made by dkms here")
    assert survey_machine.enrolled_keys(str(tmp_path)) == {"dkms": False, "nvidia": False}
    listed.write_bytes(b"\x06\0\0\0 list " + own.read_bytes())
    assert survey_machine.enrolled_keys(str(tmp_path)) == {"dkms": True, "nvidia": False}
    listed.write_bytes(b"\x06\0\0\0 list CN=NVIDIA Corporation")
    assert survey_machine.enrolled_keys(str(tmp_path)) == {"dkms": False, "nvidia": True}


class Grubby:
    """An AnsibleModule on a host whose grubby answers so; without an answer there is none."""

    def __init__(self, answer: str = "") -> None:
        self.answer = answer

    def get_bin_path(self, name: str, opt_dirs: list[str]) -> str | None:
        return f"/usr/sbin/{name}" if self.answer else None

    def run_command(self, command: list[str]) -> tuple[int, str, str]:
        return 0, self.answer, ""


def test_the_next_boot_starts_what_the_boot_loader_will(tmp_path: Path) -> None:
    def following(environment: str, grubby: Grubby) -> str:
        entry = "title CentOS\nlinux /vmlinuz-4.18.0-{0}.x86_64\n"
        entries = {f"boot/loader/entries/abc-{kernel}.conf": entry.format(kernel) for kernel in ("305.el8", "348.el8")}
        padding = "# GRUB Environment Block\n{0}######"
        root = tree(tmp_path, {**entries, "boot/grub2/grubenv": padding.format(environment)})
        return survey_boot.next_kernel(root, grubby)

    default = Grubby("/boot/vmlinuz-4.18.0-348.el8.x86_64\n")
    assert following("saved_entry=abc-305.el8\n", default) == "4.18.0-348.el8.x86_64"
    assert following("saved_entry=abc-305.el8\n", Grubby()) == "4.18.0-305.el8.x86_64"
    assert following("saved_entry=abc-305.el8\nnext_entry=\n", default) == "4.18.0-348.el8.x86_64"
    assert following("saved_entry=abc-348.el8\nnext_entry=abc-305.el8\n", default) == "4.18.0-305.el8.x86_64"
    for unknown in ("saved_entry=0\n", "saved_entry=../../etc/passwd\n", ""):
        assert following(unknown, Grubby()) == ""


def test_memory_of_each_node(tmp_path: Path) -> None:
    files = {
        f"sys/devices/system/node/node{node}/meminfo": f"Node {node} MemTotal:       {size} kB\n"
        for node, size in ((0, 1000), (1, 2000))
    }
    assert survey_machine.memory(tree(tmp_path, files)) == {"memory_kib": {"0": 1000, "1": 2000}}


def test_a_deployed_host_has_a_whole_release_and_a_model(tmp_path: Path) -> None:
    assert not survey_machine.disks(tree(tmp_path, {"opt/hotpath/releases/1/.complete": ""}))["deployed"]
    (tmp_path / "opt/hotpath/current").symlink_to("releases/1")
    model = {"var/lib/hotpath/models/net/3/model.json": "{}"}
    assert not survey_machine.disks(tree(tmp_path, model))["deployed"]
    (tmp_path / "var/lib/hotpath/models/net/current").symlink_to("3")
    found = survey_machine.disks(str(tmp_path))
    assert found["deployed"] and {"/", "/opt/hotpath", "/var/lib/hotpath"} <= set(found["disks"])


def test_a_container_by_its_marks(tmp_path: Path) -> None:
    assert not survey_machine.in_container(str(tmp_path))
    assert survey_machine.in_container(tree(tmp_path, {"proc/1/environ": "TERM=x\0container=podman\0"}))


def test_the_listener_of_a_port_with_its_unit(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/net/tcp": TCP,
            "proc/77/comm": "httpd\n",
            "proc/77/cgroup": "1:name=systemd:/system.slice/httpd.service\n0::/\n",
        },
    )
    (tmp_path / "proc/77/fd").mkdir()
    (tmp_path / "proc/77/fd/3").symlink_to("socket:[4711]")
    (tmp_path / "proc/77/fd/4").symlink_to("socket:[4712]")
    found = survey_ports.listeners(root, [8000, 9000], lambda port: "")
    assert found == {"8000": [{"pid": 77, "process": "httpd", "unit": "httpd.service"}]}


def test_a_socket_that_systemd_holds_is_its_socket_unit(tmp_path: Path) -> None:
    root = tree(tmp_path, {"proc/net/tcp": TCP, "proc/1/comm": "systemd\n"})
    (tmp_path / "proc/1/fd").mkdir()
    (tmp_path / "proc/1/fd/9").symlink_to("socket:[4711]")
    found = survey_ports.listeners(root, [8000], lambda port: "hotpath.socket")
    assert found["8000"][0]["unit"] == "hotpath.socket"


PRIMARY = """<metadata xmlns="http://linux.duke.edu/metadata/common"><package type="rpm"><name>kernel-devel</name>
<version epoch="0" ver="4.18.0" rel="553.el8"/></package></metadata>"""
REPOMD = """<repomd xmlns="http://linux.duke.edu/metadata/repo">
<data type="primary"><location href="repodata/primary.xml"/></data>{more}</repomd>"""
MODULES = "document: modulemd\ndata:\n  name: nvidia-driver\n  stream: 510-dkms\n"


def look(tmp_path: Path, *places: str) -> dict[str, Any]:
    """What is found in repositories of these folders; the first one is where kernel-devel is looked for."""
    params = {
        "repositories": [{"id": place, "address": f"file://{tmp_path / place}"} for place in places],
        "packages": [{"name": "kernel-devel", "version": "4.18.0-348.el8", "repository": places[0]}],
        "timeout": 5,
    }
    return host_survey.look_into_repositories(SimpleNamespace(params=params), {"kernel-devel": []})


def test_repositories_without_modules_are_told_from_those_that_do_not_answer(tmp_path: Path) -> None:
    for place, more in (("copy", ""), ("nvidia", '<data type="modules"><location href="repodata/m.yaml"/></data>')):
        files = {"primary.xml": PRIMARY, "repomd.xml": REPOMD.format(more=more), "m.yaml": MODULES}
        tree(tmp_path / place, {f"repodata/{name}": text for name, text in files.items()})
    copied = look(tmp_path, "copy")
    assert copied["streams"] == {} and copied["offered"] == {"kernel-devel": ["0:4.18.0-553.el8"]}
    assert look(tmp_path, "copy", "gone")["streams"] is None
    assert look(tmp_path, "gone")["offered"] == {"kernel-devel": None}
    assert look(tmp_path, "copy", "nvidia", "gone")["streams"] == {"510-dkms": []}


def test_passwords_in_addresses_are_not_shown() -> None:
    said = without_credentials("no answer of https://user:s3cret@mirror/x over http://u:p@proxy:3128")
    assert said == "no answer of https://mirror/x over http://proxy:3128"


def test_the_module_on_python_36(tmp_path: Path) -> None:
    root = tree(tmp_path, {"etc/os-release": 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="8"\n'})
    arguments = {"subjects": ["system", "kernel", "pci", "memory", "disks", "ports"], "root": root}
    answer = run_module("host_survey", arguments, check_mode=True)
    assert answer["changed"] is False and answer["gpus"] == []
    assert answer["os"] == {"name": "", "version": "8", "id": "centos"}


def test_a_python_without_rpms_bindings_is_named(tmp_path: Path) -> None:
    answer = run_module("host_survey", {"subjects": ["packages"], "root": str(tmp_path)})
    assert answer["failed"] and "/usr/libexec/platform-python" in answer["msg"]


@pytest.mark.parametrize(
    ("files", "state", "allowed"),
    [
        (
            {"etc/fapolicyd/fapolicyd.conf": "permissive = 0"},
            "absent",
            [],
        ),  # installed, and neither started nor enabled
        ({"run/fapolicyd.pid": "77"}, "enforcing", []),
        ({"run/fapolicyd/fapolicyd.pid": "77", "etc/fapolicyd/fapolicyd.conf": "permissive = 1"}, "permissive", []),
        (
            {
                "etc/systemd/system/multi-user.target.wants/fapolicyd.service": "",
                "etc/fapolicyd/fapolicyd.conf": "# permissive = 1\npermissive = 0\n",
                "etc/fapolicyd/rules.d/35-hotpath.rules": "allow perm=any all : dir=/opt/hotpath/\n# allow : dir=/a/",
                "etc/fapolicyd/rules.d/90-deny.rules": "deny_audit perm=execute all : dir=/home/\n",
                "etc/fapolicyd/fapolicyd.rules": "allow perm=any exe=/usr/bin/rpm dir=/tmp/ : all\n",
            },
            "enforcing",
            ["/opt/hotpath/"],
        ),
    ],
)
def test_fapolicyd_and_what_its_rules_allow(
    files: dict[str, str], state: str, allowed: list[str], tmp_path: Path
) -> None:
    assert fapolicyd(tree(tmp_path, files)) == {"fapolicyd": {"state": state, "allowed": allowed}}
