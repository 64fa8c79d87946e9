"""The way in of whoever watches a server: figures, whether it lives, is ready, and is well.

What it answers says how much is stored here and how much is asked; so it has an address of its own,
and may have a list of who is answered.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from lading.core.errors import Denied, RegistryError, Unsupported
from lading.core.typing import override
from lading.edge.application import Application, WayIn
from lading.edge.asgi import LEAVING
from lading.edge.callers import Admission
from lading.edge.endpoints import Audited, Endpoint, Handler, Match, Need, Route
from lading.edge.forwarded import Networks, is_trusted
from lading.edge.options import EdgeOptions
from lading.edge.request import Request
from lading.edge.response import JSON, Response, encode_json
from lading.monitoring.health import Health
from lading.monitoring.memory import Figures
from lading.monitoring.readiness import Readiness
from lading.services.registry import Registry

log = logging.getLogger(__name__)

_TEXT = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
_JSON = {"Content-Type": JSON, "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Report:
    """The parts that a server's answers are made of.

    Attributes:
        figures: of all its workers; `None` if they are not told.
        driver: where the bytes are, as Distribution calls it.
        readiness: of what it rests on.
        health: of the worker that is asked.
        path: of the figures.
        allowed: who is answered; empty for everybody.
    """

    figures: Figures | None
    driver: str
    readiness: Readiness
    health: Health
    path: str = ""
    allowed: Networks = ()


@dataclass(frozen=True, slots=True)
class Question:
    """The context of a handler: the request, the registry and the report."""

    request: Request
    registry: Registry
    report: Report


def monitoring(registry: Registry, report: Report, options: EdgeOptions) -> Application[Question]:
    """The application that tells how a server is."""
    return Application(_Monitoring(registry, report), registry, options)


class _Monitoring(WayIn[Question]):
    def __init__(self, registry: Registry, report: Report) -> None:
        self._registry = registry
        self._report = report
        metrics = partial(_metrics, report.figures) if report.figures is not None else None
        self.routes = [
            *([_route("metrics", re.escape(report.path), metrics)] if metrics else ()),
            _route("livez", "/livez", _livez),
            _route("readyz", "/readyz", _readyz),
            _route("health", "/debug/health", _health),
        ]

    @override
    def context(self, request: Request, admission: Admission, match: Match[Question]) -> Question:
        allowed = self._report.allowed
        if allowed and not is_trusted(request.peer, allowed):
            raise Denied("this address is none of http.debug.allowed")
        return Question(request, self._registry, self._report)

    @override
    async def error(self, request: Request, error: Exception) -> Response:
        match error:
            case Denied():
                status = 403
            case Unsupported():
                status = 405
            case RegistryError():
                status = 503
            case _:
                log.error("unexpected failure", exc_info=error)
                return Response(500, _TEXT, b"unexpected failure; the log says more\n")
        return Response(status, _TEXT, f"{error}\n".encode())

    @override
    async def not_found(self, request: Request) -> Response:
        paths = ", ".join(path for path in (self._report.path, *_PATHS) if path)
        return Response(404, _TEXT, f"there are: {paths}\n".encode())


_PATHS: Sequence[str] = ("/livez", "/readyz", "/debug/health")


def _route(name: str, pattern: str, handler: Handler[Question]) -> Route[Question]:
    endpoint = Endpoint(name, handler, Audited(name), Need.NOTHING)
    return Route(name, re.compile(pattern), {"GET": endpoint, "HEAD": endpoint})


async def _metrics(figures: Figures, context: Question) -> Response:
    """The figures of all workers, made beside the requests of this one."""
    # Of what writes them, nothing is loaded before.
    from lading.monitoring.exposition import render  # noqa: PLC0415

    content_type, text = await asyncio.to_thread(
        render,
        figures,
        driver=context.report.driver,
        now=context.registry.clock(),
        accepted=context.request.headers.get("accept", ""),
    )
    headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
    return Response(200, headers, text)


async def _livez(context: Question) -> Response:  # noqa: ARG001 - as all handlers have it
    """`GET /livez`: a worker answers, so its event loop goes on."""
    return Response(200, _TEXT, b"ok\n")


async def _readyz(context: Question) -> Response:
    """Whether requests can be served; `?exclude=room` leaves a thing out, as Kubernetes' own do."""
    request = context.request
    found = dict(await context.report.readiness.look(request.parameters.get("exclude", ())))
    if request.scope.get(LEAVING):
        found["server"] = "it was told to stop"
    status = 503 if any(found.values()) else 200
    if JSON in request.headers.get("accept", ""):
        return Response(
            status, _JSON, encode_json({name: why or "ok" for name, why in found.items()})
        )
    lines = [f"{name}: {why or 'ok'}\n" for name, why in found.items()]
    return Response(status, _TEXT, "".join(lines).encode())


async def _health(context: Question) -> Response:
    """Why checks fail, by their names, as Distribution tells it."""
    failing = context.report.health.failing
    return Response(503 if failing else 200, _JSON, encode_json(failing) + b"\n")
