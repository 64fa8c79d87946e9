"""Checking everything, and mending what can be mended without loss."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from lading.blobs.in_memory import InMemoryBlobs
from lading.blobs.stores import Stores
from lading.core import media
from lading.core.damage import Finding, Kind
from lading.core.digest import SHA256, Digest
from lading.core.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown
from lading.core.garbage import GarbageItem
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.core.names import Tag
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.ports.database import SqlConnection
from lading.ports.objects import DeniedRight, StoredObject
from lading.services import collect, verify
from lading.services.pull import pull_blob, pull_manifest, stat_blob
from lading.services.registry import Policy
from lading.services.verify_blobs import Check
from tests.support.contents import HELLO, OTHER, image, index, path_of, read
from tests.support.people import DAY, People
from tests.support.rows import by_alice, open_metadata

LATEST = Tag("latest")


class Denying:
    """The upkeep of a store that lets nothing be deleted, with one stray object."""

    async def denied_rights(self) -> Sequence[DeniedRight]:
        return [DeniedRight("s3:DeleteObject", "nothing is deleted")]

    async def strays(self, before: float) -> AsyncIterator[Sequence[StoredObject]]:
        yield [StoredObject("objects/00/stray", 7, 1.0)]

    async def remove(self, strays: Sequence[StoredObject]) -> Sequence[StoredObject]:
        return strays


# That a blob has rows in.
TABLES = ("links", "blobs")


async def check(
    people: People, *, checksums: bool = False, repair: bool = False
) -> Sequence[Finding]:
    return [
        finding
        async for finding in verify.run(Check(people.registry, checksums=checksums, repair=repair))
    ]


def replace_bytes(people: People, digest: Digest, data: bytes | None) -> None:
    """What a disk may do: other bytes, or none."""
    if not isinstance(people.blobs, InMemoryBlobs):
        path = path_of(people.stores, digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)
        return
    people.blobs._blobs.pop(digest, None)
    if data is not None:
        people.blobs._blobs[digest] = data


async def execute(people: People, *statements: str) -> None:
    """What a mistake in this program might do to the rows."""
    assert isinstance(people.metadata, Metadata)

    def work(connection: SqlConnection) -> None:
        for statement in statements:
            connection.execute(statement)

    await people.metadata.database.write(work)


def kinds(findings: Sequence[Finding]) -> list[Kind]:
    return [finding.kind for finding in findings]


async def test_a_registry_that_is_used_as_intended_is_well(people: People) -> None:
    one = await people.push_image(b"one", "latest", shared=b"base")
    await people.push_image(b"two", "other", shared=b"base")
    await people.push(index([one]), "all")
    await people.push_blob(b"no manifest yet", OTHER)
    await people.push_image(b"gone", "gone")
    await people.delete("gone")
    await people.delete(one.digest)
    assert await check(people, checksums=True) == []
    people.now += 8 * DAY
    await people.collect()
    assert await check(people, checksums=True) == []


DAMAGES: dict[str, tuple[Callable[[bytes], bytes | None], Kind, bool, str]] = {
    "gone": (lambda _: None, Kind.BYTES_MISSING, False, "its bytes are not there"),
    "shorter": (lambda data: data[:-1], Kind.BYTES_WRONG, False, "it has 8 bytes instead of 9"),
    "changed": (lambda data: data[:-1] + b"?", Kind.BYTES_WRONG, True, "its bytes have changed"),
}


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest) -> tuple[Callable[[bytes], bytes | None], Kind, str]:
    change, kind, _, words = DAMAGES[request.param]
    return change, kind, words


Damage = tuple[Callable[[bytes], bytes | None], Kind, str]


async def test_damaged_bytes_are_found_and_the_images_named_that_need_them(
    people: People, damage: Damage
) -> None:
    change, kind, words = damage
    pushed = await people.push_image(b"one", "latest")
    layer = Digest.of(b"one layer")
    replace_bytes(people, layer, change(b"one layer"))
    (finding,) = await check(people, checksums=True)
    assert (finding.kind, finding.subject) == (kind, layer)
    assert words in finding.explanation
    assert f"{HELLO}@{pushed.digest} (latest)" in finding.explanation
    assert "--repair" in finding.advice
    # Looking changes nothing.
    assert await people.metadata.links.find(HELLO, layer) == 9


async def test_changed_bytes_of_the_right_size_take_checksums_to_find(people: People) -> None:
    await people.push_image(b"one", "latest")
    replace_bytes(people, Digest.of(b"one layer"), b"one layeR")
    assert await check(people) == []
    assert kinds(await check(people, checksums=True)) == [Kind.BYTES_WRONG]


async def test_a_blob_that_was_taken_aside_heals_when_it_is_pushed_again(
    people: People, damage: Damage
) -> None:
    change, _, _ = damage
    pushed = await people.push_image(b"one", "latest")
    layer = Digest.of(b"one layer")
    damaged = change(b"one layer")
    replace_bytes(people, layer, damaged)

    (finding,) = await check(people, checksums=True, repair=True)
    assert finding.mended
    assert "push one of these images again" in finding.advice
    if damaged is not None and people.stores.disk is not None:
        assert Path(people.stores.disk.layout.quarantined(layer)).read_bytes() == damaged

    # To clients it is not there.
    with pytest.raises(BlobUnknown):
        await stat_blob(people.registry, people.may(), layer)
    with pytest.raises(BlobUnknown):
        await pull_blob(people.registry, people.may(), layer)
    with pytest.raises(ManifestBlobUnknown):
        await people.push(pushed, "again")
    assert not await people.metadata.links.mount(
        OTHER, layer, source=HELLO, change=by_alice(people.now)
    )
    # What needs it is, and the check goes on to say so.
    assert (await pull_manifest(people.registry, people.may(), LATEST)).digest == pushed.digest
    assert kinds(await check(people)) == [Kind.BYTES_MISSING]

    await people.push_blob(b"one layer")
    assert await check(people, checksums=True) == []
    blob = await pull_blob(people.registry, people.may(), layer)
    assert read(blob.source) == b"one layer"


async def test_one_push_heals_a_blob_for_all_repositories(people: People) -> None:
    for repository in (HELLO, OTHER):
        await people.push_image(b"one", "latest", repository=repository)
    layer = Digest.of(b"one layer")
    replace_bytes(people, layer, None)
    await check(people, repair=True)
    await people.push_blob(b"one layer", OTHER)
    assert await stat_blob(people.registry, people.may(HELLO), layer) == 9
    assert await check(people, checksums=True) == []


async def test_a_push_replaces_bytes_whose_damage_nobody_noticed(people: People) -> None:
    await people.push_image(b"one", "latest")
    replace_bytes(people, Digest.of(b"one layer"), b"one layeR")
    await people.push_blob(b"one layer")
    assert await check(people, checksums=True) == []


async def test_lost_bytes_that_are_put_back_are_found_again(people: People) -> None:
    await people.push_image(b"one", "latest")
    layer = Digest.of(b"one layer")
    replace_bytes(people, layer, None)
    await check(people, repair=True)
    replace_bytes(people, layer, b"one layer")
    assert [finding.advice for finding in await check(people)] == ["run `lading verify --repair`"]
    assert [finding.advice for finding in await check(people, repair=True)] == [""]
    assert await stat_blob(people.registry, people.may(), layer) == 9
    assert await check(people, checksums=True) == []


async def test_a_lost_blob_that_nothing_needs_goes_with_the_garbage(people: People) -> None:
    blob = await people.push_blob(b"alone")
    replace_bytes(people, blob, None)
    (finding,) = await check(people, repair=True)
    assert "no image needs it" in finding.explanation
    assert await check(people) == []
    people.now += 2 * DAY
    await people.collect()
    assert await people.metadata.inspection.known_blobs([blob]) == []


async def test_bytes_that_nothing_knows_of_are_deleted_when_they_are_old(people: People) -> None:
    stray = Digest.of(b"stray")
    replace_bytes(people, stray, b"stray")
    stored = await people.blobs.stat(stray)
    assert stored is not None
    people.now = stored.since + 1
    for repair in (False, True):
        findings = await check(people, repair=repair)
        assert kinds(findings) == [Kind.BYTES_UNKNOWN]
        assert findings[0].advice
    assert await people.stored() == {stray}

    people.now += people.policy.grace
    (finding,) = await check(people, repair=True)
    assert (finding.advice, finding.mended) == ("", "they were deleted")
    assert await people.stored() == set()
    assert await check(people) == []


async def test_bytes_that_nothing_knows_of_are_adopted_by_the_image_that_needs_them(
    people: People,
) -> None:
    await people.push_image(b"one", "latest")
    layer = Digest.of(b"one layer")
    await execute(
        people,
        f"DELETE FROM links WHERE digest = '{layer}'",
        f"DELETE FROM blobs WHERE digest = '{layer}'",
    )
    assert kinds(await check(people)) == [Kind.CHILD_MISSING, Kind.BYTES_UNKNOWN]
    people.now += 2_000_000_000  # old enough to be deleted, were it not needed
    (finding,) = await check(people, repair=True)
    assert (finding.kind, finding.advice) == (Kind.CHILD_MISSING, "")
    assert await stat_blob(people.registry, people.may(), layer) == 9
    assert await check(people, checksums=True) == []
    people.now += 8 * DAY
    await people.collect(by_hand=True)
    assert layer in await people.stored()


async def test_bytes_are_adopted_with_the_size_they_have(people: People) -> None:
    """Whatever a manifest says of it."""
    layer = await people.push_blob(b"a layer")
    document = json.loads(image(b"a layer").body)
    document["config"]["size"] = 12345
    await people.push(parse(json.dumps(document).encode(), media.OCI_MANIFEST, SHA256), "latest")
    await execute(
        people,
        f"DELETE FROM links WHERE digest = '{layer}'",
        f"DELETE FROM blobs WHERE digest = '{layer}'",
    )
    people.now += 2_000_000_000
    (finding,) = await check(people, repair=True)
    assert (finding.kind, finding.advice) == (Kind.CHILD_MISSING, "")
    assert await stat_blob(people.registry, people.may(), layer) == len(b"a layer")
    assert await check(people, checksums=True) == []


async def test_bytes_that_have_changed_are_not_adopted(people: People) -> None:
    await people.push_image(b"one", "latest")
    layer = Digest.of(b"one layer")
    replace_bytes(people, layer, b"one layeR")
    await execute(
        people,
        f"DELETE FROM links WHERE digest = '{layer}'",
        f"DELETE FROM blobs WHERE digest = '{layer}'",
    )
    findings = await check(people, repair=True)
    assert kinds(findings)[0] is Kind.CHILD_MISSING
    assert "push the image again" in findings[0].advice
    with pytest.raises(BlobUnknown):
        await stat_blob(people.registry, people.may(), layer)


async def test_a_damaged_manifest_is_not_served_and_heals_when_it_is_pushed_again(
    people: People,
) -> None:
    pushed = await people.push_image(b"one", "latest")
    await execute(people, "UPDATE documents SET body = X'7B7D'")
    (finding,) = await check(people)
    assert (finding.kind, finding.subject) == (Kind.MANIFEST_WRONG, f"{HELLO}@{pushed.digest}")
    (finding,) = await check(people, repair=True)
    assert finding.mended
    for reference in (LATEST, pushed.digest):
        with pytest.raises(ManifestUnknown):
            await pull_manifest(people.registry, people.may(), reference)
    # Its blobs stay meanwhile, whatever is collected.
    people.now += 9 * DAY
    await people.collect(by_hand=True, untagged=True)
    assert len(await people.stored()) == 2

    await people.push(pushed)
    manifest = await pull_manifest(people.registry, people.may(), LATEST)
    assert manifest.body == pushed.body
    assert await check(people, checksums=True) == []


async def test_nobody_waits_while_bytes_are_read(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damaged ones, lost ones, those that an image may take over: their lock is free meanwhile."""
    damaged, lost, unrecorded = (Digest.of(data) for data in (b"one", b"one layer", b"two layer"))
    await people.push_image(b"one", "latest")
    await people.push_image(b"two", "other")
    replace_bytes(people, damaged, b"eno")
    await people.metadata.damage.lose_blob(lost, now=people.now)
    await execute(people, *(f"DELETE FROM {t} WHERE digest = '{unrecorded}'" for t in TABLES))
    read_, hash_ = set(), people.blobs.hash

    async def watched(digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        async with people.locks.lock_free([digest]) as idle:
            assert idle
        read_.add(digest)
        return await hash_(digest, on_read)

    monkeypatch.setattr(people.blobs, "hash", watched)
    findings = await check(people, checksums=True, repair=True)

    assert {damaged, lost, unrecorded} <= read_
    assert kinds(findings) == [Kind.CHILD_MISSING, Kind.BYTES_WRONG, Kind.BYTES_MISSING]
    assert all(finding.mended for finding in findings)


async def test_what_was_pushed_while_a_check_was_reading_is_left_alone(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It healed the blob: what the check found out is of other bytes."""
    await people.push_image(b"one", "latest")
    replace_bytes(people, Digest.of(b"one"), b"eno")
    hash_ = people.blobs.hash

    async def pushed_meanwhile(digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        found = await hash_(digest, on_read)
        if found != digest:
            await people.push_blob(b"one")
        return found

    monkeypatch.setattr(people.blobs, "hash", pushed_meanwhile)

    assert await check(people, checksums=True, repair=True) == []
    assert await check(people, checksums=True) == []


async def test_what_is_not_recorded_as_needed_is_found_and_recorded(people: People) -> None:
    await people.push_image(b"one", "latest")
    await execute(people, f"DELETE FROM edges WHERE child = '{Digest.of(b'one layer')}'")
    assert kinds(await check(people)) == [Kind.CHILD_UNRECORDED]
    (finding,) = await check(people, repair=True)
    assert finding.mended
    people.now += 2 * DAY
    await people.collect()
    assert await check(people, checksums=True) == []
    assert len(await people.stored()) == 2


async def test_a_child_that_is_gone_is_found(people: People) -> None:
    child = await people.push_image(b"one")
    whole = index([child])
    await people.push(whole, "all")
    await execute(people, f"DELETE FROM manifests WHERE digest = '{child.digest}'")
    for repair in (False, True):
        (finding,) = await check(people, repair=repair)
        assert (finding.kind, finding.subject) == (Kind.CHILD_MISSING, f"{HELLO}@{whole.digest}")
        assert child.digest in finding.explanation
        assert finding.advice


async def test_a_child_that_the_policy_does_not_ask_for_may_be_missing() -> None:
    people = People(
        Metadata(MemoryDatabase()), Stores.in_memory(), policy=Policy(children_required=False)
    )
    await people.push(index([image(b"never pushed")]), "all")
    assert await check(people) == []


async def test_a_layer_that_is_fetched_from_elsewhere_may_be_missing(people: People) -> None:
    await people.push_blob(b"config")
    await people.push(foreign_image(), "latest")
    assert await check(people) == []


async def test_a_tag_that_leads_to_nothing_is_found(people: People) -> None:
    await people.push_image(b"one", "latest")
    await execute(people, "UPDATE tags SET digest = 'sha256:" + "0" * 64 + "'")
    findings = await check(people)
    assert (findings[0].kind, findings[0].subject) == (Kind.TAG_DANGLING, f"{HELLO}:latest")


async def test_damage_within_the_database_ends_the_check(tmp_path: Path) -> None:
    people = People(open_metadata(tmp_path / "db"), Stores.in_memory())
    for number in range(50):
        await people.push_image(b"%d" % number, "latest")
    await people.metadata.close()
    with (tmp_path / "db").open("r+b") as file:
        file.seek(4096 * 8)
        file.write(b"damage" * 3000)
    people = People(open_metadata(tmp_path / "db"), people.stores)
    findings = await check(people, repair=True)
    assert findings
    assert set(kinds(findings)) == {Kind.DATABASE}
    assert all("restore-backup" in finding.advice for finding in findings)
    await people.metadata.close()


async def test_nothing_is_found_while_people_push_and_garbage_is_collected(
    tmp_path: Path,
) -> None:
    """What is half done when it is looked at is looked at again."""
    people = People(open_metadata(tmp_path / "db"), Stores.in_files(tmp_path / "data"))
    stop = asyncio.Event()

    async def push_and_delete(name: bytes) -> None:
        while not stop.is_set():
            # Time flies, so a collection may come before the manifest: the push is refused then.
            with suppress(ManifestBlobUnknown):
                for number in range(5):
                    await people.push_image(b"%s %d" % (name, number), "latest", shared=b"base")
                    await people.push_blob(b"%s %d in no image" % (name, number))

    async def collect_all() -> None:
        while not stop.is_set():
            people.now += 8 * DAY
            limits = people.limits(by_hand=True, untagged=True)
            plan = await collect.plan(people.registry, limits)
            collected.extend([item async for item in collect.run(people.registry, plan)])
            await asyncio.sleep(0)

    collected: list[GarbageItem] = []
    workers = [asyncio.create_task(push_and_delete(name)) for name in (b"a", b"b", b"c")]
    workers.append(asyncio.create_task(collect_all()))
    found: list[Finding] = []
    checks = 0
    while not found and (checks < 20 or len(collected) < 100):
        found += await check(people, checksums=True, repair=True)
        checks += 1
    stop.set()
    await asyncio.gather(*workers)
    assert found == []
    people.stores.close()
    await people.metadata.close()


def foreign_image() -> Manifest:
    body = image(b"config", b"elsewhere").body.replace(
        b"application/octet-stream",
        b"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    )
    return parse(body, media.OCI_MANIFEST, SHA256)


async def test_what_a_store_denies_is_named_and_nothing_counts_as_deleted(people: People) -> None:
    people.registry = replace(people.registry, upkeep=Denying())  # type: ignore[arg-type]
    right, stray = await check(people, repair=True)
    assert right.kind is Kind.RIGHT_DENIED
    assert right.subject == "s3:DeleteObject"
    assert "nothing is deleted" in right.explanation
    assert right.advice
    assert stray.kind is Kind.BYTES_UNKNOWN
    assert not stray.mended
    assert "refuses" in stray.advice
