"""What figures are called: each has a name, no two the same one, and Distribution's are exact."""

import re
from collections import Counter

import pytest

from lading.api.routes import ROUTES
from lading.edge.asgi import Message
from lading.edge.endpoints import Match
from lading.edge.observers import Answered
from lading.edge.request import Request
from lading.monitoring import families, memory
from lading.monitoring.exposition import render
from lading.monitoring.memory import Fact, Figures
from lading.monitoring.meter import Meter
from lading.ports.measures import Count, Level, Timing
from lading.ui.routes import ROUTES as PAGES
from tests.docs.metrics import EVERY


def test_all_that_can_be_measured_has_a_name() -> None:
    """And nothing has two, but what Distribution's versions call differently."""
    counts = [
        what for family in families.COUNTS for parts in family.series.values() for what in parts
    ]
    timings = [what for family in families.timings("s3") for what in family.series.values()]
    levels = [what for family in families.LEVELS for what in family.series.values()]
    of_facts = (*families.FACTS, *families.AGES, *families.SURVEYS)
    facts = [what for family in of_facts for what in family.series.values()]
    assert set(counts) == set(Count)
    assert sorted(timings) == list(Timing)
    assert sorted(levels) == list(Level)
    assert sorted(facts) == list(Fact)
    twice = {what for what, number in Counter(counts).items() if number > 1}
    assert twice == {Count.CACHE_HITS, Count.CACHE_MISSES}


def test_names_are_prometheus_own_way() -> None:
    """https://prometheus.io/docs/practices/naming: a prefix, base units, `_total` of counters."""
    assert len({family.name for family in EVERY}) == len(EVERY)
    for family in EVERY:
        assert re.fullmatch(r"(registry|lading)(_[a-z]+)+", family.name)
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert family.meaning
        # Those that Prometheus gives itself.
        assert not {"job", "instance", "le", "quantile"} & set(family.labels)
        assert all(len(labels) == len(family.labels) for labels in family.series)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("registry_http_requests_total", {"code", "handler", "method"}),
        ("registry_http_request_duration_seconds", {"handler", "method"}),
        ("registry_http_request_size_bytes", {"handler"}),
        ("registry_http_response_size_bytes", {"handler"}),
        ("registry_http_in_flight_requests", {"handler"}),
        ("registry_storage_action_seconds", {"action", "driver"}),
        ("registry_storage_cache_total", {"type"}),
        ("registry_storage_cache_requests_total", set()),
        ("registry_storage_cache_hits_total", set()),
        ("registry_storage_cache_errors_total", set()),
    ],
)
def test_what_distribution_s_dashboards_look_for(name: str, labels: set[str]) -> None:
    """Seen of versions 2.8.2 and 3."""
    (family,) = [family for family in EVERY if family.name == name]
    assert set(family.labels) == labels


def test_every_path_is_counted_by_a_name_that_there_is() -> None:
    """With room for it, whatever a client asks for."""
    assert {route.name for route in ROUTES} | {"none", "ui"} == set(memory.HANDLERS)


async def no_body() -> Message:
    """Nothing: it is not read."""
    raise AssertionError


async def test_every_page_is_counted_as_one() -> None:
    """However many there come to be: one whose name had no room was never answered."""
    figures = Figures(1)
    meter = Meter(figures.of(0))
    for route in PAGES:
        scope = {"method": "GET", "path": "/", "query_string": b"", "headers": []}
        request, found = Request(scope, no_body), Match(route, None, "")
        meter.begin(request, found)
        meter.note(Answered(request, found, None, 200, 10, 0, "", 0.0, 0.1))
    text = render(figures, driver="filesystem", now=0.0, accepted="")[1].decode()
    count = float(len(PAGES))
    assert f'registry_http_requests_total{{code="200",handler="ui",method="get"}} {count}' in text
