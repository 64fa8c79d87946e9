"""A registry in memory, and its pages, which are asked for without a server."""

from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from lading.auth.htpasswd import EditedUserFile
from lading.auth.logins import Logins
from lading.auth.user_files import FileUsers, PasswordChecker, UserFile
from lading.blobs.stores import Stores
from lading.core.access import Action
from lading.core.globs import Glob
from lading.core.permissions import CurrentPermissions, Permissions, Rule, with_implied
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.databases.sqlite.memory import MemoryDatabase
from lading.edge.options import EdgeOptions
from lading.metadata.metadata import Metadata
from lading.ui.context import UiParts
from tests.support.guarded import USERS, write_users
from tests.support.people import People
from tests.support.postgresql import PostgreSQL
from tests.ui.browsing import Browser


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[People]:
    """Those who use it; nothing is there yet.

    As with a database in a file, no statement says whether it is read-only.
    """
    hint = tmp_path / "read-only"
    people = People(Metadata(MemoryDatabase(), read_only_hint=hint), Stores.in_memory())
    yield people
    await people.metadata.close()


@pytest.fixture
async def people_on_postgresql(postgresql: PostgreSQL) -> AsyncIterator[People]:
    """Those who use a registry with the other database."""
    database = PostgresqlDatabase(Server(postgresql.new_url()))
    # Workers look at the switch once a second; no page is to be the one that does.
    people = People(Metadata(database, read_only_staleness=3600), Stores.in_memory())
    yield people
    await people.metadata.close()


@pytest.fixture
def browser(people: People) -> Browser:
    """A browser where everybody may do everything."""
    return Browser(UiParts(people.registry, EdgeOptions()))


def rule(name: str, pattern: str, *actions: Action) -> Rule:
    """A rule for one user; without a name, for anybody."""
    users = frozenset({name} if name else ())
    return Rule((Glob(pattern),), with_implied(actions), anonymous=not name, users=users)


RULES = (
    rule("reader", "library/**", Action.PULL),
    rule("writer", "library/**", Action.PUSH),
    rule("deleter", "library/**", Action.PULL, Action.DELETE),
    rule("admin", "**", Action.ADMIN),
    rule("outsider", "other/**", Action.PUSH, Action.DELETE),
    rule("", "public/**", Action.PULL),
)


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """The file of users; a password is the name, and "-password"."""
    path = tmp_path / "htpasswd"
    write_users(path, *USERS)
    return path


@pytest.fixture
async def visitors(people: People, users: Path) -> AsyncIterator[Callable[[], Browser]]:
    """Browsers where only some may do something; nobody is signed in."""
    with closing(UserFile(users)) as file, closing(PasswordChecker()) as checker:
        permissions = CurrentPermissions(Permissions(RULES))
        parts = UiParts(
            people.registry,
            EdgeOptions(),
            Logins(FileUsers(file, checker)),
            is_open=False,
            users=EditedUserFile(users),
            permissions=permissions,
        )
        yield lambda: Browser(parts, permissions)


@pytest.fixture
def visitor(visitors: Callable[[], Browser]) -> Browser:
    """One of these browsers."""
    return visitors()
