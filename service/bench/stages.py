"""Where a request's time goes, by the service's own histograms."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass
from typing import Dict

_SERIES = {
    "total": "hotpath_request_seconds",
    "decode": "hotpath_decode_seconds",
    "queue": "hotpath_queue_seconds",
    "batches": "hotpath_compute_seconds",
    "sizes": "hotpath_batch_size",
}


@dataclass(frozen=True)
class Stages:
    """Sums and counts of the histograms at one moment."""

    sums: Dict[str, float]
    counts: Dict[str, float]

    @classmethod
    def read(cls, port: int) -> Stages:
        """Ask /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()

        def total(series: str) -> float:
            return sum(float(v) for v in re.findall(rf"^{series}(?:{{.*}})? (\S+)$", text, re.MULTILINE))

        return cls(
            {name: total(f"{series}_sum") for name, series in _SERIES.items()},
            {name: total(f"{series}_count") for name, series in _SERIES.items()},
        )

    def since(self, before: Stages) -> Dict[str, float]:
        """Mean milliseconds of a request in each stage; `compute` is its whole batch's."""

        def mean(name: str) -> float:
            count = self.counts[name] - before.counts[name]
            return (self.sums[name] - before.sums[name]) / count * 1000 if count else 0.0

        found = {"decode": mean("decode"), "queue": mean("queue"), "compute": mean("batches")}
        found["rest"] = max(0.0, mean("total") - sum(found.values()))
        return {
            **{name: round(value, 3) for name, value in found.items()},
            "batch": round(mean("sizes") / 1000, 2),
        }
