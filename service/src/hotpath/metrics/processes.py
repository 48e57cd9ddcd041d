"""Memory and processor time of the service's processes, read from /proc when somebody asks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, Tuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from typing_extensions import override

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class ProcessCollector(Collector):
    """The supervisor and its children, by name. For a child of the supervisor to use."""

    def __init__(self, supervisor: int, proc: Path = Path("/proc")) -> None:
        self._supervisor = supervisor
        self._proc = proc

    @override
    def collect(self) -> Iterator[Family]:
        memory = GaugeMetricFamily(
            "hotpath_process_resident_bytes",
            "Resident memory of a process, what it shares with others included.",
            labels=["process"],
        )
        cpu = CounterMetricFamily(
            "hotpath_process_cpu_seconds", "Processor time that a process has used.", labels=["process"]
        )
        for name, resident, seconds in self._processes():
            memory.add_metric([name], resident)
            cpu.add_metric([name], seconds)
        yield memory
        yield cpu

    def _processes(self) -> Iterator[Tuple[str, int, float]]:
        """(name, resident bytes, processor seconds) of those that are there."""
        root = self._proc / str(self._supervisor)
        try:
            children = (root / "task" / str(self._supervisor) / "children").read_text().split()
        except OSError:
            children = []
        for pid in (str(self._supervisor), *children):
            try:
                stat = (self._proc / pid / "stat").read_text()
            except OSError:  # it ended meanwhile
                continue
            # The name stands in brackets and may hold anything; what follows is numbers. See proc(5).
            name, _, rest = stat.partition("(")[2].rpartition(")")
            fields = rest.split()
            yield name, int(fields[21]) * _PAGE, (int(fields[11]) + int(fields[12])) / _TICKS
