"""Who watches a server, from the settings: what is measured, traced, checked and told."""

import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from lading.config.monitoring import CheckSection, HealthSection
from lading.config.settings import Settings
from lading.config.tcp_address import parse_tcp_address
from lading.edge.application import Application
from lading.edge.observers import Observer
from lading.edge.options import EdgeOptions
from lading.monitoring import health, survey
from lading.monitoring.health import Health, HealthCheck
from lading.monitoring.memory import Figures, WorkerFigures
from lading.monitoring.meter import Meter
from lading.monitoring.readiness import Look, Readiness, looks_at
from lading.monitoring.watch import Watch
from lading.monitoring.way_in import Question, Report, monitoring
from lading.services.registry import Registry
from lading.wiring.tasks import running

log = logging.getLogger(__name__)

_HEADERS = {"X-Content-Type-Options": "nosniff"}
# What Distribution's figures call a driver that its configuration calls otherwise.
_DRIVERS = {"s3": "s3aws"}
_DEFAULT_INTERVAL = 10.0
_DEFAULT_PATIENCE = 5.0


def figures_of(settings: Settings) -> Figures | None:
    """Memory for the figures of all workers, if anybody can ask for them."""
    debug = settings.http.debug
    asked_for = debug.listen is not None and debug.prometheus.enabled
    return Figures(settings.workers) if asked_for else None


@asynccontextmanager
async def watching(
    settings: Settings, figures: WorkerFigures | None
) -> AsyncIterator[tuple[Watch, Sequence[Observer]]]:
    """Who watches a worker's database and stores, and its requests, for the length of a block.

    The environment says where traces go.

    Args:
        figures: of this worker; `None` if nobody asks for them.
    """
    meter = [] if figures is None else [Meter(figures)]
    if not wants_traces(os.environ):
        yield Watch(figures), meter
        return
    # Who wants no traces need not have installed what makes them.
    try:
        from lading.monitoring import traces  # noqa: PLC0415
    except ImportError as error:
        log.warning(
            "no traces are made: %s; install lading[traces], or set OTEL_TRACES_EXPORTER=none",
            error,
        )
        yield Watch(figures), meter
        return
    async with traces.open_tracer(os.environ) as tracer:
        spans = traces.RequestSpans(tracer, settings.http.trustedproxies)
        yield Watch(figures, traces.CallSpans(tracer)), [*meter, spans]


def wants_traces(environ: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables say that there are to be traces, and where they go."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if exporter:
        return "otlp" in exporter.split(",")
    return any(environ.get(name) for name in endpoints)


@asynccontextmanager
async def telling(
    settings: Settings,
    registry: Registry,
    figures: WorkerFigures | None,
    health: Health,
) -> AsyncIterator[Application[Question] | None]:
    """The application at a server's other address; `None` if it has none.

    Args:
        figures: of this worker; `None` if they are not told.
        health: of this worker.
    """
    debug = settings.http.debug
    if debug.listen is None:
        yield None
        return
    async with AsyncExitStack() as stack:
        if figures is not None:
            root = settings.storage.filesystem.rootdirectory
            on_disk = settings.storage.driver == "filesystem"
            work = survey.keep(registry, figures.all.facts, root if on_disk else None)
            await stack.enter_async_context(running(work))
        report = Report(
            figures=None if figures is None else figures.all,
            driver=_DRIVERS.get(settings.storage.driver, settings.storage.driver),
            readiness=Readiness(looks_at(registry)),
            health=health,
            path=debug.prometheus.path if figures is not None else "",
            allowed=debug.allowed,
        )
        yield monitoring(registry, report, EdgeOptions(headers=_HEADERS))


def health_of(settings: Settings, registry: Registry) -> Health:
    """The checks that the settings want."""
    checks = list(_checks(settings.health))
    driver = settings.health.storagedriver
    if driver.enabled:
        look = looks_at(registry)["store"]
        checks.append(_check(f"storagedriver_{settings.storage.driver}", driver, look))
    return Health(checks)


def _checks(section: HealthSection) -> Iterator[HealthCheck]:
    for file in section.file:
        yield _check(str(file.file), file, partial(health.look_for_file, file.file))
    for http in section.http:
        patience = http.timeout.total_seconds() or _DEFAULT_PATIENCE
        status, headers = http.statuscode or 200, http.headers
        ask = partial(
            health.look_at_http, http.uri, status=status, patience=patience, headers=headers
        )
        yield _check(http.uri, http, ask)
    for tcp in section.tcp:
        patience = tcp.timeout.total_seconds() or _DEFAULT_PATIENCE
        look = partial(health.look_at_tcp, (*parse_tcp_address(tcp.addr),), patience)
        yield _check(tcp.addr, tcp, look)


def _check(name: str, section: CheckSection, look: Look) -> HealthCheck:
    """A check of health; 0 stands for the default time, as in Distribution."""
    interval = section.interval.total_seconds() or _DEFAULT_INTERVAL
    return HealthCheck(name, interval, section.threshold or 1, look)
