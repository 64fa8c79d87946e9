"""Refresh tokens: kept until they end, and not without number."""

from dataclasses import replace

from lading.metadata.logins.kept_logins import MOST_TOKENS, KeptLogin
from lading.metadata.metadata import Metadata

TOKEN = KeptLogin(hash="a", name="alice", stamp="1", expires_at=100.0)


async def test_a_token_is_found_until_it_ends(metadata: Metadata) -> None:
    """By its hash and nothing else."""
    await metadata.refresh_tokens.add(TOKEN, now=0)
    assert await metadata.refresh_tokens.find("a", now=99.9) == TOKEN
    assert await metadata.refresh_tokens.find("a", now=100) is None
    assert await metadata.refresh_tokens.find("b", now=0) is None


async def test_what_has_ended_goes(metadata: Metadata) -> None:
    """The next login clears it away."""
    await metadata.refresh_tokens.add(TOKEN, now=0)
    await metadata.refresh_tokens.add(replace(TOKEN, hash="b", expires_at=300.0), now=200)
    assert await metadata.refresh_tokens.find("a", now=0) is None
    assert await metadata.refresh_tokens.find("b", now=200) is not None


async def test_one_name_cannot_fill_the_database(metadata: Metadata) -> None:
    """Its oldest go; those of others stay."""
    await metadata.refresh_tokens.add(replace(TOKEN, hash="bob's", name="bob"), now=0)
    for number in range(MOST_TOKENS + 1):
        token = replace(TOKEN, hash=f"{number:05}", expires_at=100.0 + number)
        await metadata.refresh_tokens.add(token, now=0)
    assert await metadata.refresh_tokens.find("00000", now=0) is None
    assert await metadata.refresh_tokens.find("00001", now=0) is not None
    assert await metadata.refresh_tokens.find("bob's", now=0) is not None
