"""`hotpath models`: what is configured, and what is live where a service runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Sequence

from hotpath.config import Config, load
from hotpath.core import HotpathError
from hotpath.models.built import METADATA, damaged_files, digest
from hotpath.models.built import load as load_model
from hotpath.operate import ControlError, ask

_COLUMNS = ("name", "version", "backend", "precision", "devices", "state", "share", "digest")


def show(path: Path, as_json: bool) -> int:
    """Print every model; 1 when one of them is not what it should be."""
    config = load(path)
    rows, service = _configured(config), "none"
    if config.server.control:
        try:
            rows = _merge(rows, _running(path))
            service = "running"
        except ControlError as error:
            service = str(error)
    if as_json:
        print(json.dumps({"service": service, "models": rows}, indent=2))
    else:
        _print(rows)
        print(
            f"service: {service}"
            if config.server.control
            else "service: server.control names no socket to ask"
        )
    return 1 if any(row["problems"] for row in rows) else 0


def _configured(config: Config) -> List[Dict[str, Any]]:
    return [
        {
            "name": entry.name,
            "backend": entry.backend,
            "devices": list(entry.devices),
            "state": "configured",
            "share": None,
            **_describe(entry.path, entry.backend),
        }
        for entry in config.models
    ]


def _running(path: Path) -> List[Dict[str, Any]]:
    *_, answer = ask(path, {"command": "models"})
    return [{**_describe(Path(item["path"]), item["backend"]), **item} for item in answer["models"]]


def _merge(configured: Sequence[Dict[str, Any]], running: Sequence[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """What runs, and what a reload would bring in."""
    known = {(item["name"], item["version"], item["backend"]) for item in running}
    waiting = [item for item in configured if (item["name"], item["version"], item["backend"]) not in known]
    place = {item["name"]: index for index, item in enumerate(configured)}
    # One that is no longer configured runs until the service is started again.
    return sorted([*running, *waiting], key=lambda item: place.get(item["name"], len(place)))


def _describe(path: Path, backend: str) -> Dict[str, Any]:
    """Version, digest and faults of a built model; the digest is model.json's, which holds all others."""
    try:
        model = load_model(path, verify=False)
    except HotpathError as error:
        return {"path": str(path), "version": "-", "precision": "-", "digest": "-", "problems": [str(error)]}
    return {
        "path": str(model.directory),
        "version": model.identity.version,
        "precision": model.precision(backend),
        "digest": digest(model.directory / METADATA),
        "problems": damaged_files(model.directory, model.document["files"]),
    }


def _print(rows: Sequence[Dict[str, Any]]) -> None:
    lines = [[column.upper() for column in _COLUMNS], *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    for row in rows:
        for problem in row["problems"]:
            print(f"{row['name']} {row['version']}: {problem}")


def _cells(row: Dict[str, Any]) -> List[str]:
    share = "-" if row["share"] is None else f"{row['share']:.4g}"
    devices = ",".join(row["devices"])
    values = {**row, "devices": devices, "share": share, "digest": row["digest"][:12]}
    return [str(values[column]) for column in _COLUMNS]
