"""Those who push, pull, tag, delete and restore. Each owns a repository; blobs they share."""

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from tests.torture import content
from tests.torture.client import Answer, Lost, Stopped
from tests.torture.content import Blob, Manifest
from tests.torture.model import Broken, Refused, Repository
from tests.torture.server import Tortured

# Few enough layers that actors meet in them, and that a collector removes one while it is pushed.
SHARED_LAYERS = 12
TAGS = tuple(f"v{number}" for number in range(5))
# A push whose blobs a collector without grace takes away between two requests begins again.
ATTEMPTS = 50


class Actor:
    """Does things to its own repository, one after the other, and checks what it sees.

    Attributes:
        acknowledged: how often each kind of operation was.
    """

    def __init__(
        self, number: int, actors: int, seed: int, server: Tortured, stop: threading.Event
    ) -> None:
        self._random = random.Random(f"{seed}/{number}")
        self._name = f"torture/{number}"
        self._others = [f"torture/{other}" for other in range(actors) if other != number]
        self._server = server
        self._client = server.client(stop)
        self._stop = stop
        self._made = 0
        self.repository = Repository(self._name)
        self.acknowledged: Counter[str] = Counter()

    def run(self) -> None:
        """Go on until the run is over.

        Raises:
            Broken: the registry has broken a promise.
        """
        operations: Sequence[tuple[Callable[[], None], int]] = (
            (self._push_image, 30),
            (self._push_index, 8),
            (self._push_referrer, 6),
            (self._move_tag, 16),
            (self._pull_tag, 20),
            (self._pull_manifest, 12),
            (self._delete_tag, 6),
            (self._delete_manifest, 10),
            (self._restore, 1),
        )
        choices, weights = zip(*operations, strict=True)
        while not self._stop.is_set():
            (operation,) = self._random.choices(choices, weights)
            try:
                operation()
            except Stopped:
                return
            except (Lost, Refused):
                continue

    # --- afterwards --------------------------------------------------------------------------

    def finish(self) -> None:
        """The run is over: from now on this actor is only asked what must be true."""
        self._client.close()
        self._client = self._server.client(threading.Event())

    def leave(self) -> None:
        """Hang up."""
        self._client.close()

    def pull_everything(self) -> int:
        """Pull all that was ever pushed, by every name; how many manifests are there.

        Raises:
            Broken: something is missing, or there though it was deleted.
        """
        for tag in TAGS:
            self.pull_tag(tag)
        return sum(self.pull_manifest(digest) for digest in self.repository.made)

    def needed_blobs(self) -> set[str]:
        """What the manifests need that are there; call it after `pull_everything`."""
        return {blob.digest for manifest in self._whole() for blob in manifest.blobs}

    def _whole(self) -> Iterator[Manifest]:
        """What is there, and what that leads to: a child that was deleted waits for its index."""
        for digest, manifest in self.repository.made.items():
            if self.repository.visible(digest) == {True}:
                yield from manifest.family()

    # --- pushing -----------------------------------------------------------------------------

    def _push_image(self) -> None:
        manifest = self._new_image()
        self._push(manifest, self._random.choice([*TAGS, None]))

    def _push_index(self) -> None:
        children = [self._new_image() for _ in range(2)]
        manifest = content.index(children)
        tag = self._random.choice(TAGS)
        for _ in range(ATTEMPTS):
            for child in children:
                self._push(child, None)
            try:
                self._put(manifest, tag)
            except _Missing:
                continue
            return

    def _push_referrer(self) -> None:
        known = [
            digest for digest in self.repository.made if True in self.repository.visible(digest)
        ]
        if known:
            subject = self.repository.made[self._random.choice(known)]
            self._push(self._new_image(subject), None)

    def _move_tag(self) -> None:
        images = [manifest for manifest in self.repository.made.values() if manifest.blobs]
        if images:
            self._push(self._random.choice(images), self._random.choice(TAGS))

    def _push(self, manifest: Manifest, tag: str | None) -> None:
        """Push what is missing until the manifest is accepted."""
        for blob in manifest.blobs:
            self._push_blob(blob)
        for _ in range(ATTEMPTS):
            try:
                self._put(manifest, tag)
            except _Missing as error:
                for blob in manifest.blobs:
                    if blob.digest in error.digests:
                        self._upload(blob)
            else:
                return
        raise Broken(f"a push was not accepted in {ATTEMPTS} attempts: {manifest.digest}")

    def _put(self, manifest: Manifest, tag: str | None) -> None:
        with self.repository.pushing(manifest, tag):
            answer = self._ask(
                "PUT",
                f"manifests/{tag or manifest.digest}",
                manifest.body,
                Content_Type=manifest.media_type,
            )
            if answer.status == 400 and set(answer.codes) == {"MANIFEST_BLOB_UNKNOWN"}:
                raise _Missing(answer.missing)
            self._expect(answer, 201)
        self._count("push a manifest")

    def _push_blob(self, blob: Blob) -> None:
        """As clients do: ask whether it is there, try to mount it, and only then send it."""
        answer = self._ask("HEAD", f"blobs/{blob.digest}")
        if answer.status == 200:
            return
        if self._random.random() < 0.4:
            other = self._random.choice(self._others)
            answer = self._ask("POST", f"blobs/uploads/?mount={blob.digest}&from={other}")
            if answer.status == 201:
                self._count("mount a blob")
                return
            self._expect(answer, 202)
        self._upload(blob)

    def _upload(self, blob: Blob) -> None:
        data = blob.content()
        if self._random.random() < 0.3:
            answer = self._ask("POST", f"blobs/uploads/?digest={blob.digest}", data)
        else:
            started = self._expect(self._ask("POST", "blobs/uploads/"), 202)
            location = str(started.headers["Location"])
            middle = self._random.randrange(len(data) + 1)
            if middle:
                self._expect(self._client.request("PATCH", location, data[:middle]), 202)
            answer = self._client.request("PUT", f"{location}?digest={blob.digest}", data[middle:])
        self._expect(answer, 201)
        self._count("push a blob")

    def _new_image(self, subject: Manifest | None = None) -> Manifest:
        self._made += 1
        shared = self._random.sample(range(SHARED_LAYERS), self._random.randrange(3))
        fresh = [self._random.getrandbits(60) for _ in range(self._random.randrange(3))]
        layers = [content.layer(number) for number in (*shared, *fresh)]
        label = f"{self._name}/{self._made}"
        docker = subject is None and self._random.random() < 0.5
        return content.image(layers, label, docker=docker, subject=subject)

    # --- pulling -----------------------------------------------------------------------------

    def _pull_tag(self) -> None:
        self.pull_tag(self._random.choice(TAGS))

    def pull_tag(self, tag: str) -> str | None:
        """Pull what a tag points to, whole, and check it; its digest, if there is anything."""
        answer = self._ask("GET", f"manifests/{tag}")
        if answer.status == 404:
            self.repository.saw_tag(tag, None)
            return None
        self._expect(answer, 200)
        digest = _digest(answer.body)
        self.repository.saw_tag(tag, digest)
        self._pull_blobs(self.repository.made[digest])
        return digest

    def _pull_manifest(self) -> None:
        if self.repository.made:
            self.pull_manifest(self._random.choice(list(self.repository.made)))

    def pull_manifest(self, digest: str) -> bool:
        """Pull a manifest by its digest, whole, and check it; false if it is not there."""
        answer = self._ask("GET", f"manifests/{digest}")
        found = answer.status == 200
        if not found:
            self._expect(answer, 404)
        elif answer.body != self.repository.made[digest].body:
            raise Broken(f"{self._name}@{digest} has other bytes than were pushed")
        self.repository.saw_manifest(digest, found=found)
        if found:
            self._pull_blobs(self.repository.made[digest])
        return found

    def _pull_blobs(self, manifest: Manifest) -> None:
        """A manifest that is served is served with all that it needs."""
        for member in manifest.family():
            for blob in member.blobs:
                self._pull_blob(member, blob)
        self._count("pull an image")

    def _pull_blob(self, manifest: Manifest, blob: Blob) -> None:
        answer = self._ask("GET", f"blobs/{blob.digest}")
        if answer.status == 200:
            if _digest(answer.body) != blob.digest:
                raise Broken(f"{self._name}: blob {blob.digest} is corrupt")
        # The collector may have taken an untagged manifest since it was pulled, and its blobs.
        elif self._ask("HEAD", f"manifests/{manifest.digest}").status == 200:
            raise Broken(f"{self._name}@{manifest.digest} is served, its {blob.digest} is not")

    # --- deleting and restoring --------------------------------------------------------------

    def _delete_tag(self) -> None:
        tag = self._random.choice(TAGS)
        with self.repository.untagging(tag):
            answer = self._ask("DELETE", f"manifests/{tag}")
            if answer.status != 404:
                self._expect(answer, 202)
        self._count("delete a tag")

    def _delete_manifest(self) -> None:
        if not self.repository.made:
            return
        digest = self._random.choice(list(self.repository.made))
        with self.repository.deleting(digest):
            answer = self._ask("DELETE", f"manifests/{digest}")
            if answer.status != 404:
                self._expect(answer, 202)
        self._count("delete a manifest")

    def _restore(self) -> None:
        """As an operator does, beside the running server; what is gone for good is refused."""
        hidden = [
            digest for digest in self.repository.made if self.repository.visible(digest) == {False}
        ]
        if not hidden:
            return
        digest = self._random.choice(hidden[-5:])
        with self.repository.restoring(digest):
            done = self._server.lading("restore", f"{self._name}@{digest}")
            if done.returncode:
                raise self._server.refusal(done.stderr.decode())
        self._count("restore a manifest")

    # --- asking ------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        return self._client.request(method, f"/v2/{self._name}/{path}", body, **headers)

    def _expect(self, answer: Answer, status: int) -> Answer:
        """Go on only with this answer.

        Raises:
            Refused: the upload or the blob went away, or the registry is busy.
            Broken: it is none that a sound registry gives here.
        """
        if answer.status == status:
            return answer
        if answer.status in {404, 416, 503}:
            raise Refused(f"{answer.status} {answer.body.decode()}")
        raise Broken(f"{self._name}: {answer.status} {answer.body.decode()}")

    def _count(self, what: str) -> None:
        self.acknowledged[what] += 1


class _Missing(Refused):
    """The manifest was refused because of these digests."""

    def __init__(self, digests: set[str]) -> None:
        super().__init__(str(digests))
        self.digests = digests


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
