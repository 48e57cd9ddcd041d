"""Models against the host that is to serve them: names, devices, back ends, memory and places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hotpath_models.built import ON_GPUS_ALONE, backend_of
from hotpath_models.devices import DeviceError, KnownGpu, device_of, known_gpus, planned_devices
from hotpath_models.entries import Entry, parse
from hotpath_models.memory import CONTEXT_MIB, WEIGHTS_FACTOR, needed_mib
from hotpath_models.source import NAME

from .problem import Problem

CHECK = "models"
LIST = "inference_service_models"

TOO_OLD = ("3.6", "3.7", "3.8")
"""Pythons whose last torch can't export for GPUs"""


@dataclass(frozen=True)
class Model:
    """A model of the list, with what its source says of it; 0 where that is not known."""

    entry: Entry
    name: str
    architecture: str = ""
    weights_bytes: int = 0
    input_numbers: int = 0


@dataclass(frozen=True)
class Host:
    """What models are judged against."""

    planned: Sequence[str]
    """Devices of the plan"""
    gpus: Sequence[KnownGpu]
    set_name: str
    backend: str
    """The set's"""
    queue: int
    max_batch: int
    swap: bool
    """Whether a new version is loaded beside the one that runs"""
    python: str = ""
    """The set's; empty where it was judged before"""


def on_host(known: Sequence[Model], host: Host) -> Iterator[Problem]:
    """What a host has for the models; the role asks this again, once the driver can tell more."""
    placed: list[tuple[Model, list[str]]] = []
    for model in known:
        devices, problems = _devices(model, host)
        yield from problems
        if not problems:
            yield from _backend(model, devices, host)
        placed.append((model, devices))
    yield from _memory(placed, host)
    yield from _places(known, host)


def name_problems(known: Sequence[Model]) -> Iterator[Problem]:
    by_name: dict[str, list[Model]] = defaultdict(list)
    for model in known:
        by_name[model.name].append(model)
        if not NAME.fullmatch(model.name):
            yield Problem(
                CHECK,
                f"{model.name!r} is no name of a model",
                "It stands in paths of requests and of the host's files.",
                "Begin with a letter or digit; then letters, digits, and the characters _ . - are allowed.",
            )
    for name, several in by_name.items():
        if len(several) > 1:
            yield Problem(
                CHECK,
                f"{name} is the name of {len(several)} models: {', '.join(model.entry.source for model in several)}",
                "Requests choose a model by its name.",
                f"Give all but one of them another `name` in {LIST}.",
            )


def _devices(model: Model, host: Host) -> tuple[list[str], list[Problem]]:
    found: list[str] = []
    problems: list[Problem] = []
    why = "Engines run where the host's plan has a place for them, or on its CPUs."
    for name in model.entry.devices:
        try:
            device = device_of(name, host.planned, host.gpus)
        except DeviceError as error:
            problems.append(Problem(CHECK, f"{model.name}: {error}", why, error.remedy))
            continue
        if device in found:
            more = "A number above 1 in `engines` runs several on one device."
            problems.append(Problem(CHECK, f"{model.name}: {name} is named twice", more, "Name each device once."))
        else:
            found.append(device)
    return found if model.entry.devices else list(host.planned), problems


def _backend(model: Model, devices: Sequence[str], host: Host) -> Iterator[Problem]:
    backend = backend_of(model.entry, devices, model.architecture, host.backend)
    gpus = [device for device in devices if device != "cpu"]
    if backend == "onednn" and gpus:
        yield Problem(
            CHECK,
            f"{model.name}: backend onednn on {', '.join(gpus)}",
            "It is made of oneDNN's operations, which run on processors alone.",
            "Give it devices: [cpu], or another backend.",
        )
    if backend == "tensorrt" and host.backend != "tensorrt":
        yield Problem(
            CHECK,
            f"{model.name}: backend tensorrt with the set {host.set_name}",
            "This set has no TensorRT.",
            "Choose cuda or torchscript, or a stack_service with TensorRT.",
        )
    elif backend in ON_GPUS_ALONE and "cpu" in devices:
        yield Problem(
            CHECK,
            f"{model.name}: backend {backend} on cpu",
            "It runs on GPUs alone.",
            "Name GPUs in its devices, or choose torchscript or onednn.",
        )
    elif backend == "cuda" and host.python in TOO_OLD:
        yield Problem(
            CHECK,
            f"{model.name}: backend cuda with the set {host.set_name}",
            f"It wants torch 2.6, and there is none for the set's Python {host.python}.",
            "Choose tensorrt or torchscript, or a stack_service with a newer Python.",
        )
    if (backend == "numeric") != (model.architecture == "numeric") and model.architecture:
        yield Problem(
            CHECK,
            f"{model.name}: backend {backend} for the architecture {model.architecture}",
            "The back end numeric runs the stand-in of the tests, and nothing else does.",
            "Leave backend out.",
        )
    if model.entry.precision and backend != "onednn":
        yield Problem(
            CHECK,
            f"{model.name}: precision {model.entry.precision} with the backend {backend}",
            "Only onednn runs in a precision of choice, so it would have no effect.",
            "Leave precision out, or choose the backend onednn.",
        )


def _memory(placed: Sequence[tuple[Model, list[str]]], host: Host) -> Iterator[Problem]:
    """All engines of a GPU together, where the driver tells its memory."""
    for gpu in host.gpus:
        if not gpu.memory_mib or gpu.refusal:
            continue
        needs = {
            model.name: needed_mib(model.weights_bytes, model.input_numbers, host.max_batch)
            * (model.entry.engines or 1)
            for model, devices in placed
            if gpu.device in devices and model.weights_bytes
        }
        total = sum(needs.values())
        listed = ", ".join(f"{name} {mib} MiB" for name, mib in needs.items())
        why = (
            f"An engine is reckoned at {CONTEXT_MIB} MiB for CUDA, its weights times {WEIGHTS_FACTOR:g}, and the "
            f"activations of {host.max_batch} items."
        )
        if total > gpu.memory_mib:
            yield Problem(
                CHECK,
                f"{gpu.device} at {gpu.pci} has {gpu.memory_mib} MiB, and its models need {total} MiB: {listed}",
                why,
                "Give some of them other devices or fewer engines, or lower inference_service_max_batch.",
            )
        elif needs and host.swap and total + max(needs.values()) > gpu.memory_mib:
            yield Problem(
                CHECK,
                f"{gpu.device} at {gpu.pci} has {gpu.memory_mib} MiB, {total} MiB of them for its models: {listed}",
                f"{why} That leaves too little for a new version beside the one that runs.",
                "Set inference_service_model_change: restart, or leave it: a version that finds no room is refused.",
                "warning",
            )


def _places(known: Sequence[Model], host: Host) -> Iterator[Problem]:
    kept = {model.name: model.entry.places for model in known if model.entry.places}
    if sum(kept.values()) > host.queue:
        listed = ", ".join(f"{name} {places}" for name, places in kept.items())
        yield Problem(
            CHECK,
            f"places add up to {sum(kept.values())} ({listed}), and inference_service_queue is {host.queue}",
            "All models share the places of the queue.",
            "Raise inference_service_queue, or keep fewer places.",
        )


def model_problems(
    bundled: Sequence[Mapping[str, Any]],
    *,
    engines: Sequence[Mapping[str, Any]],
    gpus: Sequence[Mapping[str, Any]],
    set_name: str,
    backend: str,
    queue: int,
    max_batch: int,
    change: str,
) -> list[Problem]:
    """The same rules for the role: models as the bundle has them, on a host whose plan and driver are there."""
    known = [
        Model(
            entry, str(item["name"]), str(item["architecture"]), int(item["weights_bytes"]), int(item["input_numbers"])
        )
        for item in bundled
        for entry in parse([item["entry"]])
    ]
    host = Host(
        planned_devices(engines), known_gpus(engines, gpus), set_name, backend, queue, max_batch, change == "swap"
    )
    return [*name_problems(known), *on_host(known, host)]
