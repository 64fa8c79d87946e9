"""Traces: a span for each request, and below it one for each call of the database and the store.

OpenTelemetry's own environment variables say where they go (`OTEL_EXPORTER_OTLP_ENDPOINT`, …). The
one module that loads OpenTelemetry; it is loaded itself only where traces are wanted.

A trace that a client names is gone on with only if it comes by a proxy of the operator's: anybody
else could put spans into traces that are not theirs, and have all of theirs recorded.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import lading
from lading.core.typing import P, T, override
from lading.edge.endpoints import Match, Moved
from lading.edge.forwarded import Networks, is_trusted
from lading.edge.observers import Answered, Follower
from lading.edge.request import Request
from lading.monitoring.memory import METHODS
from lading.monitoring.watch import Probe
from lading.ports.measures import Timing

# Seconds that what was not sent has at the end of a process.
PARTING = 5.0
_SPAN = "lading.span"
# Methods that are named: "If the HTTP request method is not known to instrumentation, it MUST set
# the `http.request.method` attribute to `_OTHER`" (OpenTelemetry's semantic conventions, HTTP).
_METHODS = frozenset(name.upper() for name in METHODS if name != "unknown")


@asynccontextmanager
async def open_tracer(
    environ: Mapping[str, str], exporter: SpanExporter | None = None
) -> AsyncIterator[Tracer]:
    """A tracer, for the length of a block; what it has not sent at the end is sent soon, or lost.

    Args:
        environ: says how the service is called, and all else to OpenTelemetry itself.
        exporter: sends spans; OTLP over HTTP by default.
    """
    named = "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    name = {} if named else {"service.name": "lading"}
    provider = TracerProvider(
        resource=Resource.create({**name, "service.version": lading.__version__}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
    try:
        yield provider.get_tracer("lading", lading.__version__)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING):
                await asyncio.to_thread(provider.shutdown)


class RequestSpans(Follower):
    """Spans of requests, by what their path leads to.

    Args:
        proxies: who may say which trace a request belongs to.
    """

    def __init__(self, tracer: Tracer, proxies: Networks) -> None:
        self._tracer = tracer
        self._proxies = proxies
        self._propagator = TraceContextTextMapPropagator()

    @override
    def begin(self, request: Request, found: Match[Any] | Moved | None) -> None:
        known = request.method in _METHODS
        attributes = {
            "http.request.method": request.method if known else "_OTHER",
            "url.path": request.path,
            "client.address": request.address,
            "lading.request": request.id,
        }
        if isinstance(found, Match):
            attributes["http.route"] = found.route.name
            attributes["lading.repository"] = found.name or ""
        if not known:
            attributes["http.request.method_original"] = request.method
        span = self._tracer.start_span(
            f"{request.method if known else 'HTTP'} {attributes.get('http.route', 'none')}",
            self._parent(request),
            SpanKind.SERVER,
            attributes,
        )
        token = contexts.attach(trace.set_span_in_context(span))
        request.scope[_SPAN] = (span, token)

    @override
    def note(self, answered: Answered) -> None:
        span, token = answered.request.scope.pop(_SPAN)
        span.set_attribute("http.response.status_code", answered.status)
        span.set_attribute("http.response.body.size", answered.size)
        span.set_attribute("http.request.body.size", answered.received)
        if answered.request.caller:
            span.set_attribute("user.name", answered.request.caller)
        if answered.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()
        contexts.detach(token)

    def _parent(self, request: Request) -> contexts.Context:
        """The span that a proxy of ours has begun; a new trace if none has."""
        if "traceparent" not in request.headers or not is_trusted(request.peer, self._proxies):
            return contexts.Context()
        return self._propagator.extract(request.headers, contexts.Context())


class CallSpans(Probe):
    """Spans of calls of the database and the store, below the request's that they are for."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @override
    def watch(
        self, what: Timing, call: Callable[P, Awaitable[T]]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        name = what.name.lower().replace("_", " ")

        async def watched(*args: P.args, **kwargs: P.kwargs) -> T:
            if not trace.get_current_span().is_recording():
                return await call(*args, **kwargs)
            with self._tracer.start_as_current_span(name, kind=SpanKind.CLIENT):
                return await call(*args, **kwargs)

        return watched
