"""Pushing manifests: under what name, with what right, and whatever their bytes are."""

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.blobs.stores import Stores
from lading.core import manifest_document, media
from lading.core.digest import SHA512, Digest
from lading.core.errors import (
    DigestMismatch,
    ManifestBlobUnknown,
    ManifestInvalid,
    TooManyTags,
)
from lading.core.manifest import Manifest
from lading.core.names import Reference, Tag
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.services.listing import list_tags
from lading.services.pull import pull_manifest
from lading.services.push_manifest import MAX_TAGS, SMALL, push_manifest
from tests.support.contents import HELLO, descriptor, index
from tests.support.people import People

EMPTY = index([])
LATEST = Tag("latest")


async def push(
    people: People, reference: Reference, *tags: Tag, body: bytes = EMPTY.body
) -> Digest:
    """Push an index without any manifests, or other bytes; return the digest it got."""
    manifest = await push_manifest(
        people.registry,
        people.may(),
        reference,
        body,
        content_type=media.OCI_INDEX,
        tags=tags,
        change=people.change(),
    )
    return manifest.digest


async def tags(people: People) -> list[str]:
    """List all tags."""
    page = await list_tags(people.registry, people.may(), after="", limit=1000)
    return list(page.items)


async def test_a_manifest_is_pushed_under_a_tag(people: People) -> None:
    """And can be pulled by its digest as well."""
    assert await push(people, LATEST) == EMPTY.digest

    for reference in (LATEST, EMPTY.digest):
        pulled = await pull_manifest(people.registry, people.may(), reference)
        assert (pulled.body, pulled.media_type) == (EMPTY.body, media.OCI_INDEX)


@pytest.mark.parametrize(("size", "at_once"), [(100, True), (SMALL + 1, False)])
async def test_a_large_manifest_is_not_read_on_the_event_loop(
    people: People, monkeypatch: pytest.MonkeyPatch, size: int, at_once: bool
) -> None:
    """A small one is: a hop to a thread takes longer than that."""
    threads: list[threading.Thread] = []

    def noted(parse: Callable[..., Manifest]) -> Callable[..., Manifest]:
        def parse_and_note(*args: Any) -> Manifest:
            threads.append(threading.current_thread())
            return parse(*args)

        return parse_and_note

    monkeypatch.setattr(manifest_document, "parse", noted(manifest_document.parse))
    body = EMPTY.body + b" " * (size - len(EMPTY.body))

    assert await push(people, LATEST, body=body) == Digest.of(body)
    assert [thread is threading.current_thread() for thread in threads] == [at_once]


async def test_a_manifest_is_pushed_under_its_digest(people: People) -> None:
    """Of either algorithm; it gets no tag."""
    long = Digest.of(EMPTY.body, SHA512)

    assert await push(people, EMPTY.digest) == EMPTY.digest
    assert await push(people, long) == long
    assert await tags(people) == []
    assert (await pull_manifest(people.registry, people.may(), long)).digest == long


async def test_a_manifest_is_pushed_under_many_tags(people: People) -> None:
    """By its digest or by one of them; the same one may be named twice."""
    await push(people, EMPTY.digest, Tag("a"), Tag("b"), Tag("a"))
    await push(people, Tag("c"), Tag("d"))

    assert await tags(people) == ["a", "b", "c", "d"]


async def test_there_are_bounds_to_the_tags_of_a_push(people: People) -> None:
    """Too many are refused as a whole."""
    many = [Tag(f"t{number}") for number in range(MAX_TAGS + 1)]
    with pytest.raises(TooManyTags):
        await push(people, EMPTY.digest, *many)
    await push(people, EMPTY.digest, *many[1:])

    assert len(await tags(people)) == MAX_TAGS


async def test_a_manifest_with_another_digest_is_refused(people: People) -> None:
    """And so are its tags."""
    with pytest.raises(DigestMismatch):
        await push(people, Digest.of(b"another"), LATEST)

    assert await people.metadata.repositories.page(after="", limit=1) == []


async def test_a_refused_manifest_leaves_nothing(people: People) -> None:
    """Be it none, or one whose contents are missing."""
    with pytest.raises(ManifestInvalid):
        await push(people, LATEST, body=b"{}")
    with pytest.raises(ManifestBlobUnknown):
        await push(people, LATEST, body=index([b"missing"]).body)

    assert await people.metadata.repositories.page(after="", limit=1) == []


TEXTS = st.text(st.characters(exclude_categories=()), max_size=6)
FIELDS = {
    "artifactType": TEXTS,
    "annotations": st.dictionaries(TEXTS, TEXTS, max_size=3),
    "subject": st.just(descriptor(EMPTY.body, media.OCI_INDEX)),
    "manifests": st.just([]),
    "layers": st.lists(
        st.fixed_dictionaries(
            {
                "digest": st.just(str(Digest.of(b"foreign"))),
                "size": st.integers(-(2**70), 2**70),
                "urls": st.just(["https://example.org"]),
            }
        ),
        max_size=2,
    ),
}


@given(
    document=st.fixed_dictionaries({"schemaVersion": st.just(2)}, optional=FIELDS),
    media_type=st.sampled_from([media.OCI_INDEX, "application/vnd.new+json"]),
)
async def test_what_is_accepted_comes_back_as_it_was(
    document: dict[str, Any], media_type: str
) -> None:
    """Whatever strings and numbers are in it; all else is refused with a reason."""
    people = People(Metadata(MemoryDatabase()), Stores.in_memory())
    body = json.dumps(document).encode()
    accepted = False
    with contextlib.suppress(ManifestInvalid):
        await push_manifest(
            people.registry,
            people.may(),
            LATEST,
            body,
            content_type=media_type,
            change=people.change(),
        )
        accepted = True
    if accepted:
        pulled = await pull_manifest(people.registry, people.may(), LATEST)
        assert (pulled.body, pulled.media_type) == (body, media_type)
        found = await people.metadata.manifests.referrers(
            HELLO, EMPTY.digest, artifact_type=None, after="", limit=10, max_size=0
        )
        expected = [document.get("annotations", {})] if "subject" in document else []
        assert [json.loads(referrer.annotations) for referrer in found.items] == expected
    await people.metadata.close()
