"""Which metrics there are and where each lies in a row of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from hotpath.ipc.offers import LANES

STATUSES = (
    "200",
    "400",
    "401",
    "403",
    "404",
    "405",
    "408",
    "413",
    "415",
    "422",
    "429",
    "499",
    "500",
    "503",
    "504",
    "other",
)
ROUTES = (
    "/predict",
    "/v1",
    "/v2/infer",
    "/v2",
    "grpc/infer",
    "grpc",
    "/livez",
    "/readyz",
    "/metrics",
    "/",
    "other",
)
SHED_REASONS = (
    "no_slot",
    "no_memory",
    "late",
    "expired",
    "not_ready",
    "client_gone",
    "inference_failed",
    "decoding_failed",
)
BACKENDS = ("torchscript", "eager", "onednn", "cuda", "tensorrt", "numeric")
EXACT_PRECISIONS = ("float64", "float32")
PRECISIONS = (*EXACT_PRECISIONS, "bfloat16", "float16", "int8")
ROLES = ("worker", "engine")
IMAGE_STAGES = ("decode", "queue", "compute")
STAGES = ("receive", *IMAGE_STAGES, "other")
PREDICTION_RESULTS = ("ok", "failed")
SHARED_RESULTS = ("done", "undone", "lost")
SHADOW_RESULTS = ("agree", "differ", "failed")
COMPARED = SHADOW_RESULTS
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

PLACES = tuple(str(place) for place in range(16))
"""Of the lengths that a model's batches are made for, the shortest first; known once an engine is warm."""

Labels = Tuple[str, ...]


@dataclass(frozen=True)
class Metric:
    """One family: its series are known beforehand, so a writer only adds to a cell."""

    name: str
    kind: str
    """counter, gauge or histogram"""
    help: str
    label_names: Labels = ()
    series: Tuple[Labels, ...] = ((),)
    buckets: Tuple[float, ...] = ()
    by_engine: bool = False
    """Whether each engine's row is a series of its own, instead of all rows summed."""
    sparse: bool = False
    """Whether a series of an engine that is 0 is left out: of many possible ones few are real."""
    by_lane: bool = False
    """Whether the first label is a lane, shown as the model and version that have it."""
    by_place: bool = False
    """Whether the first label is one of PLACES, shown as the length that the engine has there."""
    hidden: bool = False
    """Whether it is for the service itself, or another collector shows it."""

    @property
    def cells(self) -> int:
        """Cells of one series: a value; or for a histogram each bucket, the overflow and the sum."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1


def route_of(path: str) -> str:
    """The route that a path is counted under; the protocol's paths hold names that clients choose."""
    if path == "/v2" or path.startswith("/v2/"):
        return "/v2/infer" if path.endswith("/infer") else "/v2"
    if path.startswith("/v1/"):
        return "/v1"
    if path.startswith("/inference.GRPCInferenceService/"):
        return "grpc/infer" if path.endswith("Infer") else "grpc"
    if path.startswith("/models/") and path.endswith("/predict"):
        return "/predict"
    if path.startswith("/page/"):
        return "/"
    return path if path in ROUTES else "other"


def buckets_up_to(max_batch: int) -> Tuple[int, ...]:
    """Batch sizes that are warmed and measured: the powers of two below `max_batch`, and `max_batch`."""
    sizes = [1]
    while sizes[-1] * 2 < max_batch:
        sizes.append(sizes[-1] * 2)
    return tuple(sizes) if max_batch == 1 else (*sizes, max_batch)


def describe(max_batch: int, models: Sequence[str]) -> List[Metric]:
    """Every metric of the service."""
    lanes = LANES * len(models)
    every_lane = tuple(str(lane) for lane in range(lanes))
    batch_sizes = buckets_up_to(max_batch)
    return [
        Metric(
            "hotpath_requests",
            "counter",
            "Requests answered, by route and HTTP status (499: the client went away first).",
            ("route", "status"),
            tuple((route, status) for route in ROUTES for status in STATUSES),
        ),
        Metric(
            "hotpath_request_seconds",
            "histogram",
            "Seconds from the head of a prediction to its answer, successful ones only.",
            buckets=_SECONDS,
        ),
        Metric(
            "hotpath_receive_seconds",
            "histogram",
            "Seconds from the head of a successful prediction to the end of its body.",
            buckets=_SECONDS,
        ),
        Metric(
            "hotpath_stage_seconds",
            "counter",
            "Seconds that successful predictions spent in each stage; the stages add up to the whole.",
            ("stage",),
            tuple((stage,) for stage in STAGES),
        ),
        Metric(
            "hotpath_decode_seconds",
            "histogram",
            "Seconds to decode an image, or copy a tensor, into its slot.",
            buckets=_SECONDS,
        ),
        Metric(
            "hotpath_shared_decodes",
            "counter",
            "Items that a worker let another decode: done, undone (to be done by itself), or lost with it.",
            ("result",),
            tuple((result,) for result in SHARED_RESULTS),
        ),
        Metric(
            "hotpath_shared_bodies",
            "gauge",
            "Bodies that workers have before them for another to decode.",
        ),
        Metric(
            "hotpath_shed",
            "counter",
            "Predictions given up, by reason.",
            ("reason",),
            tuple((reason,) for reason in SHED_REASONS),
        ),
        Metric(
            "hotpath_slots_in_use", "gauge", "Items inside the service: slots of the arena that are lent."
        ),
        Metric("hotpath_slots", "gauge", "Slots of the arena."),
        Metric(
            "hotpath_items_coming",
            "gauge",
            "Items that a worker has and no engine yet: they are decoded, or wait for that.",
            hidden=True,
        ),
        Metric(
            "hotpath_places_in_use",
            "gauge",
            "Images of a model inside the service.",
            ("model",),
            tuple((model,) for model in models),
        ),
        Metric(
            "hotpath_queue_seconds",
            "histogram",
            "Seconds from submission to the start of the batch.",
            buckets=_SECONDS,
            by_engine=True,
        ),
        Metric(
            "hotpath_compute_seconds",
            "histogram",
            "Seconds that a batch took on its device.",
            buckets=_SECONDS,
            by_engine=True,
        ),
        Metric(
            "hotpath_batch_size",
            "histogram",
            "Images in a batch.",
            buckets=tuple(float(size) for size in batch_sizes),
            by_engine=True,
        ),
        Metric(
            "hotpath_batch_units",
            "counter",
            "Units of work in batches: of their items (images are one each), and filled up to one length.",
            ("kind",),
            (("real",), ("padded",)),
            by_engine=True,
        ),
        Metric(
            "hotpath_warm_batch_seconds",
            "gauge",
            "Shortest seconds of a batch of this length and size, measured at warm-up.",
            ("length", "batch_size"),
            tuple((place, str(size)) for place in PLACES for size in batch_sizes),
            by_engine=True,
            sparse=True,
            by_place=True,
        ),
        Metric(
            "hotpath_warm_length_units",
            "gauge",
            "The length that a place in the table of the warm-up stands for; 0: for none.",
            ("place",),
            tuple((place,) for place in PLACES),
            hidden=True,
        ),
        Metric(
            "hotpath_engine_unit_seconds",
            "gauge",
            "Seconds of a unit in the largest batch of the longest items, measured at warm-up.",
            hidden=True,
        ),
        Metric(
            "hotpath_engine_images_in_flight",
            "gauge",
            "Images in the batches that the engine has handed to its device.",
            by_engine=True,
        ),
        Metric(
            "hotpath_engine_batch_since_seconds",
            "gauge",
            "When the device began with the batch it has, on the host's monotonic clock; 0: it has none.",
            by_engine=True,
        ),
        Metric(
            "hotpath_engine_seen_at_seconds",
            "gauge",
            "When the engine's loop came round last, on the host's monotonic clock; 0: it is not warm.",
            hidden=True,
        ),
        Metric(
            "hotpath_engine_pace_ratio",
            "gauge",
            "How long batches take now, as a multiple of what was measured at warm-up.",
            by_engine=True,
        ),
        Metric(
            "hotpath_engine_clear_at_seconds",
            "gauge",
            "When the engine will have done all that it has, on the host's monotonic clock; 0: it is idle.",
            by_engine=True,
        ),
        Metric(
            "hotpath_engine_info",
            "gauge",
            "1 for the back end and the precision that the engine runs its model in.",
            ("backend", "precision"),
            tuple((backend, precision) for backend in BACKENDS for precision in PRECISIONS),
            by_engine=True,
            sparse=True,
        ),
        Metric(
            "hotpath_engine_cuda_graphs",
            "gauge",
            "1 where the engine replays its batches as CUDA graphs.",
            by_engine=True,
        ),
        Metric(
            "hotpath_engine_ready", "gauge", "1 while the engine is warm and takes requests.", by_engine=True
        ),
        Metric(
            "hotpath_device_utilisation_ratio",
            "gauge",
            "Share of the time in which a device was computing, 0 to 1.",
            hidden=True,
        ),
        Metric("hotpath_device_memory_used_bytes", "gauge", "Memory of a device that is taken.", hidden=True),
        Metric("hotpath_device_memory_bytes", "gauge", "Memory of a device.", hidden=True),
        Metric(
            "hotpath_access_log_dropped",
            "counter",
            "Lines of the access log lost to a target that is too slow or can't be written.",
        ),
        Metric("hotpath_draining", "gauge", "1 from when the service was told to end."),
        Metric("hotpath_connections", "gauge", "Open connections of clients."),
        Metric("hotpath_uploads", "gauge", "Bodies on their way."),
        Metric("hotpath_uploads_bytes", "gauge", "What is there of the bodies on their way."),
        Metric(
            "hotpath_predictions",
            "counter",
            "Images that an engine answered, by version and result.",
            ("lane", "result"),
            tuple((lane, result) for lane in every_lane for result in PREDICTION_RESULTS),
            by_lane=True,
        ),
        Metric(
            "hotpath_image_seconds",
            "counter",
            "Seconds that images which were answered spent in each stage, by version.",
            ("lane", "stage"),
            tuple((lane, stage) for lane in every_lane for stage in IMAGE_STAGES),
            by_lane=True,
        ),
        Metric(
            "hotpath_answered_at_seconds",
            "gauge",
            "When a worker answered last by a version, on the clock of the day.",
            ("lane",),
            tuple((lane,) for lane in every_lane),
            by_lane=True,
            hidden=True,
        ),
        Metric(
            "hotpath_shadow",
            "counter",
            "Copies of requests that a version answered besides the live one, by how both compare.",
            ("lane", "result"),
            tuple((lane, result) for lane in every_lane for result in SHADOW_RESULTS),
            by_lane=True,
        ),
        Metric(
            "hotpath_compared",
            "counter",
            "Copies of requests that another service answered too, by how both answers compare.",
            ("result",),
            tuple((result,) for result in COMPARED),
        ),
        Metric(
            "hotpath_share",
            "gauge",
            "Part of its model's requests that a version answers, 0 to 1.",
            ("lane",),
            tuple((lane,) for lane in every_lane),
            by_lane=True,
        ),
        Metric(
            "hotpath_lane_generation",
            "gauge",
            "The generation that a worker counts in a lane.",
            ("lane",),
            tuple((lane,) for lane in every_lane),
            hidden=True,
        ),
        Metric(
            "hotpath_swaps",
            "counter",
            "Swaps of a model's version that have ended, by result.",
            ("result",),
            (("done",), ("refused",)),
        ),
        Metric("hotpath_workers_ready", "gauge", "HTTP workers that accept connections."),
        Metric(
            "hotpath_worker_seen_at_seconds",
            "gauge",
            "When the HTTP worker's event loop came round last, on the host's monotonic clock; 0: it ends.",
            hidden=True,
        ),
        Metric(
            "hotpath_restarts",
            "counter",
            "Children that died and were started again, by role.",
            ("role",),
            tuple((role,) for role in ROLES),
        ),
    ]


class Layout:
    """Offsets of every series in a row."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = tuple(metrics)
        self.offsets: Dict[Tuple[str, Labels], int] = {}
        """The first cell of a series, by family and labels. KeyError for one that was not described."""
        self.histograms: Dict[str, Tuple[int, Tuple[float, ...]]] = {}
        """The first cell of a histogram without labels, and its buckets."""
        self._metrics: Dict[str, Metric] = {metric.name: metric for metric in metrics}
        width = 0
        for metric in metrics:
            for labels in metric.series:
                self.offsets[(metric.name, labels)] = width
                if metric.buckets and not labels:
                    self.histograms[metric.name] = (width, metric.buckets)
                width += metric.cells
        self.width = width

    def metric(self, name: str) -> Metric:
        """The description of a family."""
        return self._metrics[name]
