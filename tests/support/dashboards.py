"""What the dashboards ask Prometheus for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from support.expected import PROJECT

DASHBOARDS = sorted((PROJECT / "roles" / "grafana" / "files" / "dashboards").glob("*.json"))


def expressions(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """Each panel's, as they stand there."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
