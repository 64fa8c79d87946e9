"""Importing OCI image layouts: every image is here, verified, and what is broken is said."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lading.blobs.layout import Layout
from lading.blobs.link_writer import LinkWriter
from lading.blobs.oci_layout import OciLayout, find_layouts
from lading.blobs.stores import Stores
from lading.core.damage import Finding, Kind
from lading.core.digest import Digest
from lading.core.errors import ReadOnly
from lading.core.names import RepositoryName, Tag
from lading.services import read_only
from lading.services.moving import import_layouts
from lading.services.moving.import_layouts import LayoutImport
from lading.services.moving.import_repository import ImportTally
from lading.services.pull import pull_blob, pull_manifest
from lading.wiring.paths import metadata_path
from tests.crash.state import Place, assert_consistent
from tests.support.contents import HELLO, fetch, path_of
from tests.support.layouts import Layout as Written
from tests.support.layouts import write_layout
from tests.support.people import ALICE
from tests.support.progress import Watched
from tests.support.pushes import OCI_INDEX, descriptor
from tests.support.rows import open_metadata


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A registry that is empty."""
    root = tmp_path / "data"
    place = Place(open_metadata(metadata_path(root)), Stores.in_files(root), root=root)
    yield place
    place.stores.close()
    await place.metadata.close()


@pytest.fixture
def layout(tmp_path: Path) -> Written:
    """A layout with an image for two architectures."""
    return write_layout(tmp_path / "layout", more=300_000)


async def bring(
    place: Place, path: Path, name: str = HELLO, *, linked: bool = True
) -> tuple[Sequence[Finding], ImportTally]:
    """Import a layout; all that is wrong with it, and what was done."""
    target = LinkWriter(Layout(place.root)) if linked else None
    work = LayoutImport(place.registry, target, place.may, Watched())
    found = [each async for each in import_layouts.run(work, name, OciLayout(str(path)))]
    return found, work.tally


async def pull(place: Place, reference: str) -> Digest:
    """Pull an image with all its blobs, and verify each."""
    known = Digest(reference) if ":" in reference else Tag(reference)
    pulled = await pull_manifest(place.registry, place.may(), known)
    document = json.loads(pulled.body)
    for child in document.get("manifests", ()):
        await pull(place, child["digest"])
    for layer in document.get("layers", ()):
        blob = await pull_blob(place.registry, place.may(), Digest(layer["digest"]))
        assert Digest.of(await fetch(blob.source)) == layer["digest"]
    return pulled.digest


@pytest.mark.parametrize("linked", [True, False])
async def test_all_images_of_a_layout_can_be_pulled(
    place: Place, layout: Written, linked: bool
) -> None:
    found, tally = await bring(place, layout.path, linked=linked)
    assert found == []
    assert await pull(place, "latest") == layout.digest
    assert (tally.manifests, tally.tags) == (3, 1)
    assert (tally.linked, tally.copied) == ((6, 0) if linked else (0, 6))
    layer = layout.document(layout.image("amd64"))["layers"][0]["digest"]
    mine = path_of(place.stores, Digest(layer))
    assert mine.samefile(layout.path / "blobs" / layer.replace(":", "/")) is linked
    assert_consistent(place)


async def test_a_second_import_does_nothing(place: Place, layout: Written) -> None:
    await bring(place, layout.path)
    found, tally = await bring(place, layout.path)
    assert found == []
    assert (tally.manifests, tally.tags, tally.linked, tally.copied) == (0, 0, 0, 0)


async def test_indexes_may_hold_each_other_more_deeply_than_python_calls(
    place: Place, layout: Written
) -> None:
    """As a stranger may write them; what is within comes first."""
    held: Mapping[str, Any] = {"digest": layout.digest, "mediaType": OCI_INDEX, "size": 1}
    for _ in range(600):
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [held]}
        body = json.dumps(document).encode()
        held = descriptor(body, OCI_INDEX)
        (layout.path / "blobs" / held["digest"].replace(":", "/")).write_bytes(body)
    _entry(layout, **held)
    found, tally = await bring(place, layout.path)
    assert (found, tally.manifests) == ([], 603)
    assert (await pull_manifest(place.registry, place.may(), Tag("latest"))).digest == held[
        "digest"
    ]


async def test_blobs_that_another_repository_has_are_not_brought_again(
    place: Place, layout: Written
) -> None:
    await bring(place, layout.path, "team/other")
    _, tally = await bring(place, layout.path)
    assert (tally.manifests, tally.linked, tally.copied) == (3, 0, 0)
    assert await pull(place, "latest") == layout.digest


def _entry(layout: Written, **changes: object) -> None:
    index = layout.path / "index.json"
    document = json.loads(index.read_text())
    document["manifests"][0] |= changes
    index.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("name", "tag"), [("docker.io/library/app:v1", "v1"), ("v2", "v2"), ("", None)]
)
async def test_the_tag_is_the_last_part_of_the_name(
    place: Place, layout: Written, name: str, tag: str | None
) -> None:
    _entry(layout, annotations={"org.opencontainers.image.ref.name": name})
    assert (await bring(place, layout.path))[0] == []
    tags = await place.metadata.tags.page(HELLO, after="", limit=10)
    assert list(tags) == ([tag] if tag else [])
    await pull(place, layout.digest)


@pytest.mark.parametrize(
    ("annotations", "tag"),
    [
        ({"io.containerd.image.name": "docker.io/library/app:v1"}, "v1"),
        ({"of.another": 5}, None),
        (None, None),
    ],
)
async def test_annotations_of_other_tools_cost_no_image(
    place: Place, layout: Written, annotations: object, tag: str | None
) -> None:
    _entry(layout, annotations=annotations)
    assert (await bring(place, layout.path))[0] == []
    assert list(await place.metadata.tags.page(HELLO, after="", limit=10)) == ([tag] if tag else [])
    await pull(place, layout.digest)


@pytest.mark.parametrize(
    "listed",
    [5, None, {}, {"digest": 5}, {"digest": "sha256:x", "annotations": [1], "mediaType": None}],
)
async def test_an_entry_that_cannot_be_read_costs_no_other_image(
    place: Place, layout: Written, listed: object
) -> None:
    index = layout.path / "index.json"
    document = json.loads(index.read_text())
    document["manifests"].insert(0, listed)
    index.write_text(json.dumps(document))

    ((finding,), _) = await bring(place, layout.path)

    assert finding.kind is Kind.NAME_REFUSED
    await pull(place, "latest")


@pytest.mark.parametrize("changes", [{"annotations": ["x"]}, {"mediaType": None}])
async def test_an_entry_is_read_as_far_as_it_can_be(
    place: Place, layout: Written, changes: dict[str, object]
) -> None:
    _entry(layout, **changes)
    assert (await bring(place, layout.path))[0] == []
    await pull(place, layout.digest)


async def test_of_two_images_with_one_tag_the_second_is_named(
    place: Place, layout: Written
) -> None:
    """As where several repositories were saved into one archive."""
    index = layout.path / "index.json"
    document = json.loads(index.read_text())
    (first,) = document["manifests"]
    other = layout.image("arm64")
    document["manifests"].append(first | {"digest": other, "mediaType": ""})
    document["manifests"].append(first)  # the same once more is no other one
    index.write_text(json.dumps(document))

    ((finding,), _) = await bring(place, layout.path)

    assert finding.kind is Kind.TAG_REFUSED
    assert other in finding.subject
    assert f"{layout.path}@{other}" in finding.advice
    assert await pull(place, "latest") == layout.digest


async def test_an_index_of_holes_is_not_read(place: Place, layout: Written) -> None:
    os.truncate(layout.path / "index.json", 1 << 34)
    ((finding,), _) = await bring(place, layout.path)
    assert (finding.kind, "more than" in finding.explanation) == (Kind.MANIFEST_REFUSED, True)


async def test_an_index_of_blobs_is_imported(place: Place, tmp_path: Path) -> None:
    """As BuildKit keeps its cache in a folder (`--cache-to type=local`)."""
    written = write_layout(tmp_path / "layout")
    parts = [
        (b"a layer", "application/vnd.oci.image.layer.v1.tar+gzip"),
        (b'{"layers": [], "records": []}', "application/vnd.buildkit.cacheconfig.v0"),
    ]
    held = [descriptor(data, kind) for data, kind in parts]
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": held}).encode()
    for data in (body, *(data for data, _ in parts)):
        (written.path / "blobs/sha256" / Digest.of(data)[7:]).write_bytes(data)
    tagged = {"annotations": {"org.opencontainers.image.ref.name": "cache"}}
    _entry(written, **descriptor(body, OCI_INDEX), **tagged)

    found, tally = await bring(place, written.path)

    assert found == []
    assert (tally.manifests, tally.tags, tally.linked) == (1, 1, 2)
    assert (await pull_manifest(place.registry, place.may(), Tag("cache"))).body == body
    for one in held:
        await pull_blob(place.registry, place.may(), Digest(one["digest"]))


async def test_an_index_that_was_saved_for_one_platform_has_a_way(
    place: Place, layout: Written
) -> None:
    """As `docker save` does of an image that was pulled for this machine alone."""
    other = layout.image("arm64")
    (layout.path / "blobs" / other.replace(":", "/")).unlink()
    ((finding,), _) = await bring(place, layout.path)
    assert finding.kind is Kind.BYTES_MISSING
    assert "--platform" in finding.advice


async def test_an_index_without_entries_is_an_empty_one(place: Place, layout: Written) -> None:
    (layout.path / "index.json").write_text('{"schemaVersion": 2, "manifests": null}')
    assert (await bring(place, layout.path))[0] == []


async def test_what_is_damaged_is_left_out_with_the_reason(place: Place, layout: Written) -> None:
    layer = layout.document(layout.image("amd64"))["layers"][0]["digest"]
    (layout.path / "blobs" / layer.replace(":", "/")).write_bytes(b"something else")
    for linked in (True, False):
        ((finding,), _) = await bring(place, layout.path, linked=linked)
        assert finding.kind is Kind.BYTES_WRONG
    assert not await place.has("latest")


async def test_what_is_missing_is_named(place: Place, layout: Written) -> None:
    layer = layout.document(layout.image("arm64"))["layers"][1]["digest"]
    (layout.path / "blobs" / layer.replace(":", "/")).unlink()
    ((finding,), _) = await bring(place, layout.path)
    assert (finding.kind, layer in finding.explanation) == (Kind.BYTES_MISSING, True)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"digest": "sha256:wrong"}, Kind.NAME_REFUSED),
        ({"annotations": {"org.opencontainers.image.ref.name": "no tag!"}}, Kind.NAME_REFUSED),
        ({"mediaType": "text/plain"}, Kind.MANIFEST_REFUSED),
    ],
)
async def test_an_entry_that_is_wrong_is_left_out(
    place: Place, layout: Written, changes: dict[str, object], kind: Kind
) -> None:
    _entry(layout, **changes)
    ((finding,), _) = await bring(place, layout.path)
    assert finding.kind is kind


async def test_a_layout_without_an_index_or_a_name_is_said(place: Place, layout: Written) -> None:
    ((finding,), _) = await bring(place, layout.path, "Wrong")
    assert finding.kind is Kind.NAME_REFUSED
    for text in (b"{", b'{"a":' * 100_000, b'{"manifests": ["\xff"]}'):
        (layout.path / "index.json").write_bytes(text)
        ((finding,), _) = await bring(place, layout.path)
        assert "index.json cannot be read" in finding.explanation


async def test_a_registry_that_is_read_only_takes_nothing(place: Place, layout: Written) -> None:
    await read_only.switch_on(place.registry, ALICE)
    with pytest.raises(ReadOnly):
        await bring(place, layout.path)


def test_layouts_are_found_as_zot_keeps_them(tmp_path: Path) -> None:
    for name in ("team/app", "team/app/nested", "alone", ".trash", "_trivy", "team/blobs/no"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "oci-layout").touch()
    (tmp_path / "team/nothing").mkdir()
    names = _found_in(tmp_path)
    assert names == ["alone", "team/app", "team/app/nested"]
    assert all(RepositoryName(name) for name in names)


def test_a_search_of_layouts_ends_where_links_lead_in_circles(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/oci-layout").touch()
    for number in range(30):
        (tmp_path / f"app/up{number}").symlink_to("..")
    assert _found_in(tmp_path / "app") == [""]
    assert _found_in(tmp_path) == ["app"]


async def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_imported(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
    (tmp_path / "open/oci-layout").touch()
    listdir: Callable[[str], list[str]] = os.listdir

    def refuse(path: str) -> list[str]:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert _found_in(tmp_path) == ["closed", "open"]
    ((finding,), _) = await bring(place, tmp_path / "closed")
    assert "closed/index.json cannot be read" in finding.explanation


def _found_in(directory: Path) -> list[str]:
    return [found[0] for found in find_layouts(str(directory)) if found is not None]


async def test_blobs_that_are_symbolic_links_stay_when_these_are_gone(
    place: Place, layout: Written, tmp_path: Path
) -> None:
    """As Bazel makes layouts: of bytes that are elsewhere."""
    elsewhere = tmp_path / "cache"
    (layout.path / "blobs").rename(elsewhere)
    for file in list(elsewhere.glob("*/*")):
        link = layout.path / "blobs" / file.relative_to(elsewhere)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    found, tally = await bring(place, layout.path)
    assert found == []
    assert tally.linked == 6
    shutil.rmtree(layout.path)
    shutil.rmtree(elsewhere)
    assert await pull(place, "latest") == layout.digest
