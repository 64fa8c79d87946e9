"""Lists of a place that is copied from or to: its tags, and what is attached to a manifest.

The tags are read once, where to ask for each costs more. Attached to one manifest are others: its
referrers, and the attachments that have tags.
"""

import json
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from lading.client.errors import ClientError, NotPermitted, NotThere
from lading.client.places import ImagePlace, RemoteManifest
from lading.core import media
from lading.core.digest import Digest
from lading.core.names import attachments_of

# Where the tags are not told: by the registry's rules, or because it has no such list.
_HIDES_TAGS = frozenset({401, 403, 405})


class KnownTags:
    """Tags of a place, as they were when they were first needed.

    Attributes:
        known: all of them; `None` if they were not read, or if the place does not tell them.
    """

    def __init__(self, place: ImagePlace) -> None:
        self.known: frozenset[str] | None = None
        self._place = place
        self._was_read = False
        self._lock = threading.Lock()

    def read(self) -> frozenset[str] | None:
        """All tags, read unless they were; none where the repository is not there."""
        with self._lock:
            if not self._was_read:
                self.known = self._ask()
                self._was_read = True
        return self.known

    def lacks(self, wanted: str) -> bool:
        """Whether it is known that the place does not have a tag, or nothing of any digest."""
        if self.known is None:
            return False
        return not self.known if ":" in wanted else wanted not in self.known

    def _ask(self) -> frozenset[str] | None:
        try:
            return frozenset(self._place.tags())
        except ClientError as error:
            if error.status == 404:
                return frozenset()
            if error.status in _HIDES_TAGS:
                return None
            raise


class AttachedManifests(NamedTuple):
    """Manifests that are attached to one.

    Attributes:
        referrers: descriptors of those that are about it.
        tags: of those that clients keep for it beside these, as signatures.
    """

    referrers: Sequence[dict[str, Any]] = ()
    tags: Sequence[str] = ()


def find_attached(place: ImagePlace, known: KnownTags, digest: str) -> AttachedManifests:
    """The manifests that are attached to one at a place of which the tags are known."""
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
