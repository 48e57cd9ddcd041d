"""Rules about the models that a host is to serve: their sources, names, devices, back ends, memory and places."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hotpath_models.built import backend_of
from hotpath_models.devices import DeviceError, KnownGpu, device_of, known_gpus, planned_devices
from hotpath_models.entries import Entry, parse
from hotpath_models.memory import CONTEXT_MIB, WEIGHTS_FACTOR, needed_mib
from hotpath_models.release import Release
from hotpath_models.source import NAME, Source, SourceError, locate, read, renamed
from hotpath_planning import PlanError
from hotpath_planning.gpus import Choice

from .gpus import choices_of
from .plan import plan_of
from .problem import Problem
from .values import Values

Survey = Mapping[str, Any]
CHECK = "models"
LIST = "inference_service_models"


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


def models(survey: Survey, values: Values, release: Release) -> Iterator[Problem]:
    """All rules on one host, for preflight."""
    if values.models is None:
        return  # it is not of its type, which is said as of every variable
    if not values.models:
        yield Problem(
            CHECK, f"{LIST} is empty", "A service without a model answers nothing.", "Name one, or leave it out."
        )
        return
    known: list[Model] = []
    for entry in values.models:
        yield from _source(entry, release, known)
    yield from _names(known)
    host = _host(survey, values)
    if host is not None:
        yield from on_host(known, host)


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


def _source(entry: Entry, release: Release, known: list[Model]) -> Iterator[Problem]:
    """Whether the source can be built by this release; adds what it says to `known`."""
    try:
        source = read(locate(entry.source, release.bundled))
        renamed(source, entry.name or source.name)
    except SourceError as error:
        yield Problem(
            CHECK, f"{entry.title}: {error}", "A model is built from its source, which goes to the host.", error.remedy
        )
        return
    name = entry.name or source.name
    known.append(Model(entry, name, source.architecture, source.weights_bytes, source.input_numbers))
    where = f"{source.path}/model.toml"
    if source.missing and not source.assembled:
        yield Problem(
            CHECK,
            f"{name}: {', '.join(source.missing)} of {where} is not there",
            "The build reads every file that model.toml names.",
            "Put the files beside model.toml.",
        )
    if release.tasks and source.task not in release.tasks:
        yield Problem(
            CHECK,
            f"{name}: task = {source.task!r} in {where}",
            f"This release knows {', '.join(release.tasks)}.",
            "Correct the task, or deploy a release that knows it.",
        )
    elif source.task in release.judged_tasks and not _architecture_known(source, release):
        yield Problem(
            CHECK,
            f"{name}: architecture = {source.architecture!r} in {where}",
            f"This release knows {', '.join(release.architectures)}.",
            "Correct it, or save the network with torch.jit.save and name it torchscript.",
        )


def _architecture_known(source: Source, release: Release) -> bool:
    return not release.architectures or source.architecture in release.architectures


def _names(known: Sequence[Model]) -> Iterator[Problem]:
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


def _host(survey: Survey, values: Values) -> Host | None:
    """What the plan gives; None where there is none, which is said elsewhere."""
    plan = plan_of(survey, values)
    if isinstance(plan, PlanError):
        return None
    engines = plan["engines"] if values.stack_service != "cpu" else []
    told = survey["topology"]["gpus"]
    gpus = known_gpus(engines, told)
    served = {gpu.pci for gpu in gpus}
    with contextlib.suppress(PlanError):  # an entry of host_plan_gpus_excluded that the plan has no use for
        gpus += [_refused(choice, told) for choice in choices_of(survey, values) if choice.gpu.pci not in served]
    return Host(
        planned_devices(engines),
        gpus,
        values.stack_service,
        str(values.service.get("backend", "")),
        values.queue,
        values.max_batch,
        values.model_change == "swap",
    )


def _refused(choice: Choice, told: Sequence[Mapping[str, Any]]) -> KnownGpu:
    """A GPU on which the plan puts no engine."""
    number = "" if choice.number is None else f"cuda:{choice.number}"
    uuid = next((str(gpu.get("uuid", "")) for gpu in told if gpu["pci"] == choice.gpu.pci), "")
    return KnownGpu(choice.gpu.pci, number, uuid, refusal=choice.refusal or "the plan runs engines elsewhere")


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
            "Choose torchscript, or a stack_service with TensorRT.",
        )
    elif backend == "tensorrt" and "cpu" in devices:
        yield Problem(
            CHECK,
            f"{model.name}: backend tensorrt on cpu",
            "TensorRT runs on GPUs alone.",
            "Name GPUs in its devices, or choose torchscript or onednn.",
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
    return [*_names(known), *on_host(known, host)]
