"""The user's last word on parts of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hotpath_planning.model import Hugepages, PlanError

# What a list entry is known by, and the keys it may hold besides.
ENTRIES = {
    "nic_queues": ("interface", {"cpus", "numa_node"}),
    "engines": ("device", {"cpus", "worker_cpus", "numa_node"}),
    "hugepages": ("numa_node", {"size_kib", "count"}),
}


@dataclass
class Overrides:
    """CPU sets, pages and devices' nodes that the user has fixed; everything else is planned around them."""

    housekeeping_cpus: list[int] | None = None
    isolated_cpus: list[int] | None = None
    nic_cpus: dict[str, list[int]] = field(default_factory=dict)
    engine_cpus: dict[str, list[int]] = field(default_factory=dict)
    worker_cpus: dict[str, list[int]] = field(default_factory=dict)
    nic_nodes: dict[str, int] = field(default_factory=dict)
    engine_nodes: dict[str, int] = field(default_factory=dict)
    hugepages: list[Hugepages] | None = None

    @property
    def cpus(self) -> set[int]:
        groups = [self.housekeeping_cpus or [], *self.nic_cpus.values()]
        groups += [*self.engine_cpus.values(), *self.worker_cpus.values()]
        return {cpu for group in groups for cpu in group}

    @classmethod
    def parse(cls, values: Mapping[str, Any], devices: Sequence[str], interfaces: Sequence[str]) -> Overrides:
        """Checks names and shapes; `devices` and `interfaces` are those that the host has."""
        _known("overrides", set(values), {"housekeeping_cpus", "isolated_cpus", *ENTRIES})
        overrides = cls()
        if "housekeeping_cpus" in values:
            overrides.housekeeping_cpus = _cpus("housekeeping_cpus", values["housekeeping_cpus"])
        if "isolated_cpus" in values:
            overrides.isolated_cpus = _cpus("isolated_cpus", values["isolated_cpus"])
        for entry in _entries(values, "nic_queues", interfaces):
            interface = entry["interface"]
            if "cpus" in entry or "numa_node" not in entry:
                overrides.nic_cpus[interface] = _cpus(f"nic_queues {interface}", entry.get("cpus"))
            if "numa_node" in entry:
                overrides.nic_nodes[interface] = _node(f"nic_queues {interface}", entry["numa_node"])
        for entry in _entries(values, "engines", devices):
            device = entry["device"]
            if "cpus" in entry:
                overrides.engine_cpus[device] = _cpus(f"engines {device}: cpus", entry["cpus"])
            if "worker_cpus" in entry:
                overrides.worker_cpus[device] = _cpus(f"engines {device}: worker_cpus", entry["worker_cpus"])
            if "numa_node" in entry:
                overrides.engine_nodes[device] = _node(f"engines {device}", entry["numa_node"])
        if "hugepages" in values:
            overrides.hugepages = [_pages(entry) for entry in _entries(values, "hugepages", None)]
        return overrides


def _known(where: str, keys: set[str], allowed: set[str]) -> None:
    if unknown := keys - allowed:
        raise PlanError(f"{where}: unknown {', '.join(sorted(unknown))}; there are {', '.join(sorted(allowed))}")


def _entries(values: Mapping[str, Any], part: str, names: Sequence[str] | None) -> list[Mapping[str, Any]]:
    """The entries of one list; each names something the host has, once."""
    key, others = ENTRIES[part]
    entries = values.get(part, [])
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) and key in entry for entry in entries):
        raise PlanError(f"overrides: {part} must be a list of mappings that each name a {key}")
    for entry in entries:
        _known(f"overrides: {part} {entry[key]}", set(entry), {key, *others})
        if names is not None and entry[key] not in names:
            has = ", ".join(names) or "none"
            raise PlanError(f"overrides: {part} names {key} {entry[key]}, which the host lacks; it has {has}")
    chosen = [entry[key] for entry in entries]
    if names is not None and len(chosen) != len(set(chosen)):
        raise PlanError(f"overrides: {part} names a {key} twice; merge the entries")
    return entries


def _cpus(where: str, value: Any) -> list[int]:
    # bool is an int in Python, and `yes` in YAML is a bool.
    if not isinstance(value, list) or not value or not all(type(cpu) is int for cpu in value):
        raise PlanError(f"overrides: {where} must be a list of at least one CPU number, such as [0, 1]; got {value!r}")
    return sorted(set(value))


def _node(where: str, value: Any) -> int:
    if type(value) is not int or value < 0:
        raise PlanError(f"overrides: numa_node of {where} must be the number of a node, such as 0; got {value!r}")
    return value


def _pages(entry: Mapping[str, Any]) -> Hugepages:
    numbers = [entry["numa_node"], entry.get("size_kib", 2048), entry.get("count")]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise PlanError("overrides: hugepages need whole numbers for numa_node, size_kib and count")
    return Hugepages(*numbers)
