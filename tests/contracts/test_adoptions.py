"""Adoptions and exports, on every database: there, used, back, and there once more."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lading.blobs.stores import Stores
from lading.core.names import Tag
from lading.metadata import batches
from lading.metadata.documents import PIECE
from lading.metadata.metadata import Metadata
from lading.services import lease
from lading.services.moving import adopt, export
from lading.services.moving.export import LinkKeeper
from lading.services.moving.taking import Adoption
from tests.support.adopting import CONTENTS, HOUR, MULTI, NEW, OLD, UNTAGGED, adoption_of, fill
from tests.support.contents import HELLO, OTHER, image
from tests.support.distribution import LONG_AGO, Tree
from tests.support.exporting import export_of, served
from tests.support.people import DAY, People


@dataclass
class Neighbours(People):
    """A registry in the directory of Distribution."""

    root: Path = field(default_factory=Path)

    async def adopt(self) -> tuple[list[str], Adoption]:
        """Take over what is new; what is wrong, and what was done."""
        adoption = adoption_of(self.registry, self.root)
        return [finding.kind async for finding in adopt.run(adoption)], adoption


@pytest.mark.parametrize("most_rows", [batches.MOST_ROWS, 4])
async def test_there_and_back(
    metadata: Metadata, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_rows: int
) -> None:
    """Also in small pieces."""
    monkeypatch.setattr(batches, "MOST_ROWS", most_rows)
    tree = Tree(tmp_path / "data")
    fill(tree)
    tree.blob(b"an orphan")
    large = image(b"old", *CONTENTS)
    tree.push(HELLO, large, "large")
    larger = image(b"old", annotations={"x": 2 * PIECE * "x"})
    tree.push(OTHER, larger, "larger")
    people = Neighbours(metadata, Stores.in_files(tree.root), 2_000_000_000.0, root=tree.root)
    found, work = await people.adopt()
    assert found == []
    assert (work.tally.manifests, work.tally.tags, work.tally.garbage) == (7, 7, 7)
    adopted = await metadata.manifests.find(OTHER, Tag("larger"))
    assert adopted is not None
    assert adopted.body == larger.body
    assert await people.has("multi")
    assert await people.has(UNTAGGED.digest)

    await people.push_image(b"third", "latest")
    await people.delete("new")
    await people.delete(UNTAGGED.digest)
    work_back = export_of(people.registry, tree.root, at_home=True)
    async with lease.claim(people.registry, export.JOB, "a worker") as held:
        assert held is not None
        await LinkKeeper(lambda: work_back.target).keep(people.registry, held)
    assert (await export.run(work_back)).links == 0
    third = image(b"third", b"third layer")
    assert served(tree) == {
        f"{HELLO}:old": OLD.digest,
        f"{HELLO}:latest": third.digest,
        f"{HELLO}:multi": MULTI.digest,
        f"{HELLO}:large": large.digest,
        f"{OTHER}:old": OLD.digest,
        f"{OTHER}:larger": larger.digest,
    }

    tree.push(HELLO, NEW, "new", at=LONG_AGO + 9 * HOUR)
    shutil.rmtree(tree.tag_folder(HELLO, "old"))
    found, work = await people.adopt()
    assert found == []
    assert (work.tally.tags, work.tally.gone) == (1, 1)
    assert await people.has("new")
    assert not await people.has("old")

    people.now += 10 * DAY
    await people.collect()
    assert await people.has("large")
    assert len(await people.stored() & {image(data).edges[0].child for data in CONTENTS}) == 6
    people.stores.close()
