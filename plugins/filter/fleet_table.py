"""Filter of playbooks/fleet.yml: the state of a fleet as a table, from what hosts and balancers told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["FilterModule", "fleet_rows", "fleet_table"]

COLUMNS = ("host", "rotation", "release", "models", "since", "requests", "why")


def fleet_rows(groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """One row a host, in words; what several balancers say differently stands side by side, with their names."""
    doors = {name: _told(hostvars[name], "hotpath_rotation") for name in groups.get("balancers", [])}
    heard = {name: told["hosts"] for name, told in doors.items() if "hosts" in told}
    unlisted = {host for hosts in heard.values() for host in hosts} - set(groups.get("gpu_hosts", []))
    return [_row(host, hostvars.get(host, {}), heard) for host in [*groups.get("gpu_hosts", []), *sorted(unlisted)]]


def fleet_table(groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, Any]]) -> str:
    """The rows as lines of text, and below them the balancers that did not answer."""
    rows = fleet_rows(groups, hostvars)
    cells = [[column.upper() for column in COLUMNS], *([row[column] for column in COLUMNS] for row in rows)]
    widths = [max(len(line[number]) for line in cells) for number in range(len(COLUMNS))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    for name in groups.get("balancers", []):
        told = _told(hostvars[name], "hotpath_rotation")
        if "hosts" not in told:
            lines.append(f"{name}, a balancer, does not answer: {_reason(told)}")
        elif not told["hosts"]:
            lines.append(
                f"{name}, a balancer, knows no host: {'; '.join(told['words']) or 'run playbooks/balance.yml'}"
            )
    if not groups.get("balancers"):
        lines.append("There are no balancers: clients ask the hosts themselves.")
    return "\n".join(lines)


def _row(host: str, variables: Mapping[str, Any], doors: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    kept = _told(variables, "hotpath_kept")
    standings = {door: hosts[host] for door, hosts in doors.items() if host in hosts}
    reasons = _agreed({door: one["why"] for door, one in standings.items()})
    return {
        "host": host,
        "rotation": _agreed({door: one["state"] for door, one in standings.items()}) or ("unknown" if doors else "-"),
        "release": kept.get("running", {}).get("release") or "-",
        "models": " ".join(f"{name}/{version}" for name, version in kept.get("running", {}).get("models", {}).items())
        or "-",
        "since": kept.get("since") or "-",
        "requests": str(sum(one["sessions"] + one["queued"] for one in standings.values())) if standings else "-",
        "why": "; ".join(filter(None, [reasons, _ailment(kept)])),
    }


def _ailment(kept: Mapping[str, Any]) -> str:
    """What is wrong with the host by its own word."""
    if "state" not in kept:
        return f"the host does not answer: {_reason(kept)}"
    if kept["state"] != "active":
        return f"hotpath.service is {kept['state']}"
    if kept["running"] != kept["linked"] and kept["running"]["release"] != kept["linked"]["release"]:
        return f"the links name {kept['linked']['release']}"
    return ""


def _agreed(words: Mapping[str, str]) -> str:
    """What all balancers say, or what each says."""
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return "; ".join(f"{word or 'in'} at {door}" for door, word in sorted(words.items()))


def _told(variables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    told: Mapping[str, Any] = variables.get(name) or {}
    return told


def _reason(told: Mapping[str, Any]) -> str:
    return " ".join(str(told.get("msg") or "it was not asked").split())


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters by their names."""
        return {"fleet_rows": fleet_rows, "fleet_table": fleet_table}
