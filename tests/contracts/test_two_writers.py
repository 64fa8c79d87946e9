"""Two writers at once, each with a connection of its own: what both have read stays true."""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lading.core.digest import Digest
from lading.core.errors import AlreadyExists, ManifestBlobUnknown, TagImmutable
from lading.core.garbage import Cause, Criteria, GarbageBlob, GarbageLink, GarbageManifest
from lading.core.globs import Glob
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Manifest
from lading.core.names import RepositoryName, Tag
from lading.databases.postgresql.transactions import PostgresqlConnection
from lading.metadata import batches
from lading.metadata.collecting.kept_bytes import BackupHold
from lading.metadata.metadata import Metadata
from lading.metadata.pushes import ManifestPush
from lading.ports.database import Rows, SqlConnection
from lading.ports.objects import PlacedSegment
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.objects import commit_objects
from tests.support.rows import add, by_alice, delete, digest_of, push

ROUNDS = 10
LATER = Criteria(now=100.0, grace=1.0, trash_before=100.0, untagged=True)
IMMUTABLE = [ImmutableTags([Glob("**")], [Glob("v*")])]


@pytest.fixture(autouse=True)
def _dawdle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have writers of PostgreSQL come between each other's statements, in any way."""
    execute = PostgresqlConnection.execute

    def dawdle(self: PostgresqlConnection, *args: Any) -> Rows:
        time.sleep(random.choice([0, 0, 0.001, 0.004]))
        return execute(self, *args)

    monkeypatch.setattr(PostgresqlConnection, "execute", dawdle)


async def at_once(*writes: Awaitable[object]) -> Sequence[object]:
    """Run writes at the same time; what each returned or raised."""
    return await asyncio.gather(*writes, return_exceptions=True)


def numbered(number: int) -> Manifest:
    """An image of its own for each round, all of one configuration."""
    return image(b"config", annotations={"n": str(number)})


async def garbage_of(metadata: Metadata) -> set[Digest]:
    """The manifests that a later collection would remove."""
    garbage = await metadata.collection.find(LATER)
    return {manifest.digest for manifest in garbage.manifests}


async def test_one_of_two_who_remove_the_last_links_of_a_blob_sees_that_it_was(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """So that the blob is garbage then."""
    for number in range(ROUNDS):
        content = b"%d" % number
        (digest,) = await add(metadata, content)
        await add(metadata, content, to=OTHER)
        await at_once(
            metadata.links.delete(HELLO, digest, change=by_alice()),
            other_metadata.links.delete(OTHER, digest, change=by_alice()),
        )
        garbage = await metadata.collection.find(LATER)
        assert GarbageBlob(digest, len(content)) in garbage.blobs


async def test_a_push_finds_a_blob_for_good_or_not_at_all(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """Whether it comes before the collector or after it."""
    for number in range(ROUNDS):
        content = b"%d" % number
        (digest,) = await add(metadata, content)
        manifest = image(content)
        collected, pushed = await at_once(
            other_metadata.collection.remove_links([GarbageLink(HELLO, digest)], LATER),
            push(metadata, manifest, "latest"),
        )
        if isinstance(pushed, ManifestBlobUnknown):
            assert collected == [GarbageLink(HELLO, digest)]
        else:
            assert (pushed, collected) == (manifest.digest, [])
            assert await metadata.links.find(HELLO, digest) == len(content)


async def test_a_mount_and_the_removal_of_a_blob_exclude_each_other(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """No link leads to a blob that has no row."""
    for number in range(ROUNDS):
        target = RepositoryName(f"target{number}")
        (digest,) = await add(metadata, b"%d" % number)
        await at_once(
            metadata.links.mount(target, digest, source=HELLO, change=by_alice()),
            other_metadata.links.delete(HELLO, digest, change=by_alice()),
            other_metadata.collection.remove_blobs([digest], now=LATER.now),
        )
        mounted = await metadata.links.find(target, digest) is not None
        assert mounted <= await metadata.links.is_stored(digest)


async def test_moves_of_a_tag_follow_one_another(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """Each move of the history begins where the one before it ended."""
    await add(metadata, b"config")
    images = [numbered(number) for number in range(ROUNDS)]
    writers = [metadata, other_metadata] * (ROUNDS // 2)
    await at_once(
        *(push(writer, each, "latest") for writer, each in zip(writers, images, strict=True)),
        delete(other_metadata, "latest"),
    )

    moves = [*reversed(await metadata.tags.history(HELLO, Tag("latest"), limit=100))]
    assert [move.previous for move in moves] == [None, *(move.digest for move in moves[:-1])]
    assert await digest_of(metadata, "latest") == moves[-1].digest


@pytest.mark.parametrize("create_only", [False, True])
async def test_one_of_two_gets_a_tag_that_only_one_can_have(
    metadata: Metadata, other_metadata: Metadata, create_only: bool
) -> None:
    """Because it is immutable, or as both ask that it is new."""
    await add(metadata, b"config")
    for number in range(ROUNDS):
        tag = Tag(f"v{number}")
        images = [image(b"config", annotations={"n": f"{number} {n}"}) for n in range(2)]
        pushes = [
            ManifestPush(
                repository=HELLO,
                manifest=each,
                tags=[tag],
                absent=[tag] if create_only else [],
                immutable=[] if create_only else IMMUTABLE,
                change=by_alice(),
            )
            for each in images
        ]
        answers = await at_once(
            metadata.manifests.push(pushes[0]), other_metadata.manifests.push(pushes[1])
        )
        (refused,) = [answer for answer in answers if isinstance(answer, Exception)]
        assert isinstance(refused, AlreadyExists if create_only else TagImmutable)
        winner = images[1] if answers[0] is refused else images[0]
        assert await digest_of(metadata, tag) == winner.digest


async def test_two_who_take_the_last_tags_of_a_manifest_leave_it_marked(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """So that a collection finds it."""
    await add(metadata, b"config")
    for number in range(ROUNDS):
        manifest = numbered(number)
        await push(metadata, manifest, "one", "two")
        await at_once(delete(metadata, "one", at=2), delete(other_metadata, "two", at=2))
        assert manifest.digest in await garbage_of(metadata)


async def test_one_of_two_gets_a_lease(metadata: Metadata, other_metadata: Metadata) -> None:
    for number in range(ROUNDS):
        claims = [
            writer.jobs.claim(f"job{number}", name, now=1.0, expires_at=9.0, finished_before=None)
            for writer, name in ((metadata, "one"), (other_metadata, "two"))
        ]
        assert sorted(map(bool, await at_once(*claims))) == [False, True]


async def test_two_make_one_repository(metadata: Metadata, other_metadata: Metadata) -> None:
    for number in range(ROUNDS):
        name = RepositoryName(f"new{number}")
        await asyncio.gather(add(metadata, b"one", to=name), add(other_metadata, b"two", to=name))
        for content in (b"one", b"two"):
            (digest,) = await add(metadata, content)
            assert await metadata.links.find(name, digest) == len(content)


async def test_a_manifest_that_gets_a_tag_while_it_loses_its_last_is_kept(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """And is marked again once that tag is gone."""
    await add(metadata, b"config")
    for number in range(ROUNDS):
        manifest = numbered(number)
        await push(metadata, manifest, "one")
        await at_once(delete(metadata, "one", at=2), push(other_metadata, manifest, "two", at=2))
        assert manifest.digest not in await garbage_of(metadata)
        await delete(metadata, "two", at=3)
        assert manifest.digest in await garbage_of(metadata)


async def test_a_manifest_that_an_index_gets_hold_of_while_it_is_removed_is_there_or_missed(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    await add(metadata, b"config")
    for number in range(ROUNDS):
        child = numbered(number)
        await push(metadata, child)
        garbage = GarbageManifest(HELLO, child.digest, len(child.body), Cause.UNTAGGED, 0.0)
        listed = index([child])
        removed, pushed = await at_once(
            other_metadata.collection.remove_manifests([garbage], LATER),
            push(metadata, listed, "latest", at=LATER.now),
        )
        is_there = await digest_of(metadata, child.digest) is not None
        assert is_there is (pushed == listed.digest) is (removed == [])


async def test_an_immutable_tag_that_is_being_set_keeps_what_it_leads_to(
    metadata: Metadata, other_metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if another repository's tag is set later, and is there before."""
    if not metadata.database.is_elsewhere:
        pytest.skip("one writes after the other")
    monkeypatch.setattr(batches, "MOST_ROWS", 3)
    setting, go_on = threading.Event(), threading.Event()
    await add(metadata, b"config")
    await add(metadata, b"config", to=OTHER)
    child = image(b"config")
    await push(metadata, child)
    holders = [index([child], annotations={"n": str(number)}) for number in range(5)]
    for holder in holders:
        await push(metadata, holder)

    def set_slowly(connection: SqlConnection) -> None:
        ManifestPush(
            repository=HELLO, manifest=holders[0], tags=[Tag("v1")], change=by_alice()
        ).store(connection)
        setting.set()
        go_on.wait(60)

    async def delete_meanwhile() -> bool:
        await asyncio.to_thread(setting.wait, 60)
        await push(metadata, child, "later", to=OTHER)
        deleting = asyncio.ensure_future(
            metadata.manifests.delete(HELLO, child.digest, immutable=IMMUTABLE, change=by_alice())
        )
        await asyncio.sleep(0.5)  # in which it has looked, and waits for the repository
        go_on.set()
        return await deleting

    _, deleted = await at_once(other_metadata.database.write(set_slowly), delete_meanwhile())
    assert isinstance(deleted, TagImmutable)
    assert await digest_of(metadata, child.digest) is not None


async def test_what_is_promised_while_it_is_removed_is_there_or_was_not_promised(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """Both blobs and manifests."""
    for number in range(ROUNDS):
        (digest,) = await add(metadata, b"%d" % number)
        manifest = image(b"%d" % number)
        await push(metadata, manifest)
        garbage = GarbageManifest(HELLO, manifest.digest, 0, Cause.UNTAGGED, 0.0)
        _, promised = await at_once(
            other_metadata.collection.remove_manifests([garbage], LATER),
            metadata.manifests.promise(HELLO, manifest.digest, now=LATER.now, grace=1.0),
        )
        assert (await digest_of(metadata, manifest.digest) is None) is (promised is None)

        # Whatever is promised is there for as long as that holds.
        later = replace(LATER, trash_before=LATER.now - 1)
        await metadata.manifests.delete(HELLO, manifest.digest, immutable=(), change=by_alice(1))
        gone = await metadata.collection.find(later)
        await metadata.collection.remove_manifests([*gone.manifests], later)
        _, size = await at_once(
            other_metadata.collection.remove_links([GarbageLink(HELLO, digest)], LATER),
            _promised_size(metadata, digest),
        )
        assert await metadata.links.find(HELLO, digest) == size


async def _promised_size(metadata: Metadata, digest: Digest) -> int | None:
    told = await metadata.links.promise(HELLO, digest, now=LATER.now, grace=1.0)
    return None if told is None else told.size


async def test_a_blob_is_marked_as_in_no_repository_exactly_if_a_mount_came_too_late(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    soon = replace(LATER, now=1.0, grace=100.0)
    for number in range(ROUNDS):
        target = RepositoryName(f"target{number}")
        (digest,) = await add(metadata, b"%d" % number)
        await at_once(
            metadata.links.mount(target, digest, source=HELLO, change=by_alice()),
            other_metadata.links.delete(HELLO, digest, change=by_alice()),
        )
        garbage = await metadata.collection.find(soon)
        is_mounted = await metadata.links.find(target, digest) is not None
        assert (digest in {each.digest for each in garbage.blobs}) is not is_mounted


async def test_a_manifest_that_is_pushed_while_it_is_found_to_be_damaged_is_there(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    await add(metadata, b"config")
    for number in range(ROUNDS):
        manifest = numbered(number)
        await push(metadata, manifest, "latest")
        await metadata.database.write(
            lambda connection: connection.execute("UPDATE documents SET body = ?", (b"damaged",))
        )
        await at_once(
            other_metadata.damage.lose_manifest(HELLO, manifest.digest, b"damaged", now=1.0),
            push(metadata, manifest, "latest"),
        )
        found = await metadata.manifests.find(HELLO, manifest.digest)
        assert found is not None
        assert found.body == manifest.body


async def test_pushes_of_a_tag_and_deletions_of_its_manifests_leave_no_tag_that_leads_nowhere(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    await add(metadata, b"config")
    for number in range(ROUNDS):
        manifest = numbered(number)
        await push(metadata, manifest, "one")
        await at_once(
            delete(other_metadata, manifest.digest, at=1), push(metadata, manifest, "two", at=1)
        )
        assert await metadata.inspection.list_dangling_tags(limit=10) == []


async def test_a_blob_has_the_objects_of_one_push_however_many_come(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """Also if a lock was lost, and beside a job that joins the segments of one before."""
    for number in range(ROUNDS):
        digest = Digest.of(b"%d" % number)
        await commit_objects(metadata, digest, f"{number}-old")
        old = await metadata.objects.find(digest)
        await metadata.objects.reserve(f"{number}-joined", 1.0)
        outcomes = await at_once(
            commit_objects(metadata, digest, f"{number}-pushed"),
            other_metadata.objects.replace(
                digest, old, PlacedSegment(f"{number}-joined", 0, 5, 1.0)
            ),
            commit_objects(other_metadata, digest, f"{number}-pushed-too"),
        )
        assert len(await metadata.objects.find(digest)) == 1, outcomes
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]


async def test_what_is_there_when_a_backup_hold_is_placed_stays(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    async def hold(name: str, digest: Digest) -> bool:
        await metadata.backup_holds.place(BackupHold(name, LATER.now + 1))
        return await metadata.links.is_stored(digest)

    for number in range(ROUNDS):
        (digest,) = await add(metadata, b"%d" % number)
        await metadata.links.delete(HELLO, digest, change=by_alice())
        _, was_there = await at_once(
            other_metadata.collection.remove_blobs([digest], now=LATER.now),
            hold(str(number), digest),
        )
        assert await metadata.links.is_stored(digest) is was_there
        await metadata.backup_holds.end(str(number))
