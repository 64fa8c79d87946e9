"""Migrations of registries, and what they have in the end."""

from collections.abc import Mapping, Sequence
from functools import partial

from lading.core.digest import Digest
from lading.metadata.metadata import Metadata
from lading.metadata.moving.table_rows import Row
from lading.metadata.moving.tables import MOVED, MovedTable
from lading.ports.database import SqlConnection
from lading.services.moving.migrate import Migrated, is_same_database, run
from lading.services.moving.migration_work import Migration
from lading.services.progress import StepProgress
from lading.services.registry import Registry
from tests.support.people import ALICE, People


async def migrate(
    origin: Registry, target: Registry, progress: StepProgress | None = None
) -> Migrated:
    """Migrate a registry between stores of bytes that are two."""
    return await run(
        Migration(
            origin=origin,
            target=target,
            same_database=await is_same_database(origin, target),
            same_bytes=origin.blobs is target.blobs,
            principal=ALICE,
            place="elsewhere",
            progress=progress or StepProgress(),
        )
    )


async def rows_of(metadata: Metadata) -> Mapping[str, Sequence[Row]]:
    """All rows that go along, but for where bytes are."""
    return {
        table.name: await metadata.database.scan(partial(_all, table=table))
        for table in MOVED
        if not table.of_bytes
    }


async def bytes_of(people: People) -> Mapping[Digest, Digest | None]:
    """All blobs that are known, each with the digest of the bytes that are there."""
    known = await people.metadata.inspection.list_blobs(after="", limit=10_000)
    return {
        blob.digest: await people.blobs.hash(blob.digest, lambda _: None)
        for blob in known
        if not blob.lost
    }


def _all(connection: SqlConnection, table: MovedTable) -> Sequence[Row]:
    columns, key = ", ".join(table.columns), ", ".join(table.key)
    return connection.execute(f"SELECT {columns} FROM {table.name} ORDER BY {key}").fetchall()
