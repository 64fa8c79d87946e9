"""The registry that targets ask: in memory, with users, and anybody may do anything below `a`."""

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import TypeVar

from lading.api.application import registry_protocol
from lading.api.context import Context, Options
from lading.auth.login_record import KnownLogins
from lading.blobs.stores import Stores
from lading.config.settings import Settings
from lading.core.permissions import CurrentPermissions
from lading.databases.sqlite.memory import MemoryDatabase
from lading.edge.application import Application
from lading.metadata.metadata import Metadata
from lading.wiring.authentication import open_authentication, opened_auth_files
from lading.wiring.permissions import permissions_of
from tests.support.people import People

T = TypeVar("T")

# bcrypt of `secret`, at the lowest cost.
HASH = "$2b$04$S/kFD78RlV4zd7lQdXUUUePqhYAZAHDuiIO6/Jp.1Sg/B445abUB6"
_LIFETIME = 5000

_served: list[Application[Context]] = []
_open = AsyncExitStack()
_asked = 0


async def api() -> Application[Context]:
    """A registry; a new one from time to time, so that it does not grow."""
    global _asked  # noqa: PLW0603 - a fuzzer has one of everything
    if _asked % _LIFETIME == 0:
        _served[:] = [await _new_api()]
    _asked += 1
    return _served[0]


async def _new_api() -> Application[Context]:
    users = directory() / "users"
    users.write_text(f"alice:{HASH}\n")
    permissions = {"rules": [{"anonymous": True, "repositories": ["a/**"], "actions": ["admin"]}]}
    settings = Settings.model_validate(
        {
            "storage": {"inmemory": {}},
            "auth": {"htpasswd": {"path": str(users)}, "permissions": permissions},
            "limits": {"failedlogins": 0},
        }
    )
    metadata = Metadata(MemoryDatabase())
    registry = People(metadata, Stores.in_memory(), now=1e9).registry
    rules = CurrentPermissions(permissions_of(settings.auth))
    await _open.aclose()
    files = _open.enter_context(opened_auth_files(settings.auth))
    authentication = await _open.enter_async_context(
        open_authentication(settings, files, metadata, rules, KnownLogins(), registry.clock)
    )
    return registry_protocol(registry, Options(), authentication)


@cache
def directory() -> Path:
    """For files."""
    return Path(tempfile.mkdtemp(prefix="lading-fuzz-", dir="/dev/shm"))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def run(work: Awaitable[T]) -> T:
    """Wait for something, on the one event loop that all share."""

    async def wait() -> T:
        return await work

    return _loop().run_until_complete(wait())
