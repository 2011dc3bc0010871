"""OpenTelemetry: one span a request, and one in it for each phase. Without a collector nothing is imported."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from strategies.base.errors import NbestError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SERVER_ERROR = 500


class TracingError(NbestError):
    """Traces are asked for, and cannot be sent from this installation."""


class RequestSpan:
    """What a request tells about itself; this one is for services without traces, and passes on nothing."""

    def part(self, name: str, *, begins: bool) -> None:
        """A phase of the request begins or ends."""

    def close(self, name: str, attributes: Mapping[str, str | int | float], status: int | None) -> None:
        """The request has ended."""


class Tracing(Protocol):
    """Where spans go."""

    def request(self, headers: Mapping[str, str]) -> RequestSpan:
        """The span of a request that brings these headers, of which `traceparent` is read."""

    def close(self) -> None:
        """Send what is left; blocks for some seconds at most."""


class NoTracing:
    """Traces are off."""

    def request(self, headers: Mapping[str, str]) -> RequestSpan:
        return RequestSpan()

    def close(self) -> None: ...


def start_tracing(endpoint: str | None, environ: Mapping[str, str] = os.environ) -> Tracing:
    """Tracing to an OTLP/HTTP collector, by our setting or by OpenTelemetry's own variables; off without either.

    TracingError where the packages are missing.
    """
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_off or (endpoint is None and not any(environ.get(name) for name in _ENDPOINTS)):
        return NoTracing()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise TracingError("traces are configured, and OpenTelemetry is not installed: nbest[otel]") from None
    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "nbest"}
    # `server.stop` flushes; a handler at exit would do so again, after the engines are gone.
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return OpenTelemetry(provider)


class OpenTelemetry:
    """Spans of a provider; who calls the service and is traced is the parent."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("nbest")
        self._propagator = TraceContextTextMapPropagator()

    def request(self, headers: Mapping[str, str]) -> RequestSpan:
        # `tracestate` is not read: it is text of the caller's, and would be sent on.
        carrier = {name: headers[name] for name in ("traceparent",) if name in headers}
        return _Span(self._tracer, self._propagator.extract(carrier))

    def close(self) -> None:
        self._provider.shutdown()


class _Span(RequestSpan):
    """The span of one request, and those of its phases that are running."""

    def __init__(self, tracer: Any, parent: Any) -> None:
        from opentelemetry import trace

        self._tracer = tracer
        self._span = tracer.start_span("request", parent, kind=trace.SpanKind.SERVER)
        self._context = trace.set_span_in_context(self._span)
        self._parts: dict[str, Any] = {}

    def part(self, name: str, *, begins: bool) -> None:
        if begins:
            self._parts[name] = self._tracer.start_span(name, self._context)
        elif (span := self._parts.pop(name, None)) is not None:
            span.end()

    def close(self, name: str, attributes: Mapping[str, str | int | float], status: int | None) -> None:
        from opentelemetry.trace import StatusCode

        for part in list(self._parts):
            self.part(part, begins=False)
        self._span.update_name(name)
        self._span.set_attributes(attributes)
        if status is None or status >= _SERVER_ERROR:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
