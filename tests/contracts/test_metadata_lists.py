"""What every `Metadata` promises of lists: byte order, pages without gaps, only what is visible."""

import json
import string
import sys

import pytest

from lading.core.digest import Digest
from lading.core.names import RepositoryName
from lading.metadata.metadata import Metadata
from lading.metadata.referrers import Referrer, Referrers
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.rows import add, delete, push

CONFIG, LAYER = b"config", b"layer"
NO_LIMIT = sys.maxsize
IMAGE = image(CONFIG, LAYER)
# In byte order: digits, upper case, underscore, lower case; dots and dashes inside.
TAGS = ["1", "1-a", "1.0", "10", "2", "A", "B", "Z", "_", "a", "a-b", "a.b", "aB", "a_b", "ab"]


@pytest.fixture
async def pushed(metadata: Metadata) -> Metadata:
    """A repository with contents to tag."""
    await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE, *reversed(TAGS))
    return metadata


async def test_tags_are_in_byte_order(pushed: Metadata) -> None:
    """Not in that of any language."""
    assert sorted(TAGS) == TAGS
    assert await pushed.tags.page(HELLO, after="", limit=100) == TAGS


@pytest.mark.parametrize("limit", [1, 2, 7, len(TAGS), 100])
async def test_pages_of_tags_have_no_gaps(pushed: Metadata, limit: int) -> None:
    """Each goes on after the last one of the page before."""
    found: list[str] = []
    while page := await pushed.tags.page(HELLO, after=found[-1] if found else "", limit=limit):
        assert len(page) <= limit
        found += page
    assert found == TAGS


async def test_a_page_may_start_after_what_is_not_there(pushed: Metadata) -> None:
    """A tag that was deleted since, or anything else a client makes up."""
    assert await pushed.tags.page(HELLO, after="AA", limit=2) == ["B", "Z"]
    assert await pushed.tags.page(HELLO, after="zzz", limit=2) == []
    assert await pushed.tags.page(HELLO, after="é\0", limit=2) == []


async def test_repositories_are_those_that_have_had_a_manifest(metadata: Metadata) -> None:
    """In byte order; also when all of it has been deleted."""
    names = [RepositoryName(name) for name in ("a", "a-b", "a.b", "a/b", "a0", "a_b", "b")]
    for name in reversed(names):
        await add(metadata, CONFIG, LAYER, to=name)
        await push(metadata, IMAGE, to=name)
    await delete(metadata, IMAGE.digest, of=names[2])
    await add(metadata, CONFIG, to=OTHER)

    assert await metadata.repositories.page(after="", limit=100) == names
    assert await metadata.repositories.page(after="a.b", limit=2) == ["a/b", "a0"]
    assert await metadata.repositories.page(after="", limit=100, prefix="a/") == ["a/b"]
    assert await metadata.repositories.page(after="a.b", limit=1, prefix="a") == ["a/b"]
    assert await metadata.repositories.exists(names[2])
    assert not await metadata.repositories.exists(OTHER)


async def test_referrers_are_shown_as_they_were_pushed(metadata: Metadata) -> None:
    """With the type of the artifact, or else of its config; annotations as they are."""
    await add(metadata, CONFIG, LAYER)
    annotations = {"org.example.note": "“quoted” \n ünïcode", "": ""}
    signature = image(CONFIG, subject=IMAGE, artifact_type="application/x-signature")
    bom = image(LAYER, subject=IMAGE, annotations=annotations)
    await push(metadata, signature)
    await push(metadata, bom, "bom")

    found = await metadata.manifests.referrers(
        HELLO, IMAGE.digest, artifact_type=None, after="", limit=10, max_size=NO_LIMIT
    )

    expected = [
        Referrer(
            signature.digest,
            signature.media_type,
            len(signature.body),
            "application/x-signature",
            b"{}",
        ),
        Referrer(
            bom.digest,
            bom.media_type,
            len(bom.body),
            "application/vnd.oci.image.config.v1+json",
            json.dumps(annotations, ensure_ascii=False, separators=(",", ":")).encode(),
        ),
    ]
    assert found == Referrers(sorted(expected, key=lambda referrer: referrer.digest), None)


async def test_referrers_are_filtered_and_paged(metadata: Metadata) -> None:
    """By the type of artifact, in the order of their digests."""
    await add(metadata, CONFIG, LAYER)
    kinds = {
        await push(
            metadata, image(CONFIG, subject=IMAGE, artifact_type=kind, annotations={"n": name})
        ): kind
        for name in string.ascii_lowercase[:5]
        for kind in ("application/a", "application/b")
    }

    async def page(kind: str | None, after: str, limit: int) -> list[Digest]:
        found = await metadata.manifests.referrers(
            HELLO, IMAGE.digest, artifact_type=kind, after=after, limit=limit, max_size=NO_LIMIT
        )
        return [referrer.digest for referrer in found.items]

    everything = sorted(kinds)
    assert await page(None, "", 100) == everything
    assert await page(None, everything[3], 4) == everything[4:8]
    only_b = [digest for digest in everything if kinds[digest] == "application/b"]
    assert await page("application/b", "", 100) == only_b
    assert await page("application/b", only_b[1], 2) == only_b[2:4]
    assert await page("application/c", "", 100) == []


async def test_referrers_are_those_of_the_repository_that_are_not_deleted(
    metadata: Metadata,
) -> None:
    """The subject itself may be anything."""
    await add(metadata, CONFIG, LAYER)
    await add(metadata, CONFIG, LAYER, to=OTHER)
    kept, deleted = (image(CONFIG, LAYER, subject=IMAGE, annotations={"n": n}) for n in "ab")
    elsewhere = image(LAYER, subject=IMAGE)
    await push(metadata, kept)
    await push(metadata, deleted)
    await push(metadata, elsewhere, to=OTHER)
    await delete(metadata, deleted.digest)

    for subject, expected in ((IMAGE.digest, [kept.digest]), (kept.digest, [])):
        found = await metadata.manifests.referrers(
            HELLO, subject, artifact_type=None, after="", limit=10, max_size=NO_LIMIT
        )
        assert [referrer.digest for referrer in found.items] == expected


async def test_an_index_can_be_a_referrer(metadata: Metadata) -> None:
    """Without an artifact type its type is empty: an index has no config."""
    await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE)
    children = index([IMAGE], subject=IMAGE)
    await push(metadata, children)

    found = await metadata.manifests.referrers(
        HELLO, IMAGE.digest, artifact_type=None, after="", limit=10, max_size=NO_LIMIT
    )
    (referrer,) = found.items
    assert (referrer.digest, referrer.artifact_type) == (children.digest, "")


@pytest.mark.parametrize(("max_size", "expected"), [(0, 1), (1200, 2), (2500, 3), (NO_LIMIT, 5)])
async def test_no_more_referrers_are_read_than_fit_and_one(
    metadata: Metadata, max_size: int, expected: int
) -> None:
    """Of 1,000 bytes each, beside their types; each read goes on where the one before ended."""
    await add(metadata, CONFIG)
    pushed = sorted(
        [
            await push(metadata, image(CONFIG, subject=IMAGE, annotations={str(n): "x" * 1000}))
            for n in range(5)
        ]
    )

    found = await metadata.manifests.referrers(
        HELLO, IMAGE.digest, artifact_type=None, after="", limit=10, max_size=max_size
    )

    assert [referrer.digest for referrer in found.items] == pushed[:expected]
    assert found.last == (None if expected == 5 else pushed[expected - 1])
