"""What one read or one transaction does is bounded, whatever is asked for and is there."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.errors import (
    BlobInUse,
    ManifestBlobUnknown,
    NotAsExpected,
    NotRestorable,
    TagImmutable,
    Unavailable,
)
from lading.core.garbage import Criteria
from lading.core.globs import Glob
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Manifest
from lading.core.names import Tag
from lading.databases.sqlite.file import FileDatabase
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata import batches, referrers
from lading.metadata.collecting import collection
from lading.metadata.documents import PIECE
from lading.metadata.metadata import Metadata
from lading.metadata.pushes import FEW_EDGES, ManifestPush
from lading.metadata.shown import figures, repository_lists
from lading.metadata.shown.repository_lists import ListOrder
from lading.ports.database import SqlConnection, Work
from lading.services.moving import adopt, export
from tests.support.adopting import adoption_of
from tests.support.contents import HELLO, image, index
from tests.support.distribution import LONG_AGO, Tree
from tests.support.exporting import export_of
from tests.support.people import People
from tests.support.rows import add, by_alice, delete, digest_of, empty_log, push, tags_of

T = TypeVar("T")
NO_LIMIT = 10**9


class Watched(FileDatabase):
    """A database that counts transactions, and what each changes.

    Attributes:
        changes: rows that each transaction has changed.
        statements: that ran in transactions.
        alone: whether each transaction was to be alone.
        bytes: that each has written, while they are counted.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.changes: list[int] = []
        self.statements: list[str] = []
        self.alone: list[bool] = []
        self.bytes: list[int] = []
        self._log = path.with_name(f"{path.name}-wal")

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        """See `Database.write`."""

        def watched(connection: SqlConnection) -> T:
            assert isinstance(connection, sqlite3.Connection)
            before = connection.total_changes
            connection.set_trace_callback(self.statements.append)
            try:
                return work(connection)
            finally:
                connection.set_trace_callback(None)
                self.changes.append(connection.total_changes - before)

        self.alone.append(alone)
        before = self._log.stat().st_size
        try:
            return await super().write(watched, durable=durable, alone=alone)
        finally:
            self.bytes.append(self._log.stat().st_size - before)

    @contextmanager
    def counting_bytes(self) -> Iterator[None]:
        """Count the bytes of transactions for the length of the block: their log grows only."""
        with closing(sqlite3.connect(self._log.with_name("db"))) as reader:
            empty_log(reader)
            reader.execute("BEGIN")
            reader.execute("SELECT 1 FROM manifests").fetchall()
            self.bytes.clear()
            yield


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Watched]:
    """A database in a file."""
    opened = Watched(tmp_path / "db")
    yield opened
    opened.close()


@pytest.fixture
def metadata(database: Watched) -> Metadata:
    """What is in that database."""
    return Metadata(database)


async def test_many_blobs_that_are_missing_are_found_without_a_transaction(
    database: Watched, metadata: Metadata
) -> None:
    """For which others would wait. A few are looked for in it, which is as quick."""
    for count, writes in ((FEW_EDGES - 1, 1), (FEW_EDGES, 0)):
        database.changes.clear()
        layers = [b"%d" % number for number in range(count)]
        with pytest.raises(ManifestBlobUnknown):
            await push(metadata, image(b"config", *layers))
        assert len(database.changes) == writes


@pytest.mark.parametrize("more", [-1000, 1000])
async def test_a_large_manifest_shares_no_transaction(
    database: Watched, metadata: Metadata, more: int
) -> None:
    """What small ones share with each other would take as long again; but for its last one."""
    await add(metadata, b"config", to=HELLO)
    database.alone.clear()
    await push(metadata, image(b"config", annotations={"x": (PIECE + more) * "x"}))
    assert database.alone == ([True] * 3 if more > 0 else []) + [False]


async def test_no_transaction_writes_much_because_a_manifest_is_large(
    database: Watched, metadata: Metadata
) -> None:
    """From its push to its collection; pushed again, it is not written again."""
    await add(metadata, b"config", to=HELLO)
    manifest = image(b"config", annotations={"x": 4 * 1024 * 1024 * "x"})
    with database.counting_bytes():
        await push(metadata, manifest, "first")
        assert max(database.bytes) < 1.25 * PIECE
        assert sum(database.bytes) > 4 * 1024 * 1024
        database.bytes.clear()

        await push(metadata, manifest, "second")
        await delete(metadata, manifest.digest, at=1)
        assert await collected(metadata, at=2) == [manifest.digest]
        assert sum(database.bytes) < PIECE


async def test_what_happens_to_large_manifests_costs_no_more_than_for_small_ones(
    metadata: Metadata, tmp_path: Path
) -> None:
    """To be asked for, listed, tagged, deleted, restored: none of that writes their bytes again."""
    await add(metadata, b"config", to=HELLO)
    large = [image(b"config", annotations={"x": c * 1024 * 1024}) for c in "abcdefgh"]
    for manifest in large:
        await push(metadata, manifest, "first")
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        empty_log(connection)

    for manifest in large:
        assert await metadata.manifests.promise(HELLO, manifest.digest, now=1e6, grace=1.0)
    await push(metadata, index(large), "all")
    for manifest in large:
        await push(metadata, manifest, "second")
        await delete(metadata, manifest.digest)
        await metadata.trash.restore_manifest(HELLO, manifest.digest, change=by_alice())

    assert (tmp_path / "db-wal").stat().st_size < 1024 * 1024


async def test_what_is_deleted_is_not_written_once_more(metadata: Metadata, tmp_path: Path) -> None:
    """As some systems' SQLite does of itself, which overwrites all of it with zeros."""
    await add(metadata, b"config", to=HELLO)
    large = image(b"config", annotations={"x": 4 * 1024 * 1024 * "x"})
    await push(metadata, large, "first")
    await delete(metadata, large.digest, at=1)
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        empty_log(connection)

    assert await collected(metadata, at=2) == [large.digest]

    assert (tmp_path / "db-wal").stat().st_size < 256 * 1024


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> int:
    """Rows that one transaction changes, about: as few as there are enough of in a test."""
    monkeypatch.setattr(batches, "MOST_ROWS", 20)
    return 20


MANY = 100
LAYERS = [b"%d" % number for number in range(MANY)]
LARGE = image(b"config", *LAYERS)
TAGS = sorted(f"v{number}" for number in range(MANY))


async def test_no_transaction_takes_long_because_a_manifest_is_large(
    database: Watched, metadata: Metadata, few_rows: int
) -> None:
    """From its push to its collection, with many tags and many that are about it."""
    blobs = await add(metadata, b"config", *LAYERS)
    about = [
        await push(metadata, image(b"config", subject=LARGE, annotations={"n": tag}))
        for tag in TAGS
    ]
    database.changes.clear()
    for tag in TAGS:
        await push(metadata, LARGE, tag)
    assert await delete(metadata, LARGE.digest, at=1)
    assert await tags_of(metadata) == []

    restored = await metadata.trash.restore_manifest(HELLO, LARGE.digest, change=by_alice(2))
    assert sorted(tag for tag, _ in restored.tags) == TAGS
    assert await tags_of(metadata) == TAGS

    assert await delete(metadata, LARGE.digest, at=3)
    assert (await collected(metadata, at=4)) == [LARGE.digest]
    # What was about it, and what it needed, is garbage now.
    limits = Criteria(now=1e9, grace=1, trash_before=1e9, untagged=True)
    found = await metadata.collection.find(limits)
    assert sorted(garbage.digest for garbage in found.manifests) == sorted(about)
    assert {link.digest for link in found.links} == set(blobs)
    assert max(database.changes) <= 4 * few_rows


async def test_a_tag_that_cannot_be_deleted_is_found_before_any_goes(
    database: Watched, metadata: Metadata, few_rows: int
) -> None:
    """Without a transaction; and each of them looks at the tags alone that it takes away."""
    rule = ImmutableTags([Glob("**")], [Glob("release-*")])
    await add(metadata, b"a", b"layer")
    digest = await push(metadata, image(b"a", b"layer"), *TAGS, "release-1")
    database.changes.clear()
    with pytest.raises(TagImmutable):
        await metadata.manifests.delete(HELLO, digest, immutable=[rule], change=by_alice())
    assert database.changes == []
    assert await tags_of(metadata) == sorted([*TAGS, "release-1"])
    await delete(metadata, "release-1")
    database.changes.clear()
    assert await metadata.manifests.delete(HELLO, digest, immutable=[rule], change=by_alice())
    assert len(database.changes) > 1
    assert max(database.changes) <= 4 * few_rows
    assert await tags_of(metadata) == []


async def test_a_tag_that_is_not_expected_stays_however_many_are_deleted_with_it(
    metadata: Metadata, few_rows: int
) -> None:
    """It is set while they are, perhaps; the manifest stays with it."""
    await add(metadata, b"a", b"layer")
    digest = await push(metadata, image(b"a", b"layer"), *TAGS, "z")
    expected = frozenset(map(Tag, TAGS))
    with pytest.raises(NotAsExpected, match="the tag z leads"):
        await metadata.manifests.delete(
            HELLO, digest, immutable=(), expected_tags=expected, change=by_alice()
        )
    assert "z" in await tags_of(metadata)
    assert await metadata.manifests.find(HELLO, digest) is not None
    assert await metadata.manifests.delete(
        HELLO, digest, immutable=(), expected_tags=expected | {Tag("z")}, change=by_alice()
    )
    assert await tags_of(metadata) == []


@pytest.mark.parametrize("holders", [3, 30])
async def test_a_transaction_looks_at_little_of_what_holds_what_it_deletes(
    database: Watched, metadata: Metadata, few_rows: int, holders: int
) -> None:
    """All of it was read before; what is told then still holds, or it is read again."""
    rule = ImmutableTags([Glob("**")], [Glob("release-*")])
    child, others = await _held(metadata, holders)
    scan, moved = database.scan, ["v0", "release-1", "release-2"]

    async def scan_and_be_late(work: Work[T]) -> T:
        found = await scan(work)
        if moved:
            await push(metadata, others[-1], moved.pop())
        return found

    database.scan = scan_and_be_late  # type: ignore[method-assign]
    for tag in ("release-2", "release-1"):
        with pytest.raises(TagImmutable, match=tag):
            await metadata.manifests.delete(HELLO, child, immutable=[rule], change=by_alice())
        await delete(metadata, tag)
    database.statements.clear()
    assert await metadata.manifests.delete(HELLO, child, immutable=[rule], change=by_alice())
    assert not any("RECURSIVE" in statement for statement in database.statements)
    assert len(database.statements) < 4 * few_rows


async def _held(metadata: Metadata, holders: int) -> tuple[Digest, list[Manifest]]:
    """An image without a tag that many indexes hold, with a tag each, by another one between."""
    await add(metadata, b"a", b"layer")
    child = image(b"a", b"layer")
    digest = await push(metadata, child)
    between = [index([child], annotations={"n": str(number)}) for number in range(holders)]
    outer = [index([each]) for each in between]
    for number, (inner, holder) in enumerate(zip(between, outer, strict=True)):
        await push(metadata, inner)
        await push(metadata, holder, f"t{number}")
    return digest, outer


async def collected(metadata: Metadata, *, at: float) -> list[Digest]:
    """Collect what was deleted, at once; what went."""
    limits = Criteria(now=at, grace=0, trash_before=at, untagged=False)
    found = await metadata.collection.find(limits)
    return [
        garbage.digest
        for garbage in await metadata.collection.remove_manifests([*found.manifests], limits)
    ]


async def test_what_a_large_manifest_refers_to_is_recorded_in_several_transactions(
    database: Watched, metadata: Metadata, few_rows: int
) -> None:
    """As a check of the whole registry does that finds it missing."""
    await add(metadata, b"config", *LAYERS)
    await push(metadata, LARGE)
    database.changes.clear()

    await metadata.damage.add_children(HELLO, LARGE.digest, LARGE.edges, now=1)

    assert max(database.changes) <= 4 * few_rows


async def test_a_push_that_is_not_at_its_end_is_seen_by_nobody_and_keeps_what_it_needs(
    database: Watched, metadata: Metadata, few_rows: int
) -> None:
    """If it never comes to its end, it goes as what was deleted does."""
    (config, *_) = await add(metadata, b"config", *LAYERS, at=1)
    start = ManifestPush(repository=HELLO, manifest=LARGE, sizes_required=True, change=by_alice(1))
    assert len(LARGE.edges) > few_rows
    await database.write(lambda connection: start.prepare(connection, LARGE.edges[:few_rows]))

    assert await metadata.manifests.find(HELLO, LARGE.digest) is None
    assert await metadata.trash.page(HELLO, deleted_since=0) == []
    assert await metadata.inspection.list_manifests(after=0, size=1) == []
    assert not await delete(metadata, LARGE.digest)
    with pytest.raises(NotRestorable, match="is not in the trash"):
        await metadata.trash.restore_manifest(HELLO, LARGE.digest, change=by_alice())
    with pytest.raises(BlobInUse):
        await metadata.links.delete(HELLO, config, change=by_alice(2))
    at_once = Criteria(now=2, grace=10, trash_before=2, untagged=True)
    assert [*(await metadata.collection.find(at_once)).manifests] == []

    later = Criteria(now=20, grace=10, trash_before=20, untagged=True)
    found = await metadata.collection.find(later)
    assert [garbage.digest for garbage in found.manifests] == [LARGE.digest]
    assert config in {link.digest for link in found.links}
    await metadata.collection.remove_manifests([*found.manifests], later)
    assert await metadata.manifests.with_children(HELLO) == []
    with pytest.raises(Unavailable, match="push the manifest again"):
        await database.write(start.store)
    assert await push(metadata, LARGE, "v1") == LARGE.digest
    assert await digest_of(metadata, "v1") == LARGE.digest


async def test_a_push_in_pieces_that_is_refused_leaves_what_was_there(
    metadata: Metadata, few_rows: int
) -> None:
    """The manifest was pushed before; since then one of its blobs was lost."""
    (config, *_) = await add(metadata, b"config", *LAYERS)
    await push(metadata, LARGE, "v1")
    await metadata.damage.lose_blob(config, now=1)

    with pytest.raises(ManifestBlobUnknown):
        await push(metadata, LARGE, "v2")

    assert await tags_of(metadata) == ["v1"]
    assert await digest_of(metadata, "v1") == LARGE.digest


async def test_a_collection_that_was_interrupted_is_gone_on_with(
    database: Watched, metadata: Metadata, few_rows: int
) -> None:
    """What is partly gone cannot be restored; pushed again, it is whole."""
    await add(metadata, b"config", *LAYERS)
    await push(metadata, LARGE, "v1")
    await delete(metadata, LARGE.digest, at=1)
    limits = Criteria(now=2, grace=0, trash_before=2, untagged=False)
    found = [*(await metadata.collection.find(limits)).manifests]
    progress = await database.write(
        lambda connection: collection.remove_manifests(connection, found, limits)
    )
    assert (progress.removed, progress.done) == ([], 0)

    with pytest.raises(NotRestorable, match="it was collected, or never pushed"):
        await metadata.trash.restore_manifest(HELLO, LARGE.digest, change=by_alice(2))
    await push(metadata, LARGE, "v2")
    assert await digest_of(metadata, "v2") == LARGE.digest
    assert await collected(metadata, at=3) == []
    (known,) = await metadata.inspection.list_manifests(after=0, size=1)
    assert len(known.children) == MANY + 1

    await delete(metadata, LARGE.digest, at=4)
    await database.write(lambda connection: collection.remove_manifests(connection, found, limits))
    assert await collected(metadata, at=5) == [LARGE.digest]
    assert await metadata.manifests.with_children(HELLO) == []


async def test_a_collection_plans_no_more_than_it_is_told(metadata: Metadata) -> None:
    """Whatever falls with what; in the end all of it is gone."""
    blobs = await add(metadata, b"config", *LAYERS)
    children = [image(b"config", annotations={"n": tag}) for tag in TAGS]
    for child in (*children, LARGE):
        await push(metadata, child)
    await push(metadata, index(children), "all")
    for digest in (index(children).digest, LARGE.digest):
        await delete(metadata, digest, at=1)
    limits = Criteria(now=1e9, grace=1, trash_before=1e9, untagged=True, at_most=10)
    while True:
        found = await metadata.collection.find(limits)
        assert len(found.manifests) <= 10
        assert len(found.links) <= 30
        await metadata.collection.remove_manifests([*found.manifests], limits)
        await metadata.collection.remove_links([*found.links], limits)
        await metadata.collection.remove_blobs([blob.digest for blob in found.blobs], now=1e9)
        await metadata.collection.end_deletions([blob.digest for blob in found.blobs])
        if not found.manifests and not found.links and not found.blobs:
            break

    assert await metadata.manifests.with_children(HELLO) == []
    assert await metadata.inspection.known_blobs(blobs) == []


async def test_only_so_many_referrers_are_looked_at_in_one_read(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be they shown or not; the next read goes on where that one ended."""
    monkeypatch.setattr(referrers, "MAX_LOOKED_AT", 3)
    await add(metadata, b"config")
    subject = image(b"config")
    kinds = {
        await push(
            metadata,
            image(b"config", subject=subject, artifact_type=kind, annotations={"n": str(number)}),
        ): kind
        for number in range(4)
        for kind in ("application/a", "application/b")
    }
    found, after = [], ""
    for _ in range(3):
        some = await metadata.manifests.referrers(
            HELLO,
            subject.digest,
            artifact_type="application/a",
            after=after,
            limit=100,
            max_size=NO_LIMIT,
        )
        found += [referrer.digest for referrer in some.items]
        after = some.last or ""

    assert after == ""
    assert found == sorted(digest for digest, kind in kinds.items() if kind == "application/a")


async def test_times_of_the_future_are_set_back_some_at_a_time(
    database: Watched, metadata: Metadata
) -> None:
    """Those of all kinds together."""
    count = 2 * batches.MOST_ROWS + 1
    uploads = [(str(number), "digest", 1e9) for number in range(count)]
    robots = [(str(number), "", "", "", 1e9, "", 1e9 + number) for number in range(count)]

    def write(connection: SqlConnection) -> None:
        connection.executemany(
            "INSERT INTO committed_uploads (upload, digest, at) VALUES (?, ?, ?)", uploads
        )
        connection.executemany(
            "INSERT INTO robots (name, hash, repositories, actions, created_at, created_by,"
            " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            robots,
        )

    await database.write(write)
    database.changes.clear()
    assert await metadata.times.set_back(now=1e6) == 2 * count
    assert max(database.changes) <= batches.MOST_ROWS
    assert await metadata.times.set_back(now=1e6) == 0
    ends = await database.read(
        lambda connection: connection.execute("SELECT name, expires_at FROM robots").fetchall()
    )
    assert dict(ends) == {str(n): 1e6 + n for n in range(count)}


async def test_no_transaction_writes_much_because_a_manifest_refers_to_much(
    database: Watched, metadata: Metadata
) -> None:
    """Each changes the pages of indexes that are next to each other, not some everywhere."""
    children = [image(b"config", annotations={"n": str(number)}) for number in range(5000)]
    with database.counting_bytes():
        await push(metadata, index(children), children_required=False)
    assert len(database.bytes) > 10
    assert max(database.bytes) < 2 * PIECE


async def test_an_adoption_writes_large_manifests_in_pieces(
    database: Watched, metadata: Metadata, tmp_path: Path
) -> None:
    """And of smaller ones a few at a time."""
    tree = Tree(tmp_path / "data")
    sizes = (4 * PIECE, *[PIECE // 2] * 4)
    for number, size in enumerate(sizes):
        manifest = image(b"config", annotations={"x": size * "x", "n": str(number)})
        tree.push(HELLO, manifest, f"v{number}", contents=[b"config"])
    people = People(metadata, Stores.in_files(tree.root))
    with database.counting_bytes():
        async for _ in adopt.run(adoption_of(people.registry, tree.root)):
            pass
    people.stores.close()
    assert len(await tags_of(metadata)) == len(sizes)
    assert sum(database.bytes) > 6 * PIECE
    assert max(database.bytes) < 2 * PIECE


async def test_an_adoption_and_an_export_change_few_rows_at_a_time(
    database: Watched, metadata: Metadata, tmp_path: Path
) -> None:
    """Whatever a repository has, and whatever one manifest refers to."""
    tree, layers = Tree(tmp_path / "data"), [b"%d" % number for number in range(1200)]
    for data in layers:
        tree.layer(HELLO, data)
    tree.push(HELLO, image(b"config", *layers), "large", contents=[b"config"])
    for number in range(600):
        manifest = image(b"config", layers[number])
        tree.push(HELLO, manifest, "moved", f"v{number}", at=LONG_AGO + number)
    people = People(metadata, Stores.in_files(tree.root))
    async for _ in adopt.run(adoption_of(people.registry, tree.root)):
        pass
    await export.run(export_of(people.registry, tree.root, at_home=True))
    people.stores.close()
    assert len(await tags_of(metadata)) == 602
    assert max(database.changes) <= 3 * batches.MOST_ROWS


@pytest.mark.parametrize("is_counted", [False, True])
@pytest.mark.parametrize("order", ListOrder)
def test_a_page_of_all_repositories_takes_as_long_however_many_there_are(
    order: ListOrder, is_counted: bool
) -> None:
    """A range of all names would have SQLite read and sort all for each page of a hundred."""

    def steps(count: int, after: str = "") -> int:
        database = MemoryDatabase()
        connection = database._connection
        connection.execute(_REPOSITORIES, (count, int(not is_counted)))
        if is_counted:
            connection.execute(_FIGURES)
        done: list[None] = []
        connection.set_progress_handler(lambda: done.append(None), 10)
        found = repository_lists.listed(
            connection, order=order, within=[""], words="", after=after, limit=101
        )
        database.close()
        assert len(found) == 101
        return len(done) if after else len(done) + steps(count, found[-1].place(order))

    assert steps(4000) < 1.2 * steps(500)


def test_the_largest_of_all_repositories_are_found_without_reading_the_others() -> None:
    database = MemoryDatabase()
    connection = database._connection
    connection.execute(_REPOSITORIES, (4000, 0))
    connection.execute(_FIGURES)
    connection.set_progress_handler(lambda: 1, 2000)
    assert len(figures.largest(connection, within=[""], limit=30)) == 30
    database.close()


_REPOSITORIES = """
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO repositories (name, pushed_at, recount)
    SELECT printf('team%d/app%05d', n % 10, n), n, ? FROM numbers
"""
_FIGURES = """
    INSERT INTO figures SELECT id, id * 7919 % 10007, 0, 0, 1, 1, id * 13 % 1009, 1
    FROM repositories
"""
