"""The services against a model of them: any requests, in any order, and collections in between.

After every step, whatever was acknowledged is served byte for byte, and nothing else is. A
collection may be planned at one time and run later, a piece at a time, while people go on.
"""

import asyncio
import operator
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lading.blobs.stores import Stores
from lading.core.access import EVERY_ACCESS, Action, Grant
from lading.core.digest import Digest
from lading.core.errors import (
    BlobInUse,
    BlobUnknown,
    ManifestBlobUnknown,
    ManifestUnknown,
    NotRestorable,
    RepositoryUnknown,
)
from lading.core.garbage import (
    ExpiredUpload,
    GarbageBlob,
    GarbageLink,
    GarbageManifest,
    InterruptedCommit,
)
from lading.core.names import RepositoryName, Tag, UploadId
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata import batches
from lading.metadata import manifests as manifests_noun
from lading.metadata.metadata import Metadata
from lading.ports.database import SqlConnection
from lading.services import collect, collect_blobs, delete, pull, push_blob, trash
from lading.services.chunks import Chunk
from lading.services.collect import Plan
from lading.services.registry import Policy
from tests.services.model import Repository
from tests.services.model_contents import CONTENTS, MANIFESTS, NAME_OF, NAMES, TAGS
from tests.support.contents import read
from tests.support.people import DAY, People, pieces
from tests.support.postgresql import PostgreSQL
from tests.support.rows import open_metadata

T = TypeVar("T")

GRACE, WINDOW, AGE = DAY, 7 * DAY, 3 * DAY

# What is empty when everything was collected.
TABLES = ["blobs", "links", "manifests", "documents", "edges", "tags", "committed_uploads"]
TABLES += ["deletions"]

LINKS = operator.attrgetter("links")
STORED = operator.attrgetter("manifests")
TRASHED = operator.methodcaller("trashed")
MOVED = operator.attrgetter("moves")

names = st.sampled_from(NAMES)
digests = st.sampled_from(list(CONTENTS))
manifests = st.sampled_from(list(MANIFESTS))
tags = st.sampled_from(TAGS)
# The trash is to fill now and then.
BY_HAND = st.sampled_from([False, False, True])
TIMES = st.sampled_from([0.0, GRACE / 3, GRACE, WINDOW])


class Services(RuleBasedStateMachine):
    """Everything in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        policy = Policy(grace=GRACE, trash=WINDOW, upload_age=AGE)
        metadata, blobs = self.open()
        self.database = metadata.database
        self.people = People(metadata, blobs, window=WINDOW, policy=policy)
        self.model = {name: Repository() for name in NAMES}
        self.uploads: dict[UploadId, tuple[RepositoryName, bytes, float]] = {}
        self.plan: Plan | None = None
        self.running: AsyncGenerator[object, None] | None = None
        self.sound = True

    def open(self) -> tuple[Metadata, Stores]:
        """Open the stores."""
        return Metadata(MemoryDatabase()), Stores.in_memory()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the registry do something, which takes a second."""
        self.people.now += 1
        self.sound = False
        return self.loop.run_until_complete(work)

    @property
    def now(self) -> float:
        """The time of what was done last."""
        return self.people.now

    def places(self, of: Callable[[Repository], Iterable[T]]) -> list[tuple[RepositoryName, T]]:
        """All that the repositories have of something."""
        return [(name, item) for name in NAMES for item in of(self.model[name])]

    # --- what people do ---

    @initialize()
    def begin(self) -> None:
        """Push some images, so that there is something to work with."""
        self.push_whole_image(NAMES[0], "index of an index", "a")
        self.push_whole_image(NAMES[1], "image 0", "")

    @rule(seconds=TIMES)
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.people.now += seconds

    @rule(name=names, digest=digests)
    def push_blob(self, name: RepositoryName, digest: Digest) -> None:
        """Push a blob in one request."""
        self.do(self.people.push_blob(CONTENTS[digest], name))
        self.model[name].add_blob(digest, self.now)

    @rule(name=names, digest=digests, source=st.sampled_from([*NAMES, None]))
    def mount(self, name: RepositoryName, digest: Digest, source: RepositoryName | None) -> None:
        """Mount a blob from a repository, or from any."""
        sources = EVERY_ACCESS if source is None else Grant(source, frozenset({Action.PULL}))
        work = push_blob.mount(
            self.people.registry,
            self.people.may(name),
            digest,
            sources,
            change=self.people.change(),
        )
        found = any(digest in self.model[each].blobs() for each in ([source] if source else NAMES))
        assert self.do(work) == found
        if found:
            self.model[name].add_blob(digest, self.now)

    @rule(name=names)
    def start_upload(self, name: RepositoryName) -> None:
        """Begin an upload."""
        upload = self.do(push_blob.start(self.people.registry, self.people.may(name)))
        self.uploads[upload] = (name, b"", self.now)

    @precondition(lambda self: self.uploads)
    @rule(data=st.data(), last=st.booleans())
    def go_on_with_upload(self, data: st.DataObject, last: bool) -> None:
        """Send the rest of a content to an upload, and perhaps commit it."""
        upload = data.draw(st.sampled_from(list(self.uploads)))
        name, sent, _ = self.uploads[upload]
        digest = Digest.of(sent) if sent else data.draw(digests)
        more = b"" if sent else CONTENTS[digest]
        registry, grant, chunk = self.people.registry, self.people.may(name), Chunk(pieces(more))
        if last:
            self.do(
                push_blob.commit(
                    registry, grant, upload, digest, chunk, change=self.people.change()
                )
            )
            self.model[name].add_blob(digest, self.now)
            del self.uploads[upload]
        else:
            assert self.do(push_blob.append(registry, grant, upload, chunk)) == len(sent + more)
            self.uploads[upload] = (name, sent + more, self.now)

    @precondition(lambda self: self.uploads)
    @rule(data=st.data())
    def cancel_upload(self, data: st.DataObject) -> None:
        """Give an upload up."""
        upload = data.draw(st.sampled_from(list(self.uploads)))
        name, _, _ = self.uploads.pop(upload)
        self.do(push_blob.cancel(self.people.registry, self.people.may(name), upload))

    @precondition(lambda self: self.places(LINKS))
    @rule(data=st.data())
    def stat_blob(self, data: st.DataObject) -> None:
        """Ask whether a blob is there, as a client does that may skip its upload."""
        name, digest = data.draw(st.sampled_from(self.places(LINKS)))
        work = pull.stat_blob(self.people.registry, self.people.may(name), digest)
        if digest in self.model[name].blobs():
            assert self.do(work) == len(CONTENTS[digest])
            self.model[name].links[digest].promise.renew(self.now, GRACE)
        else:
            with pytest.raises(BlobUnknown):
                self.do(work)

    @precondition(lambda self: self.places(STORED))
    @rule(data=st.data())
    def stat_manifest(self, data: st.DataObject) -> None:
        """Ask whether a manifest is there, as a client does that may put it into an index."""
        name, digest = data.draw(st.sampled_from(self.places(STORED)))
        work = pull.stat_manifest(self.people.registry, self.people.may(name), digest)
        if self.model[name].live(digest):
            assert self.do(work).digest == digest
            self.model[name].manifests[digest].promise.renew(self.now, GRACE)
        else:
            with pytest.raises((ManifestUnknown, RepositoryUnknown)):
                self.do(work)

    @rule(name=names, which=manifests, under=st.lists(tags, max_size=2, unique=True))
    def push_manifest(self, name: RepositoryName, which: str, under: list[str]) -> None:
        """Push a manifest, whether or not what it needs is there."""
        manifest = MANIFESTS[which]
        work = self.people.push(manifest, *under, repository=name)
        missing = self.model[name].missing(manifest)
        if missing:
            with pytest.raises(ManifestBlobUnknown) as refused:
                self.do(work)
            assert list(refused.value.details) == [{"digest": digest} for digest in missing]
        else:
            self.do(work)
            self.model[name].push(manifest, under, self.now)

    @rule(name=names, which=manifests, tag=st.sampled_from([*TAGS, ""]))
    def push_whole_image(self, name: RepositoryName, which: str, tag: str) -> None:
        """Push all that is missing, and then the manifest, as a client does."""
        for digest in self.model[name].missing(MANIFESTS[which]):
            if digest in CONTENTS:
                self.push_blob(name, digest)
            else:
                self.push_whole_image(name, NAME_OF[digest], "")
        self.push_manifest(name, which, [tag] if tag else [])

    @precondition(lambda self: self.places(MOVED))
    @rule(data=st.data())
    def delete_tag(self, data: st.DataObject) -> None:
        """Delete a tag, which may be deleted already."""
        name, tag = data.draw(st.sampled_from(self.places(MOVED)))
        work = self.people.delete(tag, name)
        if tag in self.model[name].tags:
            self.do(work)
            self.model[name].delete_tag(tag, self.now)
        else:
            with pytest.raises(ManifestUnknown):
                self.do(work)

    @precondition(lambda self: self.places(STORED))
    @rule(data=st.data(), wholly=st.booleans())
    def delete_manifest(self, data: st.DataObject, wholly: bool) -> None:
        """Delete a manifest, which may be deleted already; or all of it that may go."""
        name, digest = data.draw(st.sampled_from(self.places(STORED)))
        self._delete_manifest(name, digest)
        for edge in self.model[name].manifests[digest].manifest.edges if wholly else ():
            if edge.child in CONTENTS:
                self._delete_blob(name, edge.child)
            else:
                self._delete_manifest(name, edge.child)

    def _delete_manifest(self, name: RepositoryName, digest: Digest) -> None:
        work = self.people.delete(digest, name)
        if self.model[name].live(digest):
            self.do(work)
            self.model[name].delete(digest, self.now)
        else:
            with pytest.raises(ManifestUnknown):
                self.do(work)

    @precondition(lambda self: self.places(LINKS))
    @rule(data=st.data())
    def delete_blob(self, data: st.DataObject) -> None:
        """Delete a blob, which is refused while a live manifest needs it."""
        self._delete_blob(*data.draw(st.sampled_from(self.places(LINKS))))

    def _delete_blob(self, name: RepositoryName, digest: Digest) -> None:
        work = delete.delete_blob(
            self.people.registry, self.people.may(name), digest, change=self.people.change()
        )
        repository = self.model[name]
        if digest not in repository.blobs():
            with pytest.raises(BlobUnknown):
                self.do(work)
        elif any(user.deleted_at is None for user in repository.users(digest)):
            with pytest.raises(BlobInUse):
                self.do(work)
        else:
            self.do(work)
            repository.delete_blob(digest)

    @precondition(lambda self: self.places(TRASHED))
    @rule(data=st.data())
    def restore_manifest(self, data: st.DataObject) -> None:
        """Bring a manifest back, with the tags that went with it and are free."""
        name, digest = data.draw(st.sampled_from(self.places(TRASHED)))
        work = trash.restore(
            self.people.registry, self.people.may(name), digest, change=self.people.change()
        )
        repository = self.model[name]
        self._restore(work, repository, digest, repository.taken(digest))

    @precondition(lambda self: self.places(MOVED))
    @rule(data=st.data(), ago=st.none() | st.sampled_from([1.0, 5.0, GRACE, WINDOW]))
    def restore_tag(self, data: st.DataObject, ago: float | None) -> None:
        """Bring a deleted tag back, or a tag to what it was some time ago."""
        name, tag = data.draw(st.sampled_from(self.places(MOVED)))
        at = None if ago is None else self.now - ago
        work = trash.restore(
            self.people.registry,
            self.people.may(name),
            Tag(tag),
            at=at,
            change=self.people.change(),
        )
        repository = self.model[name]
        moves = repository.moves.get(tag, [])
        if at is None:
            past = [] if tag in repository.tags else [each for each in moves if each[1]]
        else:
            past = [each for each in moves if each[0] <= at]
        self._restore(work, repository, past[-1][1] if past else None, [tag])

    def _restore(
        self,
        work: Coroutine[Any, Any, object],
        repository: Repository,
        digest: Digest | None,
        under: list[str],
    ) -> None:
        changes = digest in repository.manifests and repository.would_restore(digest, under)
        if digest is None or not changes:
            with pytest.raises(NotRestorable):
                self.do(work)
        else:
            self.do(work)
            repository.restore(digest, under, self.now)

    # --- what the collector does ---

    @precondition(lambda self: self.running is None)
    @rule(by_hand=BY_HAND, untagged=st.booleans())
    def plan_collection(self, by_hand: bool, untagged: bool) -> None:
        """Find out what would go; nothing goes yet."""
        limits = self.people.limits(by_hand=by_hand, untagged=untagged)
        self.plan = self.do(collect.plan(self.people.registry, limits))
        self.stop_collecting()
        running = collect.run(self.people.registry, self.plan)
        assert isinstance(running, AsyncGenerator)
        self.running = running

    @precondition(lambda self: self.running is not None)
    @rule(steps=st.integers(1, 5))
    def collect_some(self, steps: int) -> None:
        """Go on with the collection."""
        for _ in range(steps):
            if not self.collect_one():
                return

    def collect_one(self) -> bool:
        """Let the collection remove one thing, and check that it may go; false at its end."""
        assert self.running is not None
        assert self.plan is not None
        removed = self.do(anext(self.running, None))
        limits = self.plan.criteria
        match removed:
            case None:
                self.running = None
                return False
            case GarbageManifest():
                repository = self.model[removed.repository]
                assert repository.may_lose(removed.digest, limits)
                repository.lose(removed.digest)
            case GarbageLink():
                repository = self.model[removed.repository]
                assert repository.may_unlink(removed.digest, limits)
                del repository.links[removed.digest]
            case GarbageBlob():
                assert not any(removed.digest in each.links for each in self.model.values())
            case ExpiredUpload():
                _, _, active_at = self.uploads.pop(UploadId(removed.upload.id))
                assert self.now - active_at >= AGE
            case InterruptedCommit():
                raise AssertionError("nothing has crashed")
        return True

    @rule(by_hand=BY_HAND, untagged=st.booleans(), after=TIMES)
    def collect(self, by_hand: bool, untagged: bool, after: float) -> None:
        """Collect everything that is garbage; nothing of it is left after that."""
        self.people.now += after
        self.plan_collection(by_hand, untagged)
        while self.collect_one():
            pass
        assert self.plan is not None
        for repository in self.model.values():
            for digest in repository.manifests:
                assert not repository.may_lose(digest, self.plan.criteria)
            for digest in repository.links:
                assert not repository.may_unlink(digest, self.plan.criteria)
        linked = {digest for each in self.model.values() for digest in each.links}
        assert self.loop.run_until_complete(self.people.stored()) == linked

    def stop_collecting(self) -> None:
        """Break a collection off, as a crash does."""
        if self.running is not None:
            self.loop.run_until_complete(self.running.aclose())
            self.running = None

    # --- what is always true ---

    @invariant()
    def what_was_acknowledged_is_served_and_nothing_else(self) -> None:
        """Byte for byte."""
        self.loop.run_until_complete(self.check())
        self.sound = True

    async def check(self) -> None:
        """Pull everything."""
        for name, repository in self.model.items():
            registry, grant = self.people.registry, self.people.may(name)
            for manifest in MANIFESTS.values():
                found = await registry.metadata.manifests.find(name, manifest.digest)
                assert (found is not None) == repository.live(manifest.digest)
                assert found is None or found.body == manifest.body
            for tag in TAGS:
                found = await registry.metadata.manifests.find(name, Tag(tag))
                assert (None if found is None else found.digest) == repository.tags.get(tag)
            for digest, data in CONTENTS.items():
                if digest in repository.blobs():
                    assert read((await pull.pull_blob(registry, grant, digest)).source) == data
                else:
                    with pytest.raises(BlobUnknown):
                        await pull.pull_blob(registry, grant, digest)

    def teardown(self) -> None:
        """Let all grace pass: only what is needed is left. Delete everything: nothing is left."""
        self.stop_collecting()
        if self.sound:
            self.people.now += GRACE + WINDOW + AGE
            self.collect(by_hand=True, untagged=True, after=0)
            self.loop.run_until_complete(self.check())
            for name, repository in self.model.items():
                for digest in [d for d in repository.manifests if repository.live(d)]:
                    self.do(self.people.delete(digest, name))
                    repository.delete(digest, self.now)
            self.collect(by_hand=True, untagged=True, after=0)
            assert self.loop.run_until_complete(self.people.uploads.list_all()) == []
            assert self.rows() == dict.fromkeys(TABLES, 0)
        self.close()

    def close(self) -> None:
        """Let go of the stores."""
        self.people.stores.close()
        self.loop.run_until_complete(self.people.metadata.close())
        self.loop.close()

    def rows(self) -> dict[str, int]:
        """How many rows there are of what a collection removes."""

        def count(connection: SqlConnection) -> dict[str, int]:
            return {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in TABLES
            }

        return self.loop.run_until_complete(self.database.read(count))


class ServicesOnFiles(Services):
    """On the file system, as in production."""

    def open(self) -> tuple[Metadata, Stores]:
        """Open the stores, in memory where there is a file system for that: it syncs faster."""
        self.root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        return open_metadata(self.root / "db"), Stores.in_files(self.root / "data")

    def close(self) -> None:
        """Leave nothing behind."""
        super().close()
        shutil.rmtree(self.root)


class ServicesOnPostgresql(Services):
    """With rows in PostgreSQL."""

    server: ClassVar[PostgreSQL]

    def open(self) -> tuple[Metadata, Stores]:
        """Open the stores, with an empty database."""
        return Metadata(PostgresqlDatabase(Server(self.server.new_schema()))), Stores.in_memory()


@pytest.mark.e2e
def test_they_are_as_the_model_on_postgresql_too(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose transactions are as small as those of the other databases."""
    monkeypatch.setattr(ServicesOnPostgresql, "server", postgresql, raising=False)
    test_the_services_are_as_the_model(ServicesOnPostgresql, 30, 2, monkeypatch)


@pytest.mark.parametrize(
    ("services", "examples", "rows"),
    [(Services, 150, batches.MOST_ROWS), (Services, 100, 1), (ServicesOnFiles, 15, 2)],
)
def test_the_services_are_as_the_model(
    services: type[Services], examples: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever people do, whenever the collector comes, and in however many transactions."""
    if rows < batches.MOST_ROWS:
        monkeypatch.setattr(batches, "MOST_ROWS", rows)
        monkeypatch.setattr(manifests_noun, "FEW_EDGES", 0)
    # Each thing by itself, so that people can come between any two.
    monkeypatch.setattr(collect, "BATCH", 1)
    monkeypatch.setattr(collect_blobs, "BATCH", 1)
    # The same examples each time, unless more are asked for.
    scale = int(os.environ.get("LADING_MODEL_SCALE", "1"))
    run_state_machine_as_test(
        services,
        settings=settings(
            max_examples=examples * scale,
            stateful_step_count=50,
            derandomize=scale == 1,
            suppress_health_check=list(HealthCheck),
        ),
    )
