"""Section `database` of the configuration: where metadata is, if not in a file beside the blobs."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import Field, PlainValidator

from lading.config.section import Section
from lading.config.values import OptionalPath, PositiveDuration

# As libpq reads it: `@` ends the password, and `/` what comes before the database.
_URL = re.compile(r"postgres(?:ql)?://(?:[^:@/?]*(?::[^@/]*)?@)?[^@/?]*(?:/[^@?]*)?(?:\?.*)?")
# What a URL may hold that no log may: after the user's name, or as a parameter (libpq's own).
_PASSWORD = re.compile(r"(?<=://)([^:@/?]*):[^@/]*@|(?<=[?&])((?:ssl)?password)=[^&]*")


class DatabaseUrl:
    """The URL of a database, which may hold a password; as text it is shown without.

    Attributes:
        secret: the URL as it was given.

    Raises:
        ValueError: it is no such URL.
    """

    __slots__ = ("secret",)

    def __init__(self, url: object) -> None:
        if not (isinstance(url, str) and url.isprintable()) or _URL.fullmatch(url) is None:
            raise ValueError(
                "write a URL, as in `postgresql://user@host:5432/database`, and in a password `%40`"
                " for `@`, `%2F` for `/`"
            )
        self.secret = url

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatabaseUrl) and self.secret == other.secret

    def __hash__(self) -> int:
        return hash(self.secret)

    def __str__(self) -> str:
        return _PASSWORD.sub(_without_password, self.secret)


def _without_password(match: re.Match[str]) -> str:
    return f"{match[1]}:***@" if match[2] is None else f"{match[2]}=***"


def _url(value: object) -> DatabaseUrl:
    return value if isinstance(value, DatabaseUrl) else DatabaseUrl(value)


class PostgresqlSection(Section):
    """Section `database.postgresql`: metadata in PostgreSQL, which many servers may share."""

    url: Annotated[DatabaseUrl, PlainValidator(_url)]
    """Where the database is: `postgresql://user@host:5432/database`, with several hosts for a \
failover (`host1,host2`) and libpq's parameters, as in \
`?sslmode=verify-full&sslrootcert=/etc/ssl/ca.pem`. What it leaves out comes from the environment \
(`PGPASSWORD`, `PGSSLMODE`, …). It must be encoded as UTF-8; its tables are made by the first \
server that starts. Not a key of Distribution."""
    passwordfile: OptionalPath = None
    """The file of the password, which counts instead of one in the URL. It is read again for each \
connection. Not a key of Distribution."""
    poolsize: int = Field(default=8, ge=1, le=1000)
    """How many connections each worker has at most for requests; changes, which may wait for each \
other, leave a quarter of them to reads. A few more, opened when needed, are for long reads \
and for locks. Not a key of Distribution."""
    preparedstatements: bool = True
    """`false` for PgBouncer in transaction mode before its version 1.21, which does not know \
prepared statements. Where that is not said, the first that is lost ends it. Not a key of \
Distribution."""
    timeout: PositiveDuration = timedelta(seconds=10)
    """How long a request waits for the database, for a connection, a restart and what others have \
locked, until it gets 503. Not a key of Distribution."""


class DatabaseSection(Section):
    """Section `database`: where metadata is; by default in SQLite, beside the blobs."""

    postgresql: PostgresqlSection | None = None
    """Keep metadata in PostgreSQL."""
