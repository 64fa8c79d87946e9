"""Manifests that are attached to one: its referrers, and the attachments that have tags."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from lading.client.errors import NotPermitted, NotThere
from lading.client.known_tags import KnownTags
from lading.client.places import ImagePlace, RemoteManifest
from lading.core import media
from lading.core.digest import Digest
from lading.core.names import attachments_of


class AttachedManifests(NamedTuple):
    """Manifests that are attached to one.

    Attributes:
        referrers: descriptors of those that are about it.
        tags: of those that clients keep for it beside these, as signatures.
    """

    referrers: Sequence[dict[str, Any]] = ()
    tags: Sequence[str] = ()


def find_attached(place: ImagePlace, known: KnownTags, digest: str) -> AttachedManifests:
    """The manifests that are attached to one at a place.

    Args:
        known: the tags of the place.
    """
    there = known.read()
    try:
        referrers = place.referrers(digest, there)
    except NotPermitted as error:
        # Whoever may have the image may have these by the specification: something is before it.
        advice = f"{error.advice}; or leave signatures and SBOMs behind: `--no-referrers`"
        raise NotPermitted(
            error.message, status=error.status, code=error.code, advice=advice
        ) from error
    _, *tags = attachments_of(Digest(digest))
    return AttachedManifests(referrers, [tag for tag in tags if tag in (there or ())])


def list_referrers(place: ImagePlace, digest: str, descriptors: Sequence[dict[str, Any]]) -> None:
    """Keep the list by a tag where the registry keeps none (Referrers Tag Schema)."""
    fallback, *_ = attachments_of(Digest(digest))
    try:
        there = place.manifest(fallback).children
    except NotThere:
        there = []
    new = {one["digest"]: one for one in [*there, *descriptors]}
    document = {
        "schemaVersion": 2,
        "mediaType": media.OCI_INDEX,
        "manifests": list(new.values()),
    }
    body = json.dumps(document).encode()
    manifest = RemoteManifest(Digest.of(body), media.OCI_INDEX, body)
    place.push_manifest(fallback, manifest)
