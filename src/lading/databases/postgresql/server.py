"""The server of a database: how to connect to it, without a word of the password.

A URL names several hosts for a failover. One that has failed may swallow all that it is sent, so
that each connection would wait for it before the next one is asked. So the one that answered last
is asked first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo
from psycopg.abc import Buffer
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrDumperUnknown

from lading.core.typing import override
from lading.databases.postgresql.connection import TimedConnection
from lading.databases.postgresql.statements import Preparing
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
# What a URL says of each host, in lists of the same order; of ports, one may count for all.
_LISTS = ("host", "hostaddr", "port")


class UnusableAddress(CannotOpen):
    """The URL or the file of the password cannot be used; the message holds no secret."""


class Hosts:
    """The hosts that a URL names, and which of them has answered last."""

    def __init__(self) -> None:
        self._answered: tuple[str, str] | None = None

    def answered(self, host: str, port: int) -> None:
        """Note which of them a connection was made to."""
        self._answered = (host, str(port))

    def ordered(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of a connection, with the hosts in the order in which they are to be asked."""
        lists = {name: str(given[name]).split(",") for name in _LISTS if given.get(name)}
        number = count(given)
        first = next((each for each in range(number) if self._is_it(lists, each)), 0)
        order = [first, *(each for each in range(number) if each != first)]
        return {**given} | {
            name: ",".join(values[each] for each in order)
            for name, values in lists.items()
            if len(values) == number
        }

    def _is_it(self, lists: Mapping[str, list[str]], number: int) -> bool:
        host = _nth(lists.get("host", [""]), number) or _nth(lists.get("hostaddr", [""]), number)
        return self._answered == (host, _nth(lists.get("port", [""]), number) or "5432")


def count(given: Mapping[str, Any]) -> int:
    """How many hosts parameters name."""
    return 1 + max(str(given.get(name, "")).count(",") for name in ("host", "hostaddr"))


def _nth(values: list[str], number: int) -> str:
    return values[number] if number < len(values) else values[-1]


@dataclass(frozen=True, slots=True)
class Server:
    """A database of a server.

    Attributes:
        url: as libpq takes it; it may hold a password.
        password_file: read for each connection; `None` if there is none.
        timeout: seconds that a call may take, from when it waits for its turn.
        hosts: of the URL, if it names several.
        preparing: whether statements are prepared: whether it, and what lies before it, knows that.
    """

    url: str = field(repr=False)
    password_file: Path | None = None
    timeout: float = 10.0
    hosts: Hosts = field(default_factory=Hosts, repr=False, compare=False)
    preparing: Preparing = field(default_factory=Preparing, repr=False, compare=False)

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
        )
        # Every integer has one type: else each size is another statement.
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        connection.adapters.register_dumper(str, _TextDumper)
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
