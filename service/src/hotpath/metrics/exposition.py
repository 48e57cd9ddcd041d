"""The table as Prometheus text."""

from __future__ import annotations

from typing import Container, Dict, Iterator, List, Sequence, Tuple

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
            if not metric.hidden:
                yield self._collect(metric)
        yield self._engines()

    def _collect(self, metric: Metric) -> Family:
        """All series of one family."""
        family = _family(metric, _label_names(metric))
        for labels in metric.series:
            if metric.by_engine:
                for seat, label in enumerate(self._table.engine_labels):
                    if seat in self._seats:
                        cells = self._table.engines[seat].values(metric.name, labels)
                        if not metric.sparse or any(cells):
                            shown = self._with_length(seat, labels) if metric.by_place else labels
                            _add(family, metric, [*shown, label], cells)
            elif not metric.by_lane:
                _add(family, metric, list(labels), _sum(self._table.rows, metric, labels))
            elif labels[0] in self._lanes:
                values = _sum(self._table.rows, metric, labels)
                _add(family, metric, [*self._lanes[labels[0]], *labels[1:]], values)
        return family

    def _with_length(self, seat: int, labels: Labels) -> Labels:
        length = self._table.engines[seat].get("hotpath_warm_length_units", labels[:1])
        return (f"{length:.0f}", *labels[1:])

    @property
    def _seats(self) -> Container[int]:
        """The engines that there are, of those that there may be."""
        offers = self._table.offers
        return range(len(self._table.engines)) if offers is None else offers.seats

    @property
    def _lanes(self) -> Dict[str, Tuple[str, str]]:
        """Model and version by lane."""
        every = self._table.offers.offers if self._table.offers else ()
        return {str(offer.lane): (offer.model, offer.version) for offer in every}

    def _engines(self) -> Family:
        """What each engine runs, to join with the series of engines."""
        names = ["engine", "model", "version", "device", "state"]
        family = GaugeMetricFamily("hotpath_engine_model", "Whose engine it is; always 1.", labels=names)
        for offer in self._table.offers.offers if self._table.offers else ():
            for seat, device in zip(offer.seats, offer.devices):
                label = self._table.engine_labels[seat]
                values = [label, offer.model, offer.version, device, offer.state.value]
                family.add_metric(values, 1.0)
        return family


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


def _label_names(metric: Metric) -> List[str]:
    if metric.by_engine:
        return [*metric.label_names, "engine"]
    if metric.by_lane:
        return ["model", "version", *metric.label_names[1:]]
    return list(metric.label_names)


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
