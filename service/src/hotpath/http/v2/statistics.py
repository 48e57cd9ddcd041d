"""What a model has done, in the form of Triton's extension_statistics.md."""

from __future__ import annotations

from typing import Any, Dict

from hotpath.http.catalogue import Served
from hotpath.metrics.layout import IMAGE_STAGES
from hotpath.metrics.table import Table


def of_model(served: Served, table: Table) -> Dict[str, Any]:
    """Of one version, since it was loaded. Images are counted, as Triton counts a batch of n as n inferences.

    How long failures took is not measured, nor what batches of each size took: that is 0, or left out.
    """
    lane = str(served.offer.lane)
    answered = int(table.total("hotpath_predictions", (lane, "ok")))
    seconds = {stage: table.total("hotpath_image_seconds", (lane, stage)) for stage in IMAGE_STAGES}
    batches = sum(sum(table.engines[seat].values("hotpath_batch_size")[:-1]) for seat in served.offer.seats)
    last = max(row.get("hotpath_answered_at_seconds", (lane,)) for row in table.workers)
    return {
        "name": served.offer.model,
        "version": served.offer.version,
        "last_inference": int(last * 1000),
        "inference_count": answered,
        "execution_count": int(batches),
        "inference_stats": {
            "success": _duration(answered, sum(seconds.values())),
            "fail": _duration(int(table.total("hotpath_predictions", (lane, "failed"))), 0.0),
            "queue": _duration(answered, seconds["queue"]),
            "compute_input": _duration(answered, seconds["decode"]),
            "compute_infer": _duration(answered, seconds["compute"]),
            "compute_output": _duration(answered, 0.0),  # the ranking is part of the model
            "cache_hit": _duration(0, 0.0),
            "cache_miss": _duration(0, 0.0),
        },
        "batch_stats": [],
    }


def _duration(count: int, seconds: float) -> Dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
