"""What a machine lacks is found, told with the way out, and told apart from what is only worth knowing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Sequence

import pytest

from hotpath import machine
from hotpath.config import Config
from hotpath.core import ModelIdentity
from hotpath.machine import Finding
from hotpath.models.built import BuiltModel
from hotpath.supervisor.placement import Place, Placement

FREE = Placement({}, ())

GIB = 1 << 30


def config(**sections: Any) -> Config:
    model = {"name": "m", "path": "/m", "backend": "numeric", **sections.pop("model", {})}
    return Config.model_validate({**sections, "models": [model]})


def built(directory: Path, side: int = 224, made_with: Dict[str, str] = {}) -> BuiltModel:  # noqa: B006
    (directory / "weights").write_bytes(b"w" * 1000)
    sizes = {"height": side, "width": side, "resize_shorter": side}
    artifacts = {"numeric": "weights", "torchscript": "weights"}
    document = {"built_with": made_with, "preprocessing": sizes, "labels": "labels", "top_k": 1, "probes": []}
    (directory / "labels").write_text("a\n")
    identity = ModelIdentity("m", "v1")
    return BuiltModel(directory, identity, "image-classification", "numeric", artifacts, document)


def files(root: Path, texts: Dict[str, str]) -> Path:
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def texts(findings: Sequence[Finding]) -> List[str]:
    return [finding.text for finding in findings]


@pytest.mark.parametrize(
    ("contents", "available"),
    [
        ({}, None),
        ({"proc/meminfo": "MemTotal: 8 kB\nMemAvailable:    2048 kB\n"}, 2048 * 1024),
        (
            {
                "proc/meminfo": "MemAvailable: 4194304 kB\n",
                "sys/fs/cgroup/memory.max": "1073741824\n",
                "sys/fs/cgroup/memory.current": "73741824\n",
            },
            1_000_000_000,
        ),
        (
            {
                "proc/meminfo": "MemAvailable: 4194304 kB\n",
                "sys/fs/cgroup/memory.max": "max\n",
                "sys/fs/cgroup/memory.current": "5\n",
            },
            4 * GIB,
        ),
    ],
)
def test_available_is_the_kernels_estimate_or_what_the_control_group_leaves(
    tmp_path: Path, contents: Dict[str, str], available: int
) -> None:
    assert machine.available_memory(files(tmp_path, contents)) == available


def test_too_little_memory_is_told_with_both_figures(tmp_path: Path) -> None:
    root = files(tmp_path, {"proc/meminfo": "MemAvailable: 102400 kB\n"})
    (text,) = texts(list(machine.memory(config(), [built(tmp_path)], Placement({}, ()), root)))
    assert "100 MiB are available" in text and "lower server.workers" in text
    files(tmp_path, {"proc/meminfo": "MemAvailable: 10240000 kB\n"})
    assert list(machine.memory(config(), [built(tmp_path)], Placement({}, ()), root)) == []


def test_an_arena_wants_a_hugetlbfs_with_enough_free_pages(tmp_path: Path) -> None:
    wanted = config(placement={"arena": "/huge/hotpath"}, limits={"queue": 100})
    models = [built(tmp_path)]
    mounts = "/dev/sda / ext4 rw 0 0\nnone /huge hugetlbfs rw,pagesize=2M 0 0\n"
    free = "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
    root = files(tmp_path, {"proc/mounts": mounts, free: "8\n"})
    assert list(machine.hugepages(wanted, models, root)) == []
    files(tmp_path, {free: "7\n"})
    (text,) = texts(list(machine.hugepages(wanted, models, root)))
    assert "needs 8 pages of 2048 KiB, and 7 are free" in text
    files(tmp_path, {"proc/mounts": "/dev/sda / ext4 rw 0 0\n"})
    (text,) = texts(list(machine.hugepages(wanted, models, root)))
    assert "is on no hugetlbfs (ext4)" in text
    assert list(machine.hugepages(config(), models, root)) == []


def test_cpus_of_the_plan_must_be_online(tmp_path: Path) -> None:
    root = files(tmp_path, {"sys/devices/system/cpu/online": "0-3,8\n"})
    plan = Placement({"cuda:0": Place((2, 3, 4))}, (Place((0, 1)), Place((8, 9))))
    found = texts(list(machine.processors(config(), plan, root)))
    assert [text.split(",")[0] for text in found] == [
        "The plan places the engine on cuda:0 on CPUs [4]",
        "The plan places HTTP workers (1) on CPUs [9]",
    ]


def test_more_threads_than_cpus_is_worth_knowing_only(tmp_path: Path) -> None:
    root = files(tmp_path, {"sys/devices/system/cpu/online": "0-1\n"})
    many = config(model={"devices": ["cpu", "cpu"], "threads": 2})
    (finding,) = machine.processors(many, Placement({}, ()), root)
    assert not finding.serious and "4 threads together, and the machine 2 CPUs" in finding.text


def test_more_threads_than_a_quota_are_worth_knowing_too(tmp_path: Path) -> None:
    root = files(tmp_path, {"sys/devices/system/cpu/online": "0-63\n"})
    many = config(model={"threads": 4, "engines": 1})
    planned = {"cpu": Place(tuple(range(4)))}
    (finding,) = machine.processors(many, Placement(planned, (), cores=64, quota=1.5), root)
    assert not finding.serious and "4 threads together, and a quota leaves 1.5 CPUs" in finding.text
    assert list(machine.processors(many, Placement(planned, (), cores=64, quota=8.0), root)) == []


def test_a_gpu_without_a_driver_is_told(tmp_path: Path) -> None:
    wanted = config(model={"devices": ["cuda:0", "cuda:1"]})
    (text,) = texts(list(machine.gpus(wanted, FREE, tmp_path)))
    assert text.startswith("cuda:0, cuda:1: there is no /dev/nvidia0")
    assert list(machine.gpus(config(), FREE, tmp_path)) == []


def test_a_gpu_that_torch_does_not_see_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = files(tmp_path, {"dev/nvidia0": "", "dev/nvidia1": ""})
    monkeypatch.setattr(machine, "_gpus_of_torch", lambda: 1)
    (text,) = texts(list(machine.gpus(config(model={"devices": ["cuda:0", "cuda:1"]}), FREE, root)))
    assert text.startswith("cuda:1: torch sees 1 GPUs, and 2 have device files")


def test_a_planned_gpu_is_looked_for_at_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number may be another since the plan was made, and is none of torch's count."""
    driver = "proc/driver/nvidia/gpus/0000:65:00.0/information"
    root = files(tmp_path, {"dev/nvidia0": "", driver: "GPU Excluded:\t No\n"})
    monkeypatch.setattr(machine, "_gpus_of_torch", lambda: 1)
    places = {"cuda:1": Place(pci="0000:65:00.0"), "cuda:2": Place(pci="0000:b1:00.0")}
    wanted = config(model={"devices": ["cuda:1", "cuda:2"]})
    (text,) = texts(list(machine.gpus(wanted, Placement(places, ()), root)))
    assert text.startswith("cuda:2: the plan has it at 0000:b1:00.0, and the driver has 0000:65:00.0")


@pytest.mark.parametrize(
    ("before", "here", "told"),
    [
        ("2.4.0+cu121", "2.4.1+cu121", False),
        ("2.4.1+cpu", "2.4.1+cu121", True),
        ("1.13.1+cu116", "2.4.1+cu121", True),
        # A package from PyPI does not say which CUDA it was made for, as the torch in it does.
        ("2.4.1+cu121", "2.4.1", False),
        ("2.3.1+cu121", "2.4.1", True),
    ],
)
def test_other_versions_than_the_models_are_worth_knowing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, here: str, told: bool
) -> None:
    monkeypatch.setattr(machine, "_version", lambda package: here)
    wanted = config(model={"backend": "torchscript"})
    found = list(machine.versions(wanted, [built(tmp_path, made_with={"torch": before})]))
    assert bool(found) is told
    assert not any(finding.serious for finding in found)


@pytest.mark.parametrize(
    ("model", "torch", "words"),
    [
        (
            {"backend": "cuda"},
            "2.13.0+cpu",
            ["m: the back end cuda runs on NVIDIA GPUs, not on cpu. Set models"],
        ),
        ({"backend": "tensorrt"}, "1.13.1", ["m: the back end tensorrt runs on NVIDIA GPUs"]),
        (
            {"backend": "cuda", "devices": ["cuda:0"]},
            "1.13.1",
            ["m: the back end cuda wants torch 2.6 or newer,"],
        ),
        ({"backend": "cuda", "devices": ["cuda:0"]}, "2.10.0", []),
        ({"backend": "torchscript"}, "1.13.1", []),
    ],
)
def test_back_ends_for_gpus_want_a_gpu_and_a_torch(
    monkeypatch: pytest.MonkeyPatch, model: Dict[str, Any], torch: str, words: List[str]
) -> None:
    monkeypatch.setattr(machine, "_version", lambda package: torch)
    found = list(machine.backends(config(model=model)))
    assert len(found) == len(words)
    assert all(finding.serious and finding.text.startswith(start) for finding, start in zip(found, words))


def test_lists_of_cpus_are_read_as_the_kernel_writes_them() -> None:
    assert machine.parse_cpus("0-2,5\n") == {0, 1, 2, 5}
    assert machine.parse_cpus("") == set()
