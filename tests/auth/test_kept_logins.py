"""Kept logins: for how long they are, whatever the clock says."""

import pytest

from lading.auth.authenticator import Login
from lading.auth.kept_logins import KeptLogins
from lading.auth.logins import Logins
from lading.core.access import Principal
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


def refreshed(metadata: Metadata, clock: Clock) -> KeptLogins:
    """Those that are kept for 90 days."""
    return KeptLogins(metadata.refresh_tokens, Logins(Users()), 90 * DAY, clock)


async def test_a_refresh_token_of_the_future_ends_when_one_of_now_does() -> None:
    """A clock that was ahead had given it ten years more."""
    clock, metadata = Clock(), Metadata(MemoryDatabase())
    kept = refreshed(metadata, clock)
    clock.now += YEARS
    secret = await kept.keep(ALICE)
    clock.now -= YEARS
    assert await kept.find(secret) == ALICE
    clock.now += 90 * DAY - 1
    assert await kept.find(secret) == ALICE
    clock.now += 1
    assert await kept.find(secret) is None
    await metadata.close()


async def test_tokens_of_the_future_do_not_push_out_one_of_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_logins, "MOST_TOKENS", 3)
    clock, metadata = Clock(), Metadata(MemoryDatabase())
    kept = refreshed(metadata, clock)
    clock.now += YEARS
    secrets = [await kept.keep(ALICE) for _ in range(3)]
    clock.now -= YEARS
    secret = await kept.keep(ALICE)
    assert await kept.find(secret) == ALICE
    left = [known for known in secrets if await kept.find(known)]
    assert len(left) == 2
    await metadata.close()
