"""The state of the devices, as the engines on them read it last."""

from __future__ import annotations

from typing import Dict, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from typing_extensions import override

from hotpath.metrics.table import Row, Table

UNKNOWN = -1.0
"""Stands in a row for what the device does not tell."""

GAUGES = (
    "hotpath_device_utilisation_ratio",
    "hotpath_device_memory_used_bytes",
    "hotpath_device_memory_bytes",
)


class DeviceCollector(Collector):
    """One series for each device, however many engines are on it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @override
    def collect(self) -> Iterator[Family]:
        rows = self._rows()
        for name in GAUGES:
            family = GaugeMetricFamily(name, self._table.layout.metric(name).help, labels=["device"])
            for device, row in rows.items():
                if row.get(name) != UNKNOWN:
                    family.add_metric([device], row.get(name))
            yield family

    def _rows(self) -> Dict[str, Row]:
        """The row of a warm engine for each device whose state is known."""
        found: Dict[str, Row] = {}
        for label, row in zip(self._table.engine_labels, self._table.engines):
            if row.get("hotpath_engine_ready") > 0 and row.get("hotpath_device_memory_bytes") > 0:
                found.setdefault(label.partition("/")[2], row)
        return found
