"""Figures in memory that several processes write and read."""

import math
import os
import subprocess
import sys
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lading.monitoring import memory
from lading.monitoring.exposition import render
from lading.monitoring.memory import Fact, Figures
from lading.ports.measures import Count, Level, Timing
from tests.support.metrics import figures as read


def told(figures: Figures, now: float = 0.0, accepted: str = "") -> dict[str, float]:
    """What is told of figures."""
    _, text = render(figures, driver="filesystem", now=now, accepted=accepted)
    return dict(read(text.decode()))


def test_figures_are_added_up_over_workers() -> None:
    figures = Figures(3)
    for worker in range(3):
        own = figures.of(worker)
        own.count(Count.MANIFESTS_COLLECTED, 2)
        own.change(Level.CONNECTIONS_OPEN, 5)
        own.observe(Timing.DATABASE_READ, 0.001)
    found = told(figures)
    assert found['lading_collected_total{kind="manifest"}'] == 6
    assert found['lading_database_connections{state="open"}'] == 15
    assert found['lading_database_seconds_count{operation="read"}'] == 3
    assert math.isclose(found['lading_database_seconds_sum{operation="read"}'], 0.003)


def test_who_takes_a_worker_s_place_goes_on_where_it_stopped() -> None:
    """But for what the worker had under way, which is over."""
    figures = Figures(1)
    figures.of(0).count(Count.CACHE_HITS, 7)
    dead = figures.of(0)
    dead.begin_request(0)
    dead.change(Level.CONNECTIONS_USED, 3)
    figures.of(0).count(Count.CACHE_HITS)
    found = told(figures)
    assert found['registry_storage_cache_total{type="Hit"}'] == 8
    assert found['registry_http_in_flight_requests{handler="base"}'] == 0
    assert found['lading_database_connections{state="used"}'] == 0
    assert found["lading_worker_starts_total"] == 3
    assert found["lading_workers"] == 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_another_process_s_figures_are_seen_at_once() -> None:
    """Also of one that was killed right after it had written."""
    figures = Figures(2)
    own = figures.of(1)
    child = os.fork()
    if child == 0:
        own.count(Count.DAMAGES_FOUND, 4)
        os._exit(0)
    os.waitpid(child, 0)
    assert told(figures)["lading_damaged_total"] == 4


def test_threads_of_one_worker_lose_nothing_of_each_other_s() -> None:
    own = Figures(1).of(0)

    def work() -> None:
        for _ in range(20_000):
            own.count(Count.CACHE_HITS)
            own.observe(Timing.LOCK_WAIT, 0.5)

    threads = [threading.Thread(target=work) for _ in range(8)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    found = told(own.all)
    assert found['registry_storage_cache_total{type="Hit"}'] == 160_000
    assert found["lading_lock_wait_seconds_count"] == 160_000
    assert found["lading_lock_wait_seconds_sum"] == 80_000


def test_a_request_is_in_the_bucket_of_its_time_and_of_its_sizes() -> None:
    """Bounds are told as Go tells them: dashboards may name one."""
    figures = Figures(1)
    manifest, put = memory.HANDLERS.index("manifest"), memory.METHODS.index("put")
    own = figures.of(0)
    own.begin_request(manifest)
    own.end_request(manifest, put, 201, 1.0, 1024, 3_000_000_000)
    own.begin_request(manifest)
    own.end_request(manifest, put, 299, 0.3, 0, 0)
    own.begin_request(manifest)
    found = told(figures)
    assert found['registry_http_requests_total{code="201",handler="manifest",method="put"}'] == 1
    # A status that HTTP does not know is counted, too.
    assert found['registry_http_requests_total{code="0",handler="manifest",method="put"}'] == 1
    assert found['registry_http_in_flight_requests{handler="manifest"}'] == 1
    duration = "registry_http_request_duration_seconds_bucket"
    duration += '{handler="manifest",le="%s",method="put"}'
    bounds = ("0.25", "0.5", "1", "60", "+Inf")
    assert [found[duration % bound] for bound in bounds] == [0, 1, 2, 2, 2]
    size = 'registry_http_response_size_bytes_bucket{handler="manifest",le="%s"}'
    assert [found[size % bound] for bound in ("1024", "1.048576e+06", "+Inf")] == [1, 1, 2]
    size = 'registry_http_request_size_bytes_bucket{handler="manifest",le="%s"}'
    assert found[size % "1024"] == 2


def test_what_is_not_known_yet_is_not_told() -> None:
    """Of what there is none of, the age is 0."""
    figures = Figures(1)
    assert "lading_tags" not in told(figures)
    assert "lading_garbage_oldest_seconds" not in told(figures)
    figures.facts[Fact.TAGS] = 12
    figures.facts[Fact.OLDEST_GARBAGE_SINCE] = 1000.0
    figures.facts[Fact.OLDEST_GARBAGE_DUE_AT] = math.inf
    found = told(figures, now=1500.0)
    assert found["lading_tags"] == 12
    assert found["lading_garbage_oldest_seconds"] == 500
    assert found["lading_garbage_overdue_seconds"] == 0


def test_openmetrics_is_told_to_who_asks_for_it() -> None:
    content_type, text = render(
        Figures(1),
        driver="s3",
        now=0.0,
        accepted="application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    )
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    _, plain = render(Figures(1), driver="s3", now=0.0, accepted="*/*")
    assert list(text_string_to_metric_families(plain.decode()))


def test_nothing_that_writes_text_or_traces_is_loaded_before_somebody_asks() -> None:
    """A server that nobody watches does without."""
    program = (
        "import sys, lading.server.process.workers\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(loaded & {'prometheus_client', 'opentelemetry', 'requests'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "accepted",
    [
        "text/plain;version=x;escaping=y",
        "application/openmetrics-text;version=a.b",
        "application/openmetrics-text;version=1.0.0;escaping=?",
        ";;;,,,",
        "text/plain;version=",
    ],
)
def test_whoever_asks_for_what_there_is_not_is_told_all_the_same(accepted: str) -> None:
    assert told(Figures(1), accepted=accepted)["lading_workers"] == 0
