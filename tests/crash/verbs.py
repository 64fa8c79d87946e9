"""What people and the collector do: each verb of the registry once, from a state to a state."""

import asyncio
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from lading.auth.brake import Brake
from lading.auth.keys import KeyRing
from lading.auth.login_record import KnownLogins, rates_of
from lading.auth.shared_record import SharedRecord, shared_key
from lading.blobs.layout import Layout
from lading.blobs.link_writer import LinkWriter
from lading.blobs.oci_layout import OciLayout
from lading.core.access import ALL_ACTIONS, EVERY_ACCESS
from lading.core.digest import Digest
from lading.core.errors import (
    BlobUnknown,
    DigestMismatch,
    ManifestUnknown,
    NotRestorable,
    UploadUnknown,
)
from lading.core.globs import Glob
from lading.core.names import Owner, Tag, UploadId, UploadKey, attachments_of
from lading.metadata.documents import PIECE
from lading.metadata.logins.kept_logins import KeptLogin
from lading.metadata.logins.secrets import SecretRow
from lading.services import (
    backup,
    collect,
    figures,
    jobs,
    lease,
    push_blob,
    read_only,
    robots,
    trash,
    verify,
)
from lading.services.chunks import Chunk
from lading.services.delete import delete_blob
from lading.services.figures import PullNotes
from lading.services.jobs import Job
from lading.services.lease import Lease
from lading.services.moving import adopt, export, import_layouts
from lading.services.moving.export import LinkKeeper
from lading.services.moving.import_layouts import LayoutImport
from lading.services.progress import StepProgress
from lading.services.pull import pull_blob, pull_manifest, stat_blob, stat_manifest
from lading.services.registry import Registry
from lading.services.verify_blobs import Check
from lading.wiring.paths import metadata_path
from tests.crash.state import Place
from tests.support.adopting import UNTAGGED, adoption_of, fill
from tests.support.contents import HELLO, OTHER, image, index, path_of
from tests.support.distribution import Tree
from tests.support.exporting import export_of, served
from tests.support.layouts import write_layout
from tests.support.people import ALICE, DAY, People, pieces

Step = Callable[[People], Awaitable[None]]


async def nothing(people: People) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Verb:
    """Something that is done.

    Attributes:
        name: for people, as the heading of its table.
        act: does it. Whoever did not get the answer does it again.
        prepare: brings about the state in which it is done.
        mends: whether that state is one that must not be, and nobody else mends.
    """

    name: str
    act: Step
    prepare: Step = nothing
    mends: bool = False

    @property
    def is_start(self) -> bool:
        """Whether it is about opening the stores; all others find them open."""
        return self.act is nothing


BLOB = Digest.of(b"a blob")
# Whatever the last part of a UUID, that of an upload is its owner.
UUID_OF_MINE = UUID("00000000-0000-4000-8000-000000000001")
MINE = UploadId.of(UUID_OF_MINE, Owner.of(f"user {ALICE.name}"))
OLD, NEW = image(b"old", b"old layer", b"base"), image(b"new", b"new layer", b"base")


async def _an_image(people: People) -> None:
    await people.push_image(b"old", "latest", "old", shared=b"base")
    people.now += 2 * DAY


async def _blobs_of_new(people: People) -> None:
    await _an_image(people)
    for data in (b"new", b"new layer", b"base"):
        await people.push_blob(data)


async def _two_images(people: People) -> None:
    await _an_image(people)
    await people.push_image(b"new", "latest", "new", shared=b"base")
    people.now += 2 * DAY


async def _deleted(people: People) -> None:
    await _two_images(people)
    await people.delete(NEW.digest)
    await delete_blob(
        people.registry, people.may(), Digest.of(b"new layer"), change=people.change()
    )
    await people.delete("old")


async def _an_upload(people: People) -> None:
    await _an_image(people)
    upload = await push_blob.start(people.registry, people.may())
    await push_blob.append(people.registry, people.may(), upload, Chunk(pieces(b"a bl")))


async def _push_in_one(people: People) -> None:
    await people.push_blob(b"a blob")


async def _push_in_chunks(people: People) -> None:
    """As a client does that remembers its upload, asks how far it is, and goes on there."""
    registry, grant, data = people.registry, people.may(), b"a blob"
    upload = UploadKey.of(HELLO, MINE)
    try:
        data = data[await push_blob.status(registry, grant, MINE) :]
    except UploadUnknown:
        if await people.metadata.links.committed(upload) is not None:
            data = b""
        elif any(item.upload == upload for item in await people.uploads.list_all()):
            await _push_in_one(people)
            return
        else:
            await push_blob.start(replace(registry, new_uuid=lambda: UUID_OF_MINE), grant)
    people.now += DAY
    while data:
        await push_blob.append(registry, grant, MINE, Chunk(pieces(data[:2])))
        data = data[2:]
    nothing_more = Chunk(pieces(b""), length=0)
    await push_blob.commit(registry, grant, MINE, BLOB, nothing_more, change=people.change())


async def _push_wrong_then_right(people: People) -> None:
    upload = await push_blob.start(people.registry, people.may())
    await push_blob.append(people.registry, people.may(), upload, Chunk(pieces(b"a ")))
    with suppress(DigestMismatch):
        await push_blob.commit(
            people.registry,
            people.may(),
            upload,
            BLOB,
            Chunk(pieces(b"bug")),
            change=people.change(),
        )
    await push_blob.commit(
        people.registry, people.may(), upload, BLOB, Chunk(pieces(b"blob")), change=people.change()
    )


async def _a_blob_elsewhere(people: People) -> None:
    await people.push_blob(b"a blob", OTHER)


async def _mount(people: People) -> None:
    assert await push_blob.mount(
        people.registry, people.may(), BLOB, EVERY_ACCESS, change=people.change()
    )


async def _cancel(people: People) -> None:
    for item in await people.uploads.list_all():
        await push_blob.cancel(people.registry, people.may(), UploadId(item.upload.id))


async def _ask(people: People) -> None:
    await stat_manifest(people.registry, people.may(), Tag("latest"))
    await stat_blob(people.registry, people.may(), Digest.of(b"old layer"))


async def _push_index(people: People) -> None:
    await people.push(index([OLD, NEW]), "latest", "v1")


# Their bodies are in pieces, of one more than go in one transaction.
LARGE, LARGER = (
    image(b"new", b"new layer", annotations={"x": "x" * pieces * PIECE}) for pieces in (1, 9)
)


async def _push_large(people: People) -> None:
    await people.push(LARGE, "latest")


async def _larger_in_the_trash(people: People) -> None:
    await _blobs_of_new(people)
    await people.push(LARGER, "latest")
    await people.delete(LARGER.digest)
    people.now += 8 * DAY


async def _collect(people: People) -> None:
    await people.collect()


async def _push_signature(people: People) -> None:
    await people.push(image(b"new", subject=OLD))


async def _delete_blob(people: People) -> None:
    if await people.metadata.links.find(OTHER, BLOB) is not None:
        await delete_blob(people.registry, people.may(OTHER), BLOB, change=people.change())


async def _delete(people: People, reference: str) -> None:
    if await people.has(reference):
        await people.delete(reference)


async def _restore(people: People, reference: Digest | Tag, at: float | None = None) -> None:
    with suppress(NotRestorable):  # it was done, and the answer got lost
        await trash.restore(people.registry, people.may(), reference, at=at, change=people.change())


async def _restore_all(people: People) -> None:
    with suppress(NotRestorable):
        await trash.restore_all(people.registry, people.may(), change=people.change())


async def _garbage_of_every_kind(people: People) -> None:
    await _deleted(people)
    await people.push_blob(b"alone")
    await people.push_image(b"gone", shared=b"base", repository=OTHER)
    await people.delete(image(b"gone", b"gone layer", b"base").digest, OTHER)
    await people.push_blob(b"unlinked")
    await delete_blob(people.registry, people.may(), Digest.of(b"unlinked"), change=people.change())
    people.now += 8 * DAY
    # A crash came before these bytes were a blob.
    upload = UploadKey.of(HELLO, await push_blob.start(people.registry, people.may()))
    async with people.uploads.stage(upload) as staged, people.locks.lock(BLOB):
        await staged.write(b"a blob")
        await staged.commit(BLOB)
    people.now += DAY


async def _signatures_left_behind(people: People) -> None:
    """Of an image that was deleted; one of them has another tag."""
    await _two_images(people)
    (_, signature, attestation, _) = attachments_of(NEW.digest)
    await people.push_image(b"signature", signature)
    await people.push_image(b"attestation", attestation, "kept")
    await people.delete(NEW.digest)


async def _put_attachments_into_the_trash(people: People) -> None:
    limits = replace(people.limits(), attachments=True)
    plan = await collect.plan(people.registry, limits)
    async for _ in collect.run(people.registry, plan):
        pass


async def _idle_uploads(people: People) -> None:
    await _an_upload(people)
    await push_blob.start(people.registry, people.may())
    people.now += 8 * DAY


_DAMAGE = """
    UPDATE documents SET body = x'00'
    WHERE id = (SELECT id FROM manifests WHERE digest = ?)
"""


async def _damage(people: People) -> None:
    """What only a broken disk or a stranger does."""
    assert isinstance(people, Place)
    await _two_images(people)
    await people.push_image(b"third", "third")
    path_of(people.stores, Digest.of(b"old layer")).write_bytes(b"old liar!")
    await people.blobs.delete([Digest.of(b"new layer")])
    await people.metadata.damage.lose_blob(Digest.of(b"third layer"), now=people.now)
    orphan = path_of(people.stores, BLOB)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"a blob")
    people.now = time.time() + 2 * DAY  # by the disk's clock, the orphan is old then
    with closing(sqlite3.connect(metadata_path(people.root))) as connection, connection:
        connection.execute("DELETE FROM links WHERE digest = ?", (Digest.of(b"new"),))
        connection.execute("DELETE FROM edges WHERE child = ?", (Digest.of(b"old"),))
        connection.execute(_DAMAGE, (image(b"third", b"third layer").digest,))


async def _mend(people: People) -> None:
    async for _ in verify.run(Check(people.registry, checksums=True, repair=True)):
        pass


async def _what_is_damaged(people: People) -> None:
    """A blob that is gone, and a manifest that is not what was pushed."""
    assert isinstance(people, Place)
    await _two_images(people)
    await people.blobs.delete([Digest.of(b"new layer")])
    with closing(sqlite3.connect(metadata_path(people.root))) as connection, connection:
        connection.execute(_DAMAGE, (OLD.digest,))


async def _pull_what_is_damaged(people: People) -> None:
    with suppress(BlobUnknown):
        await pull_blob(people.registry, people.may(), Digest.of(b"new layer"))
    with suppress(ManifestUnknown):
        await pull_manifest(people.registry, people.may(), OLD.digest)


async def _an_orphan(people: People) -> None:
    """Bytes of somebody else, that are old by the disk's clock."""
    assert isinstance(people, Place)
    orphan = path_of(people.stores, BLOB)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"a blob")
    people.now = time.time() + 2 * DAY


async def _keep_then_delete_unknown(people: People) -> None:
    await people.metadata.strangers.note(people.registry.change_by(people.may().principal))
    async for _ in verify.run(Check(people.registry, repair=True, delete_unknown=True)):
        pass


async def _back_up(people: People) -> None:
    with tempfile.TemporaryDirectory() as directory:
        await backup.copy_metadata(
            people.registry, Path(directory), name="backup", until=people.now + DAY
        )
    await backup.end_hold(people.registry, "backup")


async def _read_only_for_a_while(people: People) -> None:
    await read_only.switch_on(people.registry, people.may().principal)
    await read_only.switch_off(people.registry)


async def _log_in(people: People) -> None:
    """A program gets a login, uses it, and loses it; a person's client may renew its own."""
    await robots.create(
        people.registry, "robot", [Glob("**")], ALL_ACTIONS, by="alice", lifetime=None
    )
    await people.metadata.robots.note_used({"robot": people.now})
    await robots.revoke(people.registry, "robot")
    token = KeptLogin(people.registry.new_uuid().hex, "alice", "stamp", people.now + DAY)
    await people.metadata.refresh_tokens.add(token, now=people.now)


async def _log_in_at_a_replica(people: People) -> None:
    """The keys of all replicas are made, or found; somebody guesses, and is right in the end."""
    now, metadata = people.now, people.metadata

    def row(name: str) -> SecretRow:
        return SecretRow(metadata.secrets, name, lambda: now)

    await KeyRing.open(row("token-keys"), DAY, lambda: now)
    key, rates = await shared_key(row("login-hashes")), rates_of(30)
    rows = metadata.login_record
    record = SharedRecord(key, rows, rates, KnownLogins(), lambda: now, lambda: now)
    brake = Brake(lambda: now, record, rates)
    guess = await brake.begin("192.0.2.1", "alice", "right")
    assert guess is not None
    await brake.succeeded(guess)
    now += 2 * DAY
    assert await brake.begin("192.0.2.2", "alice", "wrong") is not None


async def do_job(people: People, name: str, work: jobs.Work) -> None:
    """Do what the server does by itself, as soon as nobody holds its lease."""
    done, rested = asyncio.Event(), asyncio.Event()

    async def slow_work(registry: Registry, held: Lease) -> None:
        people.now += lease.DURATION * 0.6
        await work(registry, held)
        done.set()

    async def sleep(seconds: float) -> None:
        people.now += seconds
        if done.is_set():
            rested.set()
            await asyncio.sleep(seconds)

    keeping = asyncio.create_task(
        jobs.keep(people.registry, [Job(name, 3600, slow_work)], "a worker", sleep)
    )
    await rested.wait()
    keeping.cancel()
    await asyncio.wait([keeping])


async def _a_tag_that_is_long_gone(people: People) -> None:
    await _two_images(people)
    await people.delete("old")
    await _push(people, "other")
    people.now += 366 * DAY


async def _forget(people: People) -> None:
    await do_job(people, jobs.FORGET, jobs.forget_moves)


async def _a_volume(people: People) -> None:
    """What Distribution has, with bytes of no repository."""
    assert isinstance(people, Place)
    people.now = time.time()
    fill(Tree(people.root))
    Tree(people.root).blob(b"an orphan")


async def _a_volume_of_one(people: People) -> None:
    assert isinstance(people, Place)
    people.now = time.time()
    Tree(people.root).push(HELLO, LARGE, "large", contents=[b"new", b"new layer"])


async def _an_adopted_volume(people: People) -> None:
    """It was adopted, and used since by both."""
    assert isinstance(people, Place)
    await _a_volume(people)
    await _adopt(people)
    tree, third = Tree(people.root), image(b"third", b"base")
    tree.push(HELLO, third, "latest", "third", contents=[b"third"], at=people.now)
    tree.delete(HELLO, UNTAGGED)
    shutil.rmtree(tree.tag_folder(HELLO, "old"))
    people.now += DAY


async def _adopt(people: People) -> None:
    assert isinstance(people, Place)
    await people.metadata.jobs.end_leases()  # as a start does
    async for _ in adopt.run(adoption_of(people.registry, people.root)):
        pass
    await people.metadata.adoptions.find()


async def _count_and_note(people: People) -> None:
    """What the server counts by itself, and what its workers have seen."""
    notes = PullNotes(people.metadata.pulls)
    notes.note("library/hello", "latest", "", people.now, "alice")
    await notes.write_down()
    await do_job(people, figures.COUNT, figures.count)


async def _export_and_use(people: People) -> None:
    """It was exported, and used since."""
    people.now = time.time()
    gone = await people.push_image(b"gone")
    await people.push_image(b"old", "latest", "old")
    await _export(people)
    await people.push_image(b"new", "latest")
    await people.delete("old")
    await people.delete(gone.digest)
    people.now += DAY


async def _export(people: People) -> None:
    assert isinstance(people, Place)
    await people.metadata.jobs.end_leases()  # as a start does
    work = export_of(people.registry, people.root, at_home=True)
    keeper = LinkKeeper(lambda: work.target)
    async with lease.claim(people.registry, export.JOB, "a worker") as held:
        assert held is not None
        await keeper.keep(people.registry, held)
    await export.run(work)
    served(Tree(people.root))


async def _a_layout(people: People) -> None:
    """Beside the registry, which has one of its blobs."""
    assert isinstance(people, Place)
    people.now = time.time()
    layout = write_layout(people.root.parent / "layout")
    image = layout.document(layout.image("amd64"))
    await people.push_blob(layout.blob(image["config"]["digest"]), OTHER)


async def _import_layout(people: People) -> None:
    assert isinstance(people, Place)
    writer = LinkWriter(Layout(people.root))
    work = LayoutImport(people.registry, writer, people.may, StepProgress())
    layout = OciLayout(str(people.root.parent / "layout"))
    async for _ in import_layouts.run(work, HELLO, layout):
        pass


VERBS = (
    Verb("Start on an empty disk", nothing),
    Verb("Push a blob in one request", _push_in_one),
    Verb("Push a blob in chunks", _push_in_chunks),
    Verb("Push a blob, first with a wrong digest", _push_wrong_then_right),
    Verb("Push a blob that another repository has", _push_in_one, _a_blob_elsewhere),
    Verb("Mount a blob", _mount, _a_blob_elsewhere),
    Verb("Cancel an upload", _cancel, _an_upload),
    Verb("Ask whether a manifest and a blob are there", _ask, _an_image),
    Verb("Push an image", lambda people: _push(people, "latest"), _blobs_of_new),
    Verb("Push an index", _push_index, _two_images),
    Verb("Push a large manifest", _push_large, _blobs_of_new),
    Verb("Push a signature", _push_signature, _blobs_of_new),
    Verb("Delete a tag", lambda people: _delete(people, "latest"), _two_images),
    Verb("Delete a manifest", lambda people: _delete(people, NEW.digest), _two_images),
    Verb("Delete a blob", _delete_blob, _a_blob_elsewhere),
    Verb("Restore a manifest", lambda people: _restore(people, NEW.digest), _deleted),
    Verb("Restore a tag", lambda people: _restore(people, Tag("latest")), _deleted),
    Verb(
        "Bring a tag back to what it was",
        lambda people: _restore(people, Tag("latest"), people.now - 3 * DAY),
        _two_images,
    ),
    Verb("Restore a repository", _restore_all, _deleted),
    Verb("Forget past moves of tags", _forget, _a_tag_that_is_long_gone),
    Verb(
        "Collect garbage",
        lambda people: do_job(people, jobs.COLLECT, jobs.collect_garbage),
        _garbage_of_every_kind,
    ),
    Verb("Collect a large manifest", _collect, _larger_in_the_trash),
    Verb(
        "Put the attachments of an image that is gone into the trash",
        _put_attachments_into_the_trash,
        _signatures_left_behind,
    ),
    Verb(
        "Give up uploads",
        lambda people: do_job(people, jobs.EXPIRE, jobs.expire_uploads),
        _idle_uploads,
    ),
    Verb(
        "Count repositories, and note pulls",
        _count_and_note,
        _two_images,
    ),
    Verb("Check and mend", _mend, _damage, mends=True),
    Verb("Pull what is damaged", _pull_what_is_damaged, _what_is_damaged, mends=True),
    Verb(
        "Keep what is unknown, then delete it",
        _keep_then_delete_unknown,
        _an_orphan,
        mends=True,
    ),
    Verb("Adopt a volume of Distribution", _adopt, _a_volume, mends=True),
    Verb("Adopt it once more", _adopt, _an_adopted_volume, mends=True),
    Verb("Adopt a large manifest of Distribution", _adopt, _a_volume_of_one, mends=True),
    Verb("Export to Distribution", _export, _export_and_use, mends=True),
    Verb("Import an image layout", _import_layout, _a_layout, mends=True),
    Verb("Back up", _back_up, _an_image),
    Verb("Be read-only for a while", _read_only_for_a_while),
    Verb("Log in", _log_in),
    Verb("Log in at one of several replicas", _log_in_at_a_replica),
    Verb("Let go of all leases", lambda people: people.metadata.jobs.end_leases(), _an_image),
)


async def _push(people: People, tag: str) -> None:
    await people.push(NEW, tag)
