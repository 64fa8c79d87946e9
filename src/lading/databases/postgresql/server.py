"""The server of a database: how to connect to it, without a word of the password."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrDumperUnknown

from lading.core.typing import override
from lading.databases.postgresql.connection import TimedConnection
from lading.databases.postgresql.hosts import Hosts, count
from lading.databases.postgresql.preparing import Preparing
from lading.ports.database import CannotOpen

# What the URL may say otherwise, as all here may. Of several hosts the one that takes changes is
# asked: what another one knows is older, and by that, what was just pushed is not there.
_OF_SEVERAL = {"target_session_attrs": "read-write"}
# A network that swallows everything is noticed by these.
_DEFAULTS: dict[str, str | int] = {
    "application_name": "lading",
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
# Whatever the role, the database or the environment says: names have letters of all alphabets.
_ALWAYS = {"client_encoding": "UTF8"}


class UnusableAddress(CannotOpen):
    """The URL or the file of the password cannot be used; the message holds no secret."""


@dataclass(frozen=True, slots=True)
class Server:
    """A database of a server.

    Attributes:
        url: as libpq takes it; it may hold a password.
        password_file: read for each connection; `None` if there is none.
        prepared: whether it, and what lies before it, knows prepared statements.
        timeout: seconds that a call may take, from when it waits for its turn.
        hosts: of the URL, if it names several.
        preparing: whether statements are prepared, as long as that goes well.
    """

    url: str = field(repr=False)
    password_file: Path | None = None
    prepared: bool = True
    timeout: float = 10.0
    hosts: Hosts = field(default_factory=Hosts, repr=False, compare=False)
    preparing: Preparing = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "preparing", Preparing(is_on=self.prepared))

    def connect(self, seconds: float) -> TimedConnection:
        """Open a connection.

        Args:
            seconds: for which to try.

        Raises:
            UnusableAddress: there is nothing to try.
            psycopg.OperationalError: it does not work.
        """
        connection = TimedConnection.connect(
            **self.parameters(seconds),
            autocommit=True,
            prepare_threshold=None,  # what is prepared has names of ours
            context=_ADAPTERS,
        )
        connection.preparing = self.preparing
        self.hosts.answered(connection.info.host, connection.info.port)
        return connection

    def parameters(self, seconds: float) -> dict[str, Any]:
        """Parameters of a connection, in libpq's words."""
        try:
            given = conninfo.conninfo_to_dict(self.url)
        except psycopg.Error:
            # libpq's own message quotes what it could not read.
            raise UnusableAddress(
                "database.postgresql.url cannot be read: write"
                " `postgresql://user@host:5432/database`, and `%25` for `%` in a password"
            ) from None
        if self.password_file is not None:
            given["password"] = self._password(self.password_file)
        given = self.hosts.ordered(given)
        hosts = count(given)
        several = _OF_SEVERAL if hosts > 1 else {}
        # For each of the hosts, or one that swallows everything would take the time of all. Libpq
        # counts whole seconds, of which it takes two at least.
        patience = {"connect_timeout": max(2, int(seconds / hosts))}
        return {**_DEFAULTS, **several, **patience, **given, **_ALWAYS}

    def _password(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise UnusableAddress(
                f"the password's file {path} cannot be read: {reason};"
                " set another one (database.postgresql.passwordfile)"
            ) from None


class _TextDumper(StrDumperUnknown):
    """Adapts text. PostgreSQL has no NUL, which clients send to be read, or to be found nowhere."""

    @override
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\1"))  # next to it in the order of bytes


def _adapters() -> AdaptersMap:
    """Adapters by which every integer has one type: else each size is another statement."""
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(int, Int8BinaryDumper)
    adapters.register_dumper(str, _TextDumper)
    return adapters


@dataclass(frozen=True, slots=True)
class _Context:
    """The context from which psycopg takes adapters."""

    adapters: AdaptersMap
    connection: None = None


_ADAPTERS = _Context(_adapters())
