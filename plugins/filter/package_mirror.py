"""The filter of the role package_mirror: what the hosts of an inventory will install."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

PLUGINS = Path(__file__).resolve().parents[1]
# Ansible loads each plugin file by itself, so the package that the filters share is not on the path.
sys.path.append(str(PLUGINS / "lib"))

from hotpath_preflight import Values, installed_packages, load_options  # noqa: E402

__all__ = ["FilterModule", "mirror_sets"]


@cache
def _options() -> dict[str, dict[str, Any]]:
    return load_options(PLUGINS.parent / "roles")


def mirror_sets(
    hosts: Iterable[Mapping[str, Any]], common: Sequence[str], kernels: Sequence[str]
) -> list[dict[str, Any]]:
    """What the hosts (their variables) need, as the module package_mirror takes it; hosts that are alike count once."""
    found: list[dict[str, Any]] = []
    for variables in hosts:
        values = Values.of(variables, _options())
        packages = [{"name": name, "version": ""} for name in common]
        packages += installed_packages(variables, values, _options(), kernels)
        stream = f"nvidia-driver:{values.driver_stream}" if values.driver_version else ""
        wanted = {"stream": stream, "packages": packages}
        if wanted not in found:
            found.append(wanted)
    return found


class FilterModule:
    """Entry point that Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"mirror_sets": mirror_sets}
