"""Exporting a registry to Distribution: all that is here is there, and nothing by halves."""

import errno
import itertools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lading.blobs import link_writer
from lading.blobs.layout import Layout
from lading.blobs.link_writer import LinkWriter
from lading.blobs.stores import Stores
from lading.core.damage import Finding
from lading.core.digest import Digest
from lading.core.errors import StorageFull
from lading.core.names import Tag
from lading.core.typing import override
from lading.services import lease, trash, verify
from lading.services.moving import adopt, export
from lading.services.moving.export import STEP, LinkKeeper
from lading.services.verify_blobs import Check
from lading.wiring.paths import metadata_path
from tests.crash.state import Place, assert_rows_agree, view
from tests.support.adopting import CONTENTS, HOUR, MULTI, NEW, OLD, UNTAGGED, adoption_of, fill
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.distribution import LONG_AGO, Tree
from tests.support.exporting import export_of, served
from tests.support.people import DAY
from tests.support.progress import Watched
from tests.support.rows import open_metadata

NOW = 2_000_000_000.0


class Leaving(Place):
    """A registry whose data a registry of Distribution is to have."""

    @property
    def tree(self) -> Tree:
        return Tree(self.root)

    async def adopt(self) -> list[Finding]:
        """Take over what is new in the volume."""
        return [finding async for finding in adopt.run(adoption_of(self.registry, self.root))]

    async def export(self, root: Path | None = None) -> export.Export:
        """Write links, here or elsewhere."""
        work = export_of(self.registry, root or self.root, at_home=root is None)
        await export.run(work)
        return work


def place_in(root: Path) -> Leaving:
    return Leaving(open_metadata(metadata_path(root)), Stores.in_files(root), NOW, root=root)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Leaving]:
    """A registry that is empty."""
    place = place_in(tmp_path / "here")
    yield place
    place.stores.close()
    await place.metadata.close()


async def use(place: Leaving) -> None:
    """Push, move and delete, as people do."""
    for data in CONTENTS:
        await place.push_blob(data)
    await place.push(OLD, "old", "latest")
    place.now += DAY
    await place.push(NEW, "latest")
    await place.push(MULTI, "multi")
    await place.push(index([MULTI, OLD]), "nested")
    await place.push(UNTAGGED)
    await place.push_image(b"other", "other", repository=OTHER)


async def test_all_that_is_here_is_served_there(place: Leaving, tmp_path: Path) -> None:
    await use(place)
    work = await place.export(tmp_path / "there")
    tree = Tree(tmp_path / "there")
    assert served(tree) == {
        f"{HELLO}:old": OLD.digest,
        f"{HELLO}:latest": NEW.digest,
        f"{HELLO}:multi": MULTI.digest,
        f"{HELLO}:nested": index([MULTI, OLD]).digest,
        f"{OTHER}:other": image(b"other", b"other layer").digest,
    }
    assert tree.revision_link(HELLO, UNTAGGED.digest).read_text() == UNTAGGED.digest
    assert isinstance(work.progress, Watched)
    assert work.progress.of(STEP) == (2, 2)


async def test_what_was_exported_is_adopted_as_it_was(place: Leaving, tmp_path: Path) -> None:
    """With the times of its tags, and their history."""
    await use(place)
    await place.export(tmp_path / "there")
    again = place_in(tmp_path / "there")
    assert await again.adopt() == []
    assert await view(again) == await view(place)
    for tag in await place.metadata.tags.page(HELLO, after="", limit=100):
        moves = [
            await each.metadata.tags.history(HELLO, Tag(tag), limit=9) for each in (place, again)
        ]
        here, there = [[(move.at, move.digest) for move in each] for each in moves]
        assert here == there
    again.stores.close()
    await again.metadata.close()


async def test_bytes_are_hard_links_where_they_can_be(place: Leaving, tmp_path: Path) -> None:
    digest = await place.push_blob(bytes(1024 * 1024))
    await place.push_image(b"large", "large", shared=bytes(1024 * 1024))
    await place.export(tmp_path / "there")
    assert Tree(tmp_path / "there").data(digest).samefile(place.tree.data(digest))


async def test_bytes_are_copied_and_verified_where_there_can_be_no_links(
    place: Leaving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await use(place)

    async def refuse(*_: object) -> bool:
        return False

    monkeypatch.setattr(LinkWriter, "take_file", refuse)
    await place.export(tmp_path / "there")
    assert len(served(Tree(tmp_path / "there"))) == 5


async def test_what_a_crash_has_left_of_a_link_is_nobodys_bytes(tmp_path: Path) -> None:
    """A second name of a file, which is not written into."""
    layout = Layout(tmp_path)
    precious = tmp_path / "precious"
    precious.write_bytes(b"of somebody")
    digest = Digest.of(b"new")
    beside = Path(f"{layout.blob(digest)}.new")
    beside.parent.mkdir(parents=True)
    beside.hardlink_to(precious)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"new"

    await LinkWriter(layout).put_bytes(digest, pieces())

    assert precious.read_bytes() == b"of somebody"
    assert Path(layout.blob(digest)).read_bytes() == b"new"


async def test_a_second_export_writes_nothing(place: Leaving) -> None:
    await use(place)
    await place.export()
    tally = (await place.export()).tally
    assert (tally.links, tally.blobs, tally.removed) == (0, 0, 0)


async def test_what_changed_here_after_an_adoption_changes_there(place: Leaving) -> None:
    fill(place.tree)
    await place.adopt()
    await place.push_image(b"third", "latest")
    await place.delete("new")
    await place.delete(OLD.digest, OTHER)
    await place.delete(UNTAGGED.digest)
    await place.export()
    third = image(b"third", b"third layer")
    assert served(place.tree) == {
        f"{HELLO}:old": OLD.digest,
        f"{HELLO}:latest": third.digest,
        f"{HELLO}:multi": MULTI.digest,
    }
    assert not place.tree.revision_link(HELLO, UNTAGGED.digest).parent.exists()
    # And all of it is known here: there is nothing to be adopted.
    before = await view(place)
    work = adoption_of(place.registry, place.root)
    assert [finding async for finding in adopt.run(work)] == []
    assert work.tally.changes == 0
    assert await view(place) == before


async def test_links_of_a_repository_of_which_nothing_is_left_go(place: Leaving) -> None:
    await place.push_image(b"third", "latest", repository=OTHER)
    await place.push_image(b"third", "latest")
    await place.export()
    await place.delete("latest", OTHER)
    await place.collect(by_hand=True, untagged=True)
    assert not await place.metadata.repositories.exists(OTHER)
    await place.export()
    assert list(served(place.tree)) == [f"{HELLO}:latest"]


async def test_what_the_old_registry_does_after_an_export_is_adopted_again(place: Leaving) -> None:
    fill(place.tree)
    await place.adopt()
    await place.push_image(b"third", "third")
    await place.export()
    fourth = image(b"fourth", b"base")
    place.tree.push(HELLO, fourth, "third", contents=[b"fourth"], at=NOW + HOUR)
    place.tree.delete(HELLO, NEW)
    assert await place.adopt() == []
    assert (await place.metadata.manifests.find(HELLO, fourth.digest)) is not None
    assert not await place.has("new")
    assert_rows_agree(place)


async def test_a_tag_that_the_old_registry_has_moved_meanwhile_is_not_removed(
    place: Leaving,
) -> None:
    fill(place.tree)
    await place.adopt()
    await place.delete("new")
    place.tree.tag(HELLO, "new", OLD.digest, at=LONG_AGO + 9 * HOUR)
    await place.export()
    assert served(place.tree)[f"{HELLO}:new"] == OLD.digest


async def test_manifests_to_which_there_are_links_are_no_garbage(place: Leaving) -> None:
    """Though they are rows here, and only Distribution needs their bytes among the blobs."""
    fill(place.tree)
    await place.adopt()
    await place.push_image(b"third", "third")
    await place.export()
    place.now += 20 * DAY
    await place.collect()
    found = [each async for each in verify.run(Check(place.registry, repair=True))]
    assert found == []
    assert len(served(place.tree)) == 6
    await place.delete(image(b"third", b"third layer").digest)
    await place.delete(UNTAGGED.digest)
    await place.export()
    place.now += 20 * DAY
    await place.collect()
    stored = await place.stored()
    assert not {image(b"third", b"third layer").digest, UNTAGGED.digest} & stored


async def test_a_registry_that_is_running_there_never_sees_half(
    place: Leaving, tmp_path: Path
) -> None:
    """Whenever links get their names, all that tags lead to is there."""
    await use(place)
    tree = Tree(tmp_path / "there")
    seen: list[int] = []

    class Looking(LinkWriter):
        @override
        async def settle(self) -> None:
            await super().settle()
            seen.append(len(served(tree)))

    work = export_of(place.registry, tree.root, at_home=False, writer=Looking)
    await export.run(work)
    assert seen[-1] == 5
    assert seen[0] == 0


async def test_what_was_pushed_while_it_ran_is_for_the_next_one(
    place: Leaving, tmp_path: Path
) -> None:
    await use(place)
    tree = Tree(tmp_path / "there")

    class Late(LinkWriter):
        @override
        async def link_index(self, repository: str, tags: object) -> int:
            await place.push_image(b"late", "late")
            page = await place.metadata.exports.list_tags(HELLO, after="")
            return await super().link_index(repository, page)

    await export.run(export_of(place.registry, tree.root, at_home=False, writer=Late))
    assert f"{HELLO}:late" not in served(tree)
    await place.export(tree.root)
    assert f"{HELLO}:late" in served(tree)


async def test_a_volume_without_its_database_is_adopted_from_links_that_were_written(
    place: Leaving, tmp_path: Path
) -> None:
    await use(place)
    await place.export()
    shutil.copytree(place.root / "docker", tmp_path / "there/docker")
    again = place_in(tmp_path / "there")
    assert await again.adopt() == []
    assert await view(again) == await view(place)
    again.stores.close()
    await again.metadata.close()


async def test_links_are_kept_as_people_push_and_delete(place: Leaving) -> None:
    work = export_of(place.registry, place.root, at_home=True)
    keeper = LinkKeeper(lambda: work.target)

    async def keep() -> None:
        async with lease.claim(place.registry, export.JOB, "a worker") as held:
            assert held is not None
            await keeper.keep(place.registry, held)

    await use(place)
    await keep()
    assert len(served(place.tree)) == 5
    await place.push(OLD, "latest")
    await keep()
    assert served(place.tree)[f"{HELLO}:latest"] == OLD.digest
    await place.delete("old")
    await place.delete(UNTAGGED.digest)
    await place.push_image(b"third", "third", repository=OTHER)
    await keep()
    assert f"{HELLO}:old" not in served(place.tree)
    assert f"{OTHER}:third" in served(place.tree)
    assert not place.tree.revision_link(HELLO, UNTAGGED.digest).exists()
    await trash.restore(place.registry, place.may(), UNTAGGED.digest, change=place.change())
    await keep()
    assert place.tree.revision_link(HELLO, UNTAGGED.digest).exists()
    assert (await place.export()).tally.links == 0


async def test_links_that_a_full_disk_did_not_take_are_written_the_next_time(
    place: Leaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of them had been written by then, and had no names yet."""
    keeper = LinkKeeper(lambda: export_of(place.registry, place.root, at_home=True).target)
    write, numbers = link_writer._write_link, itertools.count()

    def write_some(path: str, text: str, at: float | None) -> None:
        if next(numbers) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, text, at)

    await use(place)
    monkeypatch.setattr(link_writer, "_write_link", write_some)
    async with lease.claim(place.registry, export.JOB, "a worker") as held:
        assert held is not None
        with pytest.raises(StorageFull):
            await keeper.keep(place.registry, held)
        await keeper.keep(place.registry, held)
    assert len(served(place.tree)) == 5


async def test_where_nothing_changed_nothing_is_looked_at(
    place: Leaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    await use(place)
    keeper = LinkKeeper(lambda: export_of(place.registry, place.root, at_home=True).target)
    async with lease.claim(place.registry, export.JOB, "a worker") as held:
        assert held is not None
        await keeper.keep(place.registry, held)
        monkeypatch.delattr(place.metadata.exports, "list_changed")
        await keeper.keep(place.registry, held)
