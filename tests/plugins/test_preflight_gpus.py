"""GPUs that cannot serve, beside one that can and alone."""

from __future__ import annotations

from typing import Any

import pytest
from support.surveys import Change, judge

SECOND = "0000:b1:00.0"


def with_second(device: str = "2231", **facts: Any) -> Change:
    """Another GPU, beside the A5000 and after it."""

    def change(survey: dict[str, Any]) -> None:
        survey["gpus"].append({"address": SECOND, "device": f"0x{device}"})
        survey["topology"]["gpus"] = [
            {"pci": "0000:65:00.0", "device": "2231", "numa_node": 0, "driver": "nvidia" if facts else ""},
            {"pci": SECOND, "device": device, "numa_node": 0, **facts},
        ]

    return change


BESIDE = [
    # too old for the driver, too new for it, without code in torch
    (with_second("11ba"), {}, "Branch 470 is the last that knows Kepler"),
    (with_second("2330"), {}, "Drivers know Hopper from branch 520 on"),
    (with_second("1cb6"), {"stack_name": "cuda12"}, "Pascal GPU at 0000:b1:00.0 (capability 6.1), set cuda12"),
    (with_second(driver="vfio-pci"), {}, "the driver vfio-pci has it"),
    (with_second(driver=""), {}, "NVIDIA's driver is loaded and does not have it"),
    (with_second(driver="nvidia", hidden=True), {}, "NVreg_ExcludedGpus"),
    (with_second(driver="nvidia", mig=True), {}, "nvidia-smi -i 0000:b1:00.0 -mig 0"),
]


@pytest.mark.parametrize(("change", "variables", "words"), BESIDE)
def test_a_gpu_that_cannot_serve_is_a_warning_beside_one_that_can(
    change: Change, variables: dict[str, Any], words: str
) -> None:
    found = [problem for problem in judge(change, **variables) if problem.check in ("gpu", "plan")]
    assert {problem.severity for problem in found} == {"warning"}
    said = " ".join(f"{problem.found} {problem.reason} {problem.remedy}" for problem in found)
    assert words in said and "host_plan_gpus_excluded" in said and SECOND in said


@pytest.mark.parametrize("entry", [SECOND, "10de:11ba"])
@pytest.mark.parametrize("facts", [{}, {"driver": "vfio-pci"}, {"driver": "nvidia", "mig": True}])
def test_a_gpu_that_the_user_leaves_out_is_not_judged(entry: str, facts: dict[str, Any]) -> None:
    assert judge(with_second("11ba", **facts), host_plan_gpus_excluded=[entry]) == []


ALONE = [
    ({"driver": "vfio-pci"}, {}, "driverctl unset-override 0000:65:00.0"),
    ({"driver": "nvidia", "mig": True}, {}, "MIG is on"),
    ({}, {"host_plan_gpus_excluded": ["65:00.0"]}, "leaves none of 1"),
]


@pytest.mark.parametrize(("facts", "variables", "words"), ALONE)
def test_without_another_it_is_one_error(facts: dict[str, Any], variables: dict[str, Any], words: str) -> None:
    (problem,) = judge(lambda survey: survey["topology"]["gpus"][0].update(device="2231", **facts), **variables)
    assert (problem.check, problem.severity) == ("gpu", "error")
    assert words in " ".join((problem.found, problem.reason, problem.remedy))


def test_a_wrong_entry_of_gpus_to_leave_out_is_said_as_the_plan_says_it() -> None:
    (problem,) = judge(host_plan_gpus_excluded=["T400"])
    assert (
        problem.check == "plan"
        and "can't be compared" in problem.found
        and "write its address" in problem.remedy.lower()
    )
