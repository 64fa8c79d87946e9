"""A request costs the same in a large registry: no statement of one reads a whole table."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lading.core.digest import Digest
from lading.core.history import Change
from lading.core.names import RepositoryName, Tag
from lading.metadata import links, manifests, repositories, tags, uploads
from lading.metadata.database import FileDatabase
from lading.metadata.pushes import Push
from tests.support.contents import image, index, new_upload

# A name of what a statement itself makes may follow; a table may not.
FULL_SCAN = re.compile(r"SCAN (?!here|holders|CONSTANT ROW)")

HERE, THERE = RepositoryName("here"), RepositoryName("there")
CHANGE = Change("ann", 1.0)


def test_no_statement_of_a_request_reads_a_whole_table(tmp_path: Path) -> None:
    """Each is asked how it would run: with a million blobs, too, it must not read them all."""
    FileDatabase(tmp_path / "db").close()
    connection = sqlite3.connect(tmp_path / "db", isolation_level=None)
    connection.execute("BEGIN")
    with traced(connection) as statements:
        _push_and_pull(connection)
    plans = {statement: _plan(connection, statement) for statement in statements}
    connection.close()

    assert len(plans) > 30
    assert {text: plan for text, plan in plans.items() if FULL_SCAN.search(plan)} == {}
    pages = [plan for text, plan in plans.items() if "pushed_at IS NOT NULL AND name >" in text]
    assert len(pages) == 2
    assert all("USING COVERING INDEX" in plan for plan in pages)  # no row of the table for each


def _push_and_pull(connection: sqlite3.Connection) -> None:
    layer, config = b"layer", b"config"
    for number, data in enumerate((layer, config)):
        upload = new_upload(HERE)
        links.add_blob(connection, HERE, Digest.of(data), len(data), 1.0)
        uploads.commit(connection, upload, Digest.of(data), float(number))
        assert uploads.find_committed(connection, upload) == Digest.of(data)
        assert links.promise(connection, HERE, Digest.of(data), 1.0) == len(data)
    assert links.mount(connection, THERE, Digest.of(layer), HERE, 1.0)
    links.repositories_with(connection, Digest.of(layer), 20)
    pushed = image(config, layer)
    listed = index([pushed])
    about = image(config, layer, subject=pushed)
    for manifest in (pushed, listed, about):
        push = Push(HERE, manifest, children_required=True, sizes_required=False, change=CHANGE)
        push.require_present(connection)
        push.prepare(connection, manifest.edges)
        push.store(connection, [Tag("latest")], absent=[Tag("no")], immutable=())
        push.keep_referrers(connection, "")
        assert manifests.find(connection, HERE, manifest.digest)
        assert manifests.promise(connection, HERE, manifest.digest, 1.0)
    assert manifests.find(connection, HERE, Tag("latest"))
    repositories.is_listed(connection, HERE)
    repositories.page(connection, "a", 10, "")
    repositories.page(connection, "a", 10, "prefix")
    assert tags.page(connection, HERE, "a", 10)
    manifests.referrers(
        connection, HERE, pushed.digest, artifact_type="a/b", after="", limit=10, max_size=100
    )
    assert tags.delete(connection, HERE, Tag("latest"), (), CHANGE)
    assert manifests.delete(connection, HERE, about.digest, (), CHANGE)
    assert links.unlink(connection, THERE, Digest.of(layer), 1.0)


@contextmanager
def traced(connection: sqlite3.Connection) -> Iterator[set[str]]:
    """The statements that run in the block."""
    statements: set[str] = set()
    connection.set_trace_callback(statements.add)
    yield statements
    connection.set_trace_callback(None)


def _plan(connection: sqlite3.Connection, statement: str) -> str:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    return "\n".join(detail for *_, detail in rows)
