"""Locks, versions and the judgement of transactions."""

from __future__ import annotations

import pytest
from rpm_pins import (
    Change,
    family_locks,
    in_place,
    is_kernel_part,
    is_leftover,
    kernel_locks,
    locks_for,
    merge_locks,
    parse_locks,
    pattern_matches,
    refusals,
    version_matches,
)

LIST = "# by hand\nnvidia-driver-3:510.47.03-1.el8.*\nhtop-0:3.2.1-1.el8.x86_64\n!cups-0:2.2.6-1.el8.*\n"
KERNEL = {"packages": ["kernel", "kernel-core"], "reason": "No kernel.", "remedy": "Update it first."}


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [("", True), ("510.47.03", True), ("510.47.03-1.el8", True), ("3:510.47.03-1.el8", True), ("510.47", False)],
)
def test_a_version_may_leave_out_release_and_epoch(wanted: str, fits: bool) -> None:
    assert version_matches(wanted, "3:510.47.03-1.el8") is fits


def test_two_installed_versions_are_not_in_place_unless_they_lie_side_by_side() -> None:
    two = ["0:1.0-1", "0:2.0-1"]
    assert not in_place("nvidia-driver", "1.0", two)
    assert in_place("kernel-devel", "1.0", two)
    assert not in_place("kernel-devel", "3.0", two)


PARTS = "kernel kernel-core kernel-modules kernel-modules-extra kernel-modules-internal kernel-devel kernel-debug-core"
OTHER_KINDS = (
    "kernel-rt kernel-rt-core kernel-rt-modules-extra kernel-rt-kvm kernel-uek kernel-uek-modules kernel-ml-core"
)
WITH_ANY = "kernel-headers kernel-cross-headers kernel-tools kernel-tools-libs kernel-doc kernel-abi-stablelists"
OTHERS = "perf bpftool python3-perf kernel-srpm-macros kernel-debuginfo-common-x86_64 kernelshark kmod kexec-tools"


def test_parts_of_a_kernel_are_told_from_what_goes_with_any() -> None:
    assert [name for name in f"{PARTS} {OTHER_KINDS}".split() if not is_kernel_part(name)] == []
    assert [name for name in f"{WITH_ANY} {OTHERS}".split() if is_kernel_part(name)] == []


def test_every_part_of_a_kernel_is_locked() -> None:
    """At the running one's version where there is none or that one, else at the newest."""
    running, older, newer = "0:4.18.0-348.7.1.el8_5", "0:4.18.0-348.el8", "0:4.18.0-372.9.1.el8"
    installed = {
        "kernel-core": [running, newer],
        "kernel-modules-extra": [running],
        "kernel-modules-internal": ["0:4.18.0-80.el8", older],
        "kernel-rt-core": ["0:4.18.0-348.rt7.130.el8"],
        "kernel-devel": [],
        "kernel-tools": [running],
    }
    assert kernel_locks("4.18.0-348.7.1.el8_5", installed) == {
        **dict.fromkeys(("kernel", "kernel-core", "kernel-modules", "kernel-modules-extra", "kernel-devel"), running),
        "kernel-modules-internal": older,
        "kernel-rt-core": "0:4.18.0-348.rt7.130.el8",
    }


def test_a_kernel_that_no_package_brought_locks_nothing_that_is_not_there() -> None:
    assert kernel_locks("6.1.0-custom", {"kernel-core": ["0:4.18.0-348.el8"]}) == {"kernel-core": "0:4.18.0-348.el8"}


def test_the_rest_of_another_driver_is_left_over() -> None:
    wanted = [{"name": "nvidia-driver", "version": "510.47.03"}, {"name": "kernel-devel", "version": "4.18.0-348.el8"}]
    for name, evr, left in (
        ("nvidia-settings", "3:530.30.02-1.el8", True),
        ("nvidia-settings", "3:510.47.03-1.el8", False),
        ("nvidia-driver", "3:530.30.02-1.el8", False),  # replaced because it is wanted
        ("htop", "0:3.2.1-1.el8", False),
    ):
        assert is_leftover(name, evr, wanted, ["nvidia-*"]) is left


def test_what_is_installed_of_the_family_is_locked_too() -> None:
    wanted = [{"name": "nvidia-driver", "version": "510.47.03"}]
    installed = {"nvidia-driver-devel": ["3:510.47.03-1.el8"], "nvidia-settings": ["3:470.199.02-1.el8"]}
    assert family_locks(wanted, ["nvidia-*"], installed) == {"nvidia-driver-devel": "3:510.47.03-1.el8"}


def test_locks_are_read_without_comments_and_exclusions() -> None:
    assert parse_locks(LIST) == {"nvidia-driver": {"3:510.47.03-1.el8"}, "htop": {"0:3.2.1-1.el8"}}


def test_a_new_lock_replaces_the_old_one_of_the_same_package_only() -> None:
    merged = merge_locks(LIST, {"nvidia-driver": "3:515.105.01-1.el8"})
    assert merged == LIST.replace("nvidia-driver-3:510.47.03-1.el8.*\n", "") + "nvidia-driver-3:515.105.01-1.el8.*\n"


def test_the_same_lock_changes_nothing_whatever_the_order() -> None:
    assert merge_locks(LIST, {"nvidia-driver": "3:510.47.03-1.el8"}) == LIST


def test_a_package_whose_name_continues_another_keeps_its_lock() -> None:
    text = "nvidia-driver-libs-3:510.47.03-1.el8.*\n"
    assert text in merge_locks(text, {"nvidia-driver": "3:510.47.03-1.el8"})


@pytest.mark.parametrize(
    "pattern",
    ["kernel*", "kernel-devel", "*devel", "kernel-devel-4.18*", "kernel-devel.x86_64", "kernel-devel-0:4.18.0-348.el8"],
)
def test_what_a_pattern_of_excludepkgs_means(pattern: str) -> None:
    assert pattern_matches(pattern, "kernel-devel", "0:4.18.0-348.el8", "x86_64")
    assert not pattern_matches(pattern, "dkms", "0:3.1.8-1.el8", "noarch")


def refused(change: Change, **kwargs: object) -> list[str]:
    arguments = {"requested": {"nvidia-driver": ""}, "replaceable": [], "locks": {}, "rules": [KERNEL], **kwargs}
    return [f"{cause} {remedy}" for cause, remedy in refusals([change], **arguments)]  # type: ignore[arg-type]


def test_dependencies_may_come() -> None:
    assert refused(Change("dkms", "0:3.1.8-1", "")) == []


def test_a_kernel_may_not_come_and_the_message_has_reason_and_remedy() -> None:
    (message,) = refused(Change("kernel-core", "0:4.18.0-553.el8", ""))
    assert message == "It would install kernel-core 0:4.18.0-553.el8. No kernel. Update it first."


def test_a_kernel_that_was_asked_for_may_come() -> None:
    assert refused(Change("kernel-core", "0:4.18.0-553.el8", ""), requested={"kernel-core": "4.18.0-553.el8"}) == []


def test_another_kernel_than_the_guarded_one_may_not_come() -> None:
    (message,) = refused(Change("kernel-core", "0:4.18.0-553.el8", ""), requested={"kernel-core": "4.18.0-348.el8"})
    assert "No kernel." in message


def test_a_locked_package_may_not_change() -> None:
    change = Change("libcudnn8", "0:8.5.0.96-1", "0:8.4.1.50-1")
    (message,) = refused(change, locks={"libcudnn8": {"0:8.4.1.50-1"}})
    assert "replace libcudnn8 0:8.4.1.50-1 by 0:8.5.0.96-1, which is locked at 0:8.4.1.50-1" in message
    assert refused(change) == []


def test_nothing_leaves_that_was_not_to_be_replaced() -> None:
    leaving = Change("nvidia-xconfig", "", "3:530.30.02-1.el8")
    (message,) = refused(leaving)
    assert "remove nvidia-xconfig" in message
    assert refused(leaving, replaceable=["nvidia-*"], locks={"nvidia-xconfig": {"3:530.30.02-1.el8"}}) == []


def test_what_came_as_a_requirement_and_is_not_needed_any_more_may_leave() -> None:
    assert refused(Change("dkms", "", "0:3.1.8-1", unneeded=True)) == []


def test_locks_of_what_left_are_dropped_and_others_stay() -> None:
    assert merge_locks(LIST, {}, ["nvidia-driver"]) == LIST.replace("nvidia-driver-3:510.47.03-1.el8.*\n", "")


def test_of_versions_side_by_side_the_wanted_one_is_locked() -> None:
    kernel = {"name": "kernel-core", "version": "4.18.0-348.el8", "lock": True}
    installed = {"kernel-core": ["0:4.18.0-348.el8", "0:4.18.0-553.el8"], "tuned": ["0:2.16-1"]}
    unlocked = {"name": "tuned", "version": "", "lock": False}
    assert locks_for([kernel, unlocked], installed) == {"kernel-core": "0:4.18.0-348.el8"}
