"""Two replicas with users, on one PostgreSQL and one directory; and a way to ask either."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.guarded import SERVICE, Guarded, write_users
from tests.support.postgresql import PostgreSQL
from tests.support.replicas import Replicas, replicas

# How many wrong passwords a minute one address may try.
LIMIT = 4


@dataclass(frozen=True)
class Pair:
    """Two replicas.

    Attributes:
        running: they, and nginx before them.
        postgresql: what they share, beside a directory.
    """

    running: Replicas
    postgresql: PostgreSQL

    @property
    def clients(self) -> tuple[Client, Client]:
        """Ask one, or the other."""
        one, two = self.running.each
        return one.client, two.client

    @property
    def guarded(self) -> tuple[Guarded, Guarded]:
        """The same, with users."""
        one, two = self.running.each
        return Guarded(one), Guarded(two)

    @property
    def config(self) -> Path:
        """The configuration of one."""
        return self.running.each[0].config


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[Pair]:
    """Replicas that everything is shared by."""
    directory = tmp_path_factory.mktemp("replicas")
    users = directory / "htpasswd"
    write_users(users, "alice", "bob")
    shared: dict[str, dict[str, object]] = {
        "database": {"postgresql": {"url": postgresql.new_url()}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "auth": {"htpasswd": {"path": str(users)}, "tokens": {"service": SERVICE}},
        "limits": {"failedlogins": LIMIT},
    }
    with replicas(directory, shared) as running:
        yield Pair(running, postgresql)
