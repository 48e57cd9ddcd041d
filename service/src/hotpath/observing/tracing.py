"""OpenTelemetry traces of predictions, sent by OTLP over HTTP.

A request's spans are made once it is over, from the times that its record holds; its own way is no longer for
being traced. The library sends them from a thread of its own.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Dict, Optional

from hotpath import __version__
from hotpath.config import TracingConfig
from hotpath.core import Refusal
from hotpath.observing.record import Record

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

TRACED_ROUTES = ("/predict", "/v2/infer")


class Tracing:
    """Makes the spans of one worker."""

    def __init__(self, config: TracingConfig, process: str) -> None:
        """Raises Refusal where the library is missing."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise Refusal(
                f"tracing.endpoint is set, but the library for it is not installed ({error}).",
                "Install hotpath[tracing], or empty tracing.endpoint.",
            ) from error
        resource = Resource.create(
            {
                "service.name": config.service_name,
                "service.version": __version__,
                "service.instance.id": f"{socket.gethostname()}/{process}",
            }
        )
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(config.ratio)), resource=resource, shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(endpoint=config.endpoint, timeout=10)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("hotpath", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def take(self, record: Record) -> None:
        """Trace a request that is over, if it is to be, and note its trace's id."""
        if record.route not in TRACED_ROUTES:
            return
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        carrier = {"traceparent": record.traceparent, "tracestate": record.tracestate}
        parent = self._propagator.extract(carrier) if record.traceparent else None
        epoch = time.time() - time.monotonic()
        span = self._tracer.start_span(
            f"{record.method} {record.route}",
            parent,
            SpanKind.SERVER,
            _attributes(record),
            start_time=_nanoseconds(epoch + record.started),
        )
        record.trace_id = format(span.get_span_context().trace_id, "032x")
        if span.is_recording():
            if record.status >= 500:
                span.set_status(Status(StatusCode.ERROR, record.error))
            self._add_stages(record, epoch, set_span_in_context(span))
        span.end(_nanoseconds(epoch + record.ended))

    def close(self, seconds: float) -> None:
        """Send what waits, for at most so long: a collector that is away must not hold up the end."""
        thread = threading.Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        thread.join(seconds)

    def _add_stages(self, record: Record, epoch: float, parent: Context) -> None:
        def add(name: str, start: float, seconds: float, **attributes: Any) -> None:
            span: Span = self._tracer.start_span(
                name, parent, attributes=attributes, start_time=_nanoseconds(epoch + start)
            )
            span.end(_nanoseconds(epoch + start + seconds))

        if record.received is not None:
            add("receive", record.started, record.received - record.started)
        for index, stages in enumerate(record.images):
            number = {"hotpath.image": index}
            add("decode", stages.decoded - stages.decode_s, stages.decode_s, **number)
            add("queue", stages.decoded, stages.queue_s, **number)
            start = stages.decoded + stages.queue_s
            add("compute", start, stages.compute_s, **number, **{"hotpath.batch_size": stages.batch_size})


def trace_id_of(traceparent: str) -> str:
    """The trace's id in a W3C traceparent, for the log of a service that does not trace; else empty."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 and parts[1].isalnum() else ""


def _attributes(record: Record) -> Dict[str, Any]:
    """By OpenTelemetry's semantic conventions for HTTP servers, and what is the service's own."""
    found: Dict[str, Any] = {
        "http.request.method": record.method,
        "http.route": record.route,
        "url.path": record.path,
        "url.scheme": record.scheme,
        "http.response.status_code": record.status,
        "client.address": record.client,
        "hotpath.request_id": record.id,
    }
    optional = {
        "error.type": record.error,
        "hotpath.key": record.key,
        "hotpath.model": record.model,
        "hotpath.version": record.version,
    }
    found.update({name: value for name, value in optional.items() if value})
    return found


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)


def start(config: TracingConfig, process: str) -> Optional[Tracing]:
    """Tracing as configured; None where it is off."""
    return Tracing(config, process) if config.endpoint else None
