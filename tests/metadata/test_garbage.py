"""Finding and removing garbage costs what there is of it: no statement reads a whole table."""

import re
import sqlite3
import tracemalloc
from itertools import chain

from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.garbage import Criteria
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.ports.database import SqlConnection
from tests.support.contents import image, index
from tests.support.people import DAY, People

# Manifests in the trash, where there are many.
MANY = 8000
CONTROL = {"BEGIN IMMEDIATE", "COMMIT"}
# Indexes that hold candidates only, and the tables of what was interrupted and what is held, and of
# what a statement was given.
CANDIDATES = "manifests_deleted|manifests_loose|links_loose|blobs_unlinked"
_SMALL = r"(?!deletions|holds|switches|json_each|CONSTANT ROW)"
FULL_SCAN = re.compile(rf"SCAN {_SMALL}(?!\w+ USING (COVERING )?INDEX ({CANDIDATES})\b)")


async def test_no_statement_of_a_collection_reads_a_whole_table() -> None:
    """Each is asked how it would run, so that a new one cannot be forgotten."""
    database = MemoryDatabase()
    people = People(Metadata(database), Stores.in_memory())
    await _make_garbage_of_every_kind(people)
    limits = people.limits(untagged=True)

    statements: set[str] = set()
    database._connection.set_trace_callback(statements.add)
    collection = people.metadata.collection
    found = await collection.find(limits)
    assert found.manifests
    assert await collection.remove_manifests([*found.manifests], limits) == [*found.manifests]
    assert await collection.remove_links([*found.links], limits) == [*found.links]
    digests = [blob.digest for blob in found.blobs]
    assert await collection.remove_blobs(digests, now=0) == digests
    await collection.end_deletions(digests[:1])
    await people.metadata.links.remove_committed(before=people.now, at_most=1000)
    database._connection.set_trace_callback(None)

    plans = {text: _plan(database._connection, text) for text in statements - CONTROL}
    assert len(plans) > 20
    assert {text: plan for text, plan in plans.items() if FULL_SCAN.search(plan)} == {}
    await people.metadata.close()


async def test_what_is_found_is_not_all_held_in_memory() -> None:
    """A dry run, and a collection that lists what goes, want to know all of it at first."""
    database = MemoryDatabase()
    metadata = Metadata(database)
    await database.write(_make_much_garbage)
    limits = Criteria(now=1e9, grace=1, trash_before=1e9, untagged=True)

    tracemalloc.start()
    found = await metadata.collection.find(limits)
    counted = sum(1 for _ in chain(found.manifests, found.links, found.blobs))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert counted == 4 * MANY
    assert peak < 2_000_000  # all of it is 9 MB
    # An index and its children, and what they share, are found in their order all the same.
    assert next(iter(found.manifests)).digest == _digest(0)
    assert len(found.manifests) == 2 * MANY
    assert [blob.digest.hex for blob in found.sorted_blobs()] == sorted(
        blob.digest.hex for blob in found.blobs
    )
    await metadata.close()


def _make_much_garbage(connection: SqlConnection) -> None:
    """Manifests in the trash, each with a child that falls with it, which has a blob."""
    connection.execute("INSERT INTO repositories (id, name) VALUES (1, 'app')")
    manifests = """
        INSERT INTO manifests (repository_id, digest, media_type, artifact_type, size, pushed_at,
            promised_at, deleted_at)
        VALUES (1, ?, '', '', 1, 0, 0, ?)
    """
    parents = [_digest(number) for number in range(MANY)]
    children = [_digest(MANY + number) for number in range(MANY)]
    blobs = [_digest(2 * MANY + number) for number in range(MANY)]
    connection.executemany(manifests, [(digest, 1.0) for digest in parents])
    connection.executemany(manifests, [(digest, None) for digest in children])
    connection.execute("INSERT INTO documents SELECT id, X'7b7d', X'7b7d' FROM manifests")
    connection.executemany(
        "INSERT INTO blobs (digest, size, created_at) VALUES (?, 1, 0)", [(one,) for one in blobs]
    )
    connection.executemany(
        "INSERT INTO links (repository_id, digest, promised_at) VALUES (1, ?, 0)",
        [(one,) for one in blobs],
    )
    connection.executemany(
        "INSERT INTO edges (repository_id, parent, child, kind) VALUES (1, ?, ?, '')",
        [*zip(parents, children, strict=True), *zip(children, blobs, strict=True)],
    )


def _digest(number: int) -> Digest:
    return Digest.of(b"%d" % number)


async def _make_garbage_of_every_kind(people: People) -> None:
    deleted = await people.push_image(b"deleted", shared=b"base")
    await people.delete(deleted.digest)
    child = await people.push_image(b"child", shared=b"base")
    await people.push(index([child]), "moved")
    await people.push_blob(b"signature")
    await people.push(image(b"signature", subject=child))
    await people.push_image(b"kept", "moved", shared=b"base")
    await people.push_blob(b"alone")
    await people.push_blob(b"unlinked")
    people.now += 1000 * DAY


def _plan(connection: sqlite3.Connection, statement: str) -> str:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    return "\n".join(detail for *_, detail in rows)
