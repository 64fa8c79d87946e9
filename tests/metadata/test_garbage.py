"""Finding and removing garbage costs what there is of it: no statement reads a whole table."""

import re
import sqlite3
from pathlib import Path

from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.history import Change
from lading.core.names import Tag
from lading.metadata import collection, garbage, links, manifests, uploads
from lading.metadata.pushes import Push
from lading.metadata.sqlite import SqliteMetadata
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.people import DAY, People

# Indexes that hold candidates only, and the tables of what was interrupted and what is held.
CANDIDATES = "manifests_deleted|manifests_loose|links_loose|blobs_unlinked"
FULL_SCAN = re.compile(rf"SCAN (?!deletions|holds)(?!\w+ USING (COVERING )?INDEX ({CANDIDATES})\b)")


async def test_no_statement_of_a_collection_reads_a_whole_table(tmp_path: Path) -> None:
    """Each is asked how it would run, so that a new one cannot be forgotten."""
    people = People(SqliteMetadata.open(tmp_path / "db"), Stores.in_memory())
    await _make_garbage_of_every_kind(people)
    limits = people.limits(untagged=True)

    connection = sqlite3.connect(tmp_path / "db", isolation_level=None)
    connection.execute("BEGIN")
    statements: set[str] = set()
    connection.set_trace_callback(statements.add)
    found = garbage.find(connection, limits)
    assert found.manifests
    progress = collection.remove_manifests(connection, found.manifests, limits)
    assert progress.removed == found.manifests
    assert collection.remove_links(connection, found.links, limits) == found.links
    digests = [blob.digest for blob in found.blobs]
    assert collection.remove_blobs(connection, digests, now=0) == digests
    collection.forget_deletions(connection, digests[:1])
    uploads.forget_committed(connection, people.now, 1000)
    connection.set_trace_callback(None)

    plans = {statement: _plan(connection, statement) for statement in statements}
    assert len(plans) > 20
    assert {text: plan for text, plan in plans.items() if FULL_SCAN.search(plan)} == {}
    connection.close()
    await people.metadata.close()


async def test_no_statement_of_a_push_reads_a_whole_table(tmp_path: Path) -> None:
    """Nor of the question that comes before it: both cost the same in any registry."""
    people = People(SqliteMetadata.open(tmp_path / "db"), Stores.in_memory())
    child = await people.push_image(b"child")
    connection = sqlite3.connect(tmp_path / "db", isolation_level=None)
    connection.execute("BEGIN")
    statements: set[str] = set()
    connection.set_trace_callback(statements.add)
    links.add_blob(connection, HELLO, Digest.of(b"child"), 5, people.now)
    links.mount(connection, OTHER, Digest.of(b"child"), HELLO, people.now)
    assert links.promise(connection, HELLO, Digest.of(b"child"), people.now) == 5
    manifests.promise(connection, HELLO, child.digest, people.now)
    for manifest, tag in ((child, "one"), (index([child]), "one"), (index([child, child]), "one")):
        change = Change("alice", people.now)
        push = Push(HELLO, manifest, children_required=True, sizes_required=False, change=change)
        push.store(connection, [Tag(tag)], absent=(), immutable=())
    manifests.delete(connection, HELLO, child.digest, (), Change("alice", people.now))
    connection.set_trace_callback(None)

    plans = {statement: _plan(connection, statement) for statement in statements}
    assert len(plans) > 20
    assert {text: plan for text, plan in plans.items() if FULL_SCAN.search(plan)} == {}
    connection.close()
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
