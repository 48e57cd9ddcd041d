"""Rules about the models of a host's list before anything is changed: their sources, and what the host has for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hotpath_models.devices import KnownGpu, known_gpus, planned_devices
from hotpath_models.entries import Entry
from hotpath_models.release import Release
from hotpath_models.source import Source, SourceError, locate, read, renamed
from hotpath_planning import PlanError
from hotpath_planning.gpus import Choice

from .gpus import choices_of
from .plan import plan_of
from .problem import Problem
from .served import CHECK, LIST, Host, Model, name_problems, on_host
from .values import Values

Survey = Mapping[str, Any]


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
    yield from name_problems(known)
    host = _host(survey, values)
    if host is not None:
        yield from on_host(known, host)


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
        str(values.service.get("python_version", "")),
    )


def _refused(choice: Choice, told: Sequence[Mapping[str, Any]]) -> KnownGpu:
    """A GPU on which the plan puts no engine."""
    number = "" if choice.number is None else f"cuda:{choice.number}"
    uuid = next((str(gpu.get("uuid", "")) for gpu in told if gpu["pci"] == choice.gpu.pci), "")
    return KnownGpu(choice.gpu.pci, number, uuid, refusal=choice.refusal or "the plan runs engines elsewhere")
