"""Start of a server: what is done to the data once, before there are workers, and what they share.

The data is closed again before any of them is forked, as neither a connection to a database nor a
thread survives a fork; files stay open.
"""

import asyncio
import logging
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from lading.config.settings import Settings
from lading.core.errors import Unavailable
from lading.core.timestamps import utc
from lading.ports.objects import ForeignObjects
from lading.services import upkeep
from lading.services.registry import Registry
from lading.wiring import data_directory, machine_lock
from lading.wiring.audit import opened_audit
from lading.wiring.authentication import AuthFiles, make_secrets, opened_auth_files
from lading.wiring.moving import adoption
from lading.wiring.neighbours import warn_of_neighbours
from lading.wiring.owned_files import take_alone
from lading.wiring.paths import metadata_path
from lading.wiring.process_names import is_over
from lading.wiring.stores import is_on_read_only_disk, open_registry

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Open files that the settings of a server name: its workers, which are forks, use them.

    Attributes:
        auth: that logins rest on.
        audit: a descriptor of the audit log's; `None` if it has none.
    """

    auth: AuthFiles
    audit: int | None


@contextmanager
def opened_files(settings: Settings) -> Iterator[ServerFiles]:
    """The files that the settings of a server name, open for a block.

    Raises:
        AuthUnusable: a file that logins rest on cannot be used.
        AuditUnusable: the audit log cannot be written.
    """
    with opened_auth_files(settings.auth) as auth, opened_audit(settings) as audit:
        yield ServerFiles(auth, audit)


@contextmanager
def prepared(settings: Settings, *, forks: bool = True) -> Iterator[ServerFiles]:
    """Make the data ready to be served; for a block, keep other machines' servers away.

    Yields:
        The files that the settings name, for the workers.

    Args:
        forks: whether workers are forked from this process.

    Raises:
        DataUnusable, CannotOpen: the data cannot be served.
        AuthUnusable: a file that logins rest on cannot be used.
        AuditUnusable: the audit log cannot be written.
    """
    root = settings.storage.directory
    with ExitStack() as stack:
        if settings.storage.driver == "filesystem" and not is_on_read_only_disk(settings):
            data_directory.require_one_file_system(root)
            if settings.database.postgresql is None:
                warn_of_neighbours(root, metadata_path(root))
            if settings.may_have_replicas:
                data_directory.warn_of_old_names(root)
            else:
                stack.enter_context(machine_lock.served_from_here(root))
        if settings.storage.driver == "s3":
            if not settings.may_have_replicas:
                stack.enter_context(machine_lock.served_from_here(root))
            _require_own_objects(settings, forks=forks)
        files = stack.enter_context(opened_files(settings))
        asyncio.run(_prepare(settings))
        yield files


def _require_own_objects(settings: Settings, *, forks: bool) -> None:
    """Require that the bucket is this registry's, and can be used.

    If there are to be forks it is asked by a child of this process: the threads by which that is
    done do not survive a fork, and the workers that are forked later would wait for them.

    Raises:
        DataUnusable: it is not, or cannot.
    """
    try:
        if not forks:
            _look_at_objects(settings)
            return
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as child:
            child.submit(_look_at_objects, settings).result()
    except (ForeignObjects, Unavailable) as error:
        raise data_directory.DataUnusable(str(error)) from error


def _look_at_objects(settings: Settings) -> None:
    async def look() -> None:
        async with open_registry(settings) as registry:
            assert registry.upkeep is not None
            # One that has departed is read-only: whose its objects are is asked when it is not.
            if not (await registry.metadata.migrations.find()).has_departed:
                await registry.upkeep.take_own()
            for denied in await registry.upkeep.denied_rights():
                log.warning("%s: %s", denied.name, upkeep.words_of(denied))

    asyncio.run(look())


async def _prepare(settings: Settings) -> None:
    async with open_registry(settings) as registry:
        # Before there are workers, so that they share it.
        registry.metadata.load()
        if not is_on_read_only_disk(settings):
            await _end_leases(registry, settings)
            await adoption.adopt_at_start(registry, settings)
            if not (await registry.metadata.migrations.find()).has_departed:
                await take_alone(registry, settings)
            await _require_arrived(registry)
        if settings.storage.driver == "filesystem":
            await data_directory.require_blobs(registry, settings.storage.filesystem.rootdirectory)
        await make_secrets(settings, registry.metadata, registry.clock)


async def _end_leases(registry: Registry, settings: Settings) -> None:
    """End the leases of a server that did not get to its end, or of a command killed beside it.

    Of several replicas another one may be at work, but none at this address.
    """
    leases = registry.metadata.jobs
    if not settings.may_have_replicas:
        await leases.end_leases()
        return
    for holder in await leases.holders():
        if is_over(holder, settings):
            await leases.end_leases(holder)


async def _require_arrived(registry: Registry) -> None:
    """Require that what is about to be served is all there, and note that it is served here.

    Raises:
        DataUnusable: its migration, or its adoption, did not end.
    """
    under_way = (await registry.metadata.adoptions.find()).under_way
    if under_way is not None:
        raise data_directory.DataUnusable(
            f"what CNCF Distribution has here is being taken over since {utc(under_way.at)}, and is"
            " not all in the database: run `lading adopt` again until it says that it is"
        )
    migrations = registry.metadata.migrations
    notes = await migrations.find()
    if notes.arriving is not None:
        raise data_directory.DataUnusable(
            f"a registry is on its way into this database since {utc(notes.arriving)}, and is not"
            " all here: run `lading migrate` again until it says that it is, or name another"
            " database"
        )
    if notes.has_arrived or notes.was_restored:
        await migrations.serve()
    if notes.has_departed:
        log.warning(
            "this registry was migrated to another place, and is read-only here since then;"
            " after `lading read-only off` it would go a way of its own"
        )
