"""ASGI application of the registry, from the settings: what it opens for its life, and requests.

Nothing is opened before the application starts.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lading.api.application import registry_protocol
from lading.api.context import Context
from lading.api.manifests import PullObserver
from lading.auth.login_record import KnownLogins
from lading.config.settings import Settings
from lading.core.permissions import CurrentPermissions
from lading.edge.accesslog import AccessLog, json_line, text_line
from lading.edge.application import Application
from lading.edge.asgi import Receive, Scope, Send
from lading.edge.audit import RefusalObserver
from lading.edge.budget import MEMORY
from lading.edge.forwarded import UnnamedProxies
from lading.edge.observers import Observer, Recorder
from lading.monitoring import way_in
from lading.monitoring.memory import WorkerFigures
from lading.ports.measures import UNMEASURED
from lading.services.figures import PULL_NOTES_INTERVAL, PullNotes
from lading.services.refusals import REFUSAL_NOTES_INTERVAL, RefusalNotes
from lading.services.registry import Registry
from lading.system.room import Budget
from lading.ui.context import Visit
from lading.ui.entrance import is_for_a_page
from lading.wiring.audit import note_of, open_audit
from lading.wiring.authentication import open_authentication
from lading.wiring.jobs import keep
from lading.wiring.monitoring import health_of, telling, watching
from lading.wiring.permissions import permissions_of
from lading.wiring.process_names import server_name
from lading.wiring.reload import Reloader
from lading.wiring.start import ServerFiles, opened_files, prepared
from lading.wiring.stores import is_read_only, open_registry
from lading.wiring.tasks import running, written_down
from lading.wiring.ways_in import options_of, pages_of

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


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """Parts of a worker that are there before its application is opened.

    Attributes:
        known: logins that were right lately, which all workers share.
        memory: for bodies of requests and answers; the worker's server takes of the same.
        figures: of this worker; `None` if nobody asks for them.
        files: that the settings name; `None` if nobody has opened them yet.
    """

    known: KnownLogins = field(default_factory=KnownLogins)
    memory: Budget = field(default_factory=partial(Budget, MEMORY))
    figures: WorkerFigures | None = None
    files: ServerFiles | None = None


@asynccontextmanager
async def open_hosted(settings: Settings) -> AsyncIterator[Application[Context]]:
    """The protocol of a registry for the length of a block; its jobs run beside it.

    The program is one worker, whatever the settings say.

    Raises:
        DataUnusable, CannotOpen, AuthUnusable, AuditUnusable: as `prepared`.
    """
    alone = settings.model_copy(update={"http": settings.http.model_copy(update={"workers": 1})})
    preparation = prepared(alone, forks=False)
    async with AsyncExitStack() as stack:
        # It runs loops of its own.
        files = await asyncio.to_thread(preparation.__enter__)
        stack.push_async_callback(asyncio.to_thread, preparation.__exit__, None, None, None)
        opened = await stack.enter_async_context(
            open_application(alone, None, WorkerParts(files=files))
        )
        yield opened.api


@asynccontextmanager
async def open_application(
    settings: Settings, config: Path | None, parts: WorkerParts
) -> AsyncIterator[OpenApplication]:
    """All that a server has open, for the length of a block; it is closed in reverse order.

    Args:
        config: the file that they came from, if there is one.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        files = parts.files or stack.enter_context(opened_files(settings))
        audit = await enter(open_audit(settings, files.audit, parts.figures or UNMEASURED))
        watch, watchers = await enter(watching(settings, parts.figures))
        registry = await enter(open_registry(settings, note_of(audit), watch))
        registry.metadata.load()
        permissions = CurrentPermissions(permissions_of(settings.auth))
        authentication = await enter(
            open_authentication(
                settings, files.auth, registry.metadata, permissions, parts.known, registry.clock
            )
        )
        observers: list[Observer | Recorder] = [
            *watchers,  # before all others
            *([] if audit is None else [audit]),
            *_access_log(settings, stack),
            UnnamedProxies(settings.http.trustedproxies, parts.known),
            *await _note_takers(settings, registry, stack),
        ]
        health = health_of(settings, registry)
        require_health = health.require if health.checks else None
        options = options_of(settings, parts.memory)
        edge = options.edge
        stack.callback(edge.bodies.thread.close)
        api = registry_protocol(registry, options, authentication, observers, require_health)
        pages = pages_of(settings, registry, edge, authentication, observers, require_health)
        await enter(running(health.keep()))
        monitoring = await enter(telling(settings, registry, parts.figures, health))
        for work in keep(registry, settings, server_name(settings)):
            await enter(running(work))
        reloader = None
        if config is not None:
            reloader = Reloader(settings, config, os.environ, permissions, registry.note)
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
    for what, notes, interval in (
        ("the last pulls", pulls, PULL_NOTES_INTERVAL),
        ("what was refused", refusals, REFUSAL_NOTES_INTERVAL),
    ):
        await stack.enter_async_context(written_down(what, notes.write_down, interval))
    return [PullObserver(pulls), RefusalObserver(refusals)]


def _access_log(settings: Settings, stack: AsyncExitStack) -> Sequence[AccessLog]:
    """The access log, if there is to be one; its last lines are written at the end of the stack."""
    if settings.log.accesslog.disabled:
        return []
    is_text = settings.log.formatter == "text"
    access_log = AccessLog(text_line if is_text else partial(json_line, settings.log.fields))
    stack.callback(access_log.flush)
    return [access_log]


class RegistryApplication:
    """ASGI: the life of the application, which opens all that it has, and its requests."""

    def __init__(
        self, settings: Settings, config: Path | None, parts: WorkerParts | None = None
    ) -> None:
        self._opening = partial(open_application, settings, config, parts or WorkerParts())
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
