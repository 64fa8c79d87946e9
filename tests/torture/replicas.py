"""Replicas under torture: servers that share a database and a store of bytes, all of which fail."""

import asyncio
import random
import re
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from lading.blobs.s3.object_store import ObjectStore
from lading.core.typing import override
from tests.support.postgresql import PostgreSQL, running_postgresql
from tests.support.s3 import S3, running_s3
from tests.support.s3_proxy import How, Kind
from tests.torture.client import Client, Lost
from tests.torture.server import Server, Tortured

REPLICAS = 2
WORKERS = 2
# A write whose commit was not acknowledged in time, by the database or by the store.
DOUBTFUL = (503,)
# Seconds for which the database is away when it is restarted.
LONGEST_RESTART = 1.0
# Seconds for which the store is away when it was killed.
LONGEST_OUTAGE = 30.0

# Starts that may fail.
STARTS = 5
# What the store does now and then: it throttles, errs, cuts, loses its answer, and hangs.
FAULTS: tuple[How, ...] = ("503", "500", "cut", "lost answer", "half", "hang")
KINDS: tuple[Kind, ...] = ("PUT", "GET", "HEAD", "LIST", "DELETE")


class Replica(Server):
    """One of the servers.

    Args:
        directory: for its configuration and its log.
        shared: the sections `storage` and `database`, the same for all.
    """

    def __init__(self, directory: Path, shared: Mapping[str, Any]) -> None:
        self._shared = shared
        super().__init__(directory)

    @override
    def start(self) -> None:
        """As whoever runs it does: it is started again if its database or its store is away."""
        for _ in range(STARTS):
            with suppress(RuntimeError):
                return super().start()
        return super().start()

    @property
    @override
    def data(self) -> Path:
        files = self._shared["storage"].get("filesystem")
        return super().data if files is None else Path(files["rootdirectory"])

    @override
    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        settings["http"]["workers"] = WORKERS
        storage = {**settings["storage"], **self._shared["storage"]}
        if "s3" in storage:
            del storage["filesystem"]
            storage["s3"] = {**storage["s3"], "localdirectory": str(self.directory / "local")}
        return {**settings, **self._shared, "storage": storage}


class Replicas(Tortured):
    """Several servers on one database, in front of which stands nobody: clients take turns.

    Args:
        directory: for all of it.
        postgresql: runs.
        storage: the section that says where bytes are.
        harm: what else fails now and then, by its name.
    """

    refusal = Lost
    # A request to a store that fails is repeated for up to 20 seconds.
    patience = 40.0

    def __init__(
        self,
        directory: Path,
        postgresql: PostgreSQL,
        storage: Mapping[str, Any],
        harm: Mapping[str, Callable[[random.Random], None]],
    ) -> None:
        self._directory = directory
        self._postgresql = postgresql
        self._harm = {**harm, "restarts of the database": self._restart_database}
        self._database = postgresql.new_database()
        database = {"postgresql": {"url": postgresql.url(self._database)}}
        shared = {"storage": storage, "database": database}
        self._replicas = [
            Replica(directory / f"replica-{number}", shared) for number in range(REPLICAS)
        ]
        self.config = self._replicas[0].config
        self.other_harm = Counter()
        self.kills = 0

    @override
    def client(self, stop: threading.Event) -> Client:
        return Client([each.port for each in self._replicas], stop, doubtful=DOUBTFUL)

    @override
    def start(self) -> None:
        for replica in self._replicas:
            replica.start()

    @override
    def disturb(self, chance: random.Random) -> None:
        if chance.random() < 0.25:
            (what,) = chance.choices(list(self._harm))
            self._harm[what](chance)
            self.other_harm[what] += 1
        else:
            chance.choice(self._replicas).disturb(chance)
        self.kills = sum(replica.kills for replica in self._replicas)

    @override
    def kill_and_restart(self) -> None:
        # It ends with the thread that has started it last, perhaps a moment later.
        self._postgresql.kill()
        self._postgresql.start()
        for replica in self._replicas:
            replica.kill_and_restart()

    @override
    def lading(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return self._replicas[0].lading(*words)

    @override
    def collections(self) -> int:
        return sum(replica.collections() for replica in self._replicas)

    @override
    def findings(self, said: str) -> list[str]:
        return said.splitlines()

    @override
    def left_over(self, needed: set[str]) -> list[str]:
        return self._replicas[0].left_over(needed)

    @override
    def stop(self) -> None:
        for replica in self._replicas:
            replica.stop()

    @override
    def remove(self) -> None:
        shutil.rmtree(self._directory)

    def rows(self, statement: str) -> Sequence[tuple[object, ...]]:
        """What their database has."""
        return self._postgresql.ask(statement, self._database)

    def _restart_database(self, chance: random.Random) -> None:
        """As an operator does, or as a power switch."""
        if chance.random() < 0.5:
            self._postgresql.kill()
        else:
            self._postgresql.stop()
        time.sleep(chance.uniform(0, LONGEST_RESTART))
        try:
            self._postgresql.start()
        except BaseException as error:  # pytest's own is not an `Exception`
            log = self._directory / "postgresql.log"
            log.write_text(self._postgresql.log)
            raise RuntimeError(f"PostgreSQL does not start; see {log}") from error


@contextmanager
def replicas_on_files(directory: Path) -> Iterator[Replicas]:
    """Replicas on PostgreSQL and a directory that all of them mount."""
    storage = {"filesystem": {"rootdirectory": str(directory / "data")}}
    with running_postgresql() as postgresql:
        yield Replicas(directory, postgresql, storage, {})


class ReplicasOnS3(Replicas):
    """Replicas whose bytes are in an object store, which fails as well."""

    def __init__(self, directory: Path, postgresql: PostgreSQL, s3: S3) -> None:
        storage = {"s3": s3.settings, "redirect": {"disable": True}}
        harm: dict[str, Callable[[random.Random], None]]
        harm = {f"faults of the store ({how})": partial(self._fail, how) for how in FAULTS}
        harm["kills of the store"] = self._kill_store
        super().__init__(directory, postgresql, storage, harm)
        self._s3 = s3

    @override
    def kill_and_restart(self) -> None:
        self._s3.server.kill()  # as above
        self._s3.server.start()
        self._s3.proxy.reset()  # what comes now has to be right at once
        super().kill_and_restart()

    @override
    def findings(self, said: str) -> list[str]:
        """All but objects that a kill has left, and a job deletes in a day."""
        found = re.findall(r"^(?!Checking)\S+: .*", said, re.MULTILINE)
        strays = [line for line in found if "that the database does not know of" in line]
        self.other_harm["objects without a row"] = len(strays)
        return [line for line in found if line not in strays]

    @override
    def left_over(self, needed: set[str]) -> list[str]:
        rows = self.rows("SELECT digest, key FROM objects WHERE digest IS NOT NULL")
        keys = {str(key) for _, key in rows}
        stored = asyncio.run(_keys(ObjectStore(self._s3.bucket)))
        digests = {str(digest) for digest, _ in rows}
        return [
            *(f"left over: {digest}" for digest in digests - needed),
            *(f"lost: {digest}" for digest in needed - digests),
            *(f"lost: {key}" for key in keys - stored),
        ]

    def _kill_store(self, chance: random.Random) -> None:
        """Whatever it was writing, and up to longer than requests to it are repeated."""
        self._s3.server.kill()
        time.sleep(chance.choice([0, 1, LONGEST_OUTAGE]) * chance.random())
        self._s3.server.start()

    def _fail(self, how: How, chance: random.Random) -> None:
        for kind in chance.sample(KINDS, 3):
            self._s3.proxy.fail(kind, how, times=chance.randrange(1, 10))


async def _keys(store: ObjectStore) -> set[str]:
    return {found.key async for page in store.pages() for found in page}


@contextmanager
def replicas_on_s3(directory: Path) -> Iterator[Replicas]:
    """Replicas on PostgreSQL and an S3 server."""
    with running_postgresql() as postgresql, running_s3() as s3:
        yield ReplicasOnS3(directory, postgresql, s3.fresh())
