"""`Metadata`: tags that stay what they are, and changes of nothing but what is expected."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pytest
from msgspec.structs import replace

from lading.core import media
from lading.core.digest import SHA256, Digest
from lading.core.errors import AlreadyExists, NotAsExpected, RegistryError, TagImmutable
from lading.core.expected import Expected
from lading.core.globs import Glob
from lading.core.history import Change
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata import batches
from lading.metadata.metadata import Metadata
from lading.metadata.pushes import ManifestPush

REPOSITORY = RepositoryName("team/app")
V1 = Tag("v1")
LATEST = Tag("latest")
RULES = [ImmutableTags([Glob("team/**")], [Glob("v*")], [Glob("*-rc*")])]
BY_ALICE = Change("alice", 1000.0)


def index(name: str, *children: Manifest) -> Manifest:
    """An index that differs from others by its name."""
    descriptors = [
        {"mediaType": child.media_type, "digest": child.digest, "size": len(child.body)}
        for child in children
    ]
    document = {"schemaVersion": 2, "manifests": descriptors, "annotations": {"name": name}}
    return parse(json.dumps(document).encode(), media.OCI_INDEX, SHA256)


ONE = index("one")
TWO = index("two")


async def push(
    metadata: Metadata,
    manifest: Manifest,
    *tags: Tag,
    absent: Sequence[Reference] = (),
    expected: Mapping[Reference, Expected] = MappingProxyType({}),
    repository: RepositoryName = REPOSITORY,
) -> None:
    """Push a manifest while the rules are in force."""
    await metadata.manifests.push(
        ManifestPush(
            repository=repository,
            manifest=manifest,
            tags=tags,
            absent=absent,
            expected=expected,
            immutable=RULES,
            change=BY_ALICE,
        )
    )


async def digest(metadata: Metadata, reference: Reference) -> Digest | None:
    """What a reference leads to."""
    found = await metadata.manifests.find(REPOSITORY, reference)
    return None if found is None else found.digest


async def test_a_set_tag_does_not_move(metadata: Metadata) -> None:
    """The push is refused as a whole: neither the manifest nor another tag of it is stored."""
    await push(metadata, ONE, V1)
    with pytest.raises(TagImmutable) as refused:
        await push(metadata, TWO, LATEST, V1)
    assert list(refused.value.details) == [{"tag": V1, "digest": ONE.digest}]
    assert await digest(metadata, V1) == ONE.digest
    assert await digest(metadata, LATEST) is None
    assert await digest(metadata, TWO.digest) is None


@pytest.mark.parametrize("is_held", [False, True])
async def test_what_a_set_tag_leads_to_stays_of_its_type(metadata: Metadata, is_held: bool) -> None:
    """Clients of an image that is suddenly something else do not even read it."""
    await push(metadata, ONE, *(() if is_held else (V1,)))
    if is_held:
        await push(metadata, index("holder", ONE), V1)
    for type_ in (media.DOCKER_LIST, "application/vnd.odd+json"):
        with pytest.raises(TagImmutable):
            await push(metadata, replace(ONE, media_type=type_), LATEST)
    found = await metadata.manifests.find(REPOSITORY, ONE.digest)
    assert found is not None
    assert found.media_type == media.OCI_INDEX
    assert await digest(metadata, LATEST) is None


async def test_who_was_wrong_about_a_type_pushes_once_more(metadata: Metadata) -> None:
    await push(metadata, ONE, LATEST)
    await push(metadata, replace(ONE, media_type=media.DOCKER_LIST), LATEST)
    found = await metadata.manifests.find(REPOSITORY, LATEST)
    assert found is not None
    assert found.media_type == media.DOCKER_LIST


async def test_nobody_looks_for_long_whether_a_tag_is_immutable(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push(metadata, ONE, LATEST, Tag("a"), Tag("b"))
    monkeypatch.setattr(batches, "MOST_ROWS", 2)
    with pytest.raises(TagImmutable):
        await push(metadata, replace(ONE, media_type=media.DOCKER_LIST), LATEST)


async def test_the_same_push_again_succeeds(metadata: Metadata) -> None:
    """A client that did not get the answer repeats its push."""
    await push(metadata, ONE, V1)
    await push(metadata, ONE, V1)
    assert await digest(metadata, V1) == ONE.digest


@pytest.mark.parametrize("tag", ["v1-rc1", "latest"])
async def test_other_tags_move(metadata: Metadata, tag: str) -> None:
    """What the patterns leave out, or exclude, is as in any registry."""
    await push(metadata, ONE, Tag(tag))
    await push(metadata, TWO, Tag(tag))
    assert await digest(metadata, Tag(tag)) == TWO.digest
    assert await metadata.tags.delete(REPOSITORY, Tag(tag), immutable=RULES, change=BY_ALICE)


async def test_other_repositories_are_free(metadata: Metadata) -> None:
    """A rule is about the repositories that it names."""
    elsewhere = RepositoryName("other/app")
    await push(metadata, ONE, V1, repository=elsewhere)
    await push(metadata, TWO, V1, repository=elsewhere)
    found = await metadata.manifests.find(elsewhere, V1)
    assert found is not None
    assert found.digest == TWO.digest


async def test_a_set_tag_is_not_deleted(metadata: Metadata) -> None:
    """Neither by its name, nor with its manifest."""
    await push(metadata, ONE, V1, LATEST)
    with pytest.raises(TagImmutable):
        await metadata.tags.delete(REPOSITORY, V1, immutable=RULES, change=BY_ALICE)
    with pytest.raises(TagImmutable):
        await metadata.manifests.delete(REPOSITORY, ONE.digest, immutable=RULES, change=BY_ALICE)
    assert await digest(metadata, V1) == ONE.digest
    assert await digest(metadata, LATEST) == ONE.digest


async def test_what_an_immutable_tag_leads_to_stays_whole(metadata: Metadata) -> None:
    """An index is worth nothing without its manifests, however deep they are."""
    inner = index("inner", ONE)
    await push(metadata, ONE)
    await push(metadata, inner)
    await push(metadata, index("outer", inner), V1)
    await push(metadata, TWO)
    for needed in (ONE, inner):
        with pytest.raises(TagImmutable):
            await metadata.manifests.delete(
                REPOSITORY, needed.digest, immutable=RULES, change=BY_ALICE
            )
    assert await metadata.manifests.delete(REPOSITORY, TWO.digest, immutable=RULES, change=BY_ALICE)


async def test_much_that_leads_to_a_manifest_is_looked_at_before(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one transaction looks at; then it asks which tags were set since."""
    monkeypatch.setattr(batches, "MOST_ROWS", 2)
    await push(metadata, ONE)
    for number in range(4):
        await push(metadata, index(f"holder {number}", ONE), Tag(f"latest-{number}"))
    await push(metadata, index("release", ONE), V1)
    with pytest.raises(TagImmutable):
        await metadata.manifests.delete(REPOSITORY, ONE.digest, immutable=RULES, change=BY_ALICE)
    await metadata.tags.delete(REPOSITORY, V1, immutable=(), change=BY_ALICE)
    assert await metadata.manifests.delete(REPOSITORY, ONE.digest, immutable=RULES, change=BY_ALICE)


async def test_deleting_what_is_not_there_is_no_refusal(metadata: Metadata) -> None:
    """An immutable tag that was never set is unknown, as any other."""
    assert not await metadata.tags.delete(REPOSITORY, V1, immutable=RULES, change=BY_ALICE)
    assert not await metadata.manifests.delete(
        REPOSITORY, ONE.digest, immutable=RULES, change=BY_ALICE
    )


async def test_without_rules_everything_moves(metadata: Metadata) -> None:
    """Rules that were taken out of the configuration bind nothing."""
    await push(metadata, ONE, V1)
    assert await metadata.tags.delete(REPOSITORY, V1, immutable=[], change=BY_ALICE)
    await push(metadata, TWO, V1)
    assert await metadata.manifests.delete(REPOSITORY, TWO.digest, immutable=[], change=BY_ALICE)


async def test_of_many_pushes_at_once_one_wins(metadata: Metadata) -> None:
    """Nothing comes between the look and the write."""
    manifests = [index(f"number {number}") for number in range(20)]
    results = await asyncio.gather(
        *(push(metadata, manifest, V1) for manifest in manifests), return_exceptions=True
    )
    won = [
        manifest
        for manifest, result in zip(manifests, results, strict=True)
        if not isinstance(result, BaseException)
    ]
    assert [await digest(metadata, V1)] == [manifest.digest for manifest in won]
    assert sum(isinstance(result, TagImmutable) for result in results) == 19


@pytest.mark.parametrize("reference", [LATEST, ONE.digest])
async def test_a_push_that_only_creates(metadata: Metadata, reference: Reference) -> None:
    """It is refused once what it would create is there, even if it is the same."""
    await push(metadata, ONE, LATEST, absent=[reference])
    with pytest.raises(AlreadyExists) as refused:
        await push(metadata, ONE, LATEST, absent=[reference])
    assert list(refused.value.details) == [{"reference": reference, "digest": ONE.digest}]


async def test_of_many_creations_at_once_one_wins(metadata: Metadata) -> None:
    """As `If-None-Match: *` promises."""

    async def create(number: int) -> bool:
        try:
            await push(metadata, index(f"number {number}"), LATEST, absent=[LATEST])
        except RegistryError:
            return False
        return True

    assert sum(await asyncio.gather(*(create(number) for number in range(20)))) == 1


async def test_of_many_moves_at_once_from_one_manifest_one_wins(metadata: Metadata) -> None:
    """As `If-Match` promises: no push is lost below another one that had not seen it."""
    await push(metadata, ONE, LATEST)

    async def move(number: int) -> bool:
        manifest, expected = index(f"number {number}"), Expected([ONE.digest])
        try:
            await push(metadata, manifest, LATEST, expected={LATEST: expected})
        except NotAsExpected:
            return False
        return True

    assert sum(await asyncio.gather(*(move(number) for number in range(20)))) == 1


async def test_a_deletion_of_what_a_tag_was_leaves_what_it_is(metadata: Metadata) -> None:
    """What was pushed since then stays."""
    await push(metadata, ONE, LATEST)
    expected = Expected([ONE.digest])

    async def delete() -> bool:
        return await metadata.tags.delete(
            REPOSITORY, LATEST, immutable=(), expected=expected, change=BY_ALICE
        )

    assert await delete()
    await push(metadata, TWO, LATEST)
    with pytest.raises(NotAsExpected):
        await delete()
    assert await digest(metadata, LATEST) == TWO.digest


async def test_what_was_deleted_can_be_created(metadata: Metadata) -> None:
    """A manifest in the trash is not there."""
    await push(metadata, ONE, LATEST)
    await metadata.manifests.delete(REPOSITORY, ONE.digest, immutable=RULES, change=BY_ALICE)
    await push(metadata, ONE, LATEST, absent=[LATEST, ONE.digest])
    assert await digest(metadata, LATEST) == ONE.digest
