"""What replicas share of logins: secrets, who was right, and guesses."""

from collections.abc import Collection, Mapping

from lading.metadata.logins.login_record import GuessBucket
from lading.metadata.metadata import Metadata

PAIR, CLIENT = GuessBucket("pair", 10.0, 600.0), GuessBucket("client", 20.0, 600.0)
Levels = Mapping[GuessBucket, float]


async def test_a_secret_is_made_once(metadata: Metadata, other_metadata: Metadata) -> None:
    """Whoever comes second finds the first one's."""
    assert await metadata.secrets.find("keys") is None
    assert await metadata.secrets.replace("keys", None, b"one")
    assert not await other_metadata.secrets.replace("keys", None, b"two")
    assert await other_metadata.secrets.find("keys") == b"one"
    assert await metadata.secrets.find("others") is None


async def test_a_secret_is_replaced_by_who_knows_it(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """Of two who do so at once, one does."""
    assert await metadata.secrets.replace("keys", None, b"\0one")
    assert await metadata.secrets.replace("keys", b"\0one", b"two")
    assert not await other_metadata.secrets.replace("keys", b"\0one", b"three")
    assert await other_metadata.secrets.find("keys") == b"two"


async def test_who_was_right_is_known_until_that_ends(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """By everybody; the last end counts."""
    await metadata.login_record.remember({"a": 10.0, "b": 5.0})
    await other_metadata.login_record.remember({"b": 20.0})
    assert await other_metadata.login_record.known(["a", "b", "c"], now=4.0) == {
        "a": 10.0,
        "b": 20.0,
    }
    assert await metadata.login_record.known(["a", "b"], now=10.0) == {"b": 20.0}
    await metadata.login_record.clear(now=10.0)
    assert await metadata.login_record.known(["a", "b"], now=0.0) == {"b": 20.0}


async def put(metadata: Metadata, now: float, *kept: GuessBucket) -> Levels:
    """Guess, and count it in these; how full each bucket was before."""

    def choose(levels: Levels) -> tuple[Collection[GuessBucket], Levels]:
        return kept, dict(levels)

    return await metadata.login_record.put([PAIR, CLIENT], choose, now=now)


async def test_guesses_fill_buckets_that_leak(metadata: Metadata, other_metadata: Metadata) -> None:
    """One for all who count; those that were not chosen stay as they were."""
    assert await put(metadata, 100.0, PAIR, CLIENT) == {PAIR: 0.0, CLIENT: 0.0}
    assert await put(other_metadata, 100.0, PAIR) == {PAIR: 1.0, CLIENT: 1.0}
    assert await put(metadata, 105.0, PAIR) == {PAIR: 1.5, CLIENT: 0.75}
    assert await put(metadata, 110.0) == {PAIR: 2.0, CLIENT: 0.5}
    assert await put(other_metadata, 1000.0) == {PAIR: 0.0, CLIENT: 0.0}


async def test_what_was_no_guess_is_taken_back(metadata: Metadata) -> None:
    """What nobody has put in harms nobody."""
    await put(metadata, 100.0, PAIR, CLIENT)
    await metadata.login_record.take_back([CLIENT, GuessBucket("another", 1.0, 600.0)])
    assert await put(metadata, 100.0) == {PAIR: 1.0, CLIENT: 0.0}


async def test_empty_buckets_go(metadata: Metadata) -> None:
    """The others stay."""
    await put(metadata, 100.0, PAIR, CLIENT)
    await metadata.login_record.clear(now=115.0)
    assert await put(metadata, 100.0) == {PAIR: 0.0, CLIENT: 1.0}
