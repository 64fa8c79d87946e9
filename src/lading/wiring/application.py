"""Puts the parts together: from settings to an ASGI application.

The only module that knows every adapter. Nothing is opened before the application starts.
"""

import asyncio
import logging
import math
import os
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from lading.api.application import registry_protocol
from lading.api.context import Context, Options
from lading.auth.known import KnownLogins
from lading.blobs.stores import Stores
from lading.config.settings import Settings
from lading.core.history import Change
from lading.core.immutability import ImmutableTags
from lading.edge.accesslog import AccessLog
from lading.edge.application import Application
from lading.edge.asgi import Receive, Scope, Send
from lading.edge.audit import AuditLog, lost_entries
from lading.edge.forwarded import PublicAddress
from lading.edge.options import EdgeOptions
from lading.edge.response import ALWAYS
from lading.edge.unnamed_proxies import UnnamedProxies
from lading.metadata.sqlite import SqliteMetadata
from lading.services import jobs
from lading.services.jobs import Job
from lading.services.registry import Policy, Registry
from lading.system.logfile import STANDARD_OUTPUT, LogFile
from lading.wiring import datadir
from lading.wiring.authentication import open_gate
from lading.wiring.reload import Reloader

log = logging.getLogger(__name__)


def metadata_path(root: Path) -> Path:
    """Where the database is, below the root of all data."""
    return root / "lading" / "metadata.sqlite3"


def open_registry(settings: Settings) -> Registry:
    """Open the stores that the settings name.

    Raises:
        ForeignData: there are blobs of somebody else.
    """
    if settings.storage.driver == "inmemory":
        return _registry(settings, SqliteMetadata.in_memory(), Stores.in_memory())
    files = settings.storage.filesystem
    root, database = files.rootdirectory, metadata_path(files.rootdirectory)
    foreign = datadir.find_foreign(root, database)
    if foreign and files.foreignblobs == "refuse":
        raise datadir.ForeignData(foreign)
    beside = Change(worker_name("a start"), time.time()) if foreign else None
    read_only = is_on_read_only_disk(settings)
    if not read_only:
        datadir.protect(database)
    metadata = SqliteMetadata.open(database, read_only=read_only, strangers_noted=beside)
    if not read_only:
        datadir.protect(database)  # what was made just now
    stores = Stores.in_files(root, files.reserve, read_only=read_only)
    return _registry(settings, metadata, stores)


def is_on_read_only_disk(settings: Settings) -> bool:
    """Whether the data is where nothing can be written."""
    root = settings.storage.filesystem.rootdirectory
    on_disk = settings.storage.driver == "filesystem"
    return on_disk and datadir.is_read_only(root, metadata_path(root))


def _is_read_only(settings: Settings) -> bool:
    return settings.storage.maintenance.readonly.enabled or is_on_read_only_disk(settings)


def _registry(settings: Settings, metadata: SqliteMetadata, stores: Stores) -> Registry:
    purging = settings.storage.maintenance.uploadpurging
    return Registry(
        metadata=metadata,
        blobs=stores.blobs,
        uploads=stores.uploads,
        locks=stores.locks,
        clock=time.time,
        new_uuid=uuid.uuid4,
        policy=Policy(
            grace=settings.storage.garbagecollect.grace.total_seconds(),
            trash=settings.storage.garbagecollect.trash.total_seconds(),
            untagged=settings.storage.garbagecollect.untagged,
            attachments=settings.storage.garbagecollect.attachments,
            upload_age=purging.age.total_seconds() if purging.enabled else None,
            uploads_kept=purging.dryrun,
            delete_enabled=settings.storage.delete.enabled,
            children_required=settings.validation.childrenrequired,
            max_staged=settings.limits.unfinisheduploads or None,
            max_staged_in_all=settings.limits.allunfinisheduploads or None,
            sizes_required=settings.validation.sizesrequired,
            max_blob_size=settings.limits.blobsize or None,
            max_descriptors=settings.limits.descriptors,
            not_before=Path(__file__).stat().st_mtime,
            immutable=[
                ImmutableTags(rule.repositories, rule.tags, rule.exclude)
                for rule in settings.tags.immutable
            ],
        ),
    )


def worker_name(work: str) -> str:
    """The name of this process among all that hold leases, for people."""
    return f"{work}, process {os.getpid()} on {socket.gethostname()}"


def _jobs(settings: Settings) -> Sequence[Job]:
    """What the server does by itself. A registry that is read-only is left as it is."""
    collecting = settings.storage.garbagecollect
    purging = settings.storage.maintenance.uploadpurging
    if _is_read_only(settings):
        return ()
    wanted = (
        (collecting.enabled, jobs.COLLECT, collecting.interval, jobs.collect_garbage),
        (purging.enabled, jobs.PURGE, purging.interval, jobs.purge_uploads),
    )
    return [
        Job(name, interval.total_seconds(), work)
        for enabled, name, interval, work in wanted
        if enabled
    ]


async def close_registry(registry: Registry) -> None:
    """Finish what was begun and let go of the stores."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(registry.blobs.close)
        stack.push_async_callback(registry.metadata.close)


def build(settings: Settings, config: Path | None, known: KnownLogins) -> "Server":
    """The application; it opens its stores when the server starts it.

    Args:
        settings: in force.
        config: the file that they came from, if there is one.
        known: logins that were right lately, which all workers share.
    """
    return Server(settings, config, known)


def headers_of_all(settings: Settings) -> Mapping[str, str]:
    """Headers of every response that has no other ones of these names."""
    configured = {name: ", ".join(values) for name, values in settings.http.headers.items()}
    # Behind a proxy it is the proxy that knows whether clients come by HTTPS.
    secure = {"Strict-Transport-Security": "max-age=31536000"} if settings.http.tls.enabled else {}
    return {**ALWAYS, **secure, **configured}


def _options(settings: Settings) -> Options:
    return Options(
        edge=_edge_options(settings),
        relative=not settings.http.locationbase,
        max_tags=settings.tags.maxtags,
        max_repositories=settings.catalog.maxentries,
        max_manifest=settings.limits.manifestsize,
    )


def _edge_options(settings: Settings) -> EdgeOptions:
    http = settings.http
    return EdgeOptions(
        prefix=http.prefix,
        address=PublicAddress.of(http.host or "", http.prefix, http.trustedproxies),
        headers=headers_of_all(settings),
        trusted_proxies=settings.http.trustedproxies,
        accelerate=settings.http.accelredirect or "",
        request_rate=settings.limits.requestrate / settings.workers,
        request_burst=math.ceil(settings.limits.requestburst / settings.workers),
        uploads=math.ceil(settings.limits.uploads / settings.workers),
        read_only=_is_read_only(settings),
        spool=_spool(settings),
    )


def _spool(settings: Settings) -> Path | None:
    """Where what does not fit into memory waits: on the disk of the data, if there is one."""
    if settings.storage.driver == "inmemory":
        return None
    return metadata_path(settings.storage.filesystem.rootdirectory).parent


def open_audit(settings: Settings) -> LogFile | None:
    """The file of the audit log, if there is to be one.

    Raises:
        OSError: its file cannot be opened.
    """
    path = settings.audit.file
    if path is None:
        return None
    return LogFile(STANDARD_OUTPUT if str(path) == "-" else path, lost_entries)


def _note(audit: AuditLog, what: str, /, **details: str) -> None:
    """Take down what the server did by itself."""
    audit.record(what, details, who="", at=time.time())


class Server:
    """ASGI: the life of the application, and its requests."""

    def __init__(self, settings: Settings, config: Path | None, known: KnownLogins) -> None:
        self._settings = settings
        self._config = config
        self._known = known
        self._reloader: Reloader | None = None
        self._api: Application[Context] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take part in the server's life, or answer one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._api is not None and scope["type"] == "http":
            await self._api(scope, receive, send)

    def refresh(self) -> None:
        """Take up what has changed in the configuration, as far as that can be done."""
        if self._reloader is not None:
            self._reloader.refresh()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            registry = open_registry(self._settings)
            gate = open_gate(self._settings, registry.metadata, self._known)
            file = open_audit(self._settings)
        except Exception as error:
            log.exception("cannot open the stores")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        audit = None if file is None else AuditLog(file, reads=self._settings.audit.reads)
        if audit is not None:
            registry = replace(registry, note=partial(_note, audit))
        access_log = None if self._settings.log.accesslog.disabled else AccessLog()
        proxies = UnnamedProxies(self._settings.http.trustedproxies, self._known)
        observers = (access_log, audit, proxies)
        self._api = registry_protocol(
            registry,
            _options(self._settings),
            None if gate is None else gate.gate,
            [observer for observer in observers if observer is not None],
        )
        if gate is not None and self._config is not None:
            self._reloader = Reloader(
                self._settings, self._config, os.environ, gate.permissions, registry.note
            )
        working = asyncio.create_task(
            jobs.keep(registry, _jobs(self._settings), worker_name("the server"))
        )
        tasks = [working]
        if gate is not None:
            tasks.append(asyncio.create_task(gate.keep()))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if access_log is not None:
            access_log.flush()
        if gate is not None:
            await gate.close()
        if file is not None:
            await file.close()
        await close_registry(registry)
        await send({"type": "lifespan.shutdown.complete"})
