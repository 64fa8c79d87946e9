"""Spans: one a request, its calls of the database and the store below it, and none unasked."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_network

import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs `pip install lading[traces]`")

from msgspec.structs import replace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from lading.api.routes import ROUTES
from lading.databases.sqlite.memory import MemoryDatabase
from lading.edge.endpoints import find_route
from lading.monitoring.traces import CallSpans, RequestSpans, open_tracer
from lading.monitoring.watch import Watch
from lading.wiring.monitoring import wants_traces
from tests.edge.requests import answered, request

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Kept(SpanExporter):
    """Keeps spans."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


async def traced(
    *,
    headers: Mapping[str, str],
    trusted: str = "192.0.2.0/24",
    fails: bool = False,
    method: str = "GET",
) -> dict[str, ReadableSpan]:
    """The spans, by name, of one request that reads and writes."""
    kept = Kept()
    async with open_tracer({}, kept) as tracer:
        spans = RequestSpans(tracer, [ip_network(trusted)])
        database = Watch(None, CallSpans(tracer)).database(MemoryDatabase())
        coming = request(method, "/v2/team/app/manifests/v1", headers)
        coming.id = "5f2c"
        found = find_route(ROUTES, coming.path)
        spans.begin(coming, found)
        await database.read(lambda connection: connection.execute("SELECT 1").fetchone())
        spans.note(replace(answered(coming, 503 if fails else 200, size=7), found=found))
        # Of nobody's request.
        await database.read(lambda connection: connection.execute("SELECT 1").fetchone())
        database.close()
    assert len(kept.spans) == 2
    return {span.name: span for span in kept.spans}


async def test_a_request_is_a_span_with_its_calls_below() -> None:
    spans = await traced(headers={})
    whole, read = spans["GET manifest"], spans["database read"]
    assert read.parent is not None
    assert read.parent.span_id == whole.context.span_id
    assert whole.parent is None
    assert whole.attributes is not None
    assert whole.attributes["lading.request"] == "5f2c"
    assert whole.attributes["lading.repository"] == "team/app"
    assert whole.attributes["http.response.status_code"] == 200
    assert whole.resource.attributes["service.name"] == "lading"
    assert whole.status.is_unset


async def test_an_answer_that_is_the_server_s_fault_is_an_error() -> None:
    assert not (await traced(headers={}, fails=True))["GET manifest"].status.is_ok


async def test_no_span_is_named_by_what_a_client_makes_up() -> None:
    """Who watches has a series for each name."""
    for method in ("MAKEUP", "UNKNOWN"):
        span = (await traced(headers={}, method=method))["HTTP manifest"]
        assert span.attributes is not None
        assert span.attributes["http.request.method"] == "_OTHER"
        assert span.attributes["http.request.method_original"] == method


async def test_a_proxy_of_ours_may_say_which_trace_it_is() -> None:
    spans = await traced(headers={"traceparent": PARENT})
    assert {format(span.context.trace_id, "032x") for span in spans.values()} == {TRACE}


async def test_nobody_else_may() -> None:
    """Or strangers could put spans where they like."""
    spans = await traced(headers={"traceparent": PARENT}, trusted="198.51.100.0/24")
    assert TRACE not in {format(span.context.trace_id, "032x") for span in spans.values()}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_opentelemetry_s_variables_say_whether_there_are_traces(
    environ: Mapping[str, str], wanted: bool
) -> None:
    assert wants_traces(environ) == wanted
