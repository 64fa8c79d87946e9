"""Registry in memory, without a configuration: for a program that has one inside.

A test-suite waits for its start, so what only some registries need (pydantic, bcrypt, PyJWT and
cryptography, object stores, PostgreSQL) is loaded when it is asked for, and not before.
"""

import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from lading.api.application import ALWAYS, registry_protocol
from lading.api.context import Context, Options
from lading.api.token import TOKEN_PATH
from lading.auth.logins import Logins
from lading.auth.plain_users import PlainUsers
from lading.blobs.in_memory import InMemoryBlobs, InMemoryLocks, InMemoryUploads
from lading.core.permissions import ALL_TO_USERS, CurrentPermissions, Permissions
from lading.databases.sqlite.memory import MemoryDatabase
from lading.edge.application import Application
from lading.edge.authentication import Authentication
from lading.edge.callers import Callers
from lading.edge.challenge import Basic, Bearer
from lading.edge.observers import Observer
from lading.edge.options import EdgeOptions
from lading.edge.public_address import PublicAddress
from lading.metadata.metadata import Metadata
from lading.services.registry import Policy, Registry

REALM = "lading"
"""What a client may show to a person who is to log in, and the name of the registry in tokens."""

# Seconds that a token of the registry's own is good, and the key by which it is signed, and what it
# is renewed with: no longer than a program runs.
_TOKEN_LIFETIME = 1800.0
_DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class MemoryOptions:
    """Options of a registry in memory.

    Attributes:
        users: passwords by the names of those who may log in; `None` if everybody may do
            everything.
        permissions: what they may do; `None` for everything, if somebody is logged in.
        tokens: whether clients are sent for a token, as they are anyway where something may be done
            without a login.
        prefix: the path that is before `/v2/`, without a slash at its end.
    """

    users: Mapping[str, str] | None = None
    permissions: Permissions | None = None
    tokens: bool = False
    delete: bool = True
    prefix: str = ""
    observers: Sequence[Observer] = field(default=())


@dataclass(frozen=True, slots=True)
class OpenInMemory:
    """A registry in memory that is in use, and the way in over HTTP."""

    registry: Registry
    protocol: Application[Context]


@asynccontextmanager
async def open_in_memory(options: MemoryOptions) -> AsyncIterator[OpenInMemory]:
    """An empty registry for the length of a block, all in the thread of the loop.

    It collects nothing by itself: what it keeps goes with the block.
    """
    blobs = InMemoryBlobs()
    registry = Registry(
        metadata=Metadata(MemoryDatabase()),
        blobs=blobs,
        uploads=InMemoryUploads(blobs),
        locks=InMemoryLocks(),
        clock=time.time,
        new_uuid=uuid.uuid4,
        policy=Policy(delete_enabled=options.delete),
    )
    address = PublicAddress(prefix=options.prefix)
    edge = EdgeOptions(prefix=options.prefix, address=address, headers=ALWAYS)
    try:
        authentication = await _authentication(options, registry, address)
        yield OpenInMemory(
            registry,
            registry_protocol(registry, Options(edge), authentication, options.observers),
        )
    finally:
        edge.bodies.thread.close()
        registry.parsing.close()
        await registry.metadata.close()


def read_permissions(given: str | Mapping[str, object] | Permissions) -> Permissions:
    """Permissions in the words of the configuration's `auth.permissions`.

    Args:
        given: the section as a mapping, or the name of a preset alone.

    Raises:
        ValueError: it is no such section; the message says what is wrong.
    """
    if isinstance(given, Permissions):
        return given
    from lading.config.auth import PermissionsSection  # noqa: PLC0415 - it loads pydantic
    from lading.wiring.permissions import rules_of  # noqa: PLC0415

    section = {"preset": given} if isinstance(given, str) else given
    return rules_of(PermissionsSection.model_validate(section))


async def _authentication(
    options: MemoryOptions, registry: Registry, address: PublicAddress
) -> Authentication | None:
    if options.users is None and options.permissions is None:
        return None
    permissions = CurrentPermissions(options.permissions or ALL_TO_USERS)
    logins = Logins(PlainUsers(options.users or {}), clock=registry.clock)
    # Docker pulls without a login only if it can get a token without one.
    if options.tokens or permissions.value.something_for_anybody:
        return await _with_tokens(logins, permissions, registry, address)
    return Authentication(Callers(logins, None, registry.clock), permissions, Basic(REALM))


async def _with_tokens(
    logins: Logins, permissions: CurrentPermissions, registry: Registry, address: PublicAddress
) -> Authentication:
    """Authentication with a token service, which alone loads what signs tokens."""
    from lading.auth.kept_logins import KeptLogins  # noqa: PLC0415
    from lading.auth.keys import KeyRing  # noqa: PLC0415
    from lading.auth.secrets import SecretInMemory  # noqa: PLC0415
    from lading.auth.tokens import RegistryTokens, TokenService  # noqa: PLC0415

    own = RegistryTokens(
        await KeyRing.open(SecretInMemory(), _DAY, registry.clock),
        logins,
        service=REALM,
        lifetime=_TOKEN_LIFETIME,
        clock=registry.clock,
        new_uuid=registry.new_uuid,
    )
    refreshed = KeptLogins(registry.metadata.refresh_tokens, logins, _DAY, registry.clock)
    service = TokenService(permissions, own, refreshed)
    callers = Callers(logins, own, registry.clock)
    challenge = Bearer(partial(address.url_of, path=TOKEN_PATH), REALM)
    return Authentication(callers, permissions, challenge, service)
