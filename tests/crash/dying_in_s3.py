"""As `dying`, with bytes in an object store, and rows in SQLite or PostgreSQL.

It dies after a request to the store, or a commit.

Who has spoken to the object store cannot be forked, so each life is a process of its own, which is
told what to do. Nothing is copied: each crash begins anew, in a folder of its own.
"""

import json
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lading.blobs.file_locks import FileLocks
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.s3_blobs import S3Blobs
from lading.blobs.s3.s3_uploads import S3Uploads
from lading.blobs.s3.staged_objects import LEASE, StagedObjects
from lading.blobs.stores import Stores
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.locks import DatabaseLocks
from lading.databases.postgresql.server import Server
from lading.metadata.metadata import Metadata
from lading.ports.blobs import Blobs, Locks
from lading.ports.uploads import StagedUpload, Uploads
from lading.services import jobs, push_blob, upkeep
from lading.services.chunks import Chunk
from lading.wiring.paths import metadata_path
from tests.crash import effects, state, verbs
from tests.crash.dying import Outcome, assert_between, outcome_of
from tests.crash.effects import DEAD, Effects
from tests.crash.state import Place
from tests.crash.verbs import Verb, do_job
from tests.support.people import DAY, People, pieces
from tests.support.rows import open_metadata

NAMES = {
    "Push a blob in one request",
    "Push a blob in chunks",
    "Push a blob, first with a wrong digest",
    "Push a blob that another repository has",
    "Cancel an upload",
    "Collect garbage",
    "Give up uploads",
}
REQUESTS = {
    "put": "put an object",
    "put_pieces": "put an object in parts",
    "delete": "delete objects",
}


async def _in_segments(people: People) -> None:
    upload = await push_blob.start(people.registry, people.may())
    for part in (b"a ", b"blob"):
        await push_blob.append(people.registry, people.may(), upload, Chunk(pieces(part)))
    await push_blob.commit(
        people.registry,
        people.may(),
        upload,
        verbs.BLOB,
        Chunk(pieces(b"")),
        change=people.change(),
    )


async def _join(people: People) -> None:
    await do_job(people, upkeep.JOIN, upkeep.join_segments)


async def _a_stray(people: People) -> None:
    assert isinstance(people, PlaceOfObjects)
    assert people.stores.upkeep is not None
    await people.stores.upkeep.require_own()  # as a server does before it serves
    await people.store.put("objects/00/stray", b"nobody's")
    people.now += 2 * DAY


async def _remove_strays(people: People) -> None:
    await do_job(people, upkeep.REMOVE, upkeep.remove_strays)


_OF_OBJECTS = (
    Verb("Join segments", _join, _in_segments),
    Verb("Remove strays", _remove_strays, _a_stray),
)
VERBS = (*(verb for verb in verbs.VERBS if verb.name in NAMES), *_OF_OBJECTS)
# What is about files, or is SQLite's alone: a copy of the database, the file of the switch.
ELSEWHERE = {"Back up", "Be read-only for a while"}
VERBS_ON_POSTGRESQL = (
    *(
        verb
        for verb in verbs.VERBS
        if not verb.mends and not verb.is_start and verb.name not in ELSEWHERE
    ),
    *_OF_OBJECTS,
)


@dataclass(frozen=True, eq=False)
class Scene:
    """Where crashes happen: each in a folder of its own, with a database of its own.

    Attributes:
        new_url: makes a database of PostgreSQL; `None` for one of SQLite.
    """

    bucket: S3Bucket
    new_url: Callable[[], str] | None = None


@dataclass
class PlaceOfObjects(Place):
    """A place whose bytes are in an object store."""

    store: ObjectStore = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Life:
    """Where a process does something, and when.

    Attributes:
        url: of the database; empty if it is one of SQLite, below `root`.
    """

    root: Path
    bucket: S3Bucket
    now: float
    url: str = ""

    def open(self) -> PlaceOfObjects:
        """Open the place as a worker does."""
        metadata, locks = self._open_rows()
        store = ObjectStore(self.bucket)
        opened: list[PlaceOfObjects] = []
        stores = Stores.in_s3(
            store, metadata.uploads, metadata.objects, locks, lambda: opened[0].now
        )
        place = PlaceOfObjects(
            metadata, stores, self.now, root=self.root, url=self.url, store=store
        )
        opened.append(place)
        return place

    def _open_rows(self) -> tuple[Metadata, Locks]:
        if not self.url:
            return open_metadata(metadata_path(self.root)), FileLocks.below(self.root)
        server = Server(self.url)
        return Metadata(PostgresqlDatabase(server, size=2)), DatabaseLocks(server)

    def live(self, work: Callable[[PlaceOfObjects], Awaitable[Any]]) -> Any:
        """Do something there, and put everything away again."""
        return state.visit(self.open, work)


@dataclass(frozen=True)
class Seen:
    """What is seen of a crash, or of none.

    Attributes:
        left: what is left over.
        never: what is left when the collector has come.
    """

    view: state.View
    left: Sequence[str]
    again: state.View
    left_by_again: Sequence[str]
    never: Sequence[str]


@cache
def outcomes(scene: Scene, name: str) -> Sequence[Outcome]:
    """Die after each effect of a verb, one after the other.

    Raises:
        AssertionError: a promise is broken, or something is never cleared away.
    """
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        _, seen_before = _crash(scene, name, scratch, "before", 0)
        acts, seen_after = _crash(scene, name, scratch, "after", None)
        found = []
        for number, effect in enumerate(acts, start=1):
            _, seen = _crash(scene, name, scratch, f"crash-{number}", number)
            where = f"{name}, after {effect}"
            assert seen.never == [], f"{where}: {seen.never} is never cleared away"
            views = seen.view, seen_before.view, seen_after.view
            assert_between(*views, where=where)
            assert seen.again == seen_after.view, f"{where}: done again it ends differently"
            found.append(outcome_of(effect, views, seen.left, seen.left_by_again))
        return found


def _crash(
    scene: Scene, name: str, scratch: Path, where: str, die_after: int | None
) -> tuple[Sequence[str], Seen]:
    """One life that ends after so many effects (0: before it does anything), and one after it."""
    root, log = scratch / where, scratch / f"{where}.json"
    root.mkdir()
    folder = f"{scene.bucket.root}/{where}-{time.monotonic_ns():x}"
    url = scene.new_url() if scene.new_url is not None else ""
    life = Life(root, replace(scene.bucket, root=folder), time.time(), url)
    status = _process(live_and_die, life, name, die_after, log)
    assert status == (DEAD if die_after else 0), f"{name} does not die after {die_after} effects"
    lived = json.loads(log.read_text())
    found = scratch / f"{where}.seen"
    assert _process(look, replace(life, now=lived["now"]), name, found) == 0, f"{name}, {where}"
    return lived["effects"], Seen(**json.loads(found.read_text()))


def _process(target: Callable[..., None], *args: object) -> int | None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=target, args=args)
    process.start()
    try:
        process.join()
    except BaseException:  # as in `dying.in_child`
        process.kill()
        process.join()
        raise
    return process.exitcode


def live_and_die(life: Life, name: str, die_after: int | None, log: Path) -> None:
    """Prepare for a verb, and do it, as far as it comes."""
    verb = _find(name)

    async def prepare(place: PlaceOfObjects) -> float:
        await verb.prepare(place)
        return place.now

    now = life.live(prepare)
    log.write_text(json.dumps({"now": now, "effects": []}))
    if die_after == 0:
        return
    own: dict[type, type] = {Blobs: S3Blobs, Uploads: S3Uploads, StagedUpload: StagedObjects}
    effects.ADAPTERS.update(own)

    async def act(place: PlaceOfObjects) -> list[str]:
        watched = Effects(life.root, die_after)
        watched.watch(place.metadata)
        _watch_store(watched)
        await verb.act(place)
        return watched.seen

    seen = replace(life, now=now).live(act)
    log.write_text(json.dumps({"now": now, "effects": seen}))


def _find(name: str) -> Verb:
    return next(verb for verb in (*VERBS, *VERBS_ON_POSTGRESQL) if verb.name == name)


def _watch_store(watched: Effects) -> None:
    for method, what in REQUESTS.items():
        setattr(ObjectStore, method, _reported(watched, getattr(ObjectStore, method), what))


def _reported(watched: Effects, request: Any, what: str) -> Any:
    async def call(*args: Any, **kwargs: Any) -> Any:
        result = await request(*args, **kwargs)
        watched.happened(what)
        return result

    return call


def look(life: Life, name: str, found: Path) -> None:
    """Look at what is there; do the verb again; and have the collector come, much later."""
    verb = _find(name)

    async def see(place: PlaceOfObjects) -> dict[str, object]:
        await _assert_consistent(place)
        seen, left = await state.view(place), await _left_over(place)
        place.now += LEASE + 1
        await verb.act(place)
        await _assert_consistent(place)
        again, left_by_again = await state.view(place), await _left_over(place)
        await _collect(place)
        return {
            "view": seen,
            "left": left,
            "again": again,
            "left_by_again": left_by_again,
            "never": await _left_over(place),
        }

    found.write_text(json.dumps(life.live(see)))


async def _collect(place: PlaceOfObjects) -> None:
    place.now += 10 * DAY
    for name, work in (
        (jobs.EXPIRE, jobs.expire_uploads),
        (jobs.COLLECT, jobs.collect_garbage),
        (upkeep.JOIN, upkeep.join_segments),
    ):
        await do_job(place, name, work)
    place.now += DAY
    await do_job(place, jobs.COLLECT, jobs.collect_garbage)
    await _assert_consistent(place)


async def _assert_consistent(place: PlaceOfObjects) -> None:
    state.assert_rows_agree(place)
    there = await _objects(place)
    for digest, size in state.rows(place, "SELECT digest, size FROM blobs WHERE lost_at IS NULL"):
        query = f"SELECT key, size FROM objects WHERE digest = '{digest}'"
        segments = state.rows(place, query)
        assert sum(count for _, count in segments) == size, "a row without its bytes"
        assert all(there.get(key) == count for key, count in segments), "an object is missing"


async def _left_over(place: PlaceOfObjects) -> list[str]:
    left = set(state.rows_left(place))
    if await place.metadata.objects.unknown(list(await _objects(place))):
        left.add("an object that no row names")
    for what, query in {
        "an object that nothing needs": "SELECT 1 FROM objects WHERE unused_at IS NOT NULL",
        "an upload": "SELECT 1 FROM uploads WHERE digest IS NULL",
        "a commit that is not settled": "SELECT 1 FROM uploads WHERE digest IS NOT NULL",
        "a blob without a row": "SELECT 1 FROM objects WHERE digest IS NOT NULL"
        " AND digest NOT IN (SELECT digest FROM blobs)",
    }.items():
        if state.rows(place, query):
            left.add(what)
    return sorted(left)


async def _objects(place: PlaceOfObjects) -> dict[str, int]:
    return {
        stored.key: stored.size or 0
        async for page in place.store.pages("objects")
        for stored in page
    }
