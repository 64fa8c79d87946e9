"""The token service: what it keeps of those who log in, and for how long."""

import uuid

import pytest

from lading.auth.authenticator import Login
from lading.auth.keys import KeyRing
from lading.auth.logins import Logins
from lading.auth.secrets import SecretInMemory
from lading.auth.service import TokenService
from lading.auth.tokens import RegistryTokens
from lading.core.access import Principal
from lading.core.permissions import ALL_TO_USERS, CurrentPermissions
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.logins import kept_logins
from lading.metadata.metadata import Metadata
from tests.auth.forge import Clock

ALICE = Login(Principal("alice"), "stamp")
DAY = 24 * 3600.0
YEARS = 3650 * DAY


class Users:
    """Knows alice."""

    async def authenticate(self, name: str, password: str) -> Login | None:
        return None

    async def recall(self, name: str) -> Login | None:
        return ALICE


def service(metadata: Metadata, clock: Clock) -> TokenService:
    """One whose refresh tokens are good for 90 days."""
    logins = Logins(Users())
    ring = KeyRing(SecretInMemory(), DAY, clock)
    tokens = RegistryTokens(
        ring, logins, service="r", lifetime=300, clock=clock, new_uuid=uuid.uuid4
    )
    permissions = CurrentPermissions(ALL_TO_USERS)
    return TokenService(permissions, tokens, metadata.refresh_tokens, refresh_lifetime=90 * DAY)


async def test_a_refresh_token_of_the_future_ends_when_one_of_now_does() -> None:
    """A clock that was ahead had given it ten years more."""
    clock, metadata = Clock(), Metadata(MemoryDatabase())
    tokens = service(metadata, clock)
    clock.now += YEARS
    secret = await tokens.start_refreshing(ALICE)
    assert secret is not None
    clock.now -= YEARS
    assert await tokens.refresh(secret) == ALICE
    clock.now += 90 * DAY - 1
    assert await tokens.refresh(secret) == ALICE
    clock.now += 1
    assert await tokens.refresh(secret) is None
    await metadata.close()


async def test_tokens_of_the_future_do_not_push_out_one_of_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_logins, "MOST_TOKENS", 3)
    clock, metadata = Clock(), Metadata(MemoryDatabase())
    tokens = service(metadata, clock)
    clock.now += YEARS
    secrets = [await tokens.start_refreshing(ALICE) for _ in range(3)]
    clock.now -= YEARS
    secret = await tokens.start_refreshing(ALICE)
    assert secret is not None
    assert await tokens.refresh(secret) == ALICE
    left = [known for known in secrets if known and await tokens.refresh(known)]
    assert len(left) == 2
    await metadata.close()
