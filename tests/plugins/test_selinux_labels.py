"""Nothing is enforced before every file has a label, whoever rebooted the host."""

from __future__ import annotations

import pytest
from support.expected import Inventory

LABELLED = ["system_u:object_r:init_exec_t:s0|/sbin/init", "system_u:object_r:passwd_file_t:s0|/etc/passwd"]
WITHOUT = ["system_u:object_r:unlabeled_t:s0|/sbin/init", "system_u:object_r:unlabeled_t:s0|/etc/passwd"]


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    hosts = tmp_path_factory.mktemp("inventory") / "hosts.ini"
    hosts.write_text("[gpu_hosts]\na\n")
    return Inventory(str(hosts))


@pytest.mark.parametrize(
    ("running", "labels", "next_boot", "unlabelled"),
    [
        ("Disabled", None, "permissive", True),
        ("Permissive", LABELLED, "enforcing", False),
        ("Enforcing", None, "enforcing", False),
        # rebooted by hand, and the boot has labelled nothing
        ("Permissive", ["system_u:object_r:etc_runtime_t:s0|/.autorelabel", *LABELLED], "permissive", True),
        # the mark is lost, or somebody switched SELinux on without one
        ("Permissive", WITHOUT, "permissive", True),
        ("Permissive", [*LABELLED, "?|/usr/sbin/sshd"], "permissive", True),
    ],
)
def test_enforcing_waits_for_the_labels(
    inventory: Inventory, running: str, labels: list[str] | None, next_boot: str, unlabelled: bool
) -> None:
    found = inventory.expected(
        "a",
        "selinux",
        {
            "selinux_mode": "enforcing",
            "__selinux_running": {"stdout": running},
            **(
                {"__selinux_labels": {"stdout_lines": labels}}
                if labels is not None
                else {"__selinux_labels": {"skipped": True}}
            ),
        },
    )
    assert (found["__selinux_next_boot"], found["__selinux_unlabelled"]) == (next_boot, unlabelled)


def test_a_host_that_is_to_have_no_selinux_needs_no_labels(inventory: Inventory) -> None:
    found = inventory.expected(
        "a",
        "selinux",
        {
            "selinux_mode": "disabled",
            "__selinux_running": {"stdout": "Permissive"},
            "__selinux_labels": {"stdout_lines": WITHOUT},
        },
    )
    assert (found["__selinux_next_boot"], found["__selinux_unlabelled"]) == ("disabled", False)
