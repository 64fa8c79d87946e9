"""Families of manifests: what a list shows of one, with what it holds and what is about it."""

import json

from lading.core import media
from lading.core.digest import Digest
from lading.metadata.shown.manifest_lists import ListedManifest
from lading.services.shown.families import ManifestFamily


def listed(
    body: bytes | None, name: bytes, media_type: str, subject: Digest | None = None
) -> ListedManifest:
    """A manifest in a list, whose digest is that of a name."""
    return ListedManifest(Digest.of(name), media_type, "signature", subject, 7, 0.0, body)


def test_what_is_about_a_manifest_is_shown_though_that_is_too_large_to_be_read() -> None:
    """Of one by itself, and of one that an index holds."""
    large = listed(None, b"large", media.OCI_MANIFEST)
    signature = listed(b"{}", b"signature", media.OCI_MANIFEST, large.digest)
    body = json.dumps({"manifests": [{"digest": large.digest}]}).encode()
    index = listed(body, b"index", media.OCI_INDEX)
    family = ManifestFamily([large, signature, index])

    alone, shown = family.show(large.digest), family.show(index.digest)

    assert alone is not None
    assert shown is not None
    [(_, held)] = shown.children
    assert [list(each.referrers) for each in (alone, held)] == [[signature]] * 2
    assert (alone.summary, alone.size, shown.size) == (None, 7, 7)
    assert list(shown.referrers) == []
