"""A request costs the same in a large registry: no statement of one reads a whole table."""

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from bench.postgresql_growth import fill
from lading.core.digest import Digest
from lading.core.figures import LastPull
from lading.core.globs import Glob
from lading.core.history import Change
from lading.core.images.tree import Entry, EntryKind
from lading.core.immutability import ImmutableTags
from lading.core.names import Owner, RepositoryName, Tag
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.databases.postgresql.transactions import PostgresqlConnection
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata import batches, manifest_deletion, past_moves
from lading.metadata import tags as rows_of_tags
from lading.metadata.documents import PIECE
from lading.metadata.layers import entries as rows_of_entries
from lading.metadata.layers import trees as rows_of_trees
from lading.metadata.layers.askings import Wanted
from lading.metadata.layers.trees import TreeState
from lading.metadata.metadata import Metadata
from lading.metadata.past_moves import FIRST, TagKey
from lading.metadata.pushes import ManifestPush
from lading.metadata.shown import tag_lists
from lading.metadata.shown.repository_lists import ListOrder
from lading.metadata.trash import Place
from lading.ports.database import Parameters, Rows, SqlConnection
from lading.ports.objects import PlacedSegment, UploadProgress
from tests.support.contents import image, index, new_upload
from tests.support.postgresql import PostgreSQL

# A name of what a statement itself makes may follow; a table may not, unless it is read in order
# of an index, as far as is wanted, or never has many rows.
SEQUENTIAL = re.compile(
    r"Seq Scan on (blobs|links|manifests|documents|edges|tags|tag_history|uploads|objects)"
)
FULL_SCAN = re.compile(
    r"SCAN (?!here|holders|json_each|CONSTANT ROW|moved|looked|tagged|trashed|ways"
    r"|groups|part|placed|few|summed|one|last|\(subquery|wanted|held|children|family|found|first|next|about"
    r"|figures USING INDEX figures_(size|pushed)|samples)"
)

# All of a repository, or of a tree, is looked through.
PARTIAL_KEY = re.compile(r"SEARCH \w+ USING [^(]*\((?:tree_id|repository_id)=\?\)")
# All that a repository's manifests refer to is looked through for what may not be there: no limit
# ends that.
PARTIAL_EDGES = re.compile(r"SEARCH \w*edges? USING PRIMARY KEY \(repository_id=\?\)")
# A statement that says of how much; what counts repositories that are known to be small; those in
# whose plan are foreign keys that they do not touch.
IS_BOUNDED = re.compile(
    r"\bLIMIT\b|SELECT count\(|WITH RECURSIVE tagged"
    r"|DELETE FROM trees WHERE id|INSERT INTO repositories"
)

HERE, THERE = RepositoryName("here"), RepositoryName("there")
CHANGE = Change("ann", 1.0)
ASKER = Owner.of("user ann")
CONTROL = {"BEGIN IMMEDIATE", "COMMIT"}


async def _plans_of(*others: Callable[[Metadata], Awaitable[None]]) -> dict[str, str]:
    """How statements would run: those of the usual requests, and of some others."""
    database = MemoryDatabase()
    with traced(database._connection) as statements:
        for requests in (_push_and_pull, *others, _look_inside, _look_at_pages, _browse):
            await requests(Metadata(database))
    plans = {text: _plan(database._connection, text) for text in statements if text not in CONTROL}
    database.close()
    return plans


async def test_no_statement_of_a_request_reads_a_whole_table() -> None:
    """Each is asked how it would run: with a million blobs, too, it must not read them all."""
    plans = await _plans_of(_upload_objects, _count, _forget)

    assert len(plans) > 30
    assert {text: plan for text, plan in plans.items() if FULL_SCAN.search(plan)} == {}
    named = "(SELECT name FROM repositories WHERE pushed_at IS NOT NULL AND name >"
    pages = [plan for text, plan in plans.items() if named in text]
    assert len(pages) == 2
    assert all("USING COVERING INDEX" in plan for plan in pages)  # no row of the table for each


async def test_no_statement_of_a_request_reads_a_whole_repository_or_tree() -> None:
    """SQLite takes all of them for small ones; those that are to read a part of one say so."""
    plans = await _plans_of(_delete_and_restore, _explain)

    assert {text: plan for text, plan in plans.items() if PARTIAL_EDGES.search(plan)} == {}
    partly = {text: plan for text, plan in plans.items() if PARTIAL_KEY.search(plan)}
    assert {text: plan for text, plan in partly.items() if not IS_BOUNDED.search(text)} == {}


@pytest.mark.e2e
async def test_no_statement_of_a_request_reads_a_whole_table_in_postgresql_either(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of those that grow, that is: a table of a few rows is read as a whole."""
    database = PostgresqlDatabase(Server(postgresql.new_url(), timeout=120))
    await database.write(_fill_objects)
    await fill(database, 1, 20_000)
    statements: dict[str, Parameters] = {}
    execute = PostgresqlConnection.execute

    def traced(self: PostgresqlConnection, statement: str, parameters: Parameters = ()) -> Rows:
        statements[statement] = parameters
        return execute(self, statement, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(PostgresqlConnection, "execute", traced)
        await _push_and_pull(Metadata(database))
        await _push_as_objects(Metadata(database))
        await _look_at_pages(Metadata(database))
        await _browse(Metadata(database))
        await _find_together(Metadata(database))
    plans = await database.read(partial(_plans, statements=statements))
    database.close()

    assert len(plans) > 30
    assert any(len(parameters) == 3 * batches.MOST_WANTED for parameters in statements.values())
    assert {text: plan for text, plan in plans.items() if SEQUENTIAL.search(plan)} == {}


def _fill_objects(connection: SqlConnection) -> None:
    """Uploads of some, and objects of theirs and of blobs."""
    connection.execute(
        "INSERT INTO uploads (key, owner, size, active_at, hash, wrong_digests, generation)"
        " SELECT 'u' || n, 'owner' || n / 100, 1, 1, '', 0, 0 FROM generate_series(1, 20000) AS n"
    )
    connection.execute(
        "INSERT INTO objects (key, start, size, stored_at, upload, digest)"
        " SELECT 'o' || n, 0, 1, 1, CASE WHEN n > 20000 THEN 'u' || n - 20000 END,"
        " CASE WHEN n <= 20000 THEN 'd' || n END FROM generate_series(1, 40000) AS n"
    )


@pytest.mark.e2e
async def test_a_search_reads_no_layers_but_those_of_its_image_in_postgresql_either(
    postgresql: PostgreSQL,
) -> None:
    database = PostgresqlDatabase(Server(postgresql.new_url(), timeout=120))
    await _fill_trees(database)
    values = {**_SEARCHED, "trees": batches.keys(["1", "2", "3"])}
    plans = await database.read(partial(_plans, statements={rows_of_entries._SEARCH: values}))
    database.close()
    [plan] = plans.values()
    assert "Seq Scan on entries" not in plan
    assert "Index Cond: (tree_id = (wanted.key)::integer)" in plan


@pytest.mark.e2e
async def test_a_directory_is_read_by_its_name_in_each_layer_in_postgresql_too(
    postgresql: PostgreSQL,
) -> None:
    """Which does not know how few layers and directories are asked for."""
    database = PostgresqlDatabase(Server(postgresql.new_url(), timeout=120))
    await _fill_trees(database)
    trees = batches.keys(["1", "2", "3"])
    statements: dict[str, Parameters] = {
        rows_of_entries._CHILDREN: {
            "trees": trees,
            "parents": batches.keys(["", "etc"]),
            "after": "",
            "others": 9,
            "last": "~",
        },
        rows_of_entries._NAMED: {"trees": trees, "places": '{"/a": "", "etc/b": "etc"}'},
    }
    plans = await database.read(partial(_plans, statements=statements))
    database.close()
    assert {text: plan for text, plan in plans.items() if "Seq Scan on entries" in plan} == {}
    for plan in plans.values():  # not all of the tree, nor of a directory
        assert re.search(r"Index Cond: \(\(tree_id = .* AND .*parent = .* AND .*name ", plan), plan


@pytest.mark.e2e
async def test_the_moves_of_a_tag_are_found_by_the_tag_in_postgresql_either(
    postgresql: PostgreSQL,
) -> None:
    """One that was moved last before a million others were, in no way through all of these."""
    database = PostgresqlDatabase(Server(postgresql.new_url(), timeout=120))
    await database.write(lambda connection: connection.execute(_REPOSITORY))
    await database.write(lambda connection: connection.execute(_MANY_MOVES))
    await database.write(lambda connection: connection.execute("ANALYZE"))
    named = {"repository": 1, "tag": "old", "kept": 999, "last": 90_000, "most": 500}
    statements: dict[str, Parameters] = {
        rows_of_tags._LAST_MOVE: (1, "old", 1e9),
        rows_of_tags._HISTORY: ("busy", "old", 50),
        tag_lists._TRACES: {"repository": "busy", "references": batches.keys(["old"])},
        past_moves._FORGET_OLDEST: named,
        past_moves._FORGET_UP_TO: named,
    }
    plans = await database.read(partial(_plans, statements=statements))
    database.close()
    assert {text for text, plan in plans.items() if "tag_history_tag" not in plan} == set()


_REPOSITORY = "INSERT INTO repositories (id, name) VALUES (1, 'busy')"
_MANY_MOVES = """
    INSERT INTO tag_history (repository_id, tag, digest, actor, at)
    SELECT 1, CASE WHEN n <= 3000 THEN 'old' ELSE 'tag' || n % 50 END, 'digest', 'ann', n
    FROM generate_series(1, 100000) AS n
"""
_MANY_ENTRIES = """
    INSERT INTO entries (tree_id, parent, name, kind, size, mode, target, start)
    SELECT id, '', CAST(number AS text), 'f', 1, 0, '', 512
    FROM trees CROSS JOIN generate_series(1, 50) AS number
"""
_SEARCHED = {"looked_at": 99, "pattern": "%a%", "most": 10}


def _plans(connection: SqlConnection, statements: dict[str, Parameters]) -> dict[str, str]:
    """The plans of statements, each for its parameters."""
    plans = {}
    for text, parameters in statements.items():
        rows = connection.execute(f"EXPLAIN {text}", parameters)
        plans[text] = "\n".join(line for (line,) in rows)
    return plans


async def _find_together(metadata: Metadata) -> None:
    tags = (Tag(f"v{number}") for number in range(3 * batches.MOST_WANTED))
    await asyncio.gather(*(metadata.manifests.find(HERE, tag) for tag in tags))
    digests = [Digest.of(b"%d" % number) for number in range(3 * batches.MOST_WANTED)]
    await asyncio.gather(*(metadata.links.find(HERE, digest) for digest in digests))
    await asyncio.gather(*(metadata.objects.find(digest) for digest in digests))


async def _push_and_pull(metadata: Metadata) -> None:
    layer, config = Digest.of(b"layer"), Digest.of(b"config")
    for digest in (layer, config):
        upload = new_upload(HERE)
        await metadata.links.add(HERE, digest, 5, upload=upload, change=CHANGE)
        assert await metadata.links.committed(upload) == digest
        promised = await metadata.links.promise(HERE, digest, now=9.0, grace=1.0)
        assert promised is not None
    assert await metadata.links.mount(THERE, layer, source=HERE, change=CHANGE)
    await metadata.links.repositories_with(layer, limit=20)
    pushed = image(b"config", b"layer")
    listed = index([pushed])
    about = image(b"config", b"layer", subject=pushed)
    large = image(b"config", b"layer", annotations={"x": "x" * PIECE})
    for manifest in (pushed, listed, about, large):
        push = ManifestPush(
            repository=HERE,
            manifest=manifest,
            tags=[Tag("latest")],
            absent=[Tag("no")],
            change=CHANGE,
        )
        await metadata.database.read(push.require_acceptable)
        await metadata.database.write(partial(push.prepare, edges=manifest.edges))
        await metadata.manifests.push(push)
        await metadata.database.write(partial(push.keep_referrers, after=""))
        assert await metadata.manifests.find(HERE, manifest.digest)
        assert await metadata.manifests.promise(HERE, manifest.digest, now=9.0, grace=1.0)
    assert await metadata.manifests.find(HERE, Tag("latest"))
    assert await metadata.repositories.exists(HERE)
    await metadata.repositories.page(after="a", limit=10)
    await metadata.repositories.page(after="a", limit=10, prefix="prefix")
    assert await metadata.tags.page(HERE, after="a", limit=10)
    await metadata.manifests.referrers(
        HERE, pushed.digest, artifact_type="a/b", after="", limit=10, max_size=100
    )
    assert await metadata.tags.delete(HERE, Tag("latest"), immutable=(), change=CHANGE)
    assert await metadata.manifests.delete(HERE, about.digest, immutable=(), change=CHANGE)
    assert await metadata.links.delete(THERE, layer, change=CHANGE)


async def _delete_and_restore(metadata: Metadata) -> None:
    """What is asked where tags and indexes may lead to a manifest, and to bring one back."""
    pushed, behind = image(b"config", b"layer"), Place(9.0, 1)
    releases = [ImmutableTags([Glob("**")], [Glob("v*")])]
    assert await metadata.manifests.delete(
        HERE, index([pushed]).digest, immutable=releases, change=CHANGE
    )
    assert await metadata.manifests.delete(HERE, pushed.digest, immutable=(), change=CHANGE)
    await metadata.trash.manifests(HERE, behind, 10)
    await metadata.trash.tags(HERE, behind, 10, 0.0)
    await metadata.trash.restore_manifest(HERE, pushed.digest, change=CHANGE)


async def _upload_objects(metadata: Metadata) -> None:
    """What is asked of the rows of an object store by requests, and for pages of its upkeep."""
    uploads, objects = metadata.uploads, metadata.objects
    upload, digest = new_upload(), Digest.of(b"")
    await uploads.begin(upload, b"", 0)
    await uploads.count(upload.owner)
    await uploads.take(upload, generation=1, writing="key", now=0, until=10)
    await uploads.renew(upload, 1, 20)
    progress = UploadProgress(5, b"", 0, 0, PlacedSegment("key", 0, 5, 0), ["other"], "next")
    await uploads.save(upload, 1, progress)
    await uploads.segments(upload)
    await uploads.size(upload)
    last = replace(progress, stored=None, unused=[], writing=None)
    await uploads.cut(upload, 1, last)
    await uploads.commit(upload, 1, last, digest)
    await uploads.settle(upload)
    await uploads.discard(upload, 0)
    await _push_as_objects(metadata)
    await objects.find(digest)
    await objects.page(after="", limit=1)
    await objects.page(after="", limit=1, in_segments=True)
    await objects.reserve("joined", 1)
    segment = PlacedSegment("joined", 0, 5, 0)
    await objects.replace(digest, await objects.find(digest), segment)
    await objects.unuse([digest], 0)
    await objects.quarantine(digest)
    await objects.refuse(await objects.retire(before=1, limit=1), 0)
    await objects.remove(await objects.retire(before=1, limit=1, refused_before=1))
    await objects.count_unused()
    await objects.unknown(["key", "other"], parts_at=0)
    await objects.badges()


async def _push_as_objects(metadata: Metadata) -> None:
    """Two uploads become a blob: one with the bytes that came last, one as it is."""
    digest = Digest.of(b"pushed")
    for key in ("at once", "as it is"):
        upload, stored = new_upload(), PlacedSegment(key, 0, 6, 0)
        progress = UploadProgress(6, b"known", 0, 0, stored, [f"not {key}"])
        assert await metadata.uploads.begin(upload, b"", 0, most=5)
        await metadata.uploads.take(upload, generation=2, writing=key, now=0, until=10)
        becoming = metadata.uploads.becoming(upload, 2, progress)
        if key == "as it is":
            await metadata.uploads.save(upload, 2, progress)
            becoming = metadata.uploads.becoming_as_it_is(upload, digest, lambda _: digest, 1)
        await metadata.links.add(HERE, digest, becoming, upload=upload, change=CHANGE)
    assert [segment.key for segment in await metadata.objects.find(digest)] == ["as it is"]


async def _fill_trees(database: PostgresqlDatabase) -> None:
    """Have entries of many layers, however long it takes to ask for these."""
    layers = [Digest.of(str(number).encode()) for number in range(3000)]
    await database.write(partial(rows_of_trees.ask, digests=layers, asker=ASKER, now=1.0))
    await database.write(lambda connection: connection.execute(_MANY_ENTRIES))
    await database.write(lambda connection: connection.execute("ANALYZE"))


async def _look_inside(metadata: Metadata) -> None:
    """What pages of an image's inside ask, and who finds it out; what waits has an index."""
    trees, overlays, digest = metadata.trees, metadata.overlays, Digest.of(b"layer")
    await trees.find(HERE, [digest], ASKER)
    await trees.ask([digest], ASKER, 1.0)
    row = (await trees.of([digest]))[digest]
    tree = row.id
    await metadata.askings.find_next(Wanted.TREE)
    found = [Entry("", "a", EntryKind.DIRECTORY, 0, 0, "", at) for at in (-1, 512)]
    await trees.add(tree, found)
    await trees.children([tree], ["", "etc"], after="", most=10)
    await trees.named([tree], {"": ["a"]})
    await trees.search([tree], "a", most=10, looked_at=10)
    await trees.page(tree, ("", ""), 10)
    await trees.page(tree, ("", ""), 10, marks=True)
    await trees.settle(row, TreeState.WAITING, now=1.0)
    await trees.settle(row, TreeState.DONE, now=1.0)
    await trees.remove_some(asked_before=2.0)
    await overlays.ask("key", [digest], ASKER, 1.0)
    await overlays.layers_of("key")
    await overlays.settle("key", b"{}")
    await overlays.find("key", ASKER)
    await overlays.remove_old(asked_before=2.0, most=10)
    await overlays.remove("key")


async def _count(metadata: Metadata) -> None:
    """What a job asks of one repository: it reads all of that, and no other."""
    (id_, *_) = await metadata.figures.begin(after=0, limit=1)
    await metadata.figures.store({id_: await metadata.figures.count(id_, now=1.0)})


async def _forget(metadata: Metadata) -> None:
    """What a job asks for that looks at all moves of tags, some at a time."""
    await metadata.past_moves.long_histories(after=FIRST)
    await metadata.past_moves.forget_oldest(TagKey(1, "latest"))
    await metadata.tags.delete(HERE, Tag("latest"), immutable=(), change=CHANGE)
    await metadata.past_moves.forget_removed(before=2.0)


async def _browse(metadata: Metadata) -> None:
    """What home and repositories' pages ask, be there anything or not."""
    repositories, tags, manifests = metadata.repositories, metadata.tags, metadata.manifests
    for order in ListOrder:
        for after in ("", "1:1"):
            for within in (["a/"], ["a/", "c", "e/"]):
                await repositories.listed(
                    order=order, within=within, words="b", after=after, limit=10
                )
    await repositories.folders(prefix="a/", limit=10)
    digests = [Digest.of(b"one"), Digest.of(b"other")]
    await tags.of_repository(HERE, words="a", limit=10)
    await tags.latest(HERE, words="a", start=0, limit=10)
    await tags.traces(HERE, ["latest", *digests])
    await tags.search("v1", within=["a/", "b"], limit=10)
    await manifests.family(HERE, [Tag("latest"), *digests])
    await metadata.links.sizes_here(HERE, digests)
    await metadata.links.sharing(HERE, digests[0], digests)
    await manifests.untagged(HERE, after="", limit=10)
    await metadata.page_sessions.find("hash", now=0)


async def _look_at_pages(metadata: Metadata) -> None:
    """What is asked of figures, last pulls and events by pages."""
    figures, pulls = metadata.figures, metadata.pulls
    await figures.largest(within=[""], limit=5)
    await figures.largest(within=["a/", "b/"], limit=5)
    await figures.count_few([1, 2], now=1.0)
    await metadata.samples.now()
    await figures.of([HERE, THERE])
    await metadata.samples.last()
    await pulls.note({(HERE, "latest"): LastPull(1.0, "ann")})
    assert await pulls.last(HERE, ["latest", "other"])
    assert await pulls.page(until=9.0, skipped=0, limit=5)
    await pulls.remove_gone((0, ""), limit=5)
    assert await metadata.events.moves(before=2**62, limit=5)
    assert await metadata.events.deletions(before=9.0, limit=5)
    assert await metadata.trash.stored(HERE, [Digest.of(b"no")]) == set()
    await metadata.freeing.find(HERE, [Tag("latest"), Digest.of(b"no")])


@contextmanager
def traced(connection: sqlite3.Connection) -> Iterator[set[str]]:
    """The statements that run in the block."""
    statements: set[str] = set()
    connection.set_trace_callback(statements.add)
    yield statements
    connection.set_trace_callback(None)


def _plan(connection: sqlite3.Connection, statement: str) -> str:
    readable = re.sub(r"\bInf\b", "9e999", statement)  # SQLite writes it so, and reads it not
    rows = connection.execute(f"EXPLAIN QUERY PLAN {readable}")
    return "\n".join(detail for *_, detail in rows)


@pytest.mark.parametrize("asked", ["children", "named", "find"])
async def test_what_is_shown_of_a_layer_costs_the_same_in_a_large_one(asked: str) -> None:
    steps = []
    for count in (300, 3000):
        database = MemoryDatabase()
        metadata = Metadata(database)
        layers = [Digest.of(b"%d" % number) for number in range(count)]
        for layer in layers:
            await metadata.links.add(HERE, layer, 5, upload=new_upload(HERE), change=CHANGE)
        await metadata.trees.ask(layers[:1], ASKER, 1.0)
        tree = (await metadata.trees.of(layers[:1]))[layers[0]].id
        names = [f"{number:04}" for number in range(count)]
        await metadata.trees.add(tree, [Entry("", at, EntryKind.FILE, 0, 0, "", 0) for at in names])
        with counted(database._connection) as taken:
            match asked:
                case "children":
                    await metadata.trees.children([tree], ["", "etc"], after="", most=200)
                case "named":
                    await metadata.trees.named([tree], {"": names[:200]})
                case _:
                    await metadata.trees.find(HERE, layers[:100], ASKER)
        steps.append(len(taken))
        database.close()

    assert steps[1] < 1.1 * steps[0]


async def test_a_deletion_costs_the_same_however_many_tags_were_set_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the repository itself, nothing was set for long."""
    monkeypatch.setattr(manifest_deletion, "MOST_OVERTAKING", 100)
    steps, rule = [], ImmutableTags([Glob("**")], [Glob("release-*")])
    for count in (300, 3000):
        database = MemoryDatabase()
        metadata, layer, other = Metadata(database), Digest.of(b"layer"), Digest.of(b"other")
        pushed = image(b"layer")
        for repository in (HERE, THERE):
            await metadata.links.add(
                repository, layer, 5, upload=new_upload(repository), change=CHANGE
            )
        await metadata.manifests.push(ManifestPush(repository=HERE, manifest=pushed, change=CHANGE))
        database._connection.executemany(
            "INSERT INTO tag_history (repository_id, tag, digest, actor, at)"
            " SELECT id, ?, ?, 'ann', 1.0 FROM repositories WHERE name = ?",
            ((f"v{number}", other, THERE) for number in range(count)),
        )
        with counted(database._connection) as taken:
            assert await metadata.manifests.delete(
                HERE, pushed.digest, immutable=[rule], change=CHANGE
            )
        steps.append(len(taken))
        database.close()

    assert steps[1] < 1.1 * steps[0]


async def test_pulls_are_removed_at_the_same_cost_in_a_large_repository() -> None:
    steps = []
    for count in (300, 3000):
        database = MemoryDatabase()
        metadata = Metadata(database)
        layer, upload = Digest.of(b"layer"), new_upload(HERE)
        await metadata.links.add(HERE, layer, 5, upload=upload, change=CHANGE)
        await metadata.pulls.note({(HERE, f"v{at}"): LastPull(1.0, "ann") for at in range(count)})
        with counted(database._connection) as taken:
            await metadata.pulls.remove_gone((0, ""), limit=100)
        steps.append(len(taken))
        database.close()

    assert steps[1] < 1.1 * steps[0]


@contextmanager
def counted(connection: sqlite3.Connection) -> Iterator[list[None]]:
    """A note for every ten instructions of SQLite's machine in the block."""
    taken: list[None] = []
    connection.set_progress_handler(lambda: taken.append(None), 10)
    yield taken
    connection.set_progress_handler(None, 0)


async def _explain(metadata: Metadata) -> None:
    await metadata.why.find(Digest.of(b"layer"))
