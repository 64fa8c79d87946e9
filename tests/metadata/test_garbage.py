"""Finding and removing garbage costs what there is of it: no statement reads a whole table."""

import re
import sqlite3

from lading.blobs.stores import Stores
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from tests.support.contents import image, index
from tests.support.people import DAY, People

CONTROL = {"BEGIN IMMEDIATE", "COMMIT"}
# Indexes that hold candidates only, and the tables of what was interrupted and what is held, and of
# what a statement was given.
CANDIDATES = "manifests_deleted|manifests_loose|links_loose|blobs_unlinked"
_SMALL = r"(?!deletions|holds|json_each|CONSTANT ROW)"
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
    assert await collection.remove_manifests(found.manifests, limits) == found.manifests
    assert await collection.remove_links(found.links, limits) == found.links
    digests = [blob.digest for blob in found.blobs]
    assert await collection.remove_blobs(digests, now=0) == digests
    await collection.end_deletions(digests[:1])
    await people.metadata.committed_uploads.remove(before=people.now, at_most=1000)
    database._connection.set_trace_callback(None)

    plans = {text: _plan(database._connection, text) for text in statements - CONTROL}
    assert len(plans) > 20
    assert {text: plan for text, plan in plans.items() if FULL_SCAN.search(plan)} == {}
    await people.metadata.close()


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
