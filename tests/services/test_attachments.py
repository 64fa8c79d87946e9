"""Signatures, attestations, SBOMs and lists of referrers go after their image, and come back."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import SHA512, Digest
from lading.core.garbage import COLLECTOR, GarbageItem, OrphanTag
from lading.core.globs import Glob
from lading.core.history import TrashedManifest
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.core.names import Tag, attachments_of
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.collecting import orphans
from lading.metadata.metadata import Metadata
from lading.services import collect, trash
from lading.services.listing import list_tags
from lading.services.registry import Policy
from tests.support.contents import OTHER, image, index
from tests.support.people import DAY, People


@pytest.fixture
async def people() -> People:
    return People(Metadata(MemoryDatabase()), Stores.in_memory(), policy=Policy(attachments=True))


def tag_of(subject: Manifest, ending: str = ".sig") -> Tag:
    (tag,) = (tag for tag in attachments_of(subject.digest) if tag[71:] == ending)
    return tag


async def attach(people: People, subject: Manifest, ending: str = ".sig") -> Manifest:
    """Push what cosign would."""
    return await people.push_image(f"{subject.digest}{ending}".encode(), tag_of(subject, ending))


async def tags(people: People) -> set[str]:
    page = await list_tags(people.registry, people.may(), after="", limit=1000)
    return set(page.items)


def trashed(items: Iterable[GarbageItem]) -> list[str]:
    return [str(item.tag) for item in items if isinstance(item, OrphanTag)]


async def test_attachments_stay_unless_they_are_asked_for() -> None:
    people = People(Metadata(MemoryDatabase()), Stores.in_memory())
    subject = await people.push_image(b"one", "latest")
    signature = await attach(people, subject)
    await people.delete(subject.digest)
    people.now += 30 * DAY

    assert trashed(await people.collect()) == []
    assert await people.has(signature.digest)


@pytest.mark.parametrize("ending", [".sig", ".att", ".sbom"])
async def test_an_attachment_of_a_deleted_image_goes_to_the_trash(
    people: People, ending: str
) -> None:
    subject = await people.push_image(b"one", "latest")
    attachment = await attach(people, subject, ending)
    assert trashed(await people.collect()) == []
    await people.delete(subject.digest)

    (garbage,) = await people.collect()

    assert isinstance(garbage, OrphanTag)
    assert (garbage.tag, garbage.subject) == (tag_of(subject, ending), subject.digest)
    assert f"goes to the trash, as {subject.digest}, to which it belongs, is gone" in garbage.why
    assert await tags(people) == set()
    assert await people.collect() == []
    item = next(
        item
        for item in await people.trashed()
        if isinstance(item, TrashedManifest) and item.digest == attachment.digest
    )
    assert (item.tags, item.actor) == ([tag_of(subject, ending)], COLLECTOR)
    people.now += 8 * DAY
    await people.collect()
    assert await people.stored() == set()


async def test_a_restored_image_gets_its_attachments_back(people: People) -> None:
    """And these get theirs: signatures can be signed."""
    subject = await people.push_image(b"one", "latest")
    signature = await attach(people, subject)
    above = await attach(people, signature)
    sbom = await attach(people, subject, ".sbom")
    before = await tags(people)
    await people.delete(subject.digest)
    people.now += DAY
    assert len(trashed(await people.collect())) == 2
    people.now += DAY
    assert trashed(await people.collect()) == [tag_of(signature)]

    restored = await trash.restore(
        people.registry, people.may(), subject.digest, change=people.change()
    )

    assert set(restored.manifests) == {each.digest for each in (subject, signature, above, sbom)}
    assert await tags(people) == before
    assert restored.lost == ()
    people.now += 30 * DAY
    assert await people.collect(untagged=True) == []


async def test_a_restored_tag_brings_the_attachments_of_its_image_back(people: People) -> None:
    subject = await people.push_image(b"one", "latest")
    signature = await attach(people, subject)
    await people.delete(subject.digest)
    await people.collect()

    await trash.restore(people.registry, people.may(), Tag("latest"), change=people.change())

    assert await people.has(signature.digest)
    assert await tags(people) == {"latest", tag_of(subject)}


async def test_all_of_a_repository_comes_back_with_its_attachments(people: People) -> None:
    subject = await people.push_image(b"one", "latest")
    await attach(people, subject)
    before = await tags(people)
    await people.delete(subject.digest)
    await people.collect()

    await trash.restore_all(people.registry, people.may(), change=people.change())

    assert await tags(people) == before


async def test_what_cannot_come_back_is_told(people: People) -> None:
    """An image in the trash can be kept by an index for longer than its signature."""
    subject = await people.push_image(b"one")
    await people.push(index([subject]), "many")
    await attach(people, subject)
    await people.delete(subject.digest)
    assert len(await people.collect()) == 1
    people.now += 8 * DAY
    await people.collect()

    restored = await trash.restore(
        people.registry, people.may(), subject.digest, change=people.change()
    )

    assert restored.manifests == (subject.digest,)
    assert restored.lost == (tag_of(subject),)


async def test_what_a_client_deleted_is_not_brought_back(people: People) -> None:
    subject = await people.push_image(b"one", "latest")
    await attach(people, subject)
    await people.delete(tag_of(subject))
    await people.delete(subject.digest)
    await people.collect()

    await trash.restore(people.registry, people.may(), subject.digest, change=people.change())

    assert await tags(people) == {"latest"}


async def test_an_attachment_goes_with_an_image_that_is_collected_as_untagged(
    people: People,
) -> None:
    """In the same collection, and no sooner."""
    subject = await people.push_image(b"one", "latest")
    await attach(people, subject)
    await people.delete("latest")
    people.now += 8 * DAY
    assert await people.collect() == []

    removed = await people.collect(untagged=True)

    assert subject.digest in {getattr(item, "digest", None) for item in removed}
    assert trashed(removed) == [tag_of(subject)]
    assert trashed(await people.collect(untagged=True)) == []


async def test_attachments_of_the_children_of_an_index_go_with_it(people: People) -> None:
    """As `cosign sign --recursive` makes them."""
    children = [await people.push_image(name) for name in (b"one", b"two")]
    await people.push(index(children), "many")
    for child in children:
        await attach(people, child)
    await people.delete("many")
    people.now += 8 * DAY

    removed = await people.collect(untagged=True)

    assert set(trashed(removed)) == {tag_of(child) for child in children}


async def test_an_attachment_whose_subject_never_was_here_stays(people: People) -> None:
    """It may be pushed first; and the image may be, and go, in another repository."""
    elsewhere = await people.push_image(b"one", "latest", repository=OTHER)
    signature = await attach(people, elsewhere)
    await people.delete(elsewhere.digest, repository=OTHER)
    people.now += 30 * DAY

    assert trashed(await people.collect(untagged=True)) == []
    assert await people.has(signature.digest)


async def test_an_image_that_is_pushed_again_keeps_its_attachments(people: People) -> None:
    """Even if it comes between the plan and the deed."""
    subject = await people.push_image(b"one", "latest")
    signature = await attach(people, subject)
    await people.delete(subject.digest)
    plan = await collect.plan(people.registry, people.limits())
    assert trashed(plan.items) == [tag_of(subject)]

    await people.push_image(b"one", "latest")

    assert [item async for item in collect.run(people.registry, plan)] == []
    assert await people.collect() == []
    assert await people.has(signature.digest)


async def test_an_attachment_that_is_set_when_its_image_is_gone_stays(people: People) -> None:
    """Somebody wants it nevertheless: who pushes it, or restores it alone."""
    subject = await people.push_image(b"one", "latest")
    signature = await attach(people, subject)
    await people.delete(subject.digest)
    await people.push(signature, tag_of(subject))
    assert trashed(await people.collect()) == []

    await people.push_image(b"one", "latest")
    await people.delete(subject.digest)
    assert trashed(await people.collect()) == [tag_of(subject)]
    await trash.restore(people.registry, people.may(), tag_of(subject), change=people.change())
    people.now += 8 * DAY
    assert trashed(await people.collect()) == []
    assert await people.has(signature.digest)


async def test_an_immutable_attachment_stays() -> None:
    """However many there are: those that may go are found behind them."""
    rule = ImmutableTags([Glob("**")], [Glob("*.sig")])
    policy = Policy(attachments=True, immutable=[rule])
    people = People(Metadata(MemoryDatabase()), Stores.in_memory(), policy=policy)
    subjects = [await people.push_image(str(number).encode()) for number in range(5)]
    for subject in subjects:
        await attach(people, subject)
        people.now += 1
        await people.delete(subject.digest)
    last = await people.push_image(b"last")
    await attach(people, last, ".sbom")
    people.now += 1
    await people.delete(last.digest)

    limits = replace(people.limits(), at_most=1)
    plan = await collect.plan(people.registry, limits)

    assert trashed(plan.items) == [tag_of(last, ".sbom")]


async def test_of_a_manifest_with_other_tags_only_the_tag_goes(people: People) -> None:
    subject = await people.push_image(b"one", "latest")
    signature = await attach(people, subject)
    await people.push(signature, "kept")
    await people.delete(subject.digest)

    assert trashed(await people.collect()) == [tag_of(subject)]
    assert await tags(people) == {"kept"}

    await trash.restore(people.registry, people.may(), subject.digest, change=people.change())

    assert await tags(people) == {"kept", "latest", tag_of(subject)}


async def test_a_list_of_referrers_goes_with_all_that_only_it_leads_to(people: People) -> None:
    """As clients keep it where a registry cannot list them."""
    subject = await people.push_image(b"one", "latest")
    await people.push_blob(b"referrer")
    alone, tagged = (
        image(b"referrer", subject=subject, annotations={"number": number}) for number in "12"
    )
    await people.push(alone)
    await people.push(tagged, "tagged")
    listing = index([alone, tagged])
    await people.push(listing, tag_of(subject, ""))
    await people.delete(subject.digest)

    assert trashed(await people.collect()) == [tag_of(subject, "")]
    assert [await people.has(each.digest) for each in (listing, alone, tagged)] == [
        *(False, False, True)
    ]

    await trash.restore(people.registry, people.may(), subject.digest, change=people.change())

    for each in (listing, alone, tagged):
        assert await people.has(each.digest)


async def test_a_long_list_of_referrers_goes_in_several_transactions(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them makes others wait for long; what was begun is ended, and comes back whole."""
    monkeypatch.setattr(orphans, "MOST", 2)
    subject = await people.push_image(b"one", "latest")
    await people.push_blob(b"referrer")
    referrers = [
        image(b"referrer", subject=subject, annotations={"number": number}) for number in "12345"
    ]
    for each in referrers:
        await people.push(each)
    listing = index(referrers)
    await people.push(listing, tag_of(subject, ""))
    await attach(people, subject)
    before = await tags(people)
    await people.delete(subject.digest)

    assert set(trashed(await people.collect())) == before - {"latest"}
    assert [each for each in (listing, *referrers) if await people.has(each.digest)] == []

    await trash.restore(people.registry, people.may(), subject.digest, change=people.change())

    assert await tags(people) == before
    assert all([await people.has(each.digest) for each in (listing, *referrers)])


async def test_what_only_looks_like_a_list_of_referrers_stays(people: People) -> None:
    """Some tools name copies of images by the digest of the source."""
    subject = await people.push_image(b"one", "latest")
    other = await people.push_image(b"two", tag_of(subject, ""))
    await people.delete(subject.digest)
    assert trashed(await people.collect()) == []

    await people.push(index([other]), tag_of(subject, ""))
    await people.push_image(b"one", "latest")
    await people.delete(subject.digest)
    assert trashed(await people.collect()) == []
    assert await tags(people) == {tag_of(subject, "")}


async def test_attachments_of_a_sha512_are_known_by_its_beginning(people: People) -> None:
    short = await people.push_image(b"one")
    subject = parse(short.body, short.media_type, SHA512)
    await people.push(subject, "latest")
    tag = f"sha512-{subject.digest.hex[:64]}"
    await people.push(index([]), tag)
    await people.delete(subject.digest)

    (garbage,) = await people.collect()

    assert isinstance(garbage, OrphanTag)
    assert garbage.tag == tag
    assert Digest.of(short.body, SHA512).startswith(garbage.subject)
