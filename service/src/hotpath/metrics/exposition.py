"""The table as Prometheus text."""

from __future__ import annotations

from typing import Iterator, List, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from typing_extensions import override

from hotpath.metrics.devices import DeviceCollector
from hotpath.metrics.layout import Labels, Metric
from hotpath.metrics.processes import ProcessCollector
from hotpath.metrics.table import Row, Table


class TableCollector(Collector):
    """Sums the rows at each scrape."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @override
    def collect(self) -> Iterator[Family]:
        for metric in self._table.layout.metrics:
            if metric.hidden:
                continue
            names = [*metric.label_names, "engine"] if metric.by_engine else list(metric.label_names)
            family = _family(metric, names)
            for labels in metric.series:
                if not metric.by_engine:
                    _add(family, metric, list(labels), _sum(self._table.rows, metric, labels))
                    continue
                for seat in sorted(self._table.seated):
                    row = self._table.engines[seat]
                    label = self._table.engine_labels[seat]
                    cells = row.values(metric.name, labels)
                    if not metric.sparse or any(cells):
                        _add(family, metric, [*labels, label], cells)
            yield family


def render(table: Table, supervisor: int) -> bytes:
    """All metrics of the service whose supervisor has this process id, in Prometheus's text format."""
    registry = CollectorRegistry()
    for collector in (TableCollector(table), DeviceCollector(table), ProcessCollector(supervisor)):
        registry.register(collector)
    return generate_latest(registry)


def _family(metric: Metric, names: Sequence[str]) -> Family:
    if metric.kind == "histogram":
        return HistogramMetricFamily(metric.name, metric.help, labels=names)
    if metric.kind == "gauge":
        return GaugeMetricFamily(metric.name, metric.help, labels=names)
    return CounterMetricFamily(metric.name, metric.help, labels=names)


def _sum(rows: Sequence[Row], metric: Metric, labels: Labels) -> List[float]:
    return [sum(cells) for cells in zip(*(row.values(metric.name, labels) for row in rows))]


def _add(family: Family, metric: Metric, labels: List[str], cells: List[float]) -> None:
    if isinstance(family, HistogramMetricFamily):
        bounds = [*(str(bound) for bound in metric.buckets), "+Inf"]
        counts = cells[:-1]
        running = [sum(counts[: index + 1]) for index in range(len(counts))]
        family.add_metric(labels, list(zip(bounds, running)), sum_value=cells[-1])
    elif isinstance(family, (CounterMetricFamily, GaugeMetricFamily)):
        family.add_metric(labels, cells[0])
