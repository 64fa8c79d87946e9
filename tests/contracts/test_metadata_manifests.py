"""What every `Metadata` promises of manifests and tags, sentence by sentence."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from lading.core import media
from lading.core.digest import SHA256, SHA512, Digest
from lading.core.errors import ManifestBlobUnknown, SizeMismatch
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata.manifests import StoredManifest
from lading.metadata.metadata import Metadata
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.rows import add, by_alice, delete, digest_of, push, tags_of

CONFIG, LAYER, MORE = b"config", b"layer", b"another layer"
IMAGE = image(CONFIG, LAYER)
BIGGER = image(CONFIG, LAYER, MORE)


async def test_a_manifest_comes_back_byte_for_byte(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """By its digest and by each of its tags, in every worker; and not from elsewhere."""
    await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE, "latest", "v1")

    expected = StoredManifest(IMAGE.digest, media.OCI_MANIFEST, IMAGE.body)
    for reference in (IMAGE.digest, Tag("latest"), Tag("v1")):
        assert await other_metadata.manifests.find(HELLO, reference) == expected
        assert await metadata.manifests.find(OTHER, reference) is None
    assert await metadata.manifests.find(HELLO, Tag("v2")) is None
    assert await metadata.manifests.find(HELLO, BIGGER.digest) is None


async def test_many_that_are_looked_up_at_once_are_each_what_was_asked_for(
    metadata: Metadata,
) -> None:
    """By tags and digests, here and elsewhere, some of them twice, some of them not there."""
    await add(metadata, CONFIG, LAYER, MORE)
    await push(metadata, IMAGE, "latest", *(f"v{number}" for number in range(40)))
    await push(metadata, BIGGER, "bigger")
    images = (IMAGE, BIGGER)
    one, other = (StoredManifest(item.digest, item.media_type, item.body) for item in images)
    expected: list[tuple[RepositoryName, Reference, StoredManifest | None]] = [
        *((HELLO, Tag(f"v{number}"), one) for number in range(40)),
        *((HELLO, BIGGER.digest, other) for _ in range(3)),
        *((HELLO, Tag("bigger"), other) for _ in range(3)),
        *((HELLO, Tag(f"w{number}"), None) for number in range(3)),
        (HELLO, IMAGE.digest, one),
        (OTHER, IMAGE.digest, None),
        (OTHER, Tag("latest"), None),
    ]
    finding = (metadata.manifests.find(name, reference) for name, reference, _ in expected)

    assert await asyncio.gather(*finding) == [manifest for _, _, manifest in expected]


async def test_the_same_bytes_under_two_algorithms_are_two_manifests(metadata: Metadata) -> None:
    """Each is pulled and deleted by the digest it was pushed with."""
    await add(metadata, CONFIG, LAYER)
    long = parse(IMAGE.body, IMAGE.media_type, SHA512)
    await push(metadata, IMAGE)
    await push(metadata, long)

    assert await delete(metadata, IMAGE.digest)

    assert await digest_of(metadata, IMAGE.digest) is None
    assert await digest_of(metadata, long.digest) == long.digest


async def test_pushing_again_changes_nothing(metadata: Metadata) -> None:
    """As a client does that did not get the answer."""
    await add(metadata, CONFIG, LAYER)
    for _ in range(2):
        await push(metadata, IMAGE, "latest")

    assert await digest_of(metadata, "latest") == IMAGE.digest
    assert await tags_of(metadata) == ["latest"]


async def test_pushing_again_can_correct_the_media_type(metadata: Metadata) -> None:
    """The bytes may leave it open; the last push says what they are."""
    body = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    await push(metadata, parse(body, media.OCI_INDEX, SHA256))
    await push(metadata, parse(body, media.DOCKER_LIST, SHA256))

    found = await metadata.manifests.find(HELLO, Digest.of(body))
    assert found is not None
    assert found.media_type == media.DOCKER_LIST


async def test_a_tag_moves_to_what_was_pushed_last(metadata: Metadata) -> None:
    """What it pointed to before stays."""
    await add(metadata, CONFIG, LAYER, MORE)
    await push(metadata, IMAGE, "latest")
    await push(metadata, BIGGER, "latest")

    assert await digest_of(metadata, "latest") == BIGGER.digest
    assert await digest_of(metadata, IMAGE.digest) == IMAGE.digest


async def test_everything_that_is_missing_is_listed(metadata: Metadata) -> None:
    """In one answer; what is there is not."""
    await add(metadata, LAYER)
    with pytest.raises(ManifestBlobUnknown) as refused:
        await push(metadata, BIGGER, "latest")

    missing = [{"digest": Digest.of(CONFIG)}, {"digest": Digest.of(MORE)}]
    assert list(refused.value.details) == missing


async def test_what_another_repository_has_is_missing(metadata: Metadata) -> None:
    """It must be mounted or pushed here first."""
    await add(metadata, CONFIG, LAYER, to=OTHER)
    with pytest.raises(ManifestBlobUnknown):
        await push(metadata, IMAGE)


async def test_what_was_deleted_is_missing(metadata: Metadata) -> None:
    """A blob, or a child of an index."""
    _, layer = await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE)
    await delete(metadata, IMAGE.digest)
    with pytest.raises(ManifestBlobUnknown) as refused:
        await push(metadata, index([IMAGE]))
    assert list(refused.value.details) == [{"digest": IMAGE.digest}]
    await metadata.links.delete(HELLO, layer, change=by_alice(0))
    with pytest.raises(ManifestBlobUnknown) as refused:
        await push(metadata, IMAGE)
    assert list(refused.value.details) == [{"digest": layer}]


@pytest.mark.parametrize("manifest", [IMAGE, index([IMAGE])], ids=["image", "index"])
@pytest.mark.parametrize("size", [0, 5000, None])
async def test_a_wrong_size_is_accepted_or_refused_as_asked_for(
    metadata: Metadata, manifest: Manifest, size: int | None
) -> None:
    """Of a blob or of a child, be it one size or several."""
    await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE)
    first = manifest.edges[0]
    wrong = replace(manifest, edges=(replace(first, size=size), *manifest.edges[1:]))
    with pytest.raises(SizeMismatch) as refused:
        await push(metadata, wrong, "wrong", sizes_required=True)
    assert list(refused.value.details) == [{"digest": first.child, "size": first.size}]
    assert await tags_of(metadata) == []

    await push(metadata, wrong, "wrong")

    assert await digest_of(metadata, "wrong") == manifest.digest


async def test_a_refused_push_stores_nothing(metadata: Metadata) -> None:
    """Neither the manifest, nor its tags, nor the repository."""
    await add(metadata, CONFIG)
    with pytest.raises(ManifestBlobUnknown):
        await push(metadata, IMAGE, "latest", "v1")

    assert await digest_of(metadata, IMAGE.digest) is None
    assert await tags_of(metadata) == []
    assert not await metadata.repositories.exists(HELLO)
    assert await metadata.links.delete(HELLO, Digest.of(CONFIG), change=by_alice(0))


async def test_a_push_that_is_refused_does_not_disturb_those_beside_it(
    metadata: Metadata,
) -> None:
    """Though all may be in one transaction of the database."""
    await add(metadata, CONFIG, LAYER)
    manifests = [IMAGE if number % 2 else BIGGER for number in range(20)]

    outcomes = await asyncio.gather(
        *(push(metadata, each, f"t{number:02}") for number, each in enumerate(manifests)),
        return_exceptions=True,
    )

    for manifest, outcome in zip(manifests, outcomes, strict=True):
        if manifest is IMAGE:
            assert outcome == IMAGE.digest
        else:
            assert isinstance(outcome, ManifestBlobUnknown)
    assert await tags_of(metadata) == [f"t{number:02}" for number in range(1, 20, 2)]


async def test_layers_from_elsewhere_need_not_be_there(metadata: Metadata) -> None:
    """Foreign layers have URLs; if they are there, they are needed as any other."""
    document = json.loads(IMAGE.body)
    document["layers"][0]["urls"] = ["https://example.org/layer"]
    foreign = parse(json.dumps(document).encode(), media.OCI_MANIFEST, SHA256)
    await add(metadata, CONFIG)

    assert await push(metadata, foreign, "latest") == foreign.digest


async def test_the_children_of_an_index_must_be_there(metadata: Metadata) -> None:
    """Unless the operator does not ask for it; its blobs must be in any case."""
    await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE)
    children = index([IMAGE, BIGGER])
    with pytest.raises(ManifestBlobUnknown) as refused:
        await push(metadata, children)
    assert list(refused.value.details) == [{"digest": BIGGER.digest}]

    assert await push(metadata, children, children_required=False) == children.digest
    with pytest.raises(ManifestBlobUnknown):
        await push(metadata, BIGGER, children_required=False)


async def test_the_children_of_an_index_can_be_blobs_and_indexes(metadata: Metadata) -> None:
    """BuildKit's cache is an index of layers; indexes nest."""
    await add(metadata, LAYER)
    inner = index([LAYER])
    await push(metadata, inner)

    assert await push(metadata, index([inner]), "latest")


async def test_a_subject_need_not_be_there(metadata: Metadata) -> None:
    """ "MUST … accept" (distribution-spec, Pushing Manifests with Subject)."""
    await add(metadata, CONFIG, LAYER)

    assert await push(metadata, image(CONFIG, LAYER, subject=BIGGER))


async def test_deleting_a_tag_leaves_its_manifest(metadata: Metadata) -> None:
    """And the manifest's other tags; a tag can be deleted once."""
    await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE, "latest", "v1")
    assert await delete(metadata, "latest")

    assert not await delete(metadata, "latest")
    assert not await delete(metadata, "latest", of=OTHER)
    assert await tags_of(metadata) == ["v1"]
    assert await digest_of(metadata, IMAGE.digest) == IMAGE.digest


async def test_deleting_a_manifest_takes_its_tags(metadata: Metadata) -> None:
    """Other manifests keep theirs; a manifest can be deleted once."""
    await add(metadata, CONFIG, LAYER, MORE)
    await push(metadata, IMAGE, "latest", "v1")
    await push(metadata, BIGGER, "v2")
    assert await delete(metadata, IMAGE.digest)

    assert not await delete(metadata, IMAGE.digest)
    assert not await delete(metadata, BIGGER.digest, of=OTHER)
    assert await digest_of(metadata, IMAGE.digest) is None
    assert await digest_of(metadata, "latest") is None
    assert await tags_of(metadata) == ["v2"]
    assert await metadata.repositories.exists(HELLO)


async def test_pushing_a_deleted_manifest_brings_it_back(metadata: Metadata) -> None:
    """With the tag of that push only."""
    await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE, "latest")
    await delete(metadata, IMAGE.digest)
    await push(metadata, IMAGE, "v1")

    assert await digest_of(metadata, IMAGE.digest) == IMAGE.digest
    assert await tags_of(metadata) == ["v1"]


async def test_many_workers_push_at_once(metadata: Metadata, other_metadata: Metadata) -> None:
    """No push is lost, and a contended tag points to one of them."""
    await add(metadata, CONFIG, *(b"%d" % number for number in range(20)))
    manifests = [image(CONFIG, b"%d" % number) for number in range(20)]
    workers = [metadata, other_metadata] * 10
    await asyncio.gather(
        *(
            push(worker, manifest, "latest", f"t{number:02}")
            for number, (worker, manifest) in enumerate(zip(workers, manifests, strict=True))
        )
    )

    for number, manifest in enumerate(manifests):
        assert await digest_of(metadata, f"t{number:02}") == manifest.digest
    assert await digest_of(metadata, "latest") in {manifest.digest for manifest in manifests}
