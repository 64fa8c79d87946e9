"""Replicas under torture: servers that share a database and a store of bytes, all of which fail."""

import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lading.core.typing import override
from tests.support.postgresql import PostgreSQL, running_postgresql
from tests.torture.client import Client, Lost
from tests.torture.server import Server, Tortured

REPLICAS = 2
WORKERS = 2
# A write whose commit was not acknowledged in time, by the database or by the store.
DOUBTFUL = (503,)
# Seconds for which the database is away when it is restarted.
LONGEST_RESTART = 1.0


class Replica(Server):
    """One of the servers.

    Args:
        directory: for its configuration and its log.
        shared: the sections `storage` and `database`, the same for all.
    """

    def __init__(self, directory: Path, shared: Mapping[str, Any]) -> None:
        self._shared = shared
        super().__init__(directory)

    @property
    @override
    def data(self) -> Path:
        return Path(self._shared["storage"]["filesystem"]["rootdirectory"])

    @override
    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        settings["http"]["workers"] = WORKERS
        storage = {**settings["storage"], **self._shared["storage"]}
        if "s3" in storage:
            del storage["filesystem"]
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
        database = {"postgresql": {"url": postgresql.new_url()}}
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
        # It ends with the thread that has started it last.
        self._postgresql.start()
        for replica in self._replicas:
            replica.kill_and_restart()

    @override
    def lading(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return self._replicas[0].lading(*words)

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

    def _restart_database(self, chance: random.Random) -> None:
        """As an operator does, or as a power switch."""
        if chance.random() < 0.5:
            self._postgresql.kill()
        else:
            self._postgresql.stop()
        time.sleep(chance.uniform(0, LONGEST_RESTART))
        self._postgresql.start()


@contextmanager
def replicas_on_files(directory: Path) -> Iterator[Replicas]:
    """Replicas on PostgreSQL and a directory that all of them mount."""
    storage = {"filesystem": {"rootdirectory": str(directory / "data")}}
    with running_postgresql() as postgresql:
        yield Replicas(directory, postgresql, storage, {})
