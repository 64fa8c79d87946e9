"""ASGI application of the registry, from the settings: what it opens for its life, and requests.

Nothing is opened before the application starts.
"""

import logging
import math
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lading.api.application import ALWAYS, registry_protocol
from lading.api.context import Context, Options
from lading.api.pull_notes import PullObserver
from lading.auth.known import KnownLogins
from lading.config.settings import Settings
from lading.core.permissions import CurrentPermissions
from lading.edge.accesslog import AccessLog
from lading.edge.application import Application
from lading.edge.asgi import Receive, Scope, Send
from lading.edge.budget import MEMORY, BodyBudgets
from lading.edge.forwarded import PublicAddress
from lading.edge.limits import ClientLimits
from lading.edge.observers import Observer, Recorder
from lading.edge.options import EdgeOptions
from lading.edge.refusal_notes import RefusalObserver
from lading.edge.unnamed_proxies import UnnamedProxies
from lading.monitoring import way_in
from lading.monitoring.memory import WorkerFigures
from lading.ports.measures import UNMEASURED
from lading.services.figures import PULL_NOTES_INTERVAL, PullNotes
from lading.services.refusals import REFUSAL_NOTES_INTERVAL, RefusalNotes
from lading.services.registry import Registry
from lading.system.budget import Budget
from lading.ui.context import Visit
from lading.ui.entrance import is_for_a_page
from lading.wiring.audit import note_of, open_audit
from lading.wiring.authentication import open_authentication
from lading.wiring.files import ServerFiles, opened_files
from lading.wiring.jobs import keep
from lading.wiring.monitoring import health_of, telling, watching
from lading.wiring.object_stores import redirect_rule_of
from lading.wiring.pages import pages_of
from lading.wiring.paths import own_directory
from lading.wiring.permissions import permissions_of
from lading.wiring.reload import Reloader
from lading.wiring.stores import is_read_only, open_registry, server_name
from lading.wiring.tasks import running, written_down

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenApplication:
    """An application in use.

    Attributes:
        pages: for browsers; `None` if there are none.
        reloader: takes up a changed configuration; `None` if nothing could change.
        monitoring: tells how the server is; `None` if it has no address for that.
    """

    api: Application[Context]
    pages: Application[Visit] | None
    reloader: Reloader | None
    monitoring: Application[way_in.Question] | None


@asynccontextmanager
async def open_application(
    settings: Settings,
    config: Path | None,
    known: KnownLogins,
    memory: Budget | None = None,
    figures: WorkerFigures | None = None,
    files: ServerFiles | None = None,
) -> AsyncIterator[OpenApplication]:
    """All that a server has open, for the length of a block; it is closed in reverse order.

    Args:
        config: the file that they came from, if there is one.
        known: logins that were right lately, which all workers share.
        memory: for bodies of requests and answers; `None` if no server takes of the same.
        figures: of this worker; `None` if nobody asks for them.
        files: that the settings name, opened by the server; `None` if it is one that knows nothing
            of them.
    """
    async with AsyncExitStack() as stack:
        files = files or stack.enter_context(opened_files(settings))
        audit = await stack.enter_async_context(
            open_audit(settings, files.audit, figures or UNMEASURED)
        )
        watched = await stack.enter_async_context(watching(settings, figures))
        note = note_of(audit)
        registry = await stack.enter_async_context(open_registry(settings, note, watched.watch))
        registry.metadata.load()
        permissions = CurrentPermissions(permissions_of(settings.auth))
        authentication = await stack.enter_async_context(
            open_authentication(
                settings, files.auth, registry.metadata, permissions, known, registry.clock
            )
        )
        reloader = None
        if config is not None:
            reloader = Reloader(settings, config, os.environ, permissions, registry.note)
        observers: list[Observer | Recorder | None] = [
            *watched.observers,
            audit,
            _access_log(settings, stack),
            UnnamedProxies(settings.http.trustedproxies, known),
            *await _note_takers(settings, registry, stack),
        ]
        everyone = [observer for observer in observers if observer is not None]
        health = health_of(settings, registry)
        require_health = health.require if health.checks else None
        options = _options(settings, memory)
        stack.callback(options.edge.bodies.thread.close)
        api = registry_protocol(registry, options, authentication, everyone, require_health)
        pages = pages_of(settings, registry, options.edge, authentication, everyone, require_health)
        await stack.enter_async_context(running(health.keep()))
        monitoring = await stack.enter_async_context(telling(settings, registry, figures, health))
        for work in keep(registry, settings, server_name(settings)):
            await stack.enter_async_context(running(work))
        yield OpenApplication(api, pages, reloader, monitoring)


async def _note_takers(
    settings: Settings, registry: Registry, stack: AsyncExitStack
) -> Sequence[Observer]:
    """Who notes last pulls and refusals, where they can be written down.

    At the end of the stack they are.
    """
    if is_read_only(settings) or not settings.ui.enabled:
        return []
    pulls, refusals = PullNotes(registry.metadata.pulls), RefusalNotes(registry.metadata.refusals)
    for notes, interval in ((pulls, PULL_NOTES_INTERVAL), (refusals, REFUSAL_NOTES_INTERVAL)):
        await stack.enter_async_context(written_down(notes.write_down, interval))
    return [PullObserver(pulls), RefusalObserver(refusals)]


def _access_log(settings: Settings, stack: AsyncExitStack) -> AccessLog | None:
    """The access log, if there is to be one; its last lines are written at the end of the stack."""
    if settings.log.accesslog.disabled:
        return None
    is_text = settings.log.formatter == "text"
    access_log = AccessLog.in_text() if is_text else AccessLog.in_json(settings.log.fields)
    stack.callback(access_log.flush)
    return access_log


class RegistryApplication:
    """ASGI: the life of the application, and its requests."""

    def __init__(
        self,
        settings: Settings,
        config: Path | None,
        known: KnownLogins,
        memory: Budget | None = None,
        figures: WorkerFigures | None = None,
        files: ServerFiles | None = None,
    ) -> None:
        """Open nothing yet; see `open_application`."""
        self._opening = partial(open_application, settings, config, known, memory, figures, files)
        self._prefix = settings.http.prefix
        self._open: OpenApplication | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take part in the server's life, or answer one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._open is not None and scope["type"] == "http":
            pages = self._open.pages
            if pages is not None and is_for_a_page(scope, self._prefix):
                await pages(scope, receive, send)
            else:
                await self._open.api(scope, receive, send)

    async def monitor(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of who watches the server."""
        if self._open is not None and self._open.monitoring is not None:
            await self._open.monitoring(scope, receive, send)

    def refresh(self) -> None:
        """Take up what has changed in the configuration, as far as that can be done."""
        if self._open is not None and self._open.reloader is not None:
            self._open.reloader.refresh()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                self._open = await stack.enter_async_context(self._opening())
            except Exception as error:
                log.exception("cannot open the stores")
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def headers_of_all(settings: Settings) -> Mapping[str, str]:
    """Headers of every response that has no other ones of these names."""
    configured = {name: ", ".join(values) for name, values in settings.http.headers.items()}
    # Behind a proxy it is the proxy that knows whether clients come by HTTPS.
    secure = {"Strict-Transport-Security": "max-age=31536000"} if settings.http.tls.enabled else {}
    return {**ALWAYS, **secure, **configured}


def _options(settings: Settings, memory: Budget | None) -> Options:
    return Options(
        edge=_edge_options(settings, memory),
        relative=not settings.http.locationbase,
        max_tags=settings.tags.maxtags,
        max_repositories=settings.catalog.maxentries,
        max_manifest=settings.limits.manifestsize,
    )


def _edge_options(settings: Settings, memory: Budget | None) -> EdgeOptions:
    http = settings.http
    return EdgeOptions(
        prefix=http.prefix,
        address=PublicAddress.of(http.host or "", http.prefix, http.trustedproxies),
        headers=headers_of_all(settings),
        trusted_proxies=settings.http.trustedproxies,
        accelerate=settings.http.accelredirect or "",
        redirects=redirect_rule_of(settings),
        limits=ClientLimits(
            rate=settings.limits.requestrate / settings.workers,
            burst=math.ceil(settings.limits.requestburst / settings.workers),
            uploads=math.ceil(settings.limits.uploads / settings.workers),
        ),
        read_only=is_read_only(settings),
        bodies=BodyBudgets(memory or Budget(MEMORY), directory=_spool(settings)),
    )


def _spool(settings: Settings) -> Path | None:
    """Where what does not fit into memory waits: on the disk of the data, if there is one."""
    if settings.storage.driver == "inmemory":
        return None
    return own_directory(settings.storage.directory)
