"""What every `Metadata` promises of manifests whose bodies are in pieces."""

from functools import partial

import pytest

from lading.core.errors import AlreadyExists, TagImmutable, Unavailable
from lading.core.garbage import Criteria
from lading.core.globs import Glob
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Manifest
from lading.core.names import Reference, Tag
from lading.metadata import documents, referrers
from lading.metadata.collecting import collection
from lading.metadata.documents import MOST_ANNOTATIONS, PIECE
from lading.metadata.metadata import Metadata
from lading.metadata.moving.tables import DOCUMENT_PIECES
from lading.metadata.pushes import ManifestPush
from lading.ports.database import SqlConnection
from tests.support.contents import HELLO, image
from tests.support.rows import add, by_alice, delete, digest_of, push

CONFIG = b"config"
SUBJECT = image(CONFIG)


def large(pieces: int, mark: str = "") -> Manifest:
    """A manifest whose body is in so many pieces, and about another one."""
    fill = {"fill": (pieces - 1) * PIECE * "x", "mark": mark}
    return image(CONFIG, annotations=fill, subject=SUBJECT)


async def count(metadata: Metadata) -> int:
    """How many pieces there are."""
    return int(
        await metadata.database.scan(
            lambda connection: connection.execute(
                "SELECT count(*) FROM document_pieces"
            ).fetchone()[0]
        )
    )


@pytest.mark.parametrize("pieces", [1, 2, 3])
async def test_it_comes_back_byte_for_byte(
    metadata: Metadata, other_metadata: Metadata, pieces: int
) -> None:
    """To whoever reads it: who pulls, lists, checks, exports or migrates."""
    await add(metadata, CONFIG)
    manifest = large(pieces)
    await push(metadata, manifest, "latest")
    assert await count(metadata) == (pieces if pieces > 1 else 0)

    references: list[Reference] = [manifest.digest, Tag("latest")]
    for reference in references:
        found = await other_metadata.manifests.find(HELLO, reference)
        assert found is not None
        assert found.body == manifest.body
        promised = await other_metadata.manifests.promise(HELLO, reference, now=9.0, grace=1.0)
        assert promised == found
    listed = await metadata.manifests.referrers(
        HELLO, SUBJECT.digest, artifact_type=None, after="", limit=9, max_size=9 * PIECE
    )
    assert [each.annotations for each in listed.items] == [manifest.annotations]
    (known,) = await metadata.inspection.list_manifests(after=0, size=1)
    assert known.body == manifest.body
    assert await metadata.inspection.find_manifest(HELLO, manifest.digest) == known
    assert await metadata.exports.find_body(known.key) == manifest.body


async def test_referrers_in_pieces_are_bounded_by_what_they_have(metadata: Metadata) -> None:
    """A list ends where they have filled it."""
    await add(metadata, CONFIG)
    about = [large(2, mark) for mark in "abc"]
    for manifest in about:
        assert len(manifest.annotations) > MOST_ANNOTATIONS
        await push(metadata, manifest)
    listed = await metadata.manifests.referrers(
        HELLO, SUBJECT.digest, artifact_type=None, after="", limit=9, max_size=2 * PIECE
    )
    assert len(listed.items) == 2


async def test_pieces_without_a_document_are_seen_by_nobody(metadata: Metadata) -> None:
    """Until all of them are there; if the rest never comes, they go by age."""
    await add(metadata, CONFIG)
    manifest = large(3)
    begun = ManifestPush(repository=HELLO, manifest=manifest, change=by_alice(1))
    (*most, last) = begun.preparations()
    for preparation in most:
        await metadata.database.write(preparation)

    assert await metadata.manifests.find(HELLO, manifest.digest) is None
    assert await metadata.inspection.list_manifests(after=0, size=1) == []
    with pytest.raises(Unavailable, match="push the manifest again"):
        await metadata.database.write(begun.store)
    assert await metadata.manifests.find(HELLO, manifest.digest) is None

    at_once = Criteria(now=2, grace=10, trash_before=2, untagged=True)
    assert [*(await metadata.collection.find(at_once)).manifests] == []
    later = Criteria(now=20, grace=10, trash_before=20, untagged=True)
    found = await metadata.collection.find(later)
    assert [garbage.digest for garbage in found.manifests] == [manifest.digest]
    await metadata.collection.remove_manifests([*found.manifests], later)
    assert await count(metadata) == 0

    await metadata.database.write(last)  # it comes too late, and alone
    with pytest.raises(Unavailable, match="push the manifest again"):
        await metadata.database.write(begun.store)
    assert await push(metadata, manifest, "v1") == manifest.digest
    assert await digest_of(metadata, "v1") == manifest.digest


async def test_a_push_about_what_is_collected_goes_on(metadata: Metadata) -> None:
    """A collection without a trash takes what was deleted, but not what is half there."""
    await add(metadata, CONFIG)
    await push(metadata, SUBJECT, at=1)
    await delete(metadata, SUBJECT.digest, at=2)
    manifest = large(3)
    begun = ManifestPush(repository=HELLO, manifest=manifest, change=by_alice(19))
    for preparation in begun.preparations():
        await metadata.database.write(preparation)

    now = Criteria(now=20, grace=10, trash_before=20, untagged=True)
    found = await metadata.collection.find(now)
    assert [garbage.digest for garbage in found.manifests] == [SUBJECT.digest]
    await metadata.collection.remove_manifests([*found.manifests], now)

    await metadata.database.write(begun.store)
    assert await metadata.manifests.find(HELLO, manifest.digest) is not None


async def test_a_collection_that_ends_in_the_middle_leaves_nothing_to_read(
    metadata: Metadata,
) -> None:
    """What is left of it cannot be restored; the next collection takes it, or a push heals it."""
    await add(metadata, CONFIG)
    manifest = large(12)
    limits = Criteria(now=3, grace=0, trash_before=3, untagged=False)
    for comes_again in (True, False):
        await push(metadata, manifest, "latest", at=1)
        await delete(metadata, manifest.digest, at=2)
        found = [*(await metadata.collection.find(limits)).manifests]
        step = partial(collection.remove_manifests, found=found, criteria=limits)
        progress = await metadata.database.write(step)
        assert progress.removed == []
        assert 0 < await count(metadata) < 12
        assert await metadata.inspection.list_manifests(after=0, size=1) == []

        if comes_again:
            await push(metadata, manifest, "latest", at=4)
            pulled = await metadata.manifests.find(HELLO, manifest.digest)
            assert pulled is not None
            assert pulled.body == manifest.body
        else:
            found = [*(await metadata.collection.find(limits)).manifests]
            await metadata.collection.remove_manifests(found, limits)
            assert await count(metadata) == 0


def damage(connection: SqlConnection) -> None:
    """Change one piece, as a broken disk does."""
    connection.execute("UPDATE document_pieces SET body = ? WHERE start = ?", (b"damaged", PIECE))


async def test_a_damaged_piece_is_found_and_healed_by_a_push(metadata: Metadata) -> None:
    await add(metadata, CONFIG)
    manifest = large(3)
    await push(metadata, manifest, "latest")
    await metadata.database.write(damage)

    found = await metadata.manifests.find(HELLO, manifest.digest)
    assert found is not None
    assert not found.checked
    await metadata.damage.lose_manifest(HELLO, manifest.digest, manifest.body, now=1.0)
    assert await metadata.manifests.find(HELLO, manifest.digest) is not None
    await metadata.damage.lose_manifest(HELLO, manifest.digest, found.body, now=1.0)
    assert await metadata.manifests.find(HELLO, manifest.digest) is None

    await push(metadata, manifest, "latest")
    healed = await metadata.manifests.find(HELLO, manifest.digest)
    assert healed is not None
    assert healed.checked


async def test_what_was_stored_whole_is_read_and_put_into_pieces_by_the_next_push(
    metadata: Metadata,
) -> None:
    """As an earlier version stored it."""
    await add(metadata, CONFIG)
    manifest = large(3)
    await push(metadata, manifest, "latest")

    def make_whole(connection: SqlConnection) -> None:
        connection.execute("DELETE FROM document_pieces")
        connection.execute("UPDATE documents SET body = ?", (manifest.body,))

    await metadata.database.write(make_whole)
    for pieces in (0, 3):
        assert await count(metadata) == pieces
        found = await metadata.manifests.find(HELLO, Tag("latest"))
        assert found is not None
        assert found.body == manifest.body
        await push(metadata, manifest, "latest")


async def test_what_is_refused_leaves_no_pieces(metadata: Metadata) -> None:
    """Be it for a tag that cannot move or is there."""
    await add(metadata, CONFIG)
    await push(metadata, SUBJECT, "latest")
    refused = partial(
        ManifestPush,
        repository=HELLO,
        manifest=large(2),
        tags=[Tag("latest")],
        change=by_alice(),
    )
    with pytest.raises(TagImmutable):
        await metadata.manifests.push(
            refused(immutable=[ImmutableTags([Glob("**")], [Glob("**")])])
        )
    with pytest.raises(AlreadyExists):
        await metadata.manifests.push(refused(absent=[Tag("latest")]))
    assert await count(metadata) == 0


@pytest.mark.parametrize("pieces", [2, 3])
async def test_pieces_go_along_to_another_database(metadata: Metadata, pieces: int) -> None:
    """By their keys, which have two columns."""
    await add(metadata, CONFIG)
    manifest = large(pieces)
    await push(metadata, manifest, "latest")
    await metadata.migrations.begin_arrival("registry", "run", 1.0)
    rows = metadata.table_rows.brought_by("run")
    page = await rows.page(DOCUMENT_PIECES, DOCUMENT_PIECES.columns, after=())
    starts = [0, PIECE, 2 * PIECE][:pieces]
    assert [start for _, start, _ in page] == starts
    last = page[-1][:2]
    assert await rows.page(DOCUMENT_PIECES, DOCUMENT_PIECES.columns, after=last) == []

    keys = [row[:2] for row in page]
    whole = await rows.fetch(DOCUMENT_PIECES, [*keys, (0, 0)])
    assert {row[:2]: row[2] for row in whole} == {
        (page[0][0], start): manifest.body[start : start + PIECE] for start in starts
    }
    await rows.remove(DOCUMENT_PIECES, keys)
    assert await count(metadata) == 0
    await rows.add(DOCUMENT_PIECES, whole)
    found = await metadata.manifests.find(HELLO, manifest.digest)
    assert found is not None
    assert found.body == manifest.body


async def test_a_referrer_that_is_removed_while_it_is_read_is_not_listed(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than as one that has no annotations."""
    await add(metadata, CONFIG)
    digest = await push(metadata, large(2))

    read = documents.read

    def read_late(connection: SqlConnection, id_: int) -> bytes | None:
        connection.execute("DELETE FROM documents")  # as a collection begins to
        return read(connection, id_)

    listing = partial(
        referrers.of_subject,
        largest=referrers.LARGEST,
        repository=HELLO,
        subject=SUBJECT.digest,
        artifact_type=None,
        after="",
        limit=9,
        max_size=9 * PIECE,
    )
    found = await metadata.database.write(listing)
    assert found is not None
    assert [each.digest for each in found.items] == [digest]
    monkeypatch.setattr(documents, "read", read_late)
    found = await metadata.database.write(listing)
    assert found is not None
    assert found.items == []
