"""What is in images: found in the background, and shown by the directory."""

import gzip
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lading.archives import process
from lading.blobs.stores import Stores
from lading.core.access import ALL_ACTIONS, Grant, Principal
from lading.core.digest import Digest
from lading.core.errors import BlobUnknown, Denied, ManifestUnknown, Unavailable
from lading.core.images import overlay
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.core.names import Owner, RepositoryName
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.layers.askings import Wanted
from lading.metadata.layers.trees import TreeRow, TreeState
from lading.metadata.metadata import Metadata
from lading.services import lease
from lading.services.lease import Lease
from lading.services.registry import Registry
from lading.services.shown import directories, tree_jobs, trees
from lading.services.shown.directories import Directory
from lading.services.shown.trees import Effect, Inside, Reader
from tests.support.contents import HELLO, image, path_of
from tests.support.people import ALICE, DAY, People
from tests.support.tars import archive

READER = Reader("somebody", 100)
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
BASE: dict[str, bytes | None] = {
    "etc": None,
    "etc/hosts": b"127.0.0.1",
    "etc/old": b"o" * 100,
    "opt/app/a": b"a" * 1000,
    "opt/app/b": b"b" * 2000,
    "var/log/x": b"x" * 300,
    "was/dir/f": b"f" * 50,
}
SECOND: dict[str, bytes | None] = {
    "etc/hosts": b"127.0.0.2",
    "etc/.wh.old": b"",
    "opt/app/.wh..wh..opq": b"",
    "opt/app/b": b"new",
    "was": b"a file now",
}
THIRD: dict[str, bytes | None] = {".wh.var": b"", "new/file": b"n" * 10}


@pytest.fixture
async def inside(people: People) -> Inside:
    """An image of three layers that has been looked into."""
    return await looked_into(people, await pushed(people, BASE, SECOND, THIRD))


async def pushed(people: People, *layers: dict[str, bytes | None]) -> Manifest:
    packed = [gzip.compress(archive(files), mtime=0) for files in layers]
    for data in (b"config", *packed):
        await people.push_blob(data)
    manifest = image(b"config", *packed)
    await people.push(manifest, "latest")
    return manifest


async def looked_into(people: People, manifest: Manifest) -> Inside:
    first = await trees.look(people.registry, people.may(), manifest.digest)
    assert first.is_waiting
    assert people.registry.asked.is_set()
    await tree_jobs.find_asked(people.registry, "worker")
    inside = await trees.look(people.registry, people.may(), manifest.digest)
    assert not inside.is_waiting
    return inside


def names(directory: Directory) -> dict[str, int]:
    return {shown.entry.name: shown.layer for shown in directory.entries}


async def test_nobody_waits_for_all_that_somebody_else_has_asked_for(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for last is found with the next one or two, and summed up with those."""
    contents: list[dict[str, bytes | None]] = [{str(number): b"x"} for number in range(9)]
    many = await pushed(people, *contents)
    small = await pushed(people, {"small": b"x"})
    looked: list[str] = []
    find_tree, find_sums = tree_jobs._find_tree, tree_jobs._find_sums

    async def note_tree(registry: Registry, held: Lease, tree: TreeRow) -> None:
        looked.append("small" if tree.digest == small.edges[1].child else "one of many")
        await find_tree(registry, held, tree)
        if looked[-1] == "small":  # whoever waits for it loads the page again
            found = await trees.look(registry, people.may(), small.digest)
            await trees.sums(registry, found)

    async def note_sums(*args: Any) -> None:
        looked.append("sums")
        await find_sums(*args)

    monkeypatch.setattr(tree_jobs, "_find_tree", note_tree)
    monkeypatch.setattr(tree_jobs, "_find_sums", note_sums)
    await trees.look(people.registry, people.may(), many.digest)
    people.now += 1
    await trees.look(people.registry, people.may(), small.digest)
    await tree_jobs.find_asked(people.registry, "worker")
    assert looked[:3] == ["one of many", "small", "sums"]
    assert looked[3:] == ["one of many"] * 8


async def test_who_asks_again_and_again_has_no_more_turns_than_others(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for many layers in one go, nor for another one whenever one was found."""
    contents: list[dict[str, bytes | None]] = [{str(number): b"x"} for number in range(11)]
    many = await pushed(people, *contents[:9])
    more = [await pushed(people, {f"more {number}": b"x"}) for number in range(4)]
    bobs = await pushed(people, *contents[9:])
    layers_of_bob = {edge.child for edge in bobs.edges[1:]}
    # Who comes after her whenever askers have their turns in an order.
    names = (f"bob {number}" for number in range(100))
    name = next(name for name in names if Owner.known_by(name, "") > Owner.known_by(ALICE.name, ""))
    bob = Grant(HELLO, ALL_ACTIONS, Principal(name))
    looked: list[str] = []
    find_tree = tree_jobs._find_tree

    async def note_tree(registry: Registry, held: Lease, tree: TreeRow) -> None:
        looked.append("bob" if tree.digest in layers_of_bob else "alice")
        people.now += 1
        if more:
            await trees.look(registry, people.may(), more.pop().digest)
            await trees.look(registry, bob, bobs.digest)
        await find_tree(registry, held, tree)

    monkeypatch.setattr(tree_jobs, "_find_tree", note_tree)
    await trees.look(people.registry, people.may(), many.digest)
    await trees.look(people.registry, people.may(), bobs.digest)  # as if they were her own
    people.now += 1
    await trees.look(people.registry, bob, bobs.digest)
    await tree_jobs.find_asked(people.registry, "worker")
    assert looked[:4].count("bob") >= 2


async def test_layers_are_summed_up_only_when_it_is_known_what_is_in_them(
    people: People,
) -> None:
    """One may have been found to be damaged and pushed again since their sums were asked for."""
    manifest = await pushed(people, BASE)
    found = await looked_into(people, manifest)
    await trees.sums(people.registry, found)
    tree = found.layers[0].tree
    assert tree is not None
    await people.metadata.trees.leave(tree.id)
    other = await pushed(people, SECOND)
    await trees.look(people.registry, people.may(), other.digest)
    people.now += 1
    await trees.look(people.registry, people.may(), manifest.digest)
    await tree_jobs.find_asked(people.registry, "worker")
    found = await trees.look(people.registry, people.may(), manifest.digest)
    if await trees.sums(people.registry, found) is None:  # it is asked for once more
        await tree_jobs.find_asked(people.registry, "worker")
    sums = await trees.sums(people.registry, found)
    assert sums is not None
    assert sums.size == sum(len(data or b"") for data in BASE.values())


async def test_an_image_is_shown_as_a_container_sees_it(people: People, inside: Inside) -> None:
    async def at(path: str) -> dict[str, int]:
        return names(await directories.list_image(people.registry, inside, path, most=100))

    assert await at("") == {"etc": 0, "new": 2, "opt": 0, "was": 1}
    assert await at("etc") == {"hosts": 1}
    assert await at("opt/app") == {"b": 1}
    assert await at("var/log") == {}
    assert await at("was/dir") == {}
    assert await at("nowhere") == {}


async def test_a_directory_is_shown_in_parts(people: People) -> None:
    lower: dict[str, bytes | None] = {f"d/{number:03}": b"" for number in range(0, 60, 2)}
    upper: dict[str, bytes | None] = {f"d/{number:03}": b"" for number in range(1, 60, 2)}
    upper["d/.wh.004"] = b""
    inside = await looked_into(people, await pushed(people, lower, upper))
    found: list[str] = []
    after, parts = "", 0
    while True:
        part = await directories.list_image(people.registry, inside, "d", after=after, most=7)
        assert len(part.entries) <= 7
        found += names(part)
        after, parts = part.after, parts + 1
        if not after:
            break
    assert found == [f"{number:03}" for number in range(60) if number != 4]
    assert parts < 20


async def test_a_layer_says_what_it_does_to_those_below(people: People, inside: Inside) -> None:
    async def of(layer: int, path: str) -> dict[str, Effect]:
        listed = await directories.list_layer(people.registry, inside, layer, path, most=100)
        return {shown.entry.name: shown.effect for shown in listed.entries}

    assert await of(0, "etc") == {"hosts": Effect.ADDED, "old": Effect.ADDED}
    assert await of(1, "etc") == {"hosts": Effect.CHANGED, ".wh.old": Effect.REMOVED}
    assert (await of(1, ""))["was"] is Effect.CHANGED
    assert await of(2, "") == {".wh.var": Effect.REMOVED, "new": Effect.SAME}
    assert await of(2, "new") == {"file": Effect.ADDED}


async def test_wasted_bytes_are_those_that_nobody_sees(people: People, inside: Inside) -> None:
    assert await trees.sums(people.registry, inside) is None
    await tree_jobs.find_asked(people.registry, "worker")
    sums = await trees.sums(people.registry, inside)
    assert sums is not None
    wasted = {item.path: item.size for item in sums.wasted}
    assert wasted == {
        "opt/app/b": 2000,
        "opt/app/a": 1000,
        "var/log/x": 300,
        "etc/old": 100,
        "was/dir/f": 50,
        "etc/hosts": 9,
    }
    assert sums.hidden == sum(wasted.values())
    assert sums.size == sum(
        len(data or b"") for files in (BASE, SECOND, THIRD) for data in files.values()
    )
    assert [(item.added, item.changed, item.removed) for item in sums.layers] == [
        (6, 0, 0),
        (0, 3, 2),
        (1, 0, 1),
    ]


async def test_a_file_is_read_out_of_its_layer(people: People, inside: Inside) -> None:
    shown = await directories.find_entry(people.registry, inside, "opt/app/b")
    assert shown is not None
    pieces = await trees.read_file(people.registry, people.may(), inside, shown, READER)
    assert b"".join([piece async for piece in pieces]) == b"new"
    lower = await directories.find_entry(people.registry, inside, "opt/app/b", 0)
    assert lower is not None
    pieces = await trees.read_file(people.registry, people.may(), inside, lower, READER)
    assert b"".join([piece async for piece in pieces]) == b"b" * 100
    directory = await directories.find_entry(people.registry, inside, "opt")
    assert directory is not None
    with pytest.raises(BlobUnknown):
        await trees.read_file(people.registry, people.may(), inside, directory, READER)
    assert await directories.find_entry(people.registry, inside, "etc/old") is None


async def test_who_takes_its_time_keeps_nobody_from_reading(
    people: People, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One client has two of the few turns for much, and one of those for little."""
    monkeypatch.setattr(trees, "PATIENCE", 0.1)
    shown = await directories.find_entry(people.registry, inside, "opt/app/b")
    assert shown is not None
    read = partial(trees.read_file, people.registry, people.may(), inside, shown)
    slow = [await read(Reader("slow", 100, waits=True)) for _ in range(2)]
    assert [await anext(pieces) for pieces in slow]
    with pytest.raises(Unavailable):
        await read(Reader("slow", 100, waits=True))
    for reader in (Reader("other", 100, waits=True), Reader("slow", 100), Reader("other", 100)):
        assert b"".join([piece async for piece in await read(reader)]) == b"new"
    for pieces in slow:
        await pieces.aclose()
    assert people.registry.sending.is_idle
    assert people.registry.reading.is_idle


async def test_who_may_not_pull_sees_nothing(people: People, inside: Inside) -> None:
    with pytest.raises(Denied):
        await trees.look(people.registry, Grant(HELLO, frozenset(), ALICE), Digest.of(b""))
    with pytest.raises(ManifestUnknown):
        await trees.look(people.registry, people.may(), Digest.of(b"nothing"))


async def test_a_layer_that_only_another_repository_has_is_not_looked_into(people: People) -> None:
    """A manifest may name layers that need not be here: that gives nobody their files."""
    secret = gzip.compress(archive({"secret": b"s"}))
    other = RepositoryName("other/one")
    await people.push_blob(secret, other)
    await people.push_blob(b"config")
    whole = image(b"config", secret)
    document = json.loads(whole.body)
    document["layers"][0]["mediaType"] = FOREIGN
    manifest = parse(json.dumps(document).encode(), whole.media_type, "sha256")
    await people.push(manifest, "latest")
    inside = await trees.look(people.registry, people.may(), manifest.digest)
    assert [looked.is_here for looked in inside.layers] == [False]
    assert await people.metadata.askings.find_next(Wanted.TREE) is None


async def test_what_is_no_archive_has_failed_and_says_why(people: People) -> None:
    await people.push_image(b"odd", "latest")
    manifest = image(b"odd", b"odd layer")
    inside = await looked_into(people, manifest)
    [looked] = inside.layers
    assert looked.tree is not None
    assert looked.tree.state is TreeState.FAILED
    assert looked.tree.reason
    assert not looked.has_files


async def test_a_child_that_fails_leaves_what_it_found(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process.list_entries, "__kwdefaults__", {"seconds": 0.0})
    inside = await looked_into(people, await pushed(people, BASE))
    assert inside.layers[0].tree is not None
    assert inside.layers[0].tree.state is TreeState.CUT_OFF
    assert "too long" in inside.layers[0].tree.reason


async def test_one_worker_at_a_time_looks_into_layers(people: People) -> None:
    manifest = await pushed(people, BASE)
    await trees.look(people.registry, people.may(), manifest.digest)
    async with lease.claim(people.registry, tree_jobs.FIND, "another") as held:
        assert held is not None
        await tree_jobs.find_asked(people.registry, "worker")
    assert (await trees.look(people.registry, people.may(), manifest.digest)).is_waiting
    await tree_jobs.find_asked(people.registry, "worker")
    assert not (await trees.look(people.registry, people.may(), manifest.digest)).is_waiting


async def test_a_worker_that_died_leaves_its_tree_to_the_next(people: People) -> None:
    manifest = await pushed(people, BASE)
    await trees.look(people.registry, people.may(), manifest.digest)
    layer = manifest.edges[1].child
    tree = (await people.metadata.trees.of([layer]))[layer]
    await people.metadata.trees.settle(tree, TreeState.RUNNING, now=people.now)
    await looked_into(people, manifest)


async def test_what_was_found_goes_with_its_blob(people: People, inside: Inside) -> None:
    await people.delete("latest")
    await people.delete(str((await pushed(people, {"other": b"1"})).digest))
    for _ in range(3):
        people.now += 30 * DAY
        await people.collect(untagged=True)
    async with lease.claim(people.registry, tree_jobs.REMOVE, "worker") as held:
        assert held is not None
        await tree_jobs.remove_old(people.registry, held)
    count = await people.metadata.database.read(
        lambda connection: connection.execute(
            "SELECT (SELECT count(*) FROM trees) + (SELECT count(*) FROM entries)"
            " + (SELECT count(*) FROM overlays)"
        ).fetchone()[0]
    )
    assert count == 0


async def test_sums_give_up_where_layers_hide_too_much(
    people: People, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay, "MOST_MARKS", 2)
    await trees.sums(people.registry, inside)
    await tree_jobs.find_asked(people.registry, "worker")
    sums = await trees.sums(people.registry, inside)
    assert sums is not None
    assert "too much" in sums.failed


@pytest.mark.parametrize("damage", ["gone", "short", "other"])
async def test_a_damaged_layer_counts_as_not_there_and_heals(tmp_path: Path, damage: str) -> None:
    """Its page waited for ever, or said for good what the wrong bytes had said."""
    people = People(Metadata(MemoryDatabase()), Stores.in_files(tmp_path))
    layer = archive({"file": os.urandom(5000)})
    for data in (b"config", layer):
        await people.push_blob(data)
    manifest = image(b"config", layer)
    await people.push(manifest, "latest")
    path = path_of(people.stores, Digest.of(layer))
    match damage:
        case "gone":
            path.unlink()
        case "short":
            os.truncate(path, 1000)
        case _:
            path.unlink()
            path.write_bytes(b"x" * len(layer))
    inside = await looked_into(people, manifest)
    assert [looked.is_here for looked in inside.layers] == [False]
    assert await people.metadata.askings.find_next(Wanted.TREE) is None

    await people.push_blob(layer)
    inside = await looked_into(people, manifest)
    shown = await directories.list_image(people.registry, inside, "", most=10)
    assert names(shown) == {"file": 0}
    people.stores.close()
    await people.metadata.close()
