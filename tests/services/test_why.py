"""`why` says what keeps something, and is right about it."""

from dataclasses import replace

import pytest

from lading.core.digest import Digest
from lading.core.errors import BlobUnknown
from lading.core.why import KeptBy
from lading.metadata import why
from lading.services.why import explain
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.people import DAY, People
from tests.support.rows import by_alice


async def told(people: People, digest: str) -> dict[str, list[str]]:
    """The reasons, in words, by repository."""
    reasons = await explain(people.registry, Digest(digest))
    return {repository: [reason.why for reason in found] for repository, found in reasons.items()}


async def test_a_layer_is_kept_by_the_tags_that_lead_to_it(people: People) -> None:
    """Through an index and a manifest, in each repository."""
    child = await people.push_image(b"amd64")
    whole = index([child])
    await people.push(whole, "latest", "v1")
    await people.push_image(b"amd64", "copy", repository=OTHER)

    down = f"index {whole.digest} → manifest {child.digest} → this layer"
    assert await told(people, Digest.of(b"amd64 layer")) == {
        HELLO: [f"tag latest → {down}", f"tag v1 → {down}"],
        OTHER: [f"tag copy → manifest {child.digest} → this layer"],
    }
    assert (await told(people, Digest.of(b"amd64")))[OTHER] == [
        f"tag copy → manifest {child.digest} → this config"
    ]
    assert (await told(people, child.digest))[HELLO] == [
        f"tag latest → index {whole.digest} → this manifest",
        f"tag v1 → index {whole.digest} → this manifest",
    ]
    assert await told(people, whole.digest) == {
        HELLO: ["tag latest → this index", "tag v1 → this index"]
    }


async def test_a_signature_is_kept_by_what_it_is_about(people: People) -> None:
    """As is its blob."""
    subject = await people.push_image(b"one", "latest")
    await people.push_blob(b"signature")
    signature = image(b"signature", subject=subject)
    await people.push(signature)

    assert await told(people, Digest.of(b"signature")) == {
        HELLO: [
            f"tag latest → manifest {subject.digest} → referrer {signature.digest} → this config"
        ]
    }


async def test_the_trash_keeps_for_its_window(people: People) -> None:
    """And says until when."""
    manifest = await people.push_image(b"one", "latest")
    await people.delete(manifest.digest)

    assert await told(people, Digest.of(b"one layer")) == {
        HELLO: [
            (
                "in the trash since 1970-01-12 13:46:40Z, kept until 1970-01-19 13:46:40Z:"
                f" manifest {manifest.digest} → this layer"
            )
        ]
    }
    people.now += people.window
    assert await told(people, Digest.of(b"one layer")) == {HELLO: []}


async def test_a_promise_keeps_for_the_grace(people: People) -> None:
    """And nothing after that."""
    digest = await people.push_blob(b"alone")

    assert await told(people, digest) == {
        HELLO: ["a client was told that it is there, so it is kept until 1970-01-13 13:46:40Z"]
    }
    people.now += people.policy.grace
    assert await told(people, digest) == {HELLO: []}


async def test_untagged_manifests_stay_unless_they_are_collected(people: People) -> None:
    """It depends on the settings."""
    manifest = await people.push_image(b"one", "latest")
    await people.delete("latest")

    assert await told(people, manifest.digest) == {
        HELLO: [
            (
                "untagged since 1970-01-12 13:46:40Z, kept as untagged manifests are not collected:"
                " this manifest"
            )
        ]
    }
    people.registry = replace(people.registry, policy=replace(people.policy, untagged=True))
    assert await told(people, manifest.digest) == {
        HELLO: [
            "untagged since 1970-01-12 13:46:40Z, kept until 1970-01-19 13:46:40Z: this manifest"
        ]
    }


async def test_a_blob_that_no_repository_has_is_about_to_go(people: People) -> None:
    """And then is unknown."""
    digest = await people.push_blob(b"alone")
    await people.metadata.links.delete(HELLO, digest, change=by_alice(people.now))

    assert await told(people, digest) == {}
    await people.collect()
    with pytest.raises(BlobUnknown, match="no blob and no manifest"):
        await explain(people.registry, digest)


async def test_what_nothing_keeps_is_what_the_collector_takes(people: People) -> None:
    """No more and no less."""
    base = b"base"
    shared = await people.push_image(b"kept", "kept", shared=base)
    deleted = await people.push_image(b"deleted", "old", shared=base)
    await people.delete(deleted.digest)
    child = await people.push_image(b"child")
    outer = index([child])
    await people.push(outer, "moved")
    await people.push_blob(b"signature")
    signature = image(b"signature", subject=child)
    await people.push(signature)
    await people.push_image(b"newer", "moved")
    alone = await people.push_blob(b"alone")
    manifests = {item.digest for item in (shared, deleted, child, outer, signature)}
    people.policy = replace(people.policy, untagged=True)
    people.registry = replace(people.registry, policy=people.policy)

    for days in (0, 1, 6, 7, 8, 100):
        people.now = 1_000_000 + days * DAY
        known = await people.stored() | {
            digest
            for digest, _ in await people.metadata.manifests.with_children(HELLO)
            if digest in manifests
        }
        unkept = {digest for digest in known if not any((await told(people, digest)).values())}
        await people.collect(untagged=True)
        left = await people.stored() | {
            digest for digest, _ in await people.metadata.manifests.with_children(HELLO)
        }
        assert known - left == unkept, days
    assert alone not in await people.stored()
    assert len(await people.stored()) == 5


async def test_a_base_layer_is_explained_by_a_part_of_what_needs_it(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be thousands of images; a tag is named if one is near."""
    monkeypatch.setattr(why, "MAX_PATHS", 3)
    for number in range(6):
        await people.push_image(b"%d" % number, f"v{number}", shared=b"base")

    (reasons,) = (await explain(people.registry, Digest.of(b"base"))).values()
    assert [reason.cause for reason in reasons] == [KeptBy.TAG] * 3
