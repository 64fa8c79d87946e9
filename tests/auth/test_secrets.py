"""Secrets under seal."""

import pytest

from lading.auth.keys import KeyRing
from lading.auth.secrets import SealedSecret, SecretInMemory
from lading.ports.logins import AuthUnusable


async def test_it_says_what_was_put_in() -> None:
    """And where it is kept nobody can tell; the same is sealed in another way each time."""
    inner = SecretInMemory()
    sealed = SealedSecret(inner, "words")
    assert await sealed.read() is None
    assert await sealed.replace(None, b"something to keep")
    first = await inner.read()
    assert first is not None
    assert b"something" not in first
    assert await SealedSecret(inner, "words").read() == b"something to keep"
    assert await sealed.replace(b"something to keep", b"something to keep")
    assert await inner.read() != first


async def test_of_two_who_replace_it_one_does() -> None:
    inner = SecretInMemory()
    one, two = SealedSecret(inner, "words"), SealedSecret(inner, "words")
    assert await one.replace(None, b"one")
    assert not await two.replace(None, b"two")
    assert await two.replace(b"one", b"two")
    assert not await one.replace(b"one", b"three")
    assert await one.read() == b"two"


async def test_other_words_do_not_open_it() -> None:
    """Nor replace it: a replica that was told others would end everybody's logins."""
    inner = SecretInMemory()
    ring = await KeyRing.open(SealedSecret(inner, "words"), 1e9, lambda: 1.0)
    before = await inner.read()
    with pytest.raises(AuthUnusable, match="give all replicas the same"):
        await KeyRing.open(SealedSecret(inner, "other words"), 1e9, lambda: 1.0)
    assert await inner.read() == before
    again = await KeyRing.open(SealedSecret(inner, "words"), 1e9, lambda: 1.0)
    assert (await again.current()).id == (await ring.current()).id
