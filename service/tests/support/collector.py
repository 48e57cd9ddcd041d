"""A receiver of OTLP over HTTP on the loopback address."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Keeps every span it was sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: List[Span] = []
        self.resources: List[Dict[str, Any]] = []

    def take(self, body: bytes) -> None:
        """Take in one export."""
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes(resource_spans.resource))
            for scope_spans in resource_spans.scope_spans:
                self.spans.extend(scope_spans.spans)

    def named(self, name: str) -> List[Span]:
        """Spans by name, in order of their start."""
        found = [span for span in list(self.spans) if span.name == name]
        return sorted(found, key=lambda span: span.start_time_unix_nano)


def attributes(holder: Any) -> Dict[str, Any]:
    """Attributes of a span or resource as plain values."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in holder.attributes}


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A running receiver."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf":
                collector.take(body)
                self.send_response(200)
            else:
                self.send_response(404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_address[1]}/v1/traces")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
