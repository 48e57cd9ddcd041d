"""The rules about the models that a host is to serve, all before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hotpath_preflight import Problem
from served_models import bundled_models, model_obstacles, served_models, unbundled_models
from support.sources import write_source
from support.surveys import Change, judge

UUID, SECOND_UUID = "GPU-5f1e7ab2-1d0c-4d6c-9a55-0a5000a5000a", "GPU-77770000-1d0c-4d6c-9a55-0a5000a5000a"
CPU = {"stack_name": "cpu", "stack_service": "cpu", "nvidia_driver_state": "absent"}
Make = Callable[..., dict[str, Any]]


def two_gpus(survey: dict[str, Any], memory_mib: int = 24564) -> None:
    """As a driver tells them."""
    survey["gpus"].append({"address": "0000:b1:00.0", "device": "0x2231"})
    survey["topology"]["gpus"] = [
        {"pci": "0000:65:00.0", "numa_node": 0, "driver": "nvidia", "uuid": UUID, "memory_mib": memory_mib},
        {"pci": "0000:b1:00.0", "numa_node": 0, "driver": "nvidia", "uuid": SECOND_UUID, "memory_mib": memory_mib},
    ]


def without_gpu(survey: dict[str, Any]) -> None:
    survey.update(gpus=[], pythons=["3.6", "3.11"])
    survey["topology"]["gpus"] = []
    survey["offered"]["python3.11"] = []


@pytest.fixture
def entry(tmp_path: Path) -> Make:
    """An entry of the list, with a source of its own."""

    def make(
        folder: str = "net",
        *,
        task: str = "image-classification",
        architecture: str = "resnet50",
        mib: int = 1,
        **keys: Any,
    ) -> dict[str, Any]:
        directory = tmp_path / f"{folder}-{architecture}-{mib}"
        source = write_source(directory, folder, task, architecture, mib << 20)
        return {"source": str(source), **keys}

    return make


def found(change: Change | None, models: Any, **variables: Any) -> list[Problem]:
    return [
        p for p in judge(change, inference_service_models=models, **variables) if p.check in ("models", "variables")
    ]


def said(problems: list[Problem]) -> str:
    return "\n".join(f"{p.severity} {p.found}. {p.reason} {p.remedy}" for p in problems)


@pytest.mark.parametrize(
    "devices", [["cuda:0"], ["65:00.0", "0000:b1:00.0"], [UUID], ["GPU-7777"], ["cpu", "cuda:1"], []]
)
def test_devices_of_the_plan_by_any_name(entry: Make, devices: list[str]) -> None:
    assert found(two_gpus, [entry(backend="torchscript", devices=devices)]) == []


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        (["cuda:2"], "net: cuda:2 is not on the host's plan, which has cuda:0 at 0000:65:00.0, cuda:1 at 0000:b1:00.0"),
        (["c1:00.0"], "c1:00.0 is not on the host's plan"),
        (["GPU-1234"], "GPU-1234 is not on the host's plan"),
        (["GPU-"], "GPU- is no device"),
        (["gpu0"], "gpu0 is no device. Engines run where the host's plan has a place for them"),
        (["cuda:0", UUID], f"{UUID} is named twice"),
    ],
)
def test_devices_that_the_plan_lacks(entry: Make, devices: list[str], words: str) -> None:
    (problem,) = found(two_gpus, [entry(devices=devices)])
    assert problem.severity == "error" and words in said([problem])


def test_a_gpu_without_an_engine_says_why(entry: Make) -> None:
    left_out = {"host_plan_gpus_excluded": ["b1:00.0"]}
    for name in ("cuda:1", "b1:00.0", SECOND_UUID):
        (problem,) = found(two_gpus, [entry(devices=[name])], **left_out)
        assert f"{name} is GPU 0000:b1:00.0, which has no engine in the plan: host_plan_gpus_excluded" in problem.found


def test_uuids_are_not_known_before_the_driver(entry: Make) -> None:
    (problem,) = found(None, [entry(devices=[UUID])])
    assert "UUIDs are known once the host has its driver" in problem.remedy


def test_a_host_of_processors_has_no_gpu_to_name(entry: Make) -> None:
    assert found(without_gpu, [entry(devices=["cpu"], backend="onednn", precision="int8")], **CPU) == []
    (problem,) = found(without_gpu, [entry(devices=["cuda:0"])], **CPU)
    assert "cuda:0 is not on the host's plan, which has cpu" in problem.found


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"backend": "onednn"}, "net: backend onednn on cuda:0, cuda:1"),
        ({"devices": ["cpu"], "backend": "tensorrt"}, "backend tensorrt on cpu"),
        ({"devices": ["cpu"], "backend": "cuda"}, "backend cuda on cpu"),
        ({"backend": "cuda"}, "net: backend cuda with the set cuda11.6"),
        ({"precision": "int8", "backend": "torchscript"}, "precision int8 with the backend torchscript"),
        ({"backend": "numeric"}, "backend numeric for the architecture resnet50"),
        ({"architecture": "numeric", "backend": "eager"}, "backend eager for the architecture numeric"),
    ],
)
def test_back_ends_that_do_not_fit(entry: Make, keys: dict[str, Any], words: str) -> None:
    (problem,) = found(two_gpus, [entry(**keys)])
    assert words in problem.found


def test_tensorrt_needs_a_set_that_has_it(entry: Make) -> None:
    (problem,) = found(without_gpu, [entry(backend="tensorrt")], **CPU)
    assert problem.found == "net: backend tensorrt with the set cpu"


def test_newer_sets_run_exported_programs(entry: Make) -> None:
    for chosen, wanted in (("cuda12", "cuda"), ("cuda13", "cuda"), ("cuda13", "")):
        stack = {"stack_name": chosen, "stack_service": chosen}
        problems = found(two_gpus, [entry(**{"backend": wanted} if wanted else {})], **stack)
        assert not [problem for problem in problems if "backend" in problem.found], chosen
    stack = {"stack_name": "cuda13", "stack_service": "cuda13"}
    problems = found(two_gpus, [entry(backend="tensorrt")], **stack)
    assert "net: backend tensorrt with the set cuda13" in [problem.found for problem in problems]


def test_what_all_models_of_a_gpu_need_together(entry: Make) -> None:
    models = [entry("large", mib=9000, devices=["cuda:0"]), entry("small", mib=100, engines=3)]
    assert found(two_gpus, models, inference_service_model_change="restart") == []
    (warning,) = found(two_gpus, models)
    assert warning.severity == "warning" and "inference_service_model_change: restart" in warning.remedy
    models.append(entry("more", mib=6000))
    problems = found(two_gpus, models, inference_service_model_change="restart")
    (problem,) = problems
    assert "cuda:0 at 0000:65:00.0 has 24564 MiB, and its models need 2" in problem.found
    assert "large 14074 MiB, small 2172 MiB, more 9574 MiB" in problem.found
    assert "weights times 1.5" in problem.reason and "lower inference_service_max_batch" in problem.remedy


def test_places_within_the_queue(entry: Make) -> None:
    models = [entry("a", places=200), entry("b", places=57)]
    (problem,) = found(two_gpus, models)
    assert problem.found == "places add up to 257 (a 200, b 57), and inference_service_queue is 256"
    assert found(two_gpus, models, inference_service_queue=257) == []


def test_names(entry: Make) -> None:
    same = [entry("net"), entry("other", name="net"), entry("third", name="no/name")]
    problems = found(two_gpus, same)
    assert len(problems) == 2
    assert "net is the name of 2 models" in said(problems) and "'no/name' is no name of a model" in said(problems)
    assert found(two_gpus, [{"source": entry()["source"]}, {"source": entry()["source"], "name": "net2"}]) == []


def test_everything_is_said_at_once(entry: Make, tmp_path: Path) -> None:
    half = entry("half")
    (Path(half["source"]) / "weights.pth").unlink()
    models = [
        {"source": "nothing"},
        {"source": str(tmp_path / "gone")},
        entry("a", task="image-generation"),
        entry("b", architecture="resnet51"),
        half,
        entry("c", devices=["cuda:7"], places=300),
    ]
    told = said(found(two_gpus, models))
    for words in (
        "nothing: 'nothing' is no model of this release",
        "gone does not exist on the controller",
        "a: task = 'image-generation'",
        "b: architecture = 'resnet51'",
        "half: weights.pth of",
        "c: cuda:7 is not on the host's plan",
        "places add up to 300",
    ):
        assert words in told
    assert told.count("error") == 7


def test_an_empty_list() -> None:
    (problem,) = found(two_gpus, [])
    assert problem.found == "inference_service_models is empty"


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ([{"name": "net"}], "missing required arguments: source"),
        ([{"source": "efficientnet_lite0", "gpus": [0]}], "gpus"),
        ([{"source": "efficientnet_lite0", "backend": "onnx"}], "must be one of: tensorrt, cuda, torchscript"),
        ([{"source": "efficientnet_lite0", "engines": "two"}], "cannot be converted to an int"),
        ("efficientnet_lite0", "inference_service_models"),
    ],
)
def test_a_list_of_another_form_is_judged_as_a_variable(models: Any, words: str) -> None:
    problems = found(two_gpus, models)
    assert {problem.check for problem in problems} == {"variables"} and words in said(problems)


@pytest.mark.parametrize("name", ["inference_service_backend", "inference_service_threads", "service_bundle_model"])
def test_what_one_model_was_told_by_names_its_place_in_the_list(name: str) -> None:
    (problem,) = judge(None, **{name: "x"})
    assert problem.found == f"{name} is no variable any more" and "inference_service_models" in problem.remedy


ENGINES = [{"device": "cuda:0", "pci": "0000:65:00.0"}, {"device": "cuda:1", "pci": "0000:b1:00.0"}]
GPUS = [{"pci": "0000:65:00.0", "uuid": UUID, "memory_mib": 8000}, {"pci": "0000:b1:00.0", "uuid": SECOND_UUID}]


def packed(source: str, name: str, architecture: str = "resnet50", mib: int = 100, given: str = "") -> dict[str, Any]:
    """A model as the bundle describes it."""
    numbers = {"weights_bytes": mib << 20, "input_numbers": 3 * 224 * 224}
    return {
        "source": source,
        "as": given,
        "name": name,
        "key": "k",
        "architecture": architecture,
        **numbers,
        "archive": {},
    }


def test_the_services_tables() -> None:
    bundle = {"models": [packed("/b", "b"), packed("/a", "a2", given="a2"), packed("/a", "a")]}
    entries: list[dict[str, Any]] = [
        {"source": "/a", "name": "a2", "devices": ["cpu", SECOND_UUID], "engines": 2, "precision": None},
        {"source": "/a", "devices": ["cpu"]},
        {"source": "/b", "places": 7},
    ]
    models = bundled_models(entries, bundle)
    assert [model["build"] for model in models] == ["a2-k", "a-k", "b-k"]
    tables = served_models(models, engines=ENGINES, gpus=GPUS, backend="tensorrt")
    none = {"engines": 0, "threads": 0, "places": 0}
    assert tables == [
        {**none, "name": "a2", "backend": "tensorrt", "devices": ["cpu", "cuda:1"], "engines": 2},
        {**none, "name": "a", "backend": "torchscript", "devices": ["cpu"]},
        {**none, "name": "b", "backend": "tensorrt", "devices": ["cuda:0", "cuda:1"], "places": 7},
    ]
    tables = served_models(models, engines=ENGINES, gpus=GPUS, backend="cuda")
    assert [table["backend"] for table in tables] == ["cuda", "torchscript", "cuda"]
    (table,) = served_models(models[2:], engines=[], gpus=[], backend="torchscript")
    assert table["devices"] == ["cpu"]


def test_what_the_bundle_lacks_is_named() -> None:
    entries = [{"source": "/a"}, {"source": "/a", "name": "second"}]
    bundle = {"models": [packed("/a", "a")]}
    assert unbundled_models(entries, bundle) == ["second"] and unbundled_models(entries, {}) == ["/a", "second"]


def test_the_role_asks_the_same_of_its_own_host() -> None:
    models = bundled_models([{"source": "/a"}], {"models": [packed("/a", "a", mib=6000)]})
    host = {"engines": ENGINES, "gpus": GPUS, "backend": "tensorrt"}
    asked = {"set_name": "cuda12", "queue": 256, "max_batch": 8, "change": "swap", **host}
    (obstacle,) = model_obstacles(models, **asked)
    assert obstacle.startswith(
        "cuda:0 at 0000:65:00.0 has 8000 MiB, and its models need 9574 MiB: a 9574 MiB. An engine"
    )
    assert model_obstacles(models, **{**asked, "gpus": []}) == []
