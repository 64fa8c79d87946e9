"""Adopting a volume of Distribution: all that it had is here, and all that was wrong is said."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lading.blobs.stores import Stores
from lading.core.damage import Finding, Kind
from lading.core.digest import Digest
from lading.core.errors import ManifestUnknown, Unavailable
from lading.core.moving import DISTRIBUTION, DISTRIBUTION_AT_THE_LATEST
from lading.core.names import RepositoryName, Tag
from lading.core.typing import override
from lading.metadata import batches
from lading.services import lease, verify
from lading.services.moving import adopt
from lading.services.moving.adopt import AdoptionStep, CannotAdopt
from lading.services.moving.taking import Adoption
from lading.services.pull import pull_blob, pull_manifest
from lading.services.verify_blobs import Check
from lading.wiring.paths import metadata_path
from tests.crash.state import Place, assert_rows_agree
from tests.support.adopting import (
    CONTENTS,
    HOUR,
    MULTI,
    NEW,
    OLD,
    UNTAGGED,
    adoption_of,
    fill,
)
from tests.support.contents import HELLO, OTHER, fetch, image
from tests.support.distribution import LONG_AGO, Tree
from tests.support.people import DAY
from tests.support.progress import Watched
from tests.support.rows import open_metadata

NOW = 2_000_000_000.0
# As programs write names that know of no UTF-8.
NO_TEXT = os.fsdecode(b"caf\xe9")
SCHEMA_1 = json.dumps(
    {"schemaVersion": 1, "name": "library/hello", "tag": "1", "fsLayers": [], "history": []}
).encode()


@dataclass
class Moving(Place):
    """A registry in the directory of Distribution, whose volume is adopted.

    Attributes:
        tree: that directory.
        last: the last adoption.
    """

    last: Adoption | None = None

    @property
    def tree(self) -> Tree:
        return Tree(self.root)

    async def adopt(self, *, repair: bool = False, checksums: bool = False) -> Sequence[Finding]:
        """Take over what is new; all that is wrong."""
        self.last = adoption_of(self.registry, self.root, repair=repair, checksums=checksums)
        return [finding async for finding in adopt.run(self.last)]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Moving]:
    """A registry that is empty at first, where Distribution may have something."""
    metadata = open_metadata(metadata_path(tmp_path))
    place = Moving(metadata, Stores.in_files(tmp_path), NOW, root=tmp_path)
    yield place
    place.stores.close()
    await metadata.close()


async def pull(place: Moving, reference: str, repository: RepositoryName = HELLO) -> Digest:
    """Pull an image with all its blobs, as a client does, and verify each."""
    known = Digest(reference) if ":" in reference else Tag(reference)
    pulled = await pull_manifest(place.registry, place.may(repository), known)
    document = json.loads(pulled.body)
    for child in document.get("manifests", ()):
        await pull(place, child["digest"], repository)
    config = [document["config"]] if "config" in document else []
    for descriptor in [*document.get("layers", ()), *config]:
        blob = await pull_blob(place.registry, place.may(repository), Digest(descriptor["digest"]))
        assert Digest.of(await fetch(blob.source)) == descriptor["digest"]
    assert Digest.of(pulled.body) == pulled.digest
    return pulled.digest


async def history(place: Moving, tag: str) -> list[tuple[float, str, Digest | None, Digest | None]]:
    moves = await place.metadata.tags.history(HELLO, Tag(tag), limit=100)
    return [(move.at, move.actor, move.previous, move.digest) for move in moves]


async def test_all_that_a_volume_has_can_be_pulled(place: Moving) -> None:
    fill(place.tree)
    assert await place.adopt() == []
    for reference in ("old", "new", "latest", "multi", UNTAGGED.digest, OLD.digest):
        await pull(place, reference)
    await pull(place, "old", OTHER)
    assert_rows_agree(place)
    assert place.last is not None
    assert (place.last.tally.manifests, place.last.tally.tags) == (5, 5)


async def test_no_byte_of_the_volume_is_changed(place: Moving) -> None:
    fill(place.tree)
    before = files(place.root)
    await place.adopt()
    assert files(place.root) == before


def files(root: Path) -> dict[str, tuple[bytes, float, int]]:
    """All files of Distribution, with when they were written, and which they are."""
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime, path.stat().st_ino)
        for path in (root / "docker").rglob("*")
        if path.is_file()
    }


async def test_a_tag_has_the_times_of_its_links_and_the_history_of_its_index(place: Moving) -> None:
    fill(place.tree)
    await place.adopt()
    assert await history(place, "latest") == [
        (LONG_AGO + HOUR, DISTRIBUTION, OLD.digest, NEW.digest),
        (LONG_AGO, DISTRIBUTION, None, OLD.digest),
    ]


async def test_the_times_of_a_copy_tell_nothing_and_are_not_believed(place: Moving) -> None:
    for number in range(12):
        place.tree.push(HELLO, OLD, f"tag{number}", contents=CONTENTS, at=LONG_AGO + number)
    (finding,) = await place.adopt()
    assert finding.kind is Kind.TIMES_UNKNOWN
    ((at, actor, _, _),) = await history(place, "tag3")
    assert (at, actor) == (LONG_AGO + 3, DISTRIBUTION_AT_THE_LATEST)


async def test_times_that_cannot_be_are_taken_for_those_that_are_nearest(place: Moving) -> None:
    """Before 1970, as of archives, and to come, as of a wrong clock; both are known again."""
    fill(place.tree)
    place.tree.tag(HELLO, "latest", OLD.digest, at=-5e9)
    place.tree.tag(HELLO, "latest", NEW.digest, at=4e11)
    place.tree.tag(HELLO, "old", OLD.digest, at=-1e9)
    os.utime(place.tree.revision_link(HELLO, OLD.digest), (-1e9, -1e9))

    assert await place.adopt() == []

    moves = await history(place, "latest")
    assert [(at, digest) for at, _, _, digest in moves] == [(NOW, NEW.digest), (0, OLD.digest)]
    assert [at for at, *_ in await history(place, "old")] == [0]
    assert await pull(place, "old") == OLD.digest
    await place.adopt()
    assert place.last is not None
    assert place.last.tally.changes == 0


async def test_a_folder_that_cannot_be_read_ends_it_and_is_named(place: Moving) -> None:
    fill(place.tree)
    tags = place.tree.tag_folder(HELLO, "old").parent
    shutil.rmtree(tags)
    tags.symlink_to("tags")

    with pytest.raises(Unavailable, match=f"{tags} cannot be used: Too many levels"):
        await place.adopt()


async def test_what_nothing_refers_to_is_garbage_when_the_trash_is_over(place: Moving) -> None:
    fill(place.tree)
    orphan = place.tree.blob(b"of a manifest that was deleted")
    place.tree.layer(HELLO, b"of no manifest")
    await place.adopt()
    place.now += 6 * DAY
    await place.collect()
    assert await place.stored() >= {Digest.of(b"of no manifest")}
    assert orphan.exists()
    place.now += 2 * DAY
    await place.collect()
    # Manifests are rows now: their bytes among the blobs are nobody's, either.
    assert await place.stored() == {Digest.of(data) for data in CONTENTS}
    await pull(place, "multi")


async def test_a_second_adoption_takes_over_only_what_is_new(place: Moving) -> None:
    fill(place.tree)
    await place.adopt()
    third = image(b"third", b"base")
    place.tree.push(HELLO, third, "latest", contents=[b"third"], at=LONG_AGO + 9 * HOUR)
    assert await place.adopt() == []
    assert place.last is not None
    tally = place.last.tally
    assert (tally.manifests, tally.tags, tally.moves, tally.garbage) == (1, 1, 1, 1)
    assert await pull(place, "latest") == third.digest
    assert [move[3] for move in await history(place, "latest")] == [
        third.digest,
        NEW.digest,
        OLD.digest,
    ]
    await place.adopt()
    assert place.last.tally.changes == 0
    assert_rows_agree(place)


async def test_what_was_deleted_here_is_not_brought_back(place: Moving) -> None:
    fill(place.tree)
    await place.adopt()
    await place.delete("new")
    await place.delete(UNTAGGED.digest)
    place.now += 10 * DAY
    await place.collect()
    await place.adopt()
    assert not await place.has("new")
    assert not await place.has(UNTAGGED.digest)


async def test_what_was_deleted_there_since_goes_to_the_trash_here(place: Moving) -> None:
    fill(place.tree)
    await place.adopt()
    place.tree.delete(HELLO, NEW)
    shutil.rmtree(place.tree.tag_folder(HELLO, "old"))
    shutil.rmtree(place.root / "docker/registry/v2/repositories" / OTHER)
    await place.adopt()
    for reference in ("old", "new", "latest"):
        assert not await place.has(reference)
    assert not await place.has("old", OTHER)
    # The index needs it still.
    with pytest.raises(ManifestUnknown):
        await pull_manifest(place.registry, place.may(), NEW.digest)
    trashed = await place.metadata.trash.page(HELLO, deleted_since=0)
    assert NEW.digest in str(trashed)
    assert_rows_agree(place)


async def test_what_was_collected_there_is_no_damage(place: Moving) -> None:
    """As when somebody went back, let the old registry collect garbage, and comes again."""
    fill(place.tree)
    data = place.tree.layer(HELLO, b"of no image")
    await place.adopt()
    data.unlink()

    found = {(finding.kind, finding.advice) for finding in await place.adopt()}
    assert found == {(Kind.LINK_DANGLING, ""), (Kind.BYTES_MISSING, "")}
    assert {finding.kind for finding in await place.adopt()} == {Kind.LINK_DANGLING}

    needs = image(b"of no image")
    place.tree.push(HELLO, needs, "again", contents=[b"of no image"], at=LONG_AGO + 9 * HOUR)
    assert [finding.mended for finding in await place.adopt()] == ["it counts as there again"]
    assert await place.adopt() == []
    assert await pull(place, "again") == needs.digest
    assert_rows_agree(place)


async def test_of_a_tag_that_was_moved_in_both_the_last_move_counts(place: Moving) -> None:
    fill(place.tree)
    await place.adopt()
    await place.push(OLD, "new")
    place.tree.tag(HELLO, "new", UNTAGGED.digest, at=LONG_AGO + 9 * HOUR)
    (finding,) = await place.adopt()
    assert (finding.kind, finding.subject) == (Kind.TAG_NEWER_HERE, f"{HELLO}:new")
    assert await pull(place, "new") == OLD.digest
    place.tree.tag(HELLO, "new", MULTI.digest, at=NOW + HOUR)
    assert await place.adopt() == []
    assert await pull(place, "new") == MULTI.digest


@pytest.mark.parametrize("at", [LONG_AGO, -1e9])
async def test_a_tag_that_was_moved_there_alone_follows_whatever_time_its_link_has(
    place: Moving, at: float
) -> None:
    """As when a backup was put back there, or a clock; its history is in order all the same."""
    fill(place.tree)
    await place.adopt()
    place.now += HOUR
    place.tree.tag(HELLO, "latest", OLD.digest, at=at)

    assert await place.adopt() == []

    assert await pull(place, "latest") == OLD.digest
    assert (await history(place, "latest"))[:2] == [
        (NOW + HOUR, DISTRIBUTION, NEW.digest, OLD.digest),
        (LONG_AGO + HOUR, DISTRIBUTION, OLD.digest, NEW.digest),
    ]
    await place.adopt()
    assert place.last is not None
    assert place.last.tally.changes == 0


async def test_it_tells_how_far_it_is(place: Moving) -> None:
    fill(place.tree)
    await place.adopt()
    assert place.last is not None
    progress = place.last.progress
    assert isinstance(progress, Watched)
    assert {step for step, _ in progress.begun} == set(AdoptionStep)
    assert progress.of(AdoptionStep.TAKE) == (2, 2)
    done, length = progress.of(AdoptionStep.CHECK)
    assert done == length > 0


@dataclass(frozen=True)
class Damage:
    """A kind of damage.

    Attributes:
        do: it, to a volume that was filled.
        kinds: of what is said of it.
        says: a part of that.
        pulls: what every tag leads to then; `None` if it cannot be pulled.
    """

    do: Callable[[Tree], object]
    kinds: Sequence[Kind]
    says: str
    pulls: dict[str, Digest | None]


def _truncate(path: Path, data: bytes = b"") -> None:
    path.write_bytes(data)


def _remove_links(tree: Tree) -> None:
    for path in tree.tag_folder(HELLO, "old").rglob("link"):
        path.unlink()


def _wrong_place(tree: Tree) -> None:
    tree.blob(image(b"old", b"base").body)
    tree.tag(HELLO, "old", image(b"old", b"base").digest, at=LONG_AGO + HOUR)


def _tag_whose_image_is_gone(tree: Tree) -> None:
    tree.revision_link(HELLO, OLD.digest).unlink()


def _schema_1(tree: Tree) -> None:
    tree.revision(HELLO, SCHEMA_1)
    tree.tag(HELLO, "one", Digest.of(SCHEMA_1))


def _collected_history(tree: Tree) -> None:
    tree.write(
        tree.tag_folder(HELLO, "new") / "index/sha256" / ("a" * 64) / "link",
        "sha256:" + "a" * 64,
        LONG_AGO - HOUR,
    )


def _lead_to_itself(path: Path) -> None:
    """Let a file be a symbolic link that can be read by nobody, not even by root."""
    path.unlink()
    path.symlink_to(path.name)


def _circles(tree: Tree) -> None:
    repositories = tree.root / "docker/registry/v2/repositories"
    (repositories / "itself").symlink_to("itself")
    (repositories / "all").symlink_to(".")
    (repositories / HELLO / "up").symlink_to("../..")


def _equal_times(tree: Tree) -> None:
    folder = tree.tag_folder(HELLO, "latest")
    for link in folder.rglob("link"):
        os.utime(link, (LONG_AGO, LONG_AGO))
    (folder / "current/link").write_text("")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES = {
    "circles of symbolic links": Damage(
        _circles, [], "", {"old": OLD.digest, "latest": NEW.digest}
    ),
    "a link of a tag that cannot be read": Damage(
        lambda tree: _lead_to_itself(tree.tag_folder(HELLO, "latest") / "current/link"),
        [Kind.LINK_WRONG],
        f"it points to {NEW.digest}",
        {"latest": NEW.digest},
    ),
    "a link of a tag that is a named pipe": Damage(
        lambda tree: _pipe(tree.tag_folder(HELLO, "latest") / "current/link"),
        [Kind.LINK_WRONG],
        f"it points to {NEW.digest}",
        {"latest": NEW.digest},
    ),
    "a damaged tag in a copy without times": Damage(
        _equal_times, [Kind.LINK_WRONG], "the times are the same", {"latest": None}
    ),
    "a link of a revision that cannot be read": Damage(
        lambda tree: _lead_to_itself(tree.revision_link(HELLO, OLD.digest)),
        [Kind.LINK_WRONG],
        "unreadable (Too many levels of symbolic links)",
        {"old": OLD.digest},
    ),
    "a link of a layer that cannot be read": Damage(
        lambda tree: _lead_to_itself(tree.layer_link(HELLO, Digest.of(b"base"))),
        [Kind.LINK_WRONG],
        "its folder says which it is",
        {"old": OLD.digest},
    ),
    "a layer that cannot be read": Damage(
        lambda tree: _lead_to_itself(tree.data(Digest.of(b"new layer"))),
        [Kind.LINK_DANGLING, Kind.CHILD_MISSING],
        "cannot be read",
        {"old": OLD.digest},
    ),
    "a layer that is a named pipe": Damage(
        lambda tree: _pipe(tree.data(Digest.of(b"new layer"))),
        [Kind.LINK_DANGLING, Kind.CHILD_MISSING],
        "its bytes are gone",
        {"old": OLD.digest},
    ),
    "a manifest that is a named pipe": Damage(
        lambda tree: _pipe(tree.data(UNTAGGED.digest)),
        [Kind.BYTES_MISSING],
        "it was left out",
        {"old": OLD.digest},
    ),
    "a manifest that is a circle of links": Damage(
        lambda tree: _lead_to_itself(tree.data(UNTAGGED.digest)),
        [Kind.BYTES_MISSING],
        "it was left out",
        {"old": OLD.digest},
    ),
    "a revision without a link": Damage(
        lambda tree: tree.delete(HELLO, UNTAGGED), [Kind.LINK_MISSING], "deleted there", {}
    ),
    "an empty link of a revision": Damage(
        lambda tree: _truncate(tree.revision_link(HELLO, OLD.digest)),
        [Kind.LINK_WRONG],
        "its folder says which it is",
        {"old": OLD.digest},
    ),
    "an empty link of a tag": Damage(
        lambda tree: _truncate(tree.tag_folder(HELLO, "latest") / "current/link"),
        [Kind.LINK_WRONG],
        f"it points to {NEW.digest}",
        {"latest": NEW.digest},
    ),
    "a garbled link of a tag": Damage(
        lambda tree: _truncate(tree.tag_folder(HELLO, "latest") / "current/link", b"\0" * 71),
        [Kind.LINK_WRONG],
        f"it points to {NEW.digest}",
        {"latest": NEW.digest},
    ),
    "a tag without any link": Damage(
        _remove_links,
        [Kind.LINK_WRONG],
        "the tag was left out",
        {"old": None},
    ),
    "an empty link of a layer": Damage(
        lambda tree: _truncate(tree.layer_link(HELLO, Digest.of(b"base"))),
        [Kind.LINK_WRONG],
        "its folder says which it is",
        {"old": OLD.digest},
    ),
    "a layer whose bytes are gone": Damage(
        lambda tree: tree.data(Digest.of(b"new layer")).unlink(),
        [Kind.LINK_DANGLING, Kind.CHILD_MISSING],
        "its bytes are gone",
        {"old": OLD.digest},
    ),
    "a layer that is cut short": Damage(
        lambda tree: _truncate(tree.data(Digest.of(b"new layer")), b"new"),
        [Kind.BYTES_WRONG, Kind.BYTES_WRONG],
        "another digest",
        {"old": OLD.digest},
    ),
    "a manifest that is empty": Damage(
        lambda tree: _truncate(tree.data(UNTAGGED.digest)),
        [Kind.MANIFEST_WRONG],
        "it was left out",
        {"old": OLD.digest},
    ),
    "a manifest whose bytes are gone": Damage(
        lambda tree: tree.data(UNTAGGED.digest).unlink(),
        [Kind.BYTES_MISSING],
        "it was left out",
        {"old": OLD.digest},
    ),
    "a tag whose image is gone": Damage(
        _tag_whose_image_is_gone,
        [Kind.LINK_MISSING, Kind.HISTORY_GONE, Kind.TAG_REFUSED, Kind.CHILD_MISSING],
        "the tag was left out",
        {"old": None, "latest": NEW.digest},
    ),
    "a manifest that is linked in no place": Damage(
        _wrong_place, [Kind.TAG_REFUSED], "adopt --repair", {"old": None}
    ),
    "an image of schema 1": Damage(
        _schema_1,
        [Kind.SCHEMA_1, Kind.TAG_REFUSED],
        "retired in 2017",
        {"one": None, "old": OLD.digest},
    ),
    "a history of what was collected": Damage(
        _collected_history, [Kind.HISTORY_GONE], "cannot be restored", {"new": NEW.digest}
    ),
    "a repository with a wrong name": Damage(
        lambda tree: tree.push("Team/App", OLD, "old"),
        [Kind.NAME_REFUSED],
        "its bytes are kept",
        {"old": OLD.digest},
    ),
    "a tag with a wrong name": Damage(
        lambda tree: tree.tag(HELLO, "a" * 129, OLD.digest),
        [Kind.NAME_REFUSED],
        "tags are up to 128",
        {"old": OLD.digest},
    ),
    "a repository whose name is no text": Damage(
        lambda tree: tree.push(NO_TEXT, OLD, "old"),
        [Kind.NAME_REFUSED],
        "its bytes are kept",
        {"old": OLD.digest},
    ),
    "a tag whose name is no text": Damage(
        lambda tree: tree.tag(HELLO, NO_TEXT, OLD.digest),
        [Kind.NAME_REFUSED],
        "tags are up to 128",
        {"old": OLD.digest},
    ),
    "a manifest whose name is no text": Damage(
        lambda tree: tree.revision_link(HELLO, f"sha256:{NO_TEXT}").parent.mkdir(),
        [Kind.LINK_WRONG],
        "this is no digest",
        {"old": OLD.digest},
    ),
    "an unfinished upload": Damage(
        lambda tree: (tree.root / "docker/registry/v2/repositories" / HELLO / "_uploads/1").mkdir(
            parents=True
        ),
        [Kind.UPLOADS_LEFT],
        "begin anew",
        {"old": OLD.digest},
    ),
    "what is no digest": Damage(
        lambda tree: (tree.layer_link(HELLO, "sha256:wrong").parent).mkdir(),
        [Kind.LINK_WRONG],
        "this is no digest",
        {"old": OLD.digest},
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_each_kind_of_damage_has_a_line_that_says_what_was_done(
    place: Moving, damage: Damage
) -> None:
    """All else is taken over, and it is as good the next time."""
    fill(place.tree)
    damage.do(place.tree)
    findings = await place.adopt()
    assert [finding.kind for finding in findings] == damage.kinds, findings
    assert not findings or any(damage.says in f"{each} {each.mended}" for each in findings)
    assert all(finding.mended or finding.advice for finding in findings)
    for tag, digest in damage.pulls.items():
        if digest is None:
            assert not await place.has(tag)
        else:
            assert await pull(place, tag) == digest
    await place.adopt()
    assert place.last is not None
    assert place.last.tally.changes == 0


async def test_a_layer_that_is_cut_short_is_healed_by_a_push(place: Moving) -> None:
    fill(place.tree)
    _truncate(place.tree.data(Digest.of(b"new layer")), b"new")
    await place.adopt()
    await place.push_blob(b"new layer")
    await pull(place, "new")


async def test_what_a_manifest_says_wrongly_of_a_size_is_no_damage(place: Moving) -> None:
    wrong = NEW.body.replace(b'"size": 9', b'"size": 8')
    assert wrong != NEW.body
    fill(place.tree)
    place.tree.manifest(HELLO, "wrong", wrong)
    findings = await place.adopt()
    assert {finding.kind for finding in findings} == {Kind.SIZE_WRONG}
    assert not any(finding.advice for finding in findings)
    await pull(place, "wrong")


async def test_damage_without_a_trace_is_found_by_checksums(place: Moving) -> None:
    fill(place.tree)
    _truncate(place.tree.data(Digest.of(b"new layer")), b"new liar!")
    assert await place.adopt() == []
    (finding,) = await place.adopt(checksums=True)
    assert (finding.kind, finding.subject) == (Kind.BYTES_WRONG, Digest.of(b"new layer"))


async def test_repair_links_a_manifest_that_is_there_without_a_link(place: Moving) -> None:
    fill(place.tree)
    _wrong_place(place.tree)
    (finding,) = await place.adopt(repair=True)
    assert (finding.subject, finding.advice) == (f"{HELLO}:old", "")
    assert await pull(place, "old") == image(b"old", b"base").digest


async def test_what_is_left_behind_keeps_its_bytes(place: Moving) -> None:
    """They are no garbage, here and for the old registry; all else may be collected."""
    fill(place.tree)
    _schema_1(place.tree)
    place.tree.push("Team/App", image(b"app", b"app layer"), "1", contents=[b"app", b"app layer"])
    orphan = place.tree.blob(b"an orphan")
    await place.adopt()
    place.now += 10 * DAY
    await place.collect()
    check = Check(place.registry, repair=True, delete_unknown=True)
    async for _ in verify.run(check):
        pass
    for data in (SCHEMA_1, b"app", b"app layer"):
        assert place.tree.data(Digest.of(data)).exists()
    assert not orphan.exists()


async def test_a_cache_of_another_registry_is_not_taken_over(place: Moving) -> None:
    fill(place.tree)
    (place.root / "scheduler-state.json").write_text("{}")
    with pytest.raises(CannotAdopt, match="of another registry"):
        await place.adopt()


async def test_an_adoption_waits_for_another(place: Moving) -> None:
    fill(place.tree)
    progress = Watched()
    async with lease.claim(place.registry, adopt.JOB, "another"):
        adoption = adoption_of(place.registry, place.root, progress)
        task = asyncio.create_task(anext(adopt.run(adoption), None))
        while not progress.waited_for:
            await asyncio.sleep(0.01)
        assert progress.waited_for == ["another"]
        assert not await place.has("old")
    await task
    assert await place.has("old")


async def test_what_comes_while_it_runs_is_taken_over_in_the_next_round(place: Moving) -> None:
    fill(place.tree)
    third = image(b"third", b"base")

    class Pushing(Watched):
        @override
        def begin(self, step: str, length: int) -> None:
            super().begin(step, length)
            if step == AdoptionStep.TAKE_NEW:
                place.tree.push(HELLO, third, "third", contents=[b"third"])

    adoption = adoption_of(place.registry, place.root, Pushing())
    assert [finding async for finding in adopt.run(adoption)] == []
    assert await pull(place, "third") == third.digest


async def test_manifests_with_many_edges_and_tags_with_many_moves_come_in_pieces(
    place: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_ROWS", 4)
    layers = [b"%d" % number for number in range(11)]
    large = image(b"config", *layers)
    place.tree.push(HELLO, large, contents=[b"config", *layers])
    for number in range(9):
        small = image(b"config", layers[number])
        at = LONG_AGO + number * HOUR
        place.tree.push(HELLO, small, "latest", f"tag{number}", at=at)
    signature = image(b"config", subject=large)
    place.tree.push(HELLO, signature)
    assert await place.adopt() == []
    assert len(await history(place, "latest")) == 9
    await pull(place, large.digest)
    assert_rows_agree(place)


async def test_the_history_of_a_tag_is_as_long_as_one_transaction_may_be(
    place: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.services.moving.adopt_tags.MOST_MOVES", 3)
    fill(place.tree)
    for number, moved in enumerate((OLD, NEW, MULTI, UNTAGGED)):
        place.tree.tag(HELLO, "latest", moved.digest, at=LONG_AGO + (10 + number) * HOUR)
    (finding,) = await place.adopt()
    assert finding.kind is Kind.HISTORY_CUT
    assert [move[3] for move in await history(place, "latest")] == [
        UNTAGGED.digest,
        MULTI.digest,
        NEW.digest,
    ]
