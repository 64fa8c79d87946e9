"""Copies of images from one place to another: what is there already is left alone.

An image is whole at its target at all times: blobs first, then the manifests that need them, then
what is attached to these, and last the tag, by which another run takes all of it for there. Each
blob goes once, however many images of a run have it.
"""

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lading.client.copy_rules import CopiedImage, CopyRules, CopySteps
from lading.client.errors import ContentWrong, NotThere
from lading.client.place_lists import AttachedManifests, KnownTags, find_attached, list_referrers
from lading.client.places import BlobContent, ImagePlace, RemoteManifest, is_required
from lading.client.workers import Outcome, Workers
from lading.core import media
from lading.core.digest import Digest

# No one builds an index of indexes deeper than this.
_MOST_DEPTH = 8


class Copier:
    """Copies between two places.

    Args:
        workers: who bring blobs, so many at a time as there are.
        alive: raises if the copy is to end.
        many: whether many images are copied: then the target's tags are read once one is
            not there.
    """

    def __init__(
        self,
        source: ImagePlace,
        target: ImagePlace,
        rules: CopyRules,
        steps: CopySteps,
        workers: Workers,
        alive: Callable[[], None] = lambda: None,
        *,
        many: bool = False,
    ) -> None:
        self._source = source
        self._target = target
        self._rules = rules
        self._steps = steps
        self._workers = workers
        self._alive = alive
        self._lock = threading.Lock()
        self._blobs: dict[str, Outcome[None]] = {}
        # Manifests, and whether the target lists them among what is about their subjects.
        self._brought: dict[str, bool] = {}
        self._source_tags = KnownTags(source)
        self._target_tags = KnownTags(target)
        self._many = many
        same = source.host == target.host and source.host and source.name != target.name
        self._mount_from = source.name if same else ""

    def is_there(self, wanted: str, target_wanted: str) -> bool:
        """Whether the target has the image already; `NotThere` if the source does not have it."""
        digest = self._chosen(wanted).digest if self._rules.platforms else ""
        digest = digest or self._source_digest(wanted)
        return not self._rules.again and self._target_digest(target_wanted) == digest

    def copy(self, wanted: str, target_wanted: str) -> CopiedImage:
        """Copy an image; a `ClientError` if something of it cannot be copied."""
        there = self._target_digest(target_wanted)
        may_skip = there and not self._rules.again
        if may_skip and not self._rules.platforms and self._source_digest(wanted, there) == there:
            return self._skip(there, target_wanted)
        manifest = self._chosen(wanted)
        if may_skip and manifest.digest == there:
            return self._skip(there, target_wanted)
        self._bring(manifest, target_wanted)
        return CopiedImage(manifest.digest, copied=True)

    def _skip(self, digest: str, target_wanted: str) -> CopiedImage:
        """Leave an image alone that is there, and what is attached to it if a tag says it came."""
        if ":" in target_wanted:
            self._bring_attached(digest, self._attached(digest), 0)
        return CopiedImage(digest, copied=False)

    def _target_digest(self, wanted: str) -> str:
        """What the target has under a tag or a digest; empty if nothing."""
        if self._target_tags.lacks(wanted):
            return ""
        digest = self._target.digest(wanted)
        if digest or not self._many or wanted not in (self._target_tags.read() or ()):
            return digest
        try:  # it lists what it says by HEAD that it does not have
            return self._target.manifest(wanted).digest
        except NotThere:
            return ""

    def _source_digest(self, wanted: str, known: str = "") -> str:
        # Some answer HEAD with 404 for what they give: what is not there is not there by GET.
        return self._source.digest(wanted, known) or self._source.manifest(wanted).digest

    def _chosen(self, wanted: str) -> RemoteManifest:
        """The manifest as it is to be at the target, with the platforms that were asked for."""
        manifest = self._source.manifest(wanted)
        if not self._rules.platforms or not manifest.children:
            return manifest
        chosen = [child for child in manifest.children if self._is_wanted(child)]
        if not chosen:
            names = ", ".join(sorted({platform_of(child) for child in manifest.children}))
            raise NotThere(f"{wanted} is not for {self._rules.platforms}, but for {names}")
        if len(self._rules.platforms) == 1 and len(chosen) == 1:
            return self._source.manifest(chosen[0]["digest"])
        body = json.dumps({**manifest.document, "manifests": chosen}).encode()
        return RemoteManifest(Digest.of(body), manifest.media_type, body)

    def _is_wanted(self, child: dict[str, Any]) -> bool:
        name = platform_of(child)
        return any(name == one or name.startswith(f"{one}/") for one in self._rules.platforms)

    def _bring(self, manifest: RemoteManifest, target_wanted: str, depth: int = 0) -> bool:
        """Bring a manifest with all around it; whether the target lists it as about its subject."""
        self._alive()
        if depth > _MOST_DEPTH:
            raise ContentWrong(
                f"{manifest.digest} is an index in more than {_MOST_DEPTH} others, or about as many"
            )
        for child in manifest.children:
            self._bring_child(child, depth)
        # One that clients find elsewhere comes along if the source has it.
        outcomes = [
            self._blob(blob)
            for blob in manifest.all_blobs
            if is_required(blob) or self._source.has_blob(blob["digest"])
        ]
        for outcome in outcomes:
            outcome.result()
        self._alive()
        attached = self._attached(manifest.digest)
        first = manifest.digest if any(attached) else target_wanted
        listed = self._target.push_manifest(first, manifest)
        self._brought[manifest.digest] = listed
        self._bring_attached(manifest.digest, attached, depth)
        if first != target_wanted:
            self._alive()
            self._target.push_manifest(target_wanted, manifest)
        return listed

    def _bring_child(self, child: dict[str, Any], depth: int) -> None:
        digest = child["digest"]
        if not media.names_manifest(child.get("mediaType", "")):
            self._blob(child).result()
        elif digest in self._brought:
            return
        elif self._rules.again or not self._target_digest(digest):
            self._bring(self._source.manifest(digest), digest, depth + 1)
        else:  # maybe of a run that ended before it had brought what is attached
            self._bring_attached(digest, self._attached(digest), depth + 1)

    def _attached(self, digest: str) -> AttachedManifests:
        """What is attached to a manifest at the source, if that is to come along."""
        if not self._rules.referrers:
            return AttachedManifests()
        return find_attached(self._source, self._source_tags, digest)

    def _bring_attached(self, digest: str, attached: AttachedManifests, depth: int) -> None:
        """Bring what is attached to a manifest, and to that again, as the signature of an SBOM.

        Each comes once: a registry may say of each of many that all of some others are about it,
        and of these again.
        """
        referrers = [descriptor["digest"] for descriptor in attached.referrers]
        for referrer in referrers:
            if referrer not in self._brought:
                self._bring(self._source.manifest(referrer), referrer, depth + 1)
        if not all(self._brought[referrer] for referrer in referrers):
            list_referrers(self._target, digest, attached.referrers)
        for tag in attached.tags:
            if self._source_digest(tag) != self._target_digest(tag):
                self._bring(self._source.manifest(tag), tag, depth + 1)

    def _blob(self, descriptor: dict[str, Any]) -> Outcome[None]:
        """Bring a blob, unless that is under way or was done."""
        digest = descriptor["digest"]
        with self._lock:
            outcome = self._blobs.get(digest)
            if outcome is None or outcome.has_failed:
                size = int(descriptor.get("size", 0))
                outcome = self._workers.begin(partial(self._bring_blob, digest, size))
                self._blobs[digest] = outcome
            return outcome

    def _bring_blob(self, digest: str, size: int) -> None:
        self._alive()
        self._steps.begin(digest, size)

        def read(offset: int, length: int) -> Iterator[bytes]:
            whole = offset == 0 and length >= size
            left = min(length, size - offset)
            for piece in self._source.blob(digest, offset, -1 if whole else length):
                self._alive()
                left -= len(piece)
                if left < 0:
                    raise ContentWrong(f"{self._source.name}: {digest} is longer than {size} bytes")
                yield piece
            if left > 0:  # or the target would wait for the rest, again and again
                raise ContentWrong(f"{self._source.name}: {digest} is shorter than {size} bytes")

        def moved(count: int) -> None:
            self._steps.advance(digest, count)

        is_fresh = self._target_tags.lacks(digest)
        content = BlobContent(digest, size, read, self._mount_from, moved, is_fresh)
        sent = False
        try:
            sent = self._target.push_blob(content)
        finally:
            self._steps.end(digest, sent)


def platform_of(descriptor: dict[str, Any]) -> str:
    """The platform of an index's entry, `linux/arm/v7`; empty if it says none."""
    found = descriptor.get("platform")
    if not isinstance(found, dict):
        return ""
    parts = (found.get("os"), found.get("architecture"), found.get("variant"))
    return "/".join(str(part) for part in parts if part)
