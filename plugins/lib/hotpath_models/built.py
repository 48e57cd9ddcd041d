"""What the bundle holds of the models that a host wants, and how the service's configuration names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .devices import device_of, known_gpus, planned_devices
from .entries import Entry, parse

TORCHSCRIPT = "torchscript"
ON_GPUS_ALONE = ("tensorrt", "cuda")


def bundled(entries: Sequence[Entry], bundle: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[Entry]]:
    """What the bundle has for each entry, in their order, and the entries for which it has nothing.

    Each has the inventory's `entry`, the model's `name`, the `build` by which it is known on the host, its `archive`
    and what the bundle says of it.
    """
    have = {(str(model["source"]), str(model["as"])): model for model in bundle.get("models", ())}
    found, lacking = [], []
    for entry in entries:
        model = have.get((entry.source, entry.name))
        if model is None or "archive" not in model:
            lacking.append(entry)
            continue
        build = "-".join(filter(None, (str(model["name"]), str(model["key"]), entry.precision)))
        plain = {**asdict(entry), "devices": list(entry.devices)}  # Ansible passes on what is written as a literal
        found.append({**model, "entry": plain, "build": build})
    return found, lacking


def backend_of(entry: Entry, devices: Sequence[str], architecture: str, otherwise: str) -> str:
    """The back end of a model; `otherwise` is the set's, which on CPUs may have nothing to do."""
    if entry.backend:
        return entry.backend
    if architecture == "numeric":
        return "numeric"
    return TORCHSCRIPT if otherwise in ON_GPUS_ALONE and set(devices) == {"cpu"} else otherwise


def served(
    models: Sequence[Mapping[str, Any]],
    *,
    engines: Sequence[Mapping[str, Any]],
    gpus: Sequence[Mapping[str, Any]],
    backend: str,
) -> list[dict[str, Any]]:
    """The tables of the service's configuration, but for the paths. `models` as `bundled` gives them.

    `engines` are the plan's, `gpus` what the driver tells of each. Raises DeviceError.
    """
    planned, known = planned_devices(engines), known_gpus(engines, gpus)
    tables = []
    for model in models:
        (entry,) = parse([model["entry"]])
        devices = [device_of(name, planned, known) for name in entry.devices] or planned
        tables.append(
            {
                "name": model["name"],
                "backend": backend_of(entry, devices, str(model["architecture"]), backend),
                "devices": devices,
                "engines": entry.engines,
                "threads": entry.threads,
                "places": entry.places,
            }
        )
    return tables
