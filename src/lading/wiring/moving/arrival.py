"""The arrival of a registry that was migrated or adopted: what is not all here is not served."""

import logging

from lading.core.timestamps import utc
from lading.services.registry import Registry
from lading.wiring.data_directory import DataUnusable

log = logging.getLogger(__name__)


async def require_arrived(registry: Registry) -> None:
    """Require that what is about to be served is all there, and note that it is served here.

    Raises:
        DataUnusable: its migration, or its adoption, did not end.
    """
    under_way = (await registry.metadata.adoptions.find()).under_way
    if under_way is not None:
        raise DataUnusable(
            f"what CNCF Distribution has here is being taken over since {utc(under_way.at)}, and is"
            " not all in the database: run `lading adopt` again until it says that it is"
        )
    migrations = registry.metadata.migrations
    notes = await migrations.find()
    if notes.arriving is not None:
        raise DataUnusable(
            f"a registry is on its way into this database since {utc(notes.arriving)}, and is not"
            " all here: run `lading migrate` again until it says that it is, or name another"
            " database"
        )
    if notes.has_arrived:
        await migrations.serve()
    if notes.has_departed:
        log.warning(
            "this registry was migrated to another place, and is read-only here since then;"
            " after `lading read-only off` it would go a way of its own"
        )
