"""A collector of traces: OTLP's own gRPC service, which keeps what it is sent."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector(TraceServiceServicer):
    """Spans as they come, each with the name of its service; `authorization` is what the last caller showed."""

    endpoint: str = ""
    authorization: str = ""
    spans: list[tuple[str, Span]] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:  # noqa: N802 - OTLP's name
        self.authorization = dict(context.invocation_metadata()).get("authorization", "")
        with self._news:
            for part in request.resource_spans:
                names = {each.key: each.value.string_value for each in part.resource.attributes}
                self.spans += [(names["service.name"], span) for scope in part.scope_spans for span in scope.spans]
            self._news.notify_all()
        return ExportTraceServiceResponse()

    def until(self, *services: str, timeout: float = 30) -> list[tuple[str, Span]]:
        """Return all spans once each of *services* has sent some."""
        with self._news:
            assert self._news.wait_for(lambda: {name for name, _ in self.spans} >= set(services), timeout)
            return list(self.spans)


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port."""
    collector, server = Collector(), grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(collector, server)
    collector.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(grace=None).wait()
