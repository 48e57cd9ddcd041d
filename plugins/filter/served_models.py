"""Filters of the role inference_service: what the bundle has for its models, and how the service is told of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

# Ansible loads each plugin file by itself, so the packages that the filters share are not on the path.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lib"))

from hotpath_models import DeviceError, bundled, parse, served
from hotpath_preflight import model_problems

__all__ = ["FilterModule", "bundled_models", "model_obstacles", "served_models", "unbundled_models"]


def bundled_models(entries: Sequence[Mapping[str, Any]], bundle: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the bundle has for each entry of inference_service_models; see hotpath_models.bundled."""
    return bundled(parse(entries), bundle)[0]


def unbundled_models(entries: Sequence[Mapping[str, Any]], bundle: Mapping[str, Any]) -> list[str]:
    """The entries for which the bundle has nothing, by their names or sources."""
    return [entry.title for entry in bundled(parse(entries), bundle)[1]]


def served_models(models: Sequence[Mapping[str, Any]], **host: Any) -> list[dict[str, Any]]:
    """The service's tables for what `bundled_models` gave; `host` is what hotpath_models.served asks of it."""
    try:
        return served(models, **host)
    except DeviceError as error:
        raise AnsibleFilterError(f"{error}. {error.remedy}") from error


def model_obstacles(models: Sequence[Mapping[str, Any]], **host: Any) -> list[str]:
    """Why the host can't serve what `bundled_models` gave, with the way out; `host`: see hotpath_preflight."""
    problems = model_problems(models, **host)
    return [f"{p.found}. {p.reason} {p.remedy}" for p in problems if p.severity == "error"]


class FilterModule:
    """Entry point that Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "bundled_models": bundled_models,
            "model_obstacles": model_obstacles,
            "served_models": served_models,
            "unbundled_models": unbundled_models,
        }
